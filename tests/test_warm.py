"""Programs that are forks of a server behave as programs that are started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from warm import Python

ENDS = {
    "nothing to say": "pass",
    "both streams": "import sys; print('狗'); print('wrong', file=sys.stderr)",
    "a code": "raise SystemExit(3)",
    "a reason": "raise SystemExit('why')",
    "an error": "1 / 0",
    "at exit": "import atexit; atexit.register(print, 'last')",
    "a thread": "import threading, time\n"
    "threading.Thread(target=lambda: (time.sleep(0.2), print('late'))).start()",
    "its main": "class A: pass\nimport pickle\nprint(type(pickle.loads(pickle.dumps(A()))))",
    "its arguments": "import sys; print(sys.argv, __name__)",
}


@pytest.mark.parametrize("code", ENDS.values(), ids=ENDS)
def test_a_fork_says_and_ends_as_a_start_does(python: Python, code: str) -> None:
    fork = python("-c", code, "a", "b c")
    start = subprocess.run(
        [sys.executable, "-c", code, "a", "b c"],
        capture_output=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        check=False,
    )
    assert (fork.returncode, fork.stdout) == (start.returncode, start.stdout)
    assert fork.stderr.splitlines()[-1:] == start.stderr.splitlines()[-1:]


@pytest.mark.slow
def test_folder_environment_and_module_are_its_own(python: Python, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import os, sys\nprint(os.getcwd(), os.environ, sys.argv[1:])"
    )
    done = python("-m", "mine", "x", cwd=tmp_path, env={"ONLY": "this"})
    assert done.stdout.split(" ", 1)[0] == str(tmp_path)
    assert "environ({'ONLY': 'this'}) ['x']" in done.stdout
    assert python("-P", "-m", "mine", cwd=tmp_path).returncode == 1
    assert python(tmp_path / "mine.py", "y").stdout.endswith("['y']\n")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are not sent like this there")
def test_a_program_can_be_ended_while_others_run(python: Python) -> None:
    wait = "import time; print('on', flush=True); time.sleep(60)"
    first, second = python.start("-c", wait), python.start("-c", wait)
    for process in (first, second):
        assert process.stdout is not None
        assert process.stdout.readline() == "on\n"
        assert process.poll() is None
    first.send_signal(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL == first.poll()
    assert second.poll() is None
    second.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in second.communicate()[1]

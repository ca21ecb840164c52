"""A Python whose long imports are done, for tests that start programs in processes of their own.

torch and what comes with it take seconds to import. A server imports them once; each program is
then run in a fork of it, with its own folder, environment, streams and exit code, and can be killed
as any other process. What a program imports itself is not taken from it: a test of which modules
are imported starts a Python of its own.

Run as a program, `python -P warm.py FD`, this is the server, which is asked on the socket FD.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from types import ModuleType

IMPORTS = ("torch._dynamo", "timm", "torchvision", "matplotlib.figure", "scipy.optimize")
IMPORTS += ("scipy.stats", "scipy.sparse.csgraph", "joblib", "sklearn.utils", "fastapi", "uvicorn")
Environment = dict[str, str]


class Python:
    """Runs `python ARGUMENT...`: `-m MODULE`, `-c CODE` or a file, and what it is called with."""

    def __init__(self) -> None:
        self.asked: socket.socket | None = None

    def __call__(
        self, *args: object, cwd: Path | None = None, env: Environment | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The program once it has ended, as `subprocess.run` gives it with its streams as text."""
        process = self.start(*args, cwd=cwd, env=env)
        out, err = process.communicate()
        assert process.returncode is not None
        return subprocess.CompletedProcess([*map(str, args)], process.returncode, out, err)

    def start(
        self, *args: object, cwd: Path | None = None, env: Environment | None = None
    ) -> Process | subprocess.Popen[str]:
        """The program while it runs, as `subprocess.Popen` gives it."""
        given = [*map(str, args)]
        # Elsewhere than on Linux a fork after these imports is not safe.
        if sys.platform != "linux":
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            return subprocess.Popen([sys.executable, *given], cwd=cwd, env=env, text=True, **pipes)
        ask = {"args": given, "cwd": str(cwd or Path.cwd()), "env": {**(env or os.environ)}}
        with tempfile.TemporaryFile() as message:
            message.write(json.dumps(ask).encode())
            message.flush()
            return Process(self.server(), message.fileno())

    def server(self) -> socket.socket:
        if self.asked is None:
            self.asked, theirs = socket.socketpair()
            command = [sys.executable, "-P", __file__, str(theirs.fileno())]
            subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
            theirs.close()
        return self.asked

    def close(self) -> None:
        """The server ends; programs that run go on."""
        if self.asked is not None:
            self.asked.close()


class Process:
    """What of `subprocess.Popen` tests use, for a program that is a fork of the server."""

    def __init__(self, server: socket.socket, message: int) -> None:
        out, theirs = os.pipe()
        state, told = os.pipe()
        self.error = tempfile.TemporaryFile()  # noqa: SIM115
        socket.send_fds(server, [b"."], [message, theirs, self.error.fileno(), told])
        os.close(theirs)
        os.close(told)
        self.stdout = open(out, encoding="utf-8", errors="replace")  # noqa: PTH123, SIM115
        self.state = open(state, "rb", buffering=0)  # noqa: PTH123, SIM115
        self.pid, self.returncode = int(self.state.readline()), None

    returncode: int | None

    def poll(self) -> int | None:
        """The exit code, or None while the program runs."""
        if self.returncode is None and select.select([self.state], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self) -> int:
        """The exit code, once the program has ended; negative: minus the signal that ended it."""
        if self.returncode is None:
            self.returncode = int(self.state.readline())
            self.state.close()
        return self.returncode

    def communicate(self) -> tuple[str, str]:
        """What it wrote to its two streams, once it has ended."""
        with self.stdout, self.error:
            out = self.stdout.read()
            self.wait()
            self.error.seek(0)
            return out, self.error.read().decode("utf-8", "replace")

    def send_signal(self, number: int) -> None:
        """To the program, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


def serve(asked: socket.socket) -> list[str]:
    """Fork for each program; what it is called with, in the fork that is to run it."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait
    while True:
        _, descriptors, _, _ = socket.recv_fds(asked, 1, 4)
        if not descriptors:
            os._exit(0)
        message, out, error, told = descriptors
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            # A shell that runs the tests behind itself lets them ignore Ctrl-C.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            asked.close()
            program = os.fork()
            if program == 0:
                os.close(told)
                os.dup2(out, 1)
                os.dup2(error, 2)
                sys.stdout, sys.stderr = (os.fdopen(n, "w", encoding="utf-8") for n in (1, 2))
                with open(message, encoding="utf-8", closefd=False) as file:
                    file.seek(0)
                    ask = json.load(file)
                for descriptor in (message, out, error):
                    os.close(descriptor)
                os.environ.clear()
                os.environ.update(ask["env"])
                os.chdir(ask["cwd"])
                return ask["args"]
            os.close(out)
            os.write(told, b"%d\n" % program)
            _, status = os.waitpid(program, 0)
            os.write(told, b"%d\n" % os.waitstatus_to_exitcode(status))
            os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)


def become(args: list[str]) -> None:
    """Run a program as `python ARGUMENT...` does."""
    safe = args[0] == "-P" or "PYTHONSAFEPATH" in os.environ
    kind, *rest = args[args[0] == "-P" :]
    if not safe:
        sys.path.insert(0, str(Path(kind).parent) if kind not in ("-m", "-c") else "")
    if kind == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.argv = ["-c", *rest[1:]]
        sys.modules["__main__"] = main = ModuleType("__main__")
        exec(compile(rest[0], "<string>", "exec"), main.__dict__)
    else:
        sys.argv = [kind, *rest]
        runpy.run_path(kind, run_name="__main__")


def code_of(args: list[str]) -> int:
    """Run a program; its exit code."""
    try:
        become(args)
    except SystemExit as stop:
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    for module in IMPORTS:
        importlib.import_module(module)
    gc.freeze()
    code = code_of(serve(socket.socket(fileno=int(sys.argv[1]))))
    # Taking all modules apart would touch, and so copy, all of the server's memory.
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

"""Training in the background: a process of its own, so that nobody who answers waits for it."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from alasl.errors import ConflictError, NothingToDo

State = Literal["off", "idle", "training", "failed"]

log = logging.getLogger("alasl")

# Whoever answers goes first: how nice the process is, and its class on Windows.
_NICE = 10
_CLASS: int = getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)
# Seconds before a training is tried again that another process kept from running.
_AGAIN = 10.0


class Training:
    """Runs `command`, which trains and makes the queue anew, when enough was answered.

    command: None trains never. every: new answers that are enough; where the queue runs empty, one
    is. After a training it rests at least as long as that took, so that at most half of a
    processor goes into it.
    """

    def __init__(self, command: Sequence[str] | None, every: int = 100) -> None:
        self.state: State = "idle" if command else "off"
        self.trained: float | None = None
        self._command = list(command or ())
        self._every = every
        self._new = 0
        self._empty = False
        self._rest = 0.0
        self._stopping = False
        self._change = threading.Condition()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="training", daemon=True)

    def start(self, *, now: bool = False) -> None:
        """Begin to watch; `now`: train at once, as nothing is in the queue."""
        if not self._command:
            return
        if now:
            self.notice(self._every, 0)
        self._thread.start()

    def stop(self) -> None:
        """End; a training that runs is ended, too, and leaves what stood before."""
        with self._change:
            self._stopping = True
            self._change.notify()
            if self._process:
                _end(self._process)
        if self._thread.is_alive():
            self._thread.join()

    def notice(self, answers: int, left: int) -> None:
        """Hear of new answers, and of how many are left in the queue."""
        with self._change:
            self._new += answers
            self._empty = left == 0
            if self._due():
                self._change.notify()

    def _due(self) -> bool:
        return self._new >= self._every or (self._empty and self._new > 0)

    def _run(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._stopping or self._due())
                self._change.wait_for(lambda: self._stopping, timeout=self._rest)
                if self._stopping:
                    return
                self._new, self._empty, self.state = 0, False, "training"
            begun = time.monotonic()
            code, output = self._train()
            self._rest = time.monotonic() - begun
            if code in (0, NothingToDo.exit_code):
                self.state, self.trained = "idle", time.time()
            elif code == ConflictError.exit_code:
                # Somebody else trains on the project; what is new is for the next time.
                self.state = "idle"
                self.notice(self._every, 1)
                self._rest = max(self._rest, _AGAIN)
            elif not self._stopping:
                self.state = "failed"
                log.warning("a training in the background failed (exit code %s): %s", code, output)

    def _train(self) -> tuple[int | None, str]:
        """Train once: the exit code, and the last lines that were said."""
        with tempfile.TemporaryFile() as output:
            try:
                with self._change:
                    if self._stopping:
                        return None, "stopped"
                    self._process = subprocess.Popen(
                        self._command,
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=output,
                        creationflags=_CLASS,
                        start_new_session=True,
                    )
            except OSError as error:
                return None, str(error)
            _give_way(self._process.pid)
            code = self._process.wait()
            self._process = None
            output.seek(0)
            lines = output.read().decode("utf-8", "replace").strip().splitlines()
            return code, " ".join(lines[-3:])


def _give_way(process: int) -> None:
    """Let whoever answers go first, their browser among them.

    Where Linux divides its processors among sessions, how nice a process is counts within its own
    alone: so the training has one, which is as nice.
    """
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process, _NICE)
    with contextlib.suppress(OSError):
        Path(f"/proc/{process}/autogroup").write_text(str(_NICE), encoding="ascii")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process with all that it started."""
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.terminate()
        else:
            os.killpg(process.pid, signal.SIGTERM)

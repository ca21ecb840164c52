"""One thread that talks to the store: what waits at the same time is written at once.

To be safe from a power cut, an answer waits for the disk, some milliseconds or, where a training
writes as well, many. One after the other, twenty people would wait for twenty times that; together
they wait once.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from alasl.errors import AlaslError, ResourceError
from alasl.project.store import Store

Result = TypeVar("Result")

_AT_ONCE = 64


@dataclass(frozen=True)
class _Call:
    what: Callable[[], Any]
    durable: bool
    outcome: Future[Any] = field(default_factory=Future)


class Writer:
    """Calls functions that read and write the store, those that wait in one transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._thread.start()

    async def __call__(self, what: Callable[[], Result], *, durable: bool = True) -> Result:
        """What `what` returns or raises, once what it wrote is on the disk (`durable`)."""
        call = _Call(what, durable)
        self._waiting.put(call)
        result: Result = await asyncio.wrap_future(call.outcome)
        return result

    def stop(self) -> None:
        """End, once all that waits is done."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            calls, last = [first], False
            while len(calls) < _AT_ONCE and not last:
                try:
                    following = self._waiting.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    last = True
                else:
                    calls.append(following)
            # Who has gone meanwhile is not asked for.
            self._write([call for call in calls if call.outcome.set_running_or_notify_cancel()])
            if last:
                return

    def _write(self, calls: list[_Call]) -> None:
        done: list[tuple[_Call, Any]] = []
        failed: list[tuple[_Call, AlaslError]] = []
        try:
            with self._store.together(durable=any(call.durable for call in calls)):
                for call in calls:
                    try:
                        done.append((call, call.what()))
                    except ResourceError:
                        raise  # a full disk is everybody's
                    except AlaslError as error:
                        failed.append((call, error))
        except BaseException as error:
            for call in calls:
                call.outcome.set_exception(error)
            return
        for call, result in done:
            call.outcome.set_result(result)
        for call, wrong in failed:
            call.outcome.set_exception(wrong)

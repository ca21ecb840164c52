"""Connections that wait for nobody for ever: a request has a deadline, and there are only so many.

Whoever opens a connection and says nothing, or little, would else hold it for good; a thousand of
them are all the files that a process may open, and then nobody can answer.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

# Seconds in which the whole of a request has to come, its headers and its body.
DEADLINE = 20.0
# More connections than this, and the one that was silent longest makes room. A browser has six.
MOST = 192


class Connection(H11Protocol):
    """A connection with a deadline for what it is waiting for."""

    _deadline: asyncio.TimerHandle | None = None
    _last = 0.0

    def connection_made(self, transport: Any) -> None:
        """A browser, or somebody, has connected."""
        super().connection_made(transport)
        self._heard()
        self._expect()
        others = [one for one in self.connections if not one.transport.is_closing()]
        if len(others) > MOST:
            min(others, key=lambda one: getattr(one, "_last", 0.0)).transport.abort()

    def data_received(self, data: bytes) -> None:
        """A part of a request has come."""
        self._heard()
        if self._deadline is None:
            self._expect()
        super().data_received(data)
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._stop_expecting()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""
        self._stop_expecting()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """A response is sent; the next request may come, or nothing."""
        self._heard()
        self._stop_expecting()
        super().on_response_complete()

    def _heard(self) -> None:
        self._last = self.loop.time()

    def _expect(self) -> None:
        self._deadline = self.loop.call_later(DEADLINE, self.transport.abort)

    def _stop_expecting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

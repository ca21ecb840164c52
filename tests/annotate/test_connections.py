"""Connections that say nothing, or little: they end, and keep nobody from the page."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from alasl.annotate import connections

from .conftest import TOKEN, MakeProject, Site

HEAD = (
    b"POST /api/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n" % TOKEN.encode()
)
REST = b"Origin: http://localhost\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n"
BODY = b'{"person":"a"}'


@pytest.fixture
def site(make_project: MakeProject, serve: Callable[..., Site]) -> Site:
    return serve(make_project())


@pytest.fixture
def connect(site: Site) -> Iterator[Callable[[], socket.socket]]:
    opened: list[socket.socket] = []

    def connect() -> socket.socket:
        opened.append(socket.create_connection(("127.0.0.1", site.port), timeout=60))
        return opened[-1]

    yield connect
    for one in opened:
        one.close()


def ended(connection: socket.socket) -> bool:
    """Wait until the other side has closed it, having sent nothing."""
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:
        return True


def status(site: Site) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
    connection.request("GET", "/", headers={"Authorization": f"Bearer {TOKEN}"})
    found = connection.getresponse().status
    connection.close()
    return found


@pytest.mark.parametrize("sent", [b"", b"G", HEAD, HEAD + REST, HEAD + REST + BODY[:-1]])
def test_a_request_that_does_not_come_ends_its_connection(
    connect: Callable[[], socket.socket], monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(connections, "DEADLINE", 0.3)
    connection = connect()
    connection.sendall(sent)
    assert ended(connection)


def test_the_deadline_is_of_the_whole_request_however_slowly_it_drips(
    connect: Callable[[], socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "DEADLINE", 0.5)
    connection = connect()
    connection.settimeout(0.05)
    gone = False
    for byte in (HEAD + REST + BODY) * 10:
        try:
            connection.sendall(bytes([byte]))
            gone = connection.recv(1) == b""
        except TimeoutError:
            continue
        except ConnectionError:
            gone = True
        if gone:
            break
    assert gone


@pytest.mark.slow
def test_a_connection_that_was_answered_may_rest_and_go_on(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "DEADLINE", 0.3)
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
    sockets = []
    for _ in range(2):
        connection.request("GET", "/", headers={"Authorization": f"Bearer {TOKEN}"})
        sockets.append(connection.sock)
        assert connection.getresponse().read()
        time.sleep(0.6)
    connection.close()
    assert sockets[0] is sockets[1]


def test_silent_connections_make_room_for_who_asks(
    site: Site, connect: Callable[[], socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MOST", 10)
    silent = [connect() for _ in range(60)]
    assert status(site) == 200
    assert len(site.connections) <= 10
    assert all(ended(connection) for connection in silent[:50])

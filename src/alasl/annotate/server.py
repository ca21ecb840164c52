"""Serving the page of a project: the token, the address, and the end."""

from __future__ import annotations

import ipaddress
import os
import secrets
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from alasl.annotate.app import make_app
from alasl.annotate.guard import LOOPBACK, Access
from alasl.annotate.pictures import Pictures
from alasl.annotate.tasks import Tasks
from alasl.annotate.training import Training
from alasl.errors import ResourceError, UsageError
from alasl.files import resource_errors, write_text
from alasl.project.store import Store

PORT = 8765
TOKEN_FILE = "token"
# A token that people choose must not be guessed; ours has 43 characters, 256 bits.
SHORTEST = 16

OPEN = """\
This page is open to other machines. Whoever reaches {host}:{port} and knows the token sees every
image of the project and can answer in any name. The connection is not encrypted, so whoever
listens on the network can read images, answers and the token. Use it in a network that you trust;
else leave --host out and reach this machine through a tunnel: ssh -L {port}:127.0.0.1:{port} ..."""


def serve(
    store: Store,
    root: Path,
    folder: Path,
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    token: str | None = None,
    train: Sequence[str] | None = None,
    every: int = 100,
    say: Callable[[str], None] = print,
) -> None:
    """Serve the page until Ctrl-C.

    root: the folder below which the images lie. folder: the project's, where the token is kept, so
    that pages that are open go on after a restart. token: instead of that one; needed where `host`
    is not of this machine alone. train: the command that trains and makes the queue anew, run
    after `every` answers; None trains never. say: told the link, and what a host beyond means.
    Raises `UsageError` without such a token, `ResourceError` where the port is taken.
    """
    import uvicorn

    beyond = not is_loopback(host)
    if token is None and beyond:
        raise UsageError(
            "a host that other machines can reach needs a token of your own",
            seen=host,
            do="give one with --token, or leave --host out and use a tunnel",
        )
    if token is not None and (len(token) < SHORTEST or not token.isalnum() or not token.isascii()):
        raise UsageError(f"a token has at least {SHORTEST} letters and digits, and nothing else")
    token = token or kept_token(folder)
    listening = listen(host, port)
    port = int(listening.getsockname()[1])
    access = Access(
        token,
        cookie=f"alasl-{port}",
        hosts=LOOPBACK | ({host.lower(), socket.gethostname().lower()} if beyond else set()),
        addresses=beyond,
    )
    training = Training(train, every)
    pictures = Pictures(_Files(store), root, lambda: store.everything().folders)
    app = make_app(Tasks(store, training), pictures, access)
    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
        proxy_headers=False,
        ws="none",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=3,
    )
    if beyond:
        say(OPEN.format(host=host, port=port))
    say(f"http://{_in_link(host)}:{port}/?token={token}")
    training.start(now=store.progress().left == 0)
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        training.stop()
        listening.close()


class _Files(Sequence[str | None]):
    """The file of each image by its number; images may come in while the page is served."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __len__(self) -> int:
        return len(self._store.everything().files)

    def __getitem__(self, image: Any) -> Any:
        return self._store.everything().files[image]


def kept_token(folder: Path) -> str:
    """The project's own token of 256 bits, made once, readable by its owner alone."""
    path = folder / TOKEN_FILE
    if path.is_file() and (found := path.read_text(encoding="ascii", errors="replace").strip()):
        return found
    token = secrets.token_hex(32)
    with resource_errors(path):
        before = os.umask(0o077)
        try:
            write_text(path, token + "\n")
        finally:
            os.umask(before)
    return token


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; 0 takes any free port. Raises `ResourceError` where it cannot."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(256)
    except OSError as error:
        raise ResourceError(
            "cannot listen here",
            where=f"{host}:{port}",
            seen=error.strerror,
            do="name another --port, or end what holds this one",
        ) from error
    return listening


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the host."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _in_link(host: str) -> str:
    if host in ("0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host

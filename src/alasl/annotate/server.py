"""Serving the page of a project: the token, the address, and the end."""

from __future__ import annotations

import ipaddress
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from alasl.annotate.app import make_app
from alasl.annotate.connections import Connection
from alasl.annotate.guard import LOOPBACK, Access, PublicAddress
from alasl.annotate.label_studio import Backend, Link, make_label_studio_app
from alasl.annotate.owner_app import Doors, make_owner_app
from alasl.annotate.owning import Owning
from alasl.annotate.pictures import Pictures
from alasl.annotate.tasks import Tasks
from alasl.annotate.training import Training
from alasl.errors import ResourceError, UsageError
from alasl.files import write_text
from alasl.project.folder import Project
from alasl.project.store import Store

PORT = 8765
TOKEN_FILE, OWNER_TOKEN_FILE = "token", "owner-token"
LABEL_STUDIO_TOKEN_FILE = "label-studio-token"
# A token that people choose must not be guessed; ours has 43 characters, 256 bits.
SHORTEST = 16
# Of more images, only those that are asked are looked for when the page is served.
MOST_LOOKED = 100_000
# Images that cannot be shown and are named when the page is served.
MOST_NAMED = 10

OPEN = """\
This page is open to other machines. Whoever reaches {host}:{port} and knows the token sees every
image of the project and can answer in any name. The connection is not encrypted, so whoever
listens on the network can read images, answers and the token. Use it in a network that you trust;
else leave --host out and reach this machine through a tunnel: ssh -L {port}:127.0.0.1:{port} ..."""


def serve(
    project: Project,
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    token: str | None = None,
    public: str | None = None,
    links: Sequence[Path] = (),
    train: Sequence[str] | None = None,
    label_studio: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Serve a project's pages, people's and that of whoever runs it, until Ctrl-C.

    token: instead of the one that the project's folder keeps, so that open pages go on after a
    restart; needed where `host` is not of this machine alone. public: the address of a proxy
    through which people come. links: folders beside the images' that links among these may lead to.
    train: the command that trains and makes the queue anew; None trains never. label_studio:
    whether a Label Studio may use this server as an ML backend. say: told the addresses, which
    images cannot be shown, and what a host beyond means. Raises `UsageError` without a token that
    is needed, `ResourceError` where the port is taken.
    """
    beyond = not is_loopback(host)
    _check_token(token, host if beyond else None)
    address = PublicAddress.of(public) if public else None
    store, folder, name = project.store, project.folder, project.settings.name
    token = token or kept_token(folder)
    listening = listen(host, port)
    port = int(listening.getsockname()[1])
    access = Access(
        token,
        cookie=f"alasl-{port}",
        hosts=LOOPBACK | ({host.lower(), socket.gethostname().lower()} if beyond else set()),
        addresses=beyond,
        public=address,
    )
    training = Training(train, project.settings.every)
    pictures = Pictures(_Files(store), project.root, lambda: store.everything().folders, links)
    for line in _unseen(store, pictures):
        say(line)
    tasks = Tasks(store, training, folder=folder)
    own_token = kept_token(folder, OWNER_TOKEN_FILE)
    own_access = replace(access, token=own_token, cookie=f"alasl-owner-{port}")
    link = backend = None
    if label_studio:
        link = Link(replace(access, token=kept_token(folder, LABEL_STUDIO_TOKEN_FILE)))
        backend = make_label_studio_app(Backend(project, tasks), link)
    doors = Doors(
        make_app(tasks, pictures, access, name),
        make_owner_app(Owning(project, tasks), pictures, own_access, name),
        own_access,
        backend,
    )
    if beyond:
        say(OPEN.format(host=host, port=port))
    where = f"{address.origin}{address.path}" if address else f"http://{_in_link(host)}:{port}"
    say(f"{where}/?token={token}")
    say(f"the owner's page, for you alone: {where}/?token={own_token}")
    if link is not None:
        say(f"for Label Studio, as the URL of an ML backend: {where}{link.place}")
    _end_in_order()
    training.start(now=store.progress().left == 0)
    try:
        _run(doors, listening)
    finally:
        training.stop()
        listening.close()


def _check_token(token: str | None, beyond: str | None) -> None:
    """Raise `UsageError` for a token that could be guessed, or none for a host beyond this one."""
    if token is None and beyond:
        raise UsageError(
            "a host that other machines can reach needs a token of your own",
            seen=beyond,
            do="give one with --token-file or ALASL_TOKEN, or leave --host out and use a tunnel",
        )
    if token is not None and (len(token) < SHORTEST or not token.isalnum() or not token.isascii()):
        raise UsageError(
            f"a token has at least {SHORTEST} letters and digits, and nothing else",
            seen=f"one of {len(token)} characters",  # never the token: a log may be read by others
            do="leave it out, in ALASL_TOKEN too, for one made by chance",
        )


def _run(app: ASGIApp, listening: socket.socket) -> None:
    """Answer requests until a signal ends it."""
    import uvicorn

    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
        proxy_headers=False,
        http=Connection,
        ws="none",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=3,
    )
    uvicorn.Server(config).run(sockets=[listening])


def _end_in_order() -> None:
    """Let other signals that end the server end it as Ctrl-C does, and the training with it."""
    if threading.current_thread() is not threading.main_thread():
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    # A terminal that goes away; `nohup` asks to go on without it.
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))


def _unseen(store: Store, pictures: Pictures) -> Iterator[str]:
    """Which images people could not be shown, in words; nothing where all are well."""
    now = store.everything()
    asked = {int(now.rows[question.image]) for question in store.queue()}
    few = len(now.rows) <= MOST_LOOKED
    looked = now.rows.tolist() if few else sorted(asked)
    problems = pictures.problems(looked, asked)
    if not problems:
        return
    which = f"{len(problems)} of {len(looked)} images"
    if few:
        which += f" cannot be shown, {len(asked & set(problems))} of them are asked now"
    else:
        which += " that are asked now cannot be shown"
    yield f"{which}; on the page they can only be skipped"
    for _, error in sorted(problems.items())[:MOST_NAMED]:
        yield "  " + str(error).replace("\n", "\n  ")
    if len(problems) > MOST_NAMED:
        yield f"  and {len(problems) - MOST_NAMED} more"


class _Files(Sequence[str | None]):
    """The file of each image by its number; images may come in while the page is served."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __len__(self) -> int:
        return len(self._store.everything().files)

    def __getitem__(self, image: Any) -> Any:
        return self._store.everything().files[image]


def kept_token(folder: Path, name: str = TOKEN_FILE) -> str:
    """The project's own token of 256 bits, made once, readable by its owner alone."""
    path = folder / name
    if path.is_file() and (found := path.read_text(encoding="ascii", errors="replace").strip()):
        return found
    token = secrets.token_hex(32)
    write_text(path, token + "\n", private=True)
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

"""Who may talk to the page's server: decided for every request, before any route is looked up.

Another page in the same browser, and any other program of the machine, can reach a port of
loopback. So every request needs the token, and its Host must be one of ours (a foreign name that
leads to this address is refused). Whatever may change something also needs our Origin and JSON,
which a foreign page cannot send.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
from collections.abc import Iterable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alasl.errors import UsageError

# A batch of answers to a hundred images is about 20 kB.
MAX_BODY = 256 * 1024

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

# Scripts, styles, images and answers of our own only; no markup from text (Trusted Types).
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)

# A page that holds its own style and pictures, and runs nothing.
OWN_STYLE = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)

HEADERS = {
    "content-security-policy": CSP,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@dataclass(frozen=True)
class Refusal:
    """Why a request is not let in: the status, and a sentence for the person."""

    status: int
    why: str


@dataclass(frozen=True)
class PublicAddress:
    """Where people reach the page through a proxy.

    origin: scheme, name and port, as browsers send it. name: of the host. path: begins with a
    slash where it is not empty, and ends with none.
    """

    origin: str
    name: str
    path: str

    @classmethod
    def of(cls, url: str) -> PublicAddress:
        """From an address such as https://lab.example/alasl/. Raises `UsageError` for others."""
        try:
            parts = urlsplit(url)
            name, port = parts.hostname or "", parts.port
        except ValueError:
            parts, name, port = urlsplit(""), "", None
        if parts.scheme not in ("http", "https") or not name or parts.query or parts.fragment:
            raise UsageError(
                "the public address is an http or https address, as a browser shows it",
                seen=repr(url),
                do="for example: --public-url https://lab.example/alasl/",
            )
        host = f"[{name}]" if ":" in name else name
        usual = port is None or port == {"http": 80, "https": 443}[parts.scheme]
        origin = f"{parts.scheme}://{host}" + ("" if usual else f":{port}")
        return cls(origin, name, parts.path.rstrip("/"))

    @property
    def secure(self) -> bool:
        """Whether browsers reach it by https alone."""
        return self.origin.startswith("https:")


@dataclass(frozen=True)
class Access:
    """What lets a request in.

    token: the secret; `cookie`: the name of the cookie that holds it. hosts: names that the Host
    header may have, at any port, as a tunnel may lead from another one. addresses: whether any IP
    address may stand there too, where people come from other machines: a rebound name is none.
    public: the address of a proxy in front, which may change the Host header and take its path away
    or not.
    """

    token: str
    cookie: str
    hosts: frozenset[str] = LOOPBACK
    addresses: bool = False
    public: PublicAddress | None = None

    @property
    def place(self) -> str:
        """A path that only who knows the token knows.

        The page stands below it and so does the cookie, since browsers send cookies to all ports of
        a host: another server there is not sent one whose path it cannot tell.
        """
        return hashlib.sha256(f"place {self.token}".encode()).hexdigest()[:16]

    def within(self, path: str) -> str:
        """The path of a request as routes know it."""
        for prefix in (self.public.path if self.public else "", f"/{self.place}"):
            if prefix and path.startswith(f"{prefix}/"):
                path = path.removeprefix(prefix)
        return path

    def refuse(self, method: str, path: str, query: str, headers: dict[str, str]) -> Refusal | None:
        """Why a request must not be answered; None where it may.

        headers: names in lower case.
        """
        host = headers.get("host", "")
        if not self.ours(host):
            return Refusal(421, "this address is not one the page is served under")
        if path == "/" and method == "GET" and self.opens(query):
            return None
        if not self._knows_token(headers):
            return Refusal(403, "open the link that `alasl annotate` printed: it holds the token")
        site = headers.get("sec-fetch-site", "none")
        arrives = method == "GET" and headers.get("sec-fetch-mode") == "navigate"
        if site not in ("none", "same-origin") and not arrives:
            return Refusal(403, "another site asked for this")
        if method == "GET":
            return None
        if headers.get("origin") not in self._origins(host):
            return Refusal(403, "only the page itself may send this")
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return Refusal(415, "send JSON")
        return None

    def _origins(self, host: str) -> tuple[str, ...]:
        if self.public is None:
            return (f"http://{host}",)
        through = self.public.origin
        return (through,) if through.endswith(f"//{host}") else (f"http://{host}", through)

    def opens(self, query: str) -> bool:
        """Whether a link's query holds the token."""
        given = parse_qs(query, max_num_fields=8).get("token", [])
        return len(given) == 1 and self._is_token(given[0])

    def _knows_token(self, headers: dict[str, str]) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._is_token(given.strip()):
            return True
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return False
        return self.cookie in cookies and self._is_token(cookies[self.cookie].value)

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode())

    def ours(self, host: str) -> bool:
        """Whether a Host header names this server."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self.hosts or (self.public and name == self.public.name):
            return True
        return self.addresses and _is_address(name)


class Rule(Protocol):
    """What a guard asks of each request; see `Access`."""

    def within(self, path: str) -> str:
        """The path of a request as routes know it."""

    def refuse(self, method: str, path: str, query: str, headers: dict[str, str]) -> Refusal | None:
        """Why a request must not be answered; None where it may."""


class Guard:
    """Middleware around the whole application: refuses, limits bodies, adds the safe headers.

    most: bytes that a body may have.
    """

    def __init__(self, app: ASGIApp, access: Rule, most: int = MAX_BODY) -> None:
        self.app = app
        self.access = access
        self.most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        scope = {**scope, "path": self.access.within(scope["path"])}
        refusal = self._refusal(scope)
        if refusal is None and scope["method"] != "GET":
            body = await _body(receive, self.most)
            if body is None:
                refusal = Refusal(413, f"more than {self.most // 1024} kB were sent")
            else:
                receive = _replay(body)
        if refusal:
            await _answer(refusal, send)
            return

        async def safe(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": _with_safe(message["headers"])}
            await send(message)

        await self.app(scope, receive, safe)

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers: dict[str, str] = {}
        for key, value in scope["headers"]:
            name = key.decode("latin-1").lower()
            # One that stands twice could mean one thing to us and another to a proxy.
            if name in headers and name in ("host", "origin", "content-type", "authorization"):
                return Refusal(400, f"the header {name} stands twice")
            headers[name] = value.decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        return self.access.refuse(scope["method"], scope["path"], query, headers)


async def _body(receive: Receive, most: int) -> bytes | None:
    """The request's body; None where it is too long, or its sender has gone."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > most:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes) -> Receive:
    """What the application receives in place of a body that was read already."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive


async def _answer(refusal: Refusal, send: Send) -> None:
    body = json.dumps({"error": refusal.why}).encode()
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    await send(
        {
            "type": "http.response.start",
            "status": refusal.status,
            "headers": _with_safe([*headers, (b"content-length", str(len(body)).encode())]),
        }
    )
    await send({"type": "http.response.body", "body": body})


def _with_safe(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers with those that make it safe; a policy of a route's own stays."""
    headers = [*headers]
    given = {name for name, _ in headers}
    safe = ((k.encode(), v.encode()) for k, v in HEADERS.items())
    return [*headers, *((k, v) for k, v in safe if k not in given)]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

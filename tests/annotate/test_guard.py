"""Every route, with every method and every header that is wrong, is refused and does nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from starlette.types import ASGIApp, Message, Scope

from alasl.annotate.app import make_app
from alasl.annotate.guard import MAX_BODY, Access, PublicAddress
from alasl.annotate.pictures import Pictures
from alasl.annotate.tasks import Tasks
from alasl.annotate.training import Training
from alasl.errors import UsageError

from .conftest import TOKEN, MakeProject, Project, run

ORIGIN = "http://127.0.0.1:8765"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "NONSENSE")
GOOD = {
    "host": "127.0.0.1:8765",
    "cookie": f"alasl-8765={TOKEN}",
    "origin": ORIGIN,
    "content-type": "application/json",
    "sec-fetch-site": "same-origin",
}
# What a request says instead (None: it leaves the header out), and the refusal.
BAD_EVERYWHERE: list[tuple[dict[str, str | None], int]] = [
    ({"cookie": None}, 403),
    ({"cookie": "alasl-8765="}, 403),
    ({"cookie": f"alasl-8765={TOKEN[:-1]}"}, 403),
    ({"cookie": f"alasl-8765={TOKEN}x"}, 403),
    ({"cookie": f"alasl-8766={TOKEN}"}, 403),
    ({"cookie": f"token={TOKEN}"}, 403),
    ({"cookie": None, "authorization": "Bearer wrong"}, 403),
    ({"cookie": None, "authorization": f"Basic {TOKEN}"}, 403),
    ({"cookie": None, "authorization": TOKEN}, 403),
    ({"host": "evil.example"}, 421),
    ({"host": "evil.example:8765"}, 421),
    ({"host": "127.0.0.1.evil.example:8765"}, 421),
    ({"host": "127.0.0.1@evil.example:8765"}, 421),
    ({"host": "localhost.evil.example"}, 421),
    ({"host": "10.0.0.1:8765"}, 421),
    ({"host": "[::2]:8765"}, 421),
    ({"host": "[::1"}, 421),
    ({"host": ""}, 421),
    ({"sec-fetch-site": "cross-site"}, 403),
    ({"sec-fetch-site": "same-site"}, 403),
]
BAD_BUT_FOR_GET: list[tuple[dict[str, str | None], int]] = [
    ({"origin": None}, 403),
    ({"origin": "null"}, 403),
    ({"origin": "http://evil.example"}, 403),
    ({"origin": "http://127.0.0.1:3000"}, 403),
    ({"origin": "http://localhost:8765"}, 403),
    ({"origin": "https://127.0.0.1:8765"}, 403),
    ({"origin": f"{ORIGIN}/"}, 403),
    ({"content-type": None}, 415),
    ({"content-type": "text/plain"}, 415),
    ({"content-type": "application/x-www-form-urlencoded"}, 415),
    ({"content-type": "multipart/form-data; boundary=application/json"}, 415),
    ({"content-type": "application/jsonp"}, 415),
    ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 403),
]
# A body that each route would take.
BODIES: dict[str, dict[str, Any]] = {
    "/api/tasks": {"person": "ann"},
    "/api/answers": {
        "person": "ann",
        "request": "request-1",
        "answers": [{"image": 0, "label": 0, "value": 1, "seconds": 1}],
    },
    "/api/skip": {"person": "ann", "request": "request-2", "image": 0},
    "/api/correct": {
        "person": "ann",
        "request": "request-4",
        "image": 0,
        "label": 1,
        "value": 0,
    },
    "/api/note": {"person": "ann", "request": "request-5", "image": 0, "text": "dark"},
    "/api/mine": {"person": "ann"},
    "/api/meaning": {"label": 0},
    "/api/undo": {"person": "ann", "request": "request-3"},
    "/api/renew": {"person": "ann"},
    "/api/release": {"person": "ann", "images": [0]},
    "/api/status": {"person": "ann"},
}


def application(project: Project, access: Access | None = None) -> FastAPI:
    store = project.store
    return make_app(
        Tasks(store, Training(None)),
        Pictures(store.files, project.images),
        access or Access(TOKEN, "alasl-8765"),
    )


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    made = make_project()
    made.ask([(0, 0), (1, 0)])
    return made


def routes(app: FastAPI) -> Iterator[tuple[str, set[str]]]:
    """Every path of the application, filled in, and the methods it takes."""
    for route in app.routes:
        path = route.path.replace("{image}", "0").replace("{size}", "small")  # type: ignore[attr-defined]
        assert "{" not in path, f"say what {path} is to be filled with"
        yield path, set(route.methods)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def send(
    app: ASGIApp, method: str, target: str, headers: list[tuple[str, str]], content: bytes
) -> Reply:
    """One request with exactly these headers, which no client library would send."""
    path, _, query = target.partition("?")
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(k.encode(), v.encode("latin-1")) for k, v in headers],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8765),
    }
    sent: list[Message] = []
    received: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def receive() -> Message:
        return received.pop() if received else {"type": "http.disconnect"}

    async def collect(message: Message) -> None:
        sent.append(message)

    run(app(scope, receive, collect))
    start = sent[0]
    found = {k.decode(): v.decode() for k, v in start["headers"]}
    return Reply(start["status"], found, b"".join(m.get("body", b"") for m in sent[1:]))


def ask(
    app: ASGIApp,
    method: str,
    path: str,
    change: dict[str, str | None] | None = None,
    content: bytes | None = None,
) -> Reply:
    """One request with all the right headers, but for those changed."""
    given = GOOD | (change or {})
    headers = [(k, v) for k, v in given.items() if v is not None]
    if content is None:
        content = json.dumps(BODIES.get(path, {})).encode()
    return send(app, method, path, headers, content)


def test_the_right_headers_are_let_in_everywhere(project: Project) -> None:
    app = application(project)
    for path, methods in routes(app):
        for method in methods - {"HEAD"}:
            assert ask(app, method, path).status in (200, 204), f"{method} {path}"


@pytest.mark.slow
def test_each_wrong_header_is_refused_everywhere(project: Project) -> None:
    app = application(project)
    before = project.store.last_event()
    held = project.store.progress()
    paths = [path for path, _ in routes(app)] + ["/nowhere", "/images/../token", "//", "/api/"]
    for path in paths:
        for method in METHODS:
            bad = BAD_EVERYWHERE + (BAD_BUT_FOR_GET if method != "GET" else [])
            for change, status in bad:
                answer = ask(app, method, path, change)
                assert answer.status == status, f"{method} {path} {change}"
                assert method == "HEAD" or set(answer.json()) == {"error"}
    assert project.store.last_event() == before
    assert project.store.progress() == held


def test_a_header_that_stands_twice_is_refused(project: Project) -> None:
    app = application(project)

    for name in ("host", "origin", "content-type", "authorization"):
        first = [("authorization", "Bearer x")] if name == "authorization" else []
        headers = [*GOOD.items(), *first, (name, GOOD.get(name, f"Bearer {TOKEN}"))]
        assert send(app, "POST", "/api/status", headers, b"{}").status == 400, name


def test_every_answer_carries_the_safe_headers(project: Project) -> None:
    app = application(project)
    answers = [ask(app, m, path) for path, methods in routes(app) for m in methods]
    answers += [ask(app, "GET", "/nowhere"), ask(app, "GET", "/", {"cookie": None})]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert not {"server", "access-control-allow-origin"} & set(answer.headers)


def test_the_token_in_a_header_will_do(project: Project) -> None:
    app = application(project)
    change = {"cookie": None, "authorization": f"Bearer {TOKEN}"}
    assert ask(app, "POST", "/api/status", change).status == 200


def test_the_link_leaves_the_token_in_a_strict_cookie(project: Project) -> None:
    app = application(project)
    answer = ask(app, "GET", f"/?token={TOKEN}", {"cookie": None})
    assert answer.status == 200
    kept = answer.headers["set-cookie"]
    assert f"alasl-8765={TOKEN}" in kept
    place = Access(TOKEN, "alasl-8765").place
    assert {"HttpOnly", f"Path=/{place}", "SameSite=strict"} <= set(kept.split("; "))
    assert answer.headers["refresh"] == f"0; url={place}/"
    assert "ann" not in answer.body.decode()
    for wrong in ("?token=", f"?token={TOKEN[:-1]}", f"?token={TOKEN}&token={TOKEN}", "?other=1"):
        refused = ask(app, "GET", f"/{wrong}", {"cookie": None})
        assert refused.status == 403, wrong
        assert "set-cookie" not in refused.headers
    elsewhere = ask(app, "GET", f"/openapi.json?token={TOKEN}", {"cookie": None})
    assert elsewhere.status == 403


def test_a_page_of_another_site_may_lead_here_but_not_fetch(project: Project) -> None:
    app = application(project)
    arrives: dict[str, str | None] = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert ask(app, "GET", "/", arrives).status == 200
    fetches: dict[str, str | None] = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    assert ask(app, "GET", "/images/0/small", fetches).status == 403


def test_beyond_loopback_addresses_and_the_host_are_ours_but_no_other_name(
    project: Project,
) -> None:
    access = Access(TOKEN, "alasl-8765", frozenset({"localhost", "lab"}), addresses=True)
    app = application(project, access)
    for host in ("192.168.1.7:8765", "[2001:db8::1]:8765", "lab:8765", "LAB"):
        change: dict[str, str | None] = {"host": host, "origin": f"http://{host}"}
        assert ask(app, "POST", "/api/status", change).status == 200, host
    for host in ("rebound.example:8765", "lab.example", "1.2.3.4.example"):
        change = {"host": host, "origin": f"http://{host}"}
        assert ask(app, "POST", "/api/status", change).status == 421, host


def test_the_cookies_path_is_known_to_who_knows_the_token_and_is_taken_away(
    project: Project,
) -> None:
    access = Access(TOKEN, "alasl-8765")
    assert access.place != Access(TOKEN[:-1] + "x", "alasl-8765").place
    assert TOKEN[:8] not in access.place
    app = application(project)
    assert ask(app, "POST", f"/{access.place}/api/status", content=b'{"person": "a"}').status == 200
    assert ask(app, "GET", f"/{access.place}/").status == 200
    assert ask(app, "GET", f"/{access.place[:-1]}/").status == 404
    assert ask(app, "GET", f"/{access.place}/", {"cookie": None}).status == 403


@pytest.mark.parametrize("takes_path_away", [True, False])
@pytest.mark.parametrize("host", ["lab.example", "127.0.0.1:8765"])
def test_a_proxy_may_have_another_name_a_path_and_https(
    project: Project, takes_path_away: bool, host: str
) -> None:
    public = PublicAddress.of("https://lab.example/alasl/")
    app = application(project, Access(TOKEN, "alasl-8765", public=public))
    path = "" if takes_path_away else "/alasl"
    link = ask(app, "GET", f"{path}/?token={TOKEN}", {"cookie": None, "host": host})
    kept = set(link.headers["set-cookie"].split("; "))
    place = Access(TOKEN, "").place
    assert {"Secure", "HttpOnly", f"Path=/alasl/{place}"} <= kept
    through: dict[str, str | None] = {"host": host, "origin": "https://lab.example"}
    assert ask(app, "POST", f"{path}/{place}/api/undo", through, b'{"person": "a", "request":'
               b' "request-9"}').status == 200  # fmt: skip
    for origin in ("http://lab.example", "https://lab.example:444", "https://evil.example"):
        wrong = ask(app, "POST", f"{path}/{place}/api/undo", through | {"origin": origin})
        assert wrong.status == 403, origin
    assert ask(app, "GET", "/", {"host": "evil.example"}).status == 421


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("https://lab.example", "https://lab.example", ""),
        ("https://lab.example:443/", "https://lab.example", ""),
        ("http://LAB.example:8080/a/b/", "http://lab.example:8080", "/a/b"),
        ("https://[2001:db8::1]/x", "https://[2001:db8::1]", "/x"),
    ],
)
def test_a_public_address_is_read_as_browsers_send_it(url: str, origin: str, path: str) -> None:
    found = PublicAddress.of(url)
    assert (found.origin, found.path) == (origin, path)


@pytest.mark.parametrize(
    "url", ["lab.example", "ftp://lab.example", "https://", "https://a/?b", "https://[a", "//a:x"]
)
def test_what_is_no_public_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="public address"):
        PublicAddress.of(url)


def test_a_body_that_is_too_long_is_refused(project: Project) -> None:
    app = application(project)
    long = b'{"person": "' + b"a" * MAX_BODY + b'"}'
    assert ask(app, "POST", "/api/status", content=long).status == 413


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"person": "\\ud800"}',
        b'{"person": "\xff"}',
        b'{"person": " "}',
        b'{"person": "ann", "more": 1}',
        b'{"person": ["ann"]}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_message_is_refused_with_a_reason(project: Project, content: bytes) -> None:
    answer = ask(application(project), "POST", "/api/status", content=content)
    assert answer.status in (400, 422)
    assert answer.json()["error"]


@pytest.mark.parametrize("name", ["a\0b", "a\nb", "\u2028", "a" * 65])
def test_a_name_that_cannot_be_seen_is_refused(project: Project, name: str) -> None:
    content = json.dumps({"person": name}).encode()
    answer = ask(application(project), "POST", "/api/tasks", content=content)
    assert answer.status == 422
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "change",
    [
        {"value": 2},
        {"value": True},
        {"value": 0.5},
        {"value": "1"},
        {"seconds": -1},
        {"seconds": float("nan")},
        {"seconds": float("inf")},
        {"probability": 1.01},
        {"image": -1},
        {"image": 10**30},
        {"image": 6},
        {"label": 4},
        {"model": "m" * 201},
    ],
)
def test_an_answer_out_of_bounds_is_refused(project: Project, change: dict[str, Any]) -> None:
    body = json.loads(json.dumps(BODIES["/api/answers"]))
    body["answers"][0] |= change
    content = json.dumps(body).encode()
    answer = ask(application(project), "POST", "/api/answers", content=content)
    assert answer.status in (404, 422)
    assert project.said() == {}


def test_no_path_stands_in_any_url_or_message(project: Project) -> None:
    app = application(project)
    for path in (
        "/images/0001.jpg/small",
        "/images/..%2f..%2fetc%2fpasswd/small",
        "/images/-1/small",
        "/images/0/../token",
        "/images/99999999999999999999/small",
        "/images/0/enormous",
    ):
        assert ask(app, "GET", path).status in (404, 422), path
    assert all(not re.search(r"\{\w+:path\}", r.path) for r in app.routes)  # type: ignore[attr-defined]
    message = json.dumps(ask(app, "POST", "/api/tasks").json())
    assert str(project.folder) not in message


@pytest.mark.slow
def test_every_route_stands_what_its_schema_allows_and_forbids(project: Project) -> None:
    app = application(project)
    headers = {k: v for k, v in GOOD.items() if k != "content-type"}
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, headers=headers)
    seen = set()
    quick = settings(
        max_examples=6,
        database=None,
        derandomize=True,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    for result in schema.get_all_operations():
        operation = result.ok()
        takes = any(True for _ in operation.iter_parameters()) or bool(operation.body)
        for mode in GenerationMode if takes else [GenerationMode.POSITIVE]:

            @quick
            @given(case=operation.as_strategy(generation_mode=mode))
            def fuzz(case: Any) -> None:
                reply = case.call(headers=headers)
                # No schema can say which characters are seen, or that a note says something.
                beyond = ("can be printed", "a note is about", "a note has")
                if not (reply.status_code == 422 and any(one in reply.text for one in beyond)):
                    case.validate_response(reply)

            fuzz()
        seen.add(operation.path)
    # Files are no part of it: they take nothing.
    paths = {route.path for route in app.routes}  # type: ignore[attr-defined]
    assert seen == {path for path in paths if not path.startswith(("/static/", "/openapi"))}

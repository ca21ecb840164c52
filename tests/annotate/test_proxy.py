"""The page through a reverse proxy, in a browser: another name, and a path in front."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from .conftest import MakeProject, Site, View

pytestmark = pytest.mark.slow


class Proxy:
    """Answers below a path at a port of its own by what another port says."""

    def __init__(self, path: str, takes_path_away: bool, keeps_host: bool) -> None:
        self.to = 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if not self.path.startswith(path):
                    self.send_error(404)
                    return
                inner = self.path.removeprefix(path) if takes_path_away else self.path
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = dict(self.headers.items())
                if not keeps_host:
                    headers["Host"] = f"127.0.0.1:{proxy.to}"
                upstream = http.client.HTTPConnection("127.0.0.1", proxy.to)
                upstream.request(self.command, inner, body, headers)
                answer = upstream.getresponse()
                content = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "connection"):
                        self.send_header(name, value)
                if answer.status != 204:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                upstream.close()

            do_POST = do_GET  # noqa: N815 - the library's name

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self.server.server_address[1]}{path}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def make_proxy() -> Iterator[Callable[..., Proxy]]:
    made: list[Proxy] = []

    def make(path: str, takes_path_away: bool, keeps_host: bool) -> Proxy:
        made.append(Proxy(path, takes_path_away, keeps_host))
        return made[-1]

    yield make
    for proxy in made:
        proxy.server.shutdown()
        proxy.server.server_close()


@pytest.mark.parametrize(
    ("path", "takes_path_away", "keeps_host"),
    [("/proxy/8765", True, True), ("/alasl", False, False)],
)
def test_people_answer_through_a_proxy(
    make_project: MakeProject,
    make_proxy: Callable[..., Proxy],
    serve: Callable[..., Site],
    view: View,
    path: str,
    takes_path_away: bool,
    keeps_host: bool,
) -> None:
    project = make_project()
    project.ask([(0, 0), (1, 0), (2, 1)])
    proxy = make_proxy(path, takes_path_away, keeps_host)
    site = serve(project, public=proxy.url)
    proxy.to = site.port
    view.open(site)
    view.ready()
    assert view.page.url == f"{proxy.url}/{site.access.place}/"
    view.press("j")
    view.ready()
    view.press("k")
    view.ready()
    view.saved()
    assert project.said() == {(0, 0): 1, (1, 0): 0}
    cookies = {cookie["path"] for cookie in view.page.context.cookies()}
    assert cookies == {f"{path}/{site.access.place}"}

"""The routes of the page of whoever runs a project, behind a token of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from alasl.annotate.guard import OWN_STYLE, Access, Guard
from alasl.annotate.messages import Disagreements, Format, Paused, Settle, SettleNote, What
from alasl.annotate.owning import Owning
from alasl.annotate.pictures import Pictures, Size
from alasl.annotate.pieces import Thread, enter, handle_errors, html, jpeg, serve_file, template
from alasl.annotate.words import spoken

_HERE = Path(__file__).parent
# Of people's page it has the style, and the modules that stand on nothing else of that page.
_SHARED = ("annotate.css", "icon.svg", "dom.js", "values.js", "words.js")
_FILES = (*sorted((_HERE / "owner").iterdir()), *(_HERE / "static" / name for name in _SHARED))


def make_owner_app(owning: Owning, pictures: Pictures, access: Access, name: str) -> FastAPI:
    """The application of the owner's page; every request passes a guard of its own."""
    app = FastAPI(title="ALASL owner", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Guard, access=access)
    handle_errors(app)
    do, images = Thread("owner"), ThreadPoolExecutor(1, "owner-image")

    for file in _FILES:
        serve_file(app, file)

    @app.get("/", response_class=HTMLResponse)
    async def page(request: Request) -> Response:
        if access.opens(request.url.query):
            return enter(access)
        return html(
            template("owner.html.j2"),
            name=name or "ALASL",
            **spoken(request.cookies, request.headers),
        )

    @app.get("/images/{image}/{size}")
    async def picture(image: Annotated[int, InPath(ge=0, lt=2**31)], size: Size) -> Response:
        return await jpeg(pictures, images, image, size)

    @app.get("/report", response_class=HTMLResponse)
    async def report() -> Response:
        # It holds its own style, and says in itself that nothing else may be loaded.
        page = await do(owning.report)
        headers = {"cache-control": "no-store", "content-security-policy": OWN_STYLE}
        return HTMLResponse(page, headers=headers)

    @app.get("/api/overview")
    async def overview() -> dict[str, Any]:
        return await do(owning.overview)

    @app.get("/api/disagreements")
    async def disagreements() -> Disagreements:
        return await do(owning.disagreements)

    @app.get("/api/suspects")
    async def suspects() -> dict[str, Any]:
        found = owning.suspects
        return {"state": found.state, "why": found.why, **await do(owning.suspected)}

    @app.post("/api/suspects", status_code=204)
    async def look() -> None:
        owning.suspects.look()

    @app.post("/api/settle", status_code=204)
    async def settle(sent: Settle) -> None:
        await do(owning.settle, sent)

    @app.post("/api/note", status_code=204)
    async def note(sent: SettleNote) -> None:
        await do(owning.settle_note, sent)

    @app.post("/api/pause", status_code=204)
    async def pause(sent: Paused) -> None:
        await do(owning.pause, sent)

    @app.get("/api/export/{what}/{to}")
    async def export(what: What, to: Format) -> Response:
        name, content = await do(owning.export, what, to)
        headers = {
            "content-disposition": f'attachment; filename="{name}"',
            "cache-control": "no-store",
        }
        return Response(content, media_type="application/octet-stream", headers=headers)

    return app


class Doors:
    """One server, several doors: people's, that of whoever runs the project, Label Studio's.

    label_studio: what is below /label-studio/; None where nothing is.
    """

    def __init__(
        self, people: ASGIApp, owner: ASGIApp, access: Access, label_studio: ASGIApp | None = None
    ) -> None:
        self._people = people
        self._owner = owner
        self._access = access
        self._label_studio = label_studio

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lead a request to the application whose secret it names."""
        if scope["type"] != "http":
            await self._people(scope, receive, send)
            return
        public = self._access.public.path if self._access.public else ""
        path = scope["path"].removeprefix(public)
        query = scope["query_string"].decode("latin-1")
        ours = path.startswith(f"/{self._access.place}/") or (
            path == "/" and self._access.opens(query)
        )
        if self._label_studio is not None and path.startswith("/label-studio/"):
            await self._label_studio(scope, receive, send)
        else:
            await (self._owner if ours else self._people)(scope, receive, send)

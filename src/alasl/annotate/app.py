"""The routes: a page, its script and style, images by their row, and the steps of people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse, Response

from alasl.annotate import messages
from alasl.annotate.guard import Access, Guard
from alasl.annotate.pictures import SIDES, Pictures, Size
from alasl.annotate.pieces import (
    Jpeg,
    Thread,
    enter,
    handle_errors,
    html,
    jpeg,
    serve_file,
    template,
)
from alasl.annotate.tasks import Tasks, printable
from alasl.annotate.telling import Telling
from alasl.annotate.words import spoken
from alasl.annotate.writer import Writer

# Threads that decode images; of those above 16 megapixels one is decoded at a time, in at most 12
# bytes a pixel: 0.6 GB for 50 megapixels.
_IMAGE_THREADS = 2

_SENTENCE = {"content": {"application/json": {"schema": messages.Refused.model_json_schema()}}}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"description": HTTPStatus(code).phrase, **_SENTENCE}
    for code in (400, 403, 404, 409, 413, 415, 421, 422, 500, 503)
}


_STATIC = Path(__file__).parent / "static"


def make_app(handler: Tasks, pictures: Pictures, access: Access, name: str = "") -> FastAPI:
    """The application over a project's tasks and pictures; every request passes the guard.

    name: of the project.
    """
    write = Writer(handler.store)
    image_threads = ThreadPoolExecutor(_IMAGE_THREADS, "image")
    # What is only read, and may take a second, is not in the way of answers.
    telling, reading = Telling(handler.store), Thread("reading")

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        image_threads.shutdown(cancel_futures=True)
        reading.stop()
        write.stop()

    app = FastAPI(
        title="ALASL annotate",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        lifespan=lifespan,
        responses=_REFUSALS,
    )
    app.add_middleware(Guard, access=access)
    handle_errors(app)

    @app.get("/", response_class=HTMLResponse)
    async def page(request: Request) -> Response:
        """The page; the link with the token leads here, and leaves it in a cookie."""
        if access.opens(request.url.query):
            return enter(access)
        every = handler.store.everything().labels
        return html(
            template("page.html.j2"),
            name=name or "ALASL",
            labels=[(printable(label.name), label.fate == "here") for label in every],
            project=handler.project,
            sides={size: side for size, side in SIDES.items() if size != "huge"},
            modules=sorted(file.name for file in _STATIC.glob("*.js")),
            **spoken(request.cookies, request.headers),
        )

    for file in sorted(_STATIC.iterdir()):
        serve_file(app, file)

    @app.get("/images/{image}/{size}", response_class=Jpeg)
    async def picture(image: Annotated[int, InPath(ge=0, lt=2**31)], size: Size) -> Response:
        """An image by its row in the table, as JPEG."""
        return await jpeg(pictures, image_threads, image, size)

    @app.post("/api/tasks")
    async def tasks(sent: messages.TasksIn) -> messages.TasksOut:
        """Hand out images to be asked about."""
        return await write(lambda: handler.tasks(sent), durable=False)

    @app.post("/api/answers")
    async def answers(sent: messages.Answers) -> messages.Saved:
        """Take answers; they are on the disk when this returns."""
        return await write(lambda: handler.answer(sent))

    @app.post("/api/skip")
    async def skip(sent: messages.Skip) -> messages.Saved:
        """Leave an image to others."""
        return await write(lambda: handler.skip(sent))

    @app.post("/api/correct")
    async def correct(sent: messages.Correct) -> messages.Saved:
        """Take a correction of what is known."""
        return await write(lambda: handler.correct(sent))

    @app.post("/api/note")
    async def note(sent: messages.NoteIn) -> messages.Saved:
        """Keep a note for whoever runs the project."""
        return await write(lambda: handler.note(sent))

    @app.post("/api/mine")
    async def mine(sent: messages.Mine) -> messages.MineOut:
        """What a person said so far."""
        return await reading(handler.mine, sent)

    @app.get("/api/guide")
    async def guide() -> messages.Guide:
        """What people are told before they answer."""
        return await reading(telling.guide)

    @app.post("/api/meaning")
    async def meaning(sent: messages.Of) -> messages.Meaning:
        """Images that show what a label means."""
        return await reading(telling.meaning, sent.label)

    @app.post("/api/undo")
    async def undo(sent: messages.Undo) -> messages.Undone:
        """Take back the last step."""
        return await write(lambda: handler.undo(sent))

    @app.post("/api/renew")
    async def renew(sent: messages.By) -> messages.Renewed:
        """Hold on to what the person holds."""
        return await write(lambda: handler.renew(sent.person), durable=False)

    @app.post("/api/release", status_code=204)
    async def release(sent: messages.Held) -> None:
        """Give images back unanswered."""
        await write(lambda: handler.release(sent), durable=False)

    @app.post("/api/status")
    async def status(sent: messages.By) -> messages.Status:
        """Where the queue and the training stand."""
        return await write(lambda: handler.status(sent.person), durable=False)

    return app

"""What both pages of the server are made of: errors, templates, files of ours, pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from alasl.annotate.guard import Access
from alasl.annotate.pictures import Elsewhere, Missing, Pictures, Size
from alasl.annotate.tasks import NotThere, printable
from alasl.errors import AlaslError, ConflictError, DataError, ResourceError, UsageError
from alasl.files import as_resource_error

Result = TypeVar("Result")

# A page sends again what met a 409 or 5xx, which may pass; nothing else.
_STATUS: dict[type[AlaslError], int] = {
    NotThere: 404,
    UsageError: 422,
    ConflictError: 409,
    ResourceError: 503,
}
# The page's modules, style and icon, by how their names end.
_KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class Thread:
    """A thread of its own for what may take a second: calls wait for each other, nobody else."""

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, name)

    async def __call__(self, what: Callable[..., Result], *given: Any) -> Result:
        """What a function returns or raises."""
        return await asyncio.wrap_future(self._pool.submit(what, *given))

    def stop(self) -> None:
        """End; what waits is not begun."""
        self._pool.shutdown(cancel_futures=True)


class Jpeg(Response):
    """A picture."""

    media_type = "image/jpeg"


async def jpeg(pictures: Pictures, threads: ThreadPoolExecutor, image: int, size: Size) -> Response:
    """An image by its number, decoded in one of the threads."""
    loop = asyncio.get_running_loop()
    try:
        content = await loop.run_in_executor(threads, pictures.get, image, size)
    except DataError as error:
        kinds = {Missing: "missing", Elsewhere: "elsewhere"}
        # Where files lie is nobody's business. The page has a sentence of its own for each kind.
        return refused(404, error.what, kinds.get(type(error), "no-image"))
    return Jpeg(content, headers={"cache-control": "private, max-age=3600"})


def enter(access: Access) -> Response:
    """The answer to a link with a token: it leads to the page, and leaves the token in a cookie."""
    # Our own page leads on, not a redirect: a strict cookie is not sent on a redirect that began on
    # another site, say a chat that the link was clicked in.
    answer = html(template("enter.html.j2"), place=access.place)
    answer.headers["refresh"] = f"0; url={access.place}/"
    answer.set_cookie(
        access.cookie,
        access.token,
        path=f"{access.public.path if access.public else ''}/{access.place}",
        secure=bool(access.public and access.public.secure),
        httponly=True,
        samesite="strict",
    )
    return answer


def handle_errors(app: FastAPI) -> None:
    """Errors as JSON with one sentence; never what was sent, which may be no text."""

    @app.exception_handler(AlaslError)
    async def ours(_: Request, error: AlaslError) -> Response:
        kinds = (kind for kind in _STATUS if isinstance(error, kind))
        return refused(_STATUS.get(next(kinds, AlaslError), 500), str(error))

    @app.exception_handler(OSError)
    async def resources(_: Request, error: OSError) -> Response:
        resource = as_resource_error(error)
        if resource is None:
            raise error
        return refused(503, str(resource))

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return refused(422, f"{place}: {first['msg']}")

    @app.exception_handler(HTTPException)
    async def other(_: Request, error: HTTPException) -> Response:
        answer = refused(error.status_code, str(error.detail))
        answer.headers.update(error.headers or {})
        return answer


def refused(code: int, why: str, kind: str = "") -> Response:
    said = {"error": printable(why)} | ({"kind": kind} if kind else {})
    return JSONResponse(said, status_code=code, headers={"cache-control": "no-store"})


def html(template: Callable[..., str], **values: object) -> Response:
    return HTMLResponse(template(**values), headers={"cache-control": "no-store"})


@cache
def template(name: str) -> Callable[..., str]:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("alasl.annotate", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name).render


def serve_file(app: FastAPI, file: Path) -> None:
    """A file of ours, under its name and no other."""
    content, kind = file.read_bytes(), _KINDS[file.suffix]

    async def static(_: Request) -> Response:
        """A module, the style or the icon of the page."""
        # Asked anew with each load, so that a page never runs the modules of another version.
        return Response(content, media_type=kind, headers={"cache-control": "no-cache"})

    # Not `app.get`, which looks for what to read from a request: of all files a tenth of a second.
    app.add_route(f"/static/{file.name}", static, methods=["GET"], include_in_schema=False)

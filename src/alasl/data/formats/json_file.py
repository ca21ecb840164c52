"""JSON from a file, or a line of one: whatever is wrong is one clear error with its place."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alasl.errors import DataError
from alasl.files import readable

# Clocks and zones may differ by so many seconds.
_AHEAD = 86_400.0


def load(path: Path) -> Any:
    """What a JSON file in UTF-8 holds."""
    return _parse(_text(path), str(path))


def load_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """(line number, content) of each line of a JSON Lines file; blank lines are left out."""
    try:
        # Only "\n" ends a line here: other signs that may end one may stand in a name.
        with readable(path), path.open(encoding="utf-8-sig", newline="\n") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, _parse(line, f"{path}:{number}", whole_file=False)
    except UnicodeDecodeError:
        _text(path)  # raises, and says where


def dump(content: Any) -> str:
    """JSON in ASCII with escapes, which carries every name, a NUL and a lone surrogate too."""
    return json.dumps(content, ensure_ascii=True)


def moment(text: object, where: str) -> float | None:
    """Seconds since 1970 of an ISO 8601 time; None for None and for an empty text.

    A time without a zone is taken as UTC. Raises a `DataError` for anything else, and for a time
    more than a day ahead, as of a clock that is wrong or of milliseconds taken for seconds.
    """
    if text is None or text == "":
        return None
    try:
        if not isinstance(text, str):
            raise ValueError
        found = datetime.fromisoformat(text)
        seconds = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise DataError(
            "a time must be in ISO 8601, like 2026-01-31T23:59:59Z", where=where, seen=repr(text)
        ) from error
    if seconds > time.time() + _AHEAD:
        raise DataError("this time lies in the future", where=where, seen=repr(text))
    return seconds


def iso(at: float) -> str:
    """ISO 8601 in UTC, exact to the microsecond, of seconds since 1970."""
    return datetime.fromtimestamp(at, UTC).isoformat()


def _text(path: Path) -> str:
    with readable(path):
        content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            "the file is not UTF-8",
            where=str(path),
            seen=f"byte {error.start}: {error.object[error.start : error.start + 8]!r}",
            do="save it as UTF-8",
        ) from error


def _parse(text: str, where: str, *, whole_file: bool = True) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"{where}:{error.lineno}" if whole_file else where
        raise DataError("this is not valid JSON", where=place, seen=error.msg) from error
    except ValueError as error:  # e.g. a number of thousands of digits
        raise DataError("this JSON cannot be read", where=where, seen=str(error)) from error
    except RecursionError as error:
        raise DataError("the JSON is nested too deeply", where=where) from error

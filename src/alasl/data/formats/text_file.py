"""Files of plain lines."""

from __future__ import annotations

from pathlib import Path

from alasl.errors import DataError
from alasl.files import readable


def lines(file: Path) -> list[tuple[int, str]]:
    """The number of each line that is not blank, from 1, and its text without blanks at the end.

    Raises `DataError` where the file cannot be read, or is not UTF-8.
    """
    try:
        with readable(file):
            text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError("the file is not UTF-8", where=str(file)) from error
    return [(n, line.rstrip()) for n, line in enumerate(text.splitlines(), 1) if line.strip()]

"""Counts in sentences."""

from __future__ import annotations


def counted(count: int, one: str, many: str | None = None) -> str:
    """A count with its noun.

    many: the noun's plural; None for `one` with an s.

    >>> counted(1, "image"), counted(2, "entry", "entries")
    ('1 image', '2 entries')
    """
    return f"{count} {one if count == 1 else many or one + 's'}"

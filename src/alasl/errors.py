"""Every error that ALASL raises on purpose: what, where, what was seen, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class AlaslError(Exception):
    """An error a user can act on; the command line prints it and exits with `exit_code`.

    Reads as `where: what; seen ...` with what to do, and further cases, on lines of their own.
    """

    exit_code = 1

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        seen: str | None = None,
        do: str | None = None,
        more: Sequence[str] = (),
    ) -> None:
        self.what = what
        # "." says nothing to who reads it later.
        self.where = str(Path.cwd()) if where == "." else where
        self.seen = seen
        self.do = do
        self.more = tuple(more)
        super().__init__(self.render())

    def render(self, shown: int = 5) -> str:
        """The message, with the first `shown` further cases and a count of the rest."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        if self.seen is not None:
            head += f"; seen: {self.seen}"
        lines = [head, *(f"  {case}" for case in self.more[:shown])]
        if len(self.more) > shown:
            lines.append(f"  and {len(self.more) - shown} more")
        if self.do:
            lines.append(f"  {self.do}")
        return "\n".join(lines)


class UsageError(AlaslError):
    """A setting or an option is unknown, missing or out of its range."""

    exit_code = 2


class DataError(AlaslError):
    """A file, an image, a label or a weight does not hold what it should."""

    exit_code = 3


class NothingToDo(AlaslError):  # noqa: N818 - not a failure, an outcome
    """The pool is empty, the budget is spent, or nothing is unknown."""

    exit_code = 4


class ResourceError(AlaslError):
    """The disk is full, a folder is read-only, memory or a port cannot be had."""

    exit_code = 5


class ConflictError(AlaslError):
    """Two things contradict each other: two answers, two runs in one folder, two configurations."""

    exit_code = 6

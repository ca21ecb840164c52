"""Which names a change of labels may use: of labels there are, and for those that come of it."""

from __future__ import annotations

from collections.abc import Sequence

from alasl.data.alike import Alike, spelled
from alasl.errors import ConflictError, DataError, UsageError
from alasl.project.scheme import Fate, Scheme


def numbers(now: Scheme, names: Sequence[str]) -> list[int]:
    """The numbers of labels of the table, each named once."""
    here = {now.labels[n].name: int(n) for n in now.cols}
    alike = Alike((name, name) for name in here)
    lost = [name for name in names if name not in here]
    if lost:
        near = {name: alike.nearest(name) for name in lost}
        raise DataError(
            f"the table has no such {'label' if len(lost) == 1 else 'labels'}",
            more=[repr(n) + (f"; nearest: {near[n]!r}" if near[n] else "") for n in lost],
        )
    if len({*names}) < len(names):
        raise UsageError("a label is named twice", seen=", ".join(map(repr, names)))
    return [here[name] for name in names]


def refuse_own(now: Scheme, into: Sequence[str], before: Sequence[int]) -> None:
    """Raise a `ConflictError` where what comes of labels would be called as one of them."""
    for name in into:
        if spelled(name) in {spelled(now.labels[n].name) for n in before}:
            raise ConflictError(
                f"files from before mean the old label by {name!r}, so what comes of it needs "
                "another name",
                do="choose a new name",
            )
        refuse_former(now, name)


def refuse_former(
    now: Scheme,
    name: str,
    but: int | None = None,
    fates: Sequence[Fate] = ("here", "merged", "split", "removed"),
) -> None:
    """Raise a `ConflictError` where a name was another label's: older files mean that one by it."""
    for number, one in enumerate(now.labels):
        names = {*one.former, *(() if one.fate == "here" else (one.name,))}
        if number != but and one.fate in fates and spelled(name) in map(spelled, names):
            raise ConflictError(
                f"{name!r} was the name of another label, which files from then mean by it",
                do="choose a new name",
            )


def refuse_taken(now: Scheme, names: Sequence[str], but: Sequence[int] = ()) -> None:
    """Raise a `ConflictError` where a name is another label's, `UsageError` where it is none."""
    if not names:
        raise UsageError("name a label")
    for name in names:
        if not name.strip() or name != name.strip() or "\0" in name:
            raise UsageError("this cannot be the name of a label", seen=repr(name))
    if len({*map(spelled, names)}) < len(names):
        raise UsageError("a label is named twice", seen=", ".join(map(repr, names)))
    here = {spelled(now.labels[n].name): now.labels[n].name for n in now.cols if n not in but}
    taken = [here[spelled(name)] for name in names if spelled(name) in here]
    if taken:
        raise ConflictError("labels of these names are there already", more=[*map(repr, taken)])

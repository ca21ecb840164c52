"""Rules between labels from a CSV file: `child,parent` and `a,excludes,b`, a rule a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alasl.data.formats.rows import read_rows
from alasl.data.names import Names
from alasl.errors import DataError
from alasl.project.changes import Changed, LabelChange
from alasl.project.store import Store

Pairs = tuple[tuple[str, str], ...]

_HEADER = ["child", "parent"]


@dataclass(frozen=True)
class Taxonomy:
    """Rules by the labels' names, as the file has them, each with where it stands."""

    implies: Pairs
    excludes: Pairs
    where: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All labels that the rules name, in order."""
        return tuple(dict.fromkeys(n for pair in (*self.implies, *self.excludes) for n in pair))


def read_taxonomy(path: Path) -> Taxonomy:
    """The rules of a file. Raises `DataError` with the lines that are none."""
    implies: list[tuple[str, str]] = []
    excludes: list[tuple[str, str]] = []
    where: dict[str, str] = {}
    bad = []
    for line, cells in read_rows(path):
        match [cell for cell in cells if cell]:
            case header if not implies and [*map(str.casefold, header)] == _HEADER:
                continue
            case [child, parent] if child != parent:
                implies.append((child, parent))
            case [one, how, other] if how.casefold() == "excludes" and one != other:
                excludes.append((one, other))
            case [one, how, other] if how.casefold() == "implies" and one != other:
                implies.append((one, other))
            case _:
                bad.append(f"{path}:{line}: {','.join(cells)}")
                continue
        for cell in cells:
            where.setdefault(cell, f"{path}:{line}")
    if bad or not (implies or excludes):
        raise DataError(
            f"{len(bad)} lines are no rule" if bad else "there is no rule in the file",
            where=str(path),
            more=bad,
            do="a line is `child,parent` or `label,excludes,label`",
        )
    names = dict.fromkeys(n for pair in (*implies, *excludes) for n in pair)
    return Taxonomy(tuple(implies), tuple(excludes), tuple(where[name] for name in names))


def take_taxonomy(
    store: Store, path: Path, person: str, *, add: bool = False, dry_run: bool = False
) -> Changed:
    """Let the rules of a file take the place of all rules that people stated before.

    add: whether parents that the table does not have become labels. Raises `DataError` for other
    names that are no label.
    """
    store.refresh()
    found = read_taxonomy(path)
    parents = dict.fromkeys(parent for _, parent in found.implies)
    new = tuple(name for name in parents if add and name not in store.names)
    _refuse_lost((*store.names, *new), found, path)
    rule = LabelChange("rule", implies=found.implies, excludes=found.excludes, anew=True)
    first = [LabelChange("add", new)] if new else []
    return store.change(person, *first, rule, dry_run=dry_run)


def _refuse_lost(labels: Sequence[str], found: Taxonomy, path: Path) -> None:
    known = Names((), {name: place for place, name in enumerate(labels)}, "rules")
    for name, where in zip(found.names, found.where, strict=True):
        if name not in labels:
            # Nothing that is only alike is taken: a rule is about one label.
            known.lose("label", name, where)
    known.refuse_lost(path)

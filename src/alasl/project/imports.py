"""From files to a project: the answers and decisions in them."""

from __future__ import annotations

from pathlib import Path

from alasl.data.formats.base import Empty
from alasl.project import exchange
from alasl.project.folder import Project
from alasl.project.records import Imported, OnContradiction


def import_file(
    project: Project,
    path: Path,
    *,
    format: str | None = None,
    person: str | None = None,
    empty: Empty | None = None,
    on_conflict: OnContradiction = "refuse",
) -> Imported:
    """Take the answers of a file, all or none of them; see `Store.import_answers`.

    person: who answered, where the file does not say; by default the file's name stands for them.
    """
    store = project.store
    source = path.name
    told = exchange.read(
        path, format, store.images, store.names, person=person or source, empty=empty
    )
    return store.import_answers(source, told, on_conflict=on_conflict)


def resolve_file(project: Project, path: Path, person: str) -> int:
    """Settle the entries that a file `image,label,answer` answers; how many."""
    store = project.store
    told = exchange.read(path, "queue", store.images, store.names, person=person)
    for one in told:
        store.resolve(person, one.image, one.label, one.value)
    return len(told)

"""From files to a project: the answers and decisions in them, and other models' predictions."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from alasl.data.alike import spelled
from alasl.data.evidence import Predictions, check_sources
from alasl.data.formats.base import Empty
from alasl.project import exchange
from alasl.project.folder import Project, keep
from alasl.project.records import Answer, Imported, OnContradiction

_log = logging.getLogger(__name__)


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
    scheme = store.everything()
    images, names = scheme.image_numbers, scheme.label_numbers
    answers = exchange.read(path, format, images, names, person=person or source, empty=empty)
    gone = sum(scheme.labels[one.label].fate == "removed" for one in answers)
    if gone:
        _log.warning(
            "%s: %d answers are kept, but not in the table: their labels were taken out",
            *(path, gone),
        )
    called = _called_alike(answers, [*store.progress().people], path)
    to_queue = exchange.answers_queue(path, format)
    return store.import_answers(source, called, on_conflict=on_conflict, to_queue=to_queue)


def _called_alike(answers: list[Answer], people: list[str], path: Path) -> list[Answer]:
    """The answers, by each person's name as the project has it, or as it stands first in the file.

    Names that differ in their case, blanks or Unicode form are one person's, of which a warning
    tells, but where the project tells two people apart by just that.
    """
    called: dict[str, str] = {}
    for name in [*people, *(one.person for one in answers)]:
        called.setdefault(spelled(name), name)
    names = {one.person: called[spelled(one.person)] for one in answers if one.person not in people}
    for name, known in names.items():
        if name != known:
            _log.warning("%s: %r is taken for %r", path, name, known)
    return [replace(one, person=names.get(one.person, one.person)) for one in answers]


def import_predictions(project: Project, path: Path, name: str) -> Predictions:
    """Keep what another model predicts, as evidence beside all answers, and none of them.

    They take the place of predictions of the same name; the next training learns with them.
    Raises `UsageError` where the project's model does not take any.
    """
    from alasl.models.prepare import refuse_evidence
    from alasl.models.registry import resolve

    settings, store = project.settings, project.store
    refuse_evidence(resolve(settings.model, settings.training()))
    source = replace(project.read_predictions(str(path)), name=name)
    check_sources(sorted({name, *(each.name for each in project.predictions())}))
    keep(source, store.scheme.rows, store.scheme.cols, project.folder)
    return source


def resolve_file(project: Project, path: Path, person: str) -> tuple[int, int]:
    """Settle the entries that a file `image,label,answer` answers; how many, and how many were.

    All of them, or none where one cannot be.
    """
    store = project.store
    scheme = store.everything()
    images, names = scheme.image_numbers, scheme.label_numbers
    answers = exchange.read(path, "queue", images, names, person=person)
    with store.together():
        new = sum(store.resolve(person, one.image, one.label, one.value) for one in answers)
    return new, len(answers) - new

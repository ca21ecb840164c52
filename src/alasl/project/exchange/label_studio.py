"""Label Studio: a query as tasks with predictions, answers from its full JSON export, and to it.

`CONFIG` is the labelling interface that such a project needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from alasl.data.formats.base import NamedAnswer, Options
from alasl.data.formats.label_studio import holds, read_tasks
from alasl.data.formats.label_studio_tasks import CONFIG, Guess, Task, tasks_of, write_tasks
from alasl.project.exchange.base import Asked, Query, exchange

__all__ = ["CONFIG"]


def _read(path: Path, options: Options) -> Iterable[NamedAnswer]:
    return read_tasks(path, options.empty).answers


def _write(path: Path, answers: Sequence[NamedAnswer]) -> None:
    write_tasks(path, tasks_of(answers))


def _write_query(path: Path, query: Query) -> None:
    """A task an image, in the order of the query, with its first entry's priority."""
    by_image: dict[str, list[tuple[str, Asked]]] = {}
    for image, label, asked in query.asked:
        by_image.setdefault(image, []).append((label, asked))
    tasks = [
        Task(
            image,
            tuple(label for label, _ in asked),
            _guess(query.model, asked),
            questions={label: one.question for label, one in asked if one.question},
        )
        for image, asked in by_image.items()
    ]
    write_tasks(path, tasks, prefix=query.prefix)


def _guess(model: str, asked: Sequence[tuple[str, Asked]]) -> Guess:
    likely = tuple(label for label, one in asked if (one.probability or 0.0) >= 0.5)
    return Guess(model, likely, max(one.priority for _, one in asked))


exchange(
    "label-studio",
    "Label Studio's full JSON export, tasks to import",
    holds=holds,
    write=_write,
    write_query=_write_query,
)(_read)

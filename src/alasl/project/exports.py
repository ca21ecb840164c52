"""From a project to files: the queue, the table, the answers, and where people disagree."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from alasl.data.formats import FORMATS as TABLES
from alasl.data.formats import write as write_table
from alasl.data.formats.rows import row, write_lines
from alasl.errors import NothingToDo, UsageError
from alasl.evaluate.suspects import Ranked
from alasl.files import replacing
from alasl.project import exchange
from alasl.project.exchange import Asked
from alasl.project.folder import Project
from alasl.project.records import Disagreement

_log = logging.getLogger(__name__)

What = Literal["table", "answers", "queue"]


def write_queue(project: Project, out: Path, format: str = "queue", prefix: str = "") -> int:
    """Write what is still to be asked, each entry once, best first; how many entries."""
    store = project.store
    entries = list({(q.image, q.label): q for q in store.queue() if not q.done}.values())
    if not entries:
        raise NothingToDo("the queue is empty", do=f"fill it: alasl suggest {project.folder}")
    many = len(entries)
    asked = [
        Asked(q.image, q.label, q.probability, 1 - place / many, q.question)
        for place, q in enumerate(entries)
    ]
    model = entries[0].model or ""
    exchange.write_query(out, format, store.images, store.names, asked, model=model, prefix=prefix)
    return many


def formats_of(what: str) -> list[str]:
    """Names of the formats in which a table, answers or the queue can be written."""
    if what == "table":
        return sorted(name for name, one in TABLES.items() if one.write)
    return list(exchange.formats("write_query" if what == "queue" else "write"))


def export(project: Project, out: Path, format: str, what: What, prefix: str = "") -> int:
    """Write the table as it is now, what each person said, or the queue; how many entries."""
    store = project.store
    if what == "queue":
        return write_queue(project, out, format, prefix)
    if what == "table":
        if not TABLES.knows(format):
            raise UsageError(
                f"a table cannot be written as {format!r}",
                do=f"there are: {', '.join(TABLES)}; for what is to be asked: --what queue",
            )
        table = store.labels()
        write_table(table, out, format)
        return table.filled
    everything, told = store.everything(), store.answers(ever=True)
    # What was said of a label that was merged or split says something of those that came of it: so
    # it goes by its own name, by which it can be imported.
    fates = [label.fate for label in everything.labels]
    answers = [
        one
        for one in told
        if everything.row_of[one.image] >= 0 and fates[one.label] in {"here", "merged", "split"}
    ]
    if not answers:
        raise NothingToDo("nobody has answered anything yet", where=str(project.folder))
    if len(told) > len(answers):
        _log.warning(
            "%d answers to labels or images that are not in the table any more are left out",
            len(told) - len(answers),
        )
    names = [label.name for label in everything.labels]
    exchange.write(out, format, everything.images, names, answers)
    return len(answers)


def write_suspects(project: Project, found: Sequence[Ranked], out: Path) -> None:
    """Write given entries that are likely wrong, with a column to fill in for `resolve`."""
    store = project.store
    rows = [
        row(store.images[i], store.names[j], str(side.value), f"{p:.4f}", "")
        for side in found
        for i, j, p in side
    ]
    with replacing(out) as beside:
        write_lines(beside, [row("image", "label", "given", "probability", "answer"), *rows])


def write_disagreements(project: Project, found: Sequence[Disagreement], out: Path) -> None:
    """Write entries on which people disagree, with who said what and a column to fill in.

    Entries that contradict each other by a rule between labels are among them, each by itself.
    """
    store = project.store
    also = {
        (c.row, label): f"{c.values[n]}, against {store.names[c.labels[1 - n]]!r} {c.values[1 - n]}"
        for c in store.contradictions()
        for n, label in enumerate(c.labels)
    }
    for d in found:
        also.pop((d.image, d.label), None)
    rows = [
        row(
            store.images[d.image],
            store.names[d.label],
            "; ".join(f"{who}: {value}" for who, value in d.answers.items()),
            "",
        )
        for d in found
    ]
    rows += [
        row(store.images[i], store.names[j], answers, "")
        for (i, j), answers in sorted(also.items())
    ]
    with replacing(out) as beside:
        write_lines(beside, [row("image", "label", "said", "answer"), *rows])

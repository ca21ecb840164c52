"""`alasl status`: where a project stands, and what to do next."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from alasl.cli import options
from alasl.cli.train import lines as training_lines
from alasl.counting import counted
from alasl.data.presence import in_words
from alasl.project.ground import SPOKEN

if TYPE_CHECKING:
    from alasl.project.overview import Overview, PersonState

# Notes that are shown in a terminal; --json has all.
MOST_NOTES = 20


@click.command("status")
@options.project_argument
@click.option("--labels", is_flag=True, help="Also what the model is worth for each label.")
@options.json_option
def command(project: Path, labels: bool, as_json: bool) -> None:
    """Show where PROJECT stands: answers, people, agreement, what the model is worth."""
    from alasl.project.folder import load
    from alasl.project.overview import overview

    state = overview(load(project))
    if as_json:
        options.print_json(state.to_dict())
        return
    for text in lines(state):
        click.echo(text)
    if labels:
        for text in label_lines(state):
            click.echo(text)


def lines(state: Overview) -> Iterator[str]:
    """The state in a few lines for a terminal."""
    yield f"{state.name}: {sizes(state)} images, {counted(len(state.labels), 'label')}"
    gone = f", {state.gone} of them in images or labels that have left" if state.gone else ""
    yield (
        f"entries: {state.answers} answered{gone}; of the pool {state.given} known at first, "
        f"{state.unknown} unknown, of which people could not tell {state.untold}"
    )
    if state.by_presence:
        yield in_words(state.by_presence, len(state.labels))
    if state.bound or state.automatic:
        yield f"answered automatically: {state.automatic}, {state.promise}"
    for source in state.predictions:
        yield (
            f"predictions {source.name}: of {source.entries} entries, in {source.images} images "
            f"and {source.labels} labels"
        )
    size, left = state.queue
    parts = ((state.again, "second looks"), (state.others, "for another person to answer"))
    of = "".join(f", {many} of them {what}" for many, what in parts if many)
    yield f"queue of round {state.round}: {counted(size, 'answer')} wanted, {left} left{of}"
    if state.trainings:
        names = [label.name for label in state.labels]
        yield from training_lines(state.trainings[-1], names, state.audit)
        if state.breaks:
            last = state.breaks[-1]
            since = counted(state.trainings[last.training].answers, "answer")
            yield f"from {since} on mAP is {last.why}: compare it since then only"
        yield from map(str, state.doubts)
    else:
        yield "no model has been trained yet"
    for person in state.people:
        gold = f", {person.right} of {person.checked} right" if person.checked else ""
        alpha = "" if person.alpha is None else f", agreement {person.alpha:.2f}"
        again = f" ({person.again} more to the same entries)" if person.again else ""
        said = f"{counted(person.answers, 'answer')}{again}, {_time(person)}"
        yield f"  {person.name}: {said}{gold}{alpha}"
    # All said the same of all: there is no chance agreement to compare with.
    if state.alpha.entries and not math.isnan(state.alpha.value):
        yield f"agreement (alpha) {state.alpha.value:.2f} over {state.alpha.entries} entries"
    if state.inferred:
        yield f"of the known, {state.inferred} follow from others by the rules between labels"
    if state.contradictions:
        pairs = counted(state.contradictions, "pair")
        yield f"{pairs} of entries against these rules: alasl resolve"
    if state.disagreements:
        ties = counted(state.disagreements, "entry", "entries")
        yield f"{ties} answered both ways as often: alasl resolve"
    for note in state.notes[:MOST_NOTES]:
        about = [] if note.label is None else [f"label {note.label!r} is unclear"]
        about += [] if note.image is None else [f"image {note.image!r}"]
        yield f"note of {note.person}: {', '.join(about)}{note.text and ': '}{note.text}"
    if len(state.notes) > MOST_NOTES:
        yield f"and {counted(len(state.notes) - MOST_NOTES, 'note')} more"
    if state.plan:
        yield state.plan.beside(state.answers, state.trainings)
    if state.left:
        yield str(state.advice)
    for trouble in state.troubles:
        yield f"not as it should be: {trouble}"
    yield state.next


def _time(person: PersonState) -> str:
    """What a person's answers took, where that was measured."""
    if not person.seconds:
        return "no time measured"
    of = f" for {person.timed} of them" if 0 < person.timed < person.answers else ""
    return f"{person.seconds / 60:.1f} min{of}"


def label_lines(state: Overview) -> Iterator[str]:
    """A table of the labels: each figure in per cent, with its 95 % interval or why it is none."""
    yield "n test images are known to have the label; figures in per cent, with 95 % intervals"
    rows = [("label", "n", "AP", *SPOKEN.values())]
    for label in state.labels:
        cells = [] if label.ap is None else [_cell((label.ap, *(label.interval or ())))]
        cells = cells or [label.lacks.get("ap", "-")]
        for name in SPOKEN:
            told, why = label.figures.get(name), label.lacks.get(name, "-")
            # What holds of several figures is said once.
            cells.append(_cell(told) if told else "-" if why in cells else why)
        rows.append((label.name, str(label.tested), *cells))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()


def _cell(told: Sequence[float]) -> str:
    value, *ends = told
    return f"{value:.1f}" + (f" ({ends[0]:.1f} to {ends[1]:.1f})" if ends else "")


def sizes(state: Overview) -> str:
    """The images of each part that has any."""
    return ", ".join(f"{count} {role}" for role, count in state.sizes.items() if count)

"""`alasl train`: a model of what people said so far, and what it is worth."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alasl.cli import options
from alasl.counting import counted
from alasl.errors import NothingToDo
from alasl.project.ground import SPOKEN

if TYPE_CHECKING:
    from alasl.project.ground import Figures, Ground
    from alasl.project.records import Training


@click.command("train")
@options.project_argument
@options.trust_option
@options.download_option
@options.json_option
@options.quiet_option
def command(project: Path, trust: bool, as_json: bool) -> None:
    """Train PROJECT's model on everything known by now, and judge it on the test set.

    Where not every entry of the test set is known, mAP is estimated from what chance asked of it.
    """
    from alasl.project.driver import Driver

    opened = options.open_to_work(project, trust)
    with opened.training():
        driver = Driver(opened, options.Bar("features", "image"), trust=trust)
        training = driver.train()
    if training is None:
        raise NothingToDo(
            "nothing is known yet outside the test set, so there is nothing to train on",
            where=str(project),
            do=f"get first answers: alasl suggest {project}",
        )
    doubts = driver.doubts(training)
    if as_json:
        options.print_json(training_dict(training, doubts))
    else:
        for text in (*lines(training, opened.store.names, opened.settings.audit), *doubts):
            click.echo(text)


def training_dict(training: Training, doubts: Sequence[str]) -> dict[str, Any]:
    """A training as JSON takes it, with why what is said of it may be wrong."""
    return {**dataclasses.asdict(training), "doubts": doubts}


def lines(training: Training, names: Sequence[str], audit: float) -> Iterator[str]:
    """A training in words: its mAP with the interval and what it rests on, or why it has none.

    names: of the labels. audit: the share of answers that the audit has.
    """
    ground = training.ground
    of = f"after {counted(training.answers, 'answer')} ({training.model})"
    if ground is None:
        # Of a version that judged by known entries alone.
        worth = "undefined" if training.map is None else f"{training.map:.2f} %"
        yield f"mean AP {worth} {of}, on {training.judged}: train anew to have mAP estimated"
        return
    if training.map is None or ground.map is None:
        yield f"nothing can be judged yet, {of}: {reasons(ground.left_out, names)}"
        if audit:
            yield "answer what chance asks of the test images: alasl suggest, alasl annotate"
        else:
            yield "let chance ask about the test images: set audit = 0.25 in project.toml"
        return
    low, high = ground.map
    over = _over(training)
    sure = f"95 % interval {low:.1f} to {high:.1f}"
    yield f"mAP {training.map:.1f} % ({sure}){over} {of}, by {ground.on}"
    if ground.gain == (0, 0, 0):
        # Where answers came in, too: absents of labels known by presence may change nothing.
        yield "no gain over the last training: the model says the same of the test images"
    elif ground.gain:
        gain, low, high = ground.gain
        alike = "" if ground.complete else ", both judged by all answers"
        sure = f"{low:+.1f} to {high:+.1f}"
        yield f"gained since the last training{alike}: {gain:+.1f} points ({sure})"
    yield from _figures(ground)
    if ground.left_out:
        yield f"without {counted(len(ground.left_out), 'label')}: {reasons(ground.left_out, names)}"
    if "f1" in ground.figures:
        left = ground.figures["precision"].left_out
        more = {col: why for col, why in left.items() if col not in ground.left_out}
        if more:
            yield f"not all figures of {counted(len(more), 'label')}: {reasons(more, names)}"


def _over(training: Training) -> str:
    """Of how many labels mAP is the mean, where these are not all that there are now."""
    here = sum(ap is not None for ap in training.ap)
    if here < len(training.over):
        return f" over {len(training.over)} labels, of which {here} are still there"
    return f" over {here} of {len(training.ap)} labels" if here < len(training.ap) else ""


def _figures(ground: Ground) -> Iterator[str]:
    """The means over labels of what the model calls present, and of what its probabilities say."""
    of = {name: each for name, each in ground.figures.items() if each.mean is not None}
    called = [
        f"{SPOKEN[name]} {_told(of[name])}" for name in ("precision", "recall", "f1") if name in of
    ]
    if called:
        over = of["recall"].over if "recall" in of else 0
        yield f"called present, means over {counted(over, 'label')}: {', '.join(called)}"
    if "prevalence" in of and "calibration" in of:
        judged = of["prevalence"]
        whose = "" if judged.over == len(judged.labels) else " of these labels"
        yield (
            f"present are {_told(judged)} of the entries{whose}; probabilities are off by "
            f"{_told(of['calibration'], 'points')}"
        )


def _told(figure: Figures, unit: str = "%") -> str:
    if figure.mean is None:
        return "unknown"
    value, low, high = figure.mean
    return f"{value:.1f} {unit} ({low:.1f} to {high:.1f})"


def reasons(left_out: dict[int, str], names: Sequence[str]) -> str:
    """Why labels have no AP, a few of them by name."""
    by_reason: dict[str, list[str]] = {}
    for column, reason in left_out.items():
        by_reason.setdefault(reason, []).append(names[column])
    return "; ".join(
        f"{', '.join(few[:5])}{f' and {len(few) - 5} more' if few[5:] else ''} ({reason})"
        for reason, few in by_reason.items()
    )

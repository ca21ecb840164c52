"""What a run comes to: its headline numbers, one plain sentence, and the table of its rounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from alasl.advice import Advice
from alasl.figures import run_names, thousands
from alasl.metrics import area_under_cost, increase_per_answer, undefined
from alasl.record import Record
from alasl.report.sure import interval

SCHEMA_VERSION = 1


def summary(record: Record) -> dict[str, Any]:
    """The headline numbers of a run, finished or not, as JSON takes them; None where undefined.

    mAPs and the area in per cent, `increase_per_answer` (I) in mAP points per answer, cost in
    answers. `map_final` is the last round's mAP by the setting `summary`, `map_first` that of round
    0; `map_last` and `map_best` are the last round's mAP after its last and its best epoch.
    `unanswered`: questions that the oracle could not answer, as its table does not know either.
    95 % intervals over images of the same kind, None where there are none: `intervals`, of
    `map_first` and `map_final`; `gain_interval`, of what the latter has over the former on the same
    images; `increase_interval`, of `increase_per_answer`; `area_interval`, of `area_under_cost`.
    Where not every entry of the test set is known there is no mAP: `known_first` and `known_final`
    are the mean AP of the entries that are, and no estimate of it.
    """
    return {**_summary(record), "area_interval": interval(record, area_under_cost)}


def _summary(record: Record) -> dict[str, Any]:
    """All but the interval that takes the moves of all rounds."""
    settings, start, maps, costs = record.settings, record.start, record.maps, record.costs
    last = record.evaluations[-1] if record.evaluations else None
    complete = start.test_known == 1
    gain, cost = (record.gain_intervals[-1], costs[-1]) if last else (None, 0)
    figures = {
        "map_first": maps[0] if last and complete else math.nan,
        "map_final": maps[-1] if last and complete else math.nan,
        "map_last": last.map_last if last and complete else math.nan,
        "map_best": last.map_best if last and complete else math.nan,
        "known_first": maps[0] if last and not complete else math.nan,
        "known_final": maps[-1] if last and not complete else math.nan,
        "increase_per_answer": increase_per_answer(maps, costs) if last else math.nan,
        "area_under_cost": area_under_cost(costs, maps) if last else math.nan,
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "done": record.done,
        "data": start.data,
        "strategy": settings.strategy,
        "seed": settings.seed,
        "summary": settings.summary,
        "sizes": {**start.sizes, "labels": len(start.names)},
        "unknown": start.unknown,
        "rounds": last.round if last else 0,
        "rounds_planned": settings.rounds,
        "images": last.images if last else 0,
        "cost": cost,
        "unanswered": _unanswered(record),
        **{name: None if math.isnan(value) else value for name, value in figures.items()},
        "intervals": [record.intervals[k] for k in (0, -1)] if last else None,
        "gain_interval": gain,
        "increase_interval": [end / cost for end in gain] if gain and cost else None,
        "test_known": start.test_known,
        "undefined": list(undefined(last.ap, start.names)) if last else [],
        "seconds": sum(e.seconds for e in record.evaluations),
        "advice": _told(record.advice),
        "advice_out_of_fold": _told(record.out_of_fold_advice),
        "automatic": _automatic(record),
    }


def _unanswered(record: Record) -> int:
    asked = (image.answers for step in record.rounds for image in step.asked)
    return sum(value < 0 for answers in asked for value in answers.values())


def _told(advice: Advice | None) -> dict[str, Any] | None:
    return None if advice is None else {**asdict(advice), "says": str(advice)}


def _automatic(record: Record) -> dict[str, Any] | None:
    """The last training's automatic answers; None where there were to be none."""
    judged = record.out_of_fold[-1] if record.out_of_fold else None
    if judged is None or judged.absent is None or judged.present is None:
        return None
    sides = {
        name: {"given": sum(side.given), "wrong": sum(side.wrong)}
        for name, side in (("absent", judged.absent), ("present", judged.present))
    }
    return {"bound": record.settings.auto, "given": judged.given, "wrong": judged.wrong, **sides}


def advice_lines(record: Record) -> list[str]:
    """What more answers would bring, and what was answered automatically, a plain line for each."""
    lines = []
    if record.advice:
        lines.append(f"By the test set: {_lowered(str(record.advice))}")
    if record.out_of_fold_advice:
        lines.append(
            "By the clean set, seen by models that did not train on it: "
            f"{_lowered(str(record.out_of_fold_advice))}"
        )
    if told := _automatic(record):
        share = f" ({told['wrong'] / told['given']:.1%})" if told["given"] else ""
        lines.append(
            f"Automatic: {_plural(told['given'], 'answer')} "
            f"({thousands(told['absent']['given'])} absent, "
            f"{thousands(told['present']['given'])} present), "
            f"{thousands(told['wrong'])} of them wrong{share}."
        )
    return lines


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def headline(record: Record) -> str:
    """The run in plain words: mAP before and after, the answers used, points per 1 000 answers."""
    s = _summary(record)
    if not record.evaluations:
        return "The run has not evaluated anything yet."
    unfinished = (
        ""
        if s["done"]
        else f"The run is unfinished: {s['rounds']} of {s['rounds_planned']} rounds so far. "
    )
    first, final = record.maps[0], record.maps[-1]
    if math.isnan(first) or math.isnan(final):
        return (
            f"{unfinished}Nothing can be judged: no label has a known present and a known absent "
            "entry in the test set."
        )
    metric = record.metric
    lines = _limits(s)
    if record.sure:
        tested = _plural(record.start.sizes["test"], "test image")
        lines.insert(0, f"In brackets: 95 % intervals, by {tested}, of which all is known.")
    after = "".join(f" {line}" for line in lines)
    sure = [_interval(pair) for pair in s["intervals"]]
    gained = _interval(s["gain_interval"], "+.1f")
    each = s["increase_interval"]
    increased = _interval(each and [1000 * end for end in each], "+.2f")
    if not s["cost"]:
        return f"{unfinished}{metric} is {final:.1f} %{sure[1]} before any answer.{after}"
    change = record.gains[-1]
    verb = "rose" if change > 0 else "fell" if change < 0 else "went"
    return (
        f"{unfinished}{metric} {verb} from {first:.1f} %{sure[0]} to {final:.1f} %{sure[1]} over "
        f"{_plural(s['rounds'], 'round')} of asking, for {_plural(s['cost'], 'answer')} on "
        f"{_plural(s['images'], 'image')}: {change:+.1f} points{gained}, or "
        f"{1000 * s['increase_per_answer']:+.2f} points per {thousands(1000)} answers{increased}."
        f"{after}"
    )


def _interval(pair: Sequence[float] | None, form: str = ".1f") -> str:
    return "" if pair is None else f" ({pair[0]:{form}} to {pair[1]:{form}})"


def limit_lines(record: Record) -> list[str]:
    """What a table that does not know everything leaves open, a plain line for each."""
    return _limits(_summary(record))


def _limits(s: Mapping[str, Any]) -> list[str]:
    lines = []
    if s["test_known"] < 1:
        known = math.floor(100 * s["test_known"])
        lines.append(
            f"Only {known} % of the test set's entries are known, and this is over these alone, "
            "without intervals: no estimate of mAP, which a project has (alasl init), as it can "
            "ask."
        )
    if s["unanswered"]:
        lines.append(
            f"The table itself does not know everything: {_plural(s['unanswered'], 'question')} "
            "more went without an answer."
        )
    return lines


def table(records: Sequence[Record]) -> str:
    """The rounds of each run for a terminal: images asked, answers, mAP, its gain over round 0."""
    parts = []
    for name, record in zip(run_names(records), records, strict=True):
        # Only where there are any.
        between = ["95 % interval"] if record.sure else []
        rows = [("round", "images", "answers", f"{record.metric} (%)", *between, "gain")]
        sure = zip(record.intervals, record.gain_intervals, strict=True)
        for e, value, gain, (pair, of_gain) in zip(
            record.evaluations, record.maps, record.gains, sure, strict=True
        ):
            ends = [_interval(pair).strip(" ()")][: len(between)]
            gained = f"{gain:+.2f}{_interval(of_gain, '+.1f')}" if e.round else ""
            rows.append((str(e.round), str(e.images), str(e.cost), f"{value:.2f}", *ends, gained))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
        title = [f"{record.start.data}: {name}"] if len(records) > 1 else []
        state = [] if record.done else ["unfinished"]
        parts.append("\n".join(line.rstrip() for line in [*title, *lines, *state]))
    return "\n\n".join(parts)


def _plural(count: int, noun: str) -> str:
    """A count and its noun: 1 round, 16 012 answers."""
    return f"{thousands(count)} {noun}{'' if count == 1 else 's'}"

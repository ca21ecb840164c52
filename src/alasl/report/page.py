"""The page on a run, or on several side by side."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from alasl.data.images import load_image
from alasl.errors import AlaslError, DataError
from alasl.figures import differing, map_per_cost, map_per_round, run_colours, run_names
from alasl.figures import thousands as count
from alasl.files import write_text
from alasl.metrics import undefined
from alasl.record import Asked, AutoAnswers, Ends, Record
from alasl.registry import files_of
from alasl.report.html import inline, render
from alasl.report.summary import advice_lines, headline, summary
from alasl.report.sure import compared
from alasl.settings import RunSettings
from alasl.strategies import resolve

# The image file of each image id.
Paths = Mapping[str, Path]

# The longer side of a thumbnail, in pixels.
THUMBNAIL = 96


def write_report(
    records: Sequence[Record],
    out: str | Path,
    paths: Paths | None = None,
    shown: int = 8,
) -> None:
    """Write the page on one run, or on several side by side, whole or not at all.

    paths: for thumbnails of the first `shown` images of each round; used only where the page is
    on one run. Raises `DataError` without a run.
    """
    if not records:
        raise DataError("there is no run to report")
    write_text(Path(out), page(records, paths, shown))


def page(records: Sequence[Record], paths: Paths | None = None, shown: int = 8) -> str:
    """The page's HTML; see `write_report`."""
    runs = [
        _run(record, name, shade, paths if len(records) == 1 else None, shown)
        for record, name, shade in zip(
            records, run_names(records), run_colours(records), strict=True
        )
    ]
    return render(
        "alasl.report",
        "page.html.j2",
        title=", ".join(dict.fromkeys(record.start.data for record in records))
        + (f": {runs[0]['name']}" if len(runs) == 1 else f": {len(runs)} runs"),
        runs=runs,
        figures=_figures(records),
        comparison=_comparison(records, runs) if len(runs) > 1 else None,
        shown=shown,
    )


def thumbnail(path: Path) -> bytes | None:
    """A JPEG of an image, at most 96 pixels on its longer side; None where it cannot be read."""
    try:
        image = load_image(path, THUMBNAIL)
    except AlaslError:
        return None
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=75)
    return file.getvalue()


@dataclass(frozen=True)
class AskedImage:
    """An image of a round as the page shows it."""

    asked: Asked
    rank: int
    picture: str | None

    @property
    def why(self) -> str:
        """The reason in words."""
        a = self.asked
        known = f"{count(a.known)} of {count(a.known + a.unknown)} entries known"
        return f"{known}; score {a.score:.4g}, rank {self.rank} of the round"

    @property
    def present(self) -> list[str]:
        """The labels found present."""
        return [name for name, answer in self.asked.answers.items() if answer == 1]

    @property
    def untold(self) -> int:
        """The entries that the oracle could not tell."""
        return sum(answer < 0 for answer in self.asked.answers.values())


def _run(record: Record, name: str, shade: str, paths: Paths | None, shown: int) -> dict[str, Any]:
    return {
        "name": name,
        "record": record,
        "colour": shade,
        "about": _about(record.settings.strategy),
        "summary": summary(record),
        "headline": headline(record),
        "pictures": bool(paths),
        "rounds": _rounds(record),
        "advice": advice_lines(record),
        "automatic": _automatic(record),
        "labels": _labels(record),
        "undefined": undefined(record.evaluations[-1].ap, record.start.names)
        if record.evaluations
        else (),
        "asked": [
            (
                step.round,
                [
                    AskedImage(asked, rank, _picture(paths, asked.image, rank <= shown))
                    for rank, asked in enumerate(step.asked, 1)
                ],
            )
            for step in record.rounds
        ],
        "settings": [
            (item.name, getattr(record.settings, item.name), item.metadata["about"])
            for item in fields(RunSettings)
        ],
    }


def _about(strategy: str) -> str:
    """What the strategy does, in a line; nothing where its plug-in is not installed here.

    Nor where a file defines it: to look at a run executes nothing of it.
    """
    if files_of(strategy):
        return ""
    try:
        return resolve(strategy).about
    except AlaslError:
        return ""


def _rounds(record: Record) -> list[dict[str, Any]]:
    figures = zip(
        record.evaluations,
        record.maps,
        record.intervals,
        record.gains,
        record.gain_intervals,
        strict=True,
    )
    judged = record.out_of_fold
    return [
        {
            "evaluation": e,
            "map": value,
            "interval": ends,
            "gain": gain if i else None,
            "gain_interval": gain_ends,
            "out_of_fold": judged[i] if i < len(judged) else None,
        }
        for i, (e, value, ends, gain, gain_ends) in enumerate(figures)
    ]


def _automatic(record: Record) -> list[dict[str, Any]]:
    """The last training's automatic answers to each label that has any, by side."""
    judged = record.out_of_fold[-1] if record.out_of_fold else None
    if judged is None or judged.absent is None or judged.present is None:
        return []
    rows: list[dict[str, Any]] = [
        {"name": name, "absent": absent, "present": present}
        for name, absent, present in zip(
            record.start.names, _of_labels(judged.absent), _of_labels(judged.present), strict=True
        )
    ]
    return [row for row in rows if row["absent"]["given"] or row["present"]["given"]]


def _of_labels(side: AutoAnswers) -> list[dict[str, Any]]:
    parts = zip(side.limits, side.given, side.wrong, strict=True)
    return [{"limit": limit, "given": given, "wrong": wrong} for limit, given, wrong in parts]


@dataclass(frozen=True)
class LabelAp:
    """AP of a label, in per cent with its interval, before any answer and now.

    presents: in the test set; None in runs of older versions.
    """

    name: str
    presents: int | None
    before: float
    now: float
    before_ends: Ends | None
    ends: Ends | None


def _labels(record: Record) -> list[LabelAp]:
    """Each label whose AP is defined; the best first."""
    if not record.evaluations:
        return []
    many = len(record.start.names)
    first, last = record.evaluations[0], record.evaluations[-1]
    nothing = (None,) * many
    rows = zip(
        record.start.names,
        record.start.test_presents or nothing,
        first.ap,
        last.ap,
        first.ap_intervals or nothing,
        last.ap_intervals or nothing,
        strict=True,
    )
    found = [LabelAp(*row) for row in rows]
    return sorted((label for label in found if not math.isnan(label.now)), key=lambda x: -x.now)


def _picture(paths: Paths | None, image: str, wanted: bool) -> str | None:
    path = paths.get(image) if paths and wanted else None
    content = thumbnail(path) if path else None
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}" if content else None


def _comparison(records: Sequence[Record], runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The runs side by side; the fixed cost is the smallest final cost of those with answers."""
    found = compared(records)
    rows = [{**told, "run": run} for run, told in zip(runs, found["runs"], strict=True)]
    rows.sort(
        key=lambda row: -row["run"]["record"].maps[-1] if row["run"]["record"].maps else math.inf
    )
    apart = differing(records)
    tables = {record.start.table for record in records}
    unpaired = ["data"] if len(tables) > 1 else []
    return {
        "rows": rows,
        "cost": found["cost"],
        "first": runs[0]["name"],
        "sure": any(row["difference_interval"] for row in rows),
        "apart": apart,
        "unpaired": unpaired + [k for k in apart if k in ("split", "clean", "test", "seed")],
    }


def _figures(records: Sequence[Record]) -> list[tuple[str, Any]]:
    if not any(record.evaluations for record in records):
        return []
    figures = []
    for number, draw in enumerate((map_per_round, map_per_cost)):
        figure = draw(records)
        what = records[0].metric
        says = (f"{what} after each round.", f"{what} over the answers used.")[number]
        zoomed = figure.axes[0].get_ylim()[0] > 0
        caption = f"{says} The axis of {what} does not start at 0." if zoomed else says
        if any(record.sure for record in records):
            caption += " Bands are 95 % intervals over images of the same kind."
        figures.append((caption, inline(figure, f"figure{number}", says)))
    return figures

"""The tables of a run as files: its rounds, its queries, its headline numbers."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from alasl.files import csv_text, write_text
from alasl.record import Record

NO_ENDS = math.nan, math.nan


def write_results(record: Record, folder: Path, summary: dict[str, Any]) -> None:
    """Write rounds.csv, queries.csv and summary.json of a record, each whole or not at all."""
    write_text(folder / "rounds.csv", csv_text(_rounds_rows(record)))
    write_text(folder / "queries.csv", csv_text(_queries_rows(record)))
    write_text(folder / "summary.json", json.dumps(summary, indent=2, ensure_ascii=False) + "\n")


def _rounds_rows(record: Record) -> list[list[object]]:
    what = "map" if record.start.test_known == 1 else "known"
    head = ["round", "images", "cost", "people_seconds", what, f"{what}_low", f"{what}_high"]
    head += [f"{what}_gain", f"{what}_gain_low", f"{what}_gain_high"]
    head += [f"{what}_last", f"{what}_best", "training_seconds"]
    if record.out_of_fold:
        head += [f"{what}_out_of_fold{end}" for end in ("", "_low", "_high")]
        head += ["automatic", "automatic_wrong"]
    # The figure first, or a label's name might be another column's.
    labels = [f"ap{end}:{name}" for name in record.start.names for end in ("", "_low", "_high")]
    rows: list[list[object]] = [[*head, *labels]]
    figures = zip(record.maps, record.intervals, record.gains, record.gain_intervals, strict=True)
    for e, (value, ends, gain, gain_ends) in zip(record.evaluations, figures, strict=True):
        row: list[object] = [e.round, e.images, e.cost, f"{e.time:.10g}"]
        row += _cells(value, *(ends or NO_ENDS)) + _cells(gain, *(gain_ends or NO_ENDS))
        row += [*_cells(e.map_last, e.map_best), f"{e.seconds:.3f}"]
        row += _out_of_fold_cells(record, e.round)
        for one, pair in zip(e.ap, e.ap_intervals or [None] * len(e.ap), strict=True):
            row += _cells(one, *(pair or NO_ENDS))
        rows.append(row)
    return rows


def _cells(*values: float) -> list[str]:
    """A cell for each figure, empty where it is undefined."""
    return ["" if math.isnan(value) else f"{value:.4f}" for value in values]


def _out_of_fold_cells(record: Record, number: int) -> list[object]:
    """What models that had not seen it said after evaluation `number`; none where none ever did."""
    if not record.out_of_fold:
        return []
    if number >= len(record.out_of_fold):
        return [""] * 5
    judged = record.out_of_fold[number]
    worth = math.nan if judged.map is None else judged.map
    return [*_cells(worth, *(judged.interval or NO_ENDS)), judged.given, judged.wrong]


def _queries_rows(record: Record) -> list[list[object]]:
    rows: list[list[object]] = [["round", "image", "label", "answer"]]
    for step in record.rounds:
        for asked in step.asked:
            rows.extend([step.round, asked.image, k, v] for k, v in asked.answers.items())
    return rows

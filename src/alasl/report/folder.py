"""Everything a run leaves in its folder, made from its record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alasl.figures import write_figures
from alasl.record import Record
from alasl.report.page import Paths, write_report
from alasl.report.summary import summary
from alasl.report.tables import write_results


def write_run(record: Record, folder: str | Path, paths: Paths | None = None) -> dict[str, Any]:
    """Write rounds.csv, queries.csv, summary.json, figures/ and report.html; return the summary.

    paths: the image file of each image id, for thumbnails.
    """
    folder, told = Path(folder), summary(record)
    write_results(record, folder, told)
    write_figures([record], folder / "figures")
    write_report([record], folder / "report.html", paths)
    return told

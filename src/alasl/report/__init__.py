"""A run, or several side by side, told: headline numbers, a table, one self-contained page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alasl.figures import write_figures
from alasl.report.page import ImagePath, write_report
from alasl.report.summary import headline, summary, table
from alasl.runs import Record, write_results

__all__ = ["ImagePath", "headline", "summary", "table", "write_report", "write_run"]


def write_run(record: Record, folder: Path, image_path: ImagePath | None = None) -> dict[str, Any]:
    """Write all that a run's folder shows (tables, figures, report) and return its summary."""
    told = summary(record)
    write_results(record, folder, told)
    if record.evaluations:
        write_figures([record], folder / "figures")
    write_report([record], folder / "report.html", image_path)
    return told

"""Everything a run leaves in its folder, made from its record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alasl.figures import write_figures
from alasl.report.page import thumbnail, write_report
from alasl.report.summary import summary
from alasl.runs import Record, write_results


def write_run(
    record: Record, folder: Path, paths: Mapping[str, Path] | None = None
) -> dict[str, Any]:
    """Write rounds.csv, queries.csv, summary.json, figures/ and report.html; return the summary.

    paths: the image file of each image id, for thumbnails.
    """
    told = summary(record)
    write_results(record, folder, told)
    write_figures([record], folder / "figures")

    def picture(image: str) -> bytes | None:
        return thumbnail(paths[image]) if paths and image in paths else None

    write_report([record], folder / "report.html", picture)
    return told

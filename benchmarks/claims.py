"""The claims of one study on several data sets side by side, as a table of Markdown.

    python -m benchmarks.claims docs/results/paper-corel5k docs/results/paper/posters

Each folder holds the `claims.csv` of a study; its last name, less the study's, heads the column. A
row is a check; a cell says whether it holds, and what was measured with its 95 % interval. What
the row before says too is not said again.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from alasl.cli.options import markdown_table

# Decimals of what is measured: of mAP points, of per cent; of I, which is small, and of ranks.
DECIMALS = {"mAP points": 1, "%": 0, "mAP points per 1000 answers": 2, "ranks": 1}
# Shorter words for what stands in many cells.
SHORT = {
    "does not hold": "fails",
    "mAP points": "points",
    "mAP points per 1000 answers": "I",
}


def short(words: str) -> str:
    """A verdict or a unit as the table has it."""
    return SHORT.get(words, words)


def cell(check: dict[str, str]) -> str:
    """A check's verdict, and what was measured where it could be."""
    if not check["effect"]:
        return short(check["verdict"])
    digits = DECIMALS[check["unit"]]
    measured = (float(check[name]) for name in ("effect", "low", "high"))
    # Zero is added, so that none is -0.
    effect, low, high = (f"{round(each, digits) + 0:.{digits}f}" for each in measured)
    return f"{short(check['verdict'])}: {effect}, {low} to {high}"


def table(folders: list[Path]) -> str:
    """The table of all folders. Raises `ValueError` where they differ in what they check."""
    studies = [
        {
            row["check"]: row
            for row in csv.DictReader((folder / "claims.csv").open(encoding="utf-8"))
        }
        for folder in folders
    ]
    first = studies[0]
    if any(list(study) != list(first) for study in studies):
        raise ValueError("these studies do not check the same")
    names = [folder.name.removeprefix("paper-") for folder in folders]
    rows = []
    last = ("", "")
    for number, check in first.items():
        says = check["paper"] + (f" ({check['reading']})" if check["reading"] else "")
        said = (check["paper"], check["reading"])
        words = "" if said == last else f"({said[1]})" if said[0] == last[0] else says
        last = said
        cells = (cell(study[number]) for study in studies)
        rows.append((number, words, short(check["unit"]), *cells))
    return markdown_table(("check", "the paper", "in", *names), rows)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", help="with a claims.csv each")
    print(table(parser.parse_args().folders))


if __name__ == "__main__":
    main()

"""What README and the docs claim is what the tables of their studies hold."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EFFICIENCY = ROOT / "docs/results/efficiency"
DATA = {"Corel5k": "corel5k", "drawn scenes": "scenes", "coco256": "coco256", "posters": "posters"}
NUMBER = r"\d+(?:\.\d+)?"
# A gain with its interval: 18.8, 13.9 to 26.9.
GAIN = re.compile(rf"({NUMBER})\**, ({NUMBER}) to ({NUMBER})")


def same(said: str, value: float) -> bool:
    """Whether a number in a text is a value, to as many decimals as the text has."""
    decimals = len(said.partition(".")[2])
    return abs(float(said) - value) <= 0.5 * 10**-decimals + 0.006


def ratios(data: str, unknown: float) -> list[dict[str, str]]:
    table = EFFICIENCY / DATA[data] / "ratios.csv"
    with table.open(encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if float(row["share_unknown"]) == unknown]


def rows_of(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    lines = text[text.index(f"## {heading}\n") :].splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("| "))
    found = []
    for line in lines[first + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def held(cell: str, rows: list[dict[str, str]]) -> bool:
    """Whether some row has the gain, its interval and the two mAPs of a cell, as far as given."""
    values = GAIN.search(cell)
    maps = re.search(rf"({NUMBER})(?: to|,) ({NUMBER})\)?$", cell)
    for row in rows:
        gain = [float(row[key]) for key in ("ratio", "ratio_low", "ratio_high")]
        if values and not all(map(same, values.groups(), gain)):
            continue
        ends = [float(row[key]) for key in ("start_map", "target_map")]
        if values and not cell.endswith(")"):
            return True
        if maps and all(map(same, maps.groups(), ends)):
            return True
    return False


def test_the_readmes_gains_are_those_of_the_studies() -> None:
    rows = rows_of((ROOT / "README.md").read_text(encoding="utf-8"), "What the gain is")
    people = (ROOT / "docs/results/people/README.md").read_text(encoding="utf-8")
    assert {cells[0].rpartition(", ")[0] for cells in rows} == set(DATA)
    for first, selection, both, time in rows:
        data, _, seeds = first.rpartition(", ")
        found = ratios(data, 0.98)
        assert {row["seeds"] for row in found} == {seeds.removesuffix(" seeds")}
        assert held(selection, [row for row in found if row["comparison"] == "selection"]), data
        assert held(both, [row for row in found if row["comparison"] == "whole"]), data
        (line,) = re.findall(rf"^\| {data}, 98 % \| 1000 \| (.*)$", people, re.MULTILINE)
        after, gained, *quicker = map(float, re.findall(NUMBER, line)[:5])
        ours = re.findall(NUMBER, time)
        assert all(map(same, ours, [*quicker, after - gained, after])), data


@pytest.mark.parametrize("heading", ["Training and selection together", "Selection alone"])
def test_the_pages_gains_are_those_of_the_studies(heading: str) -> None:
    page = (EFFICIENCY / "README.md").read_text(encoding="utf-8")
    comparison = "selection" if heading == "Selection alone" else "whole"
    checked = 0
    for first, maps, *cells in rows_of(page, heading):
        data, share = re.fullmatch(r"(.*?), (\d\d) %.*", first).groups()
        found = [r for r in ratios(data, int(share) / 100) if r["comparison"] == comparison]
        assert held(maps, found), first
        for cell in cells:
            if GAIN.search(cell):
                assert held(re.sub(r" \(.*", "", cell), found), (first, cell)
                checked += 1
    assert checked >= 10


def test_where_variance_loses_is_told_by_its_table() -> None:
    page = (ROOT / "docs/results/asking/README.md").read_text(encoding="utf-8")
    told = (ROOT / "docs/strategies.md").read_text(encoding="utf-8")
    told = " ".join(told[told.index("### Where it loses") :].split())

    def times(start: str, end: str) -> list[float]:
        cells = page[page.index(start) : page.index(end)]
        return [float(value) for value, _, _ in GAIN.findall(cells)]

    cells = times("| data | features | 98 % | 90 % |", "The geometric mean over the 52 cells")
    mean = math.exp(sum(map(math.log, cells)) / len(cells))
    assert f"`variance` needs {mean:.2f} times" in told
    assert f"(geometric mean of {len(cells)} cases)" in told
    assert f"`variance` needs at most {max(cells):.2f} times" in told
    unseen = times("| table | dimensions |", "The geometric mean is 0.94")
    assert f"it needs {min(unseen):.2f} to {max(unseen):.2f} times" in told
    others = re.search(r"is 0\.87 for `variance`, (\S+) for `entry-entropy`, (\S+) for", page)
    assert f"needs {others[1]} times, and `entry-positive` {others[2]}." in told

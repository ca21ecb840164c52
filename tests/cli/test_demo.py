"""`make demo`: the main job on the embedded default, as a newcomer sees it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from alasl.journal import load
from warm import Python

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_demo_ends_with_the_table_and_the_reports_place(tmp_path: Path, python: Python) -> None:
    demo = subprocess.run(
        ["make", "-n", "--no-print-directory", "demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert demo.stdout.splitlines()[-1].split()[-2:] == [".venv/bin/alasl", "demo"]
    done = python("-m", "alasl", "demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"^ +\d+ +\d+ +\d+ +\d+\.\d\d", done.stdout, re.MULTILINE)) == 33
    last = done.stdout.splitlines()[-1]
    assert last == "report: runs/demo/report.html"
    assert (tmp_path / "runs/demo/report.html").stat().st_size > 10_000
    ours, chance = (load(tmp_path / "runs" / "demo" / way) for way in ("variance", "random-entry"))
    assert ours.maps[0] == chance.maps[0]
    assert all(a > b for a, b in zip(ours.maps[1:], chance.maps[1:], strict=True))
    # The scenes are as hard as they are meant to be: 10 % of them, whole, give 55 to 85.
    clean = ["run", "runs/demo/scenes", "--train", "clean", "--rounds", "0", "--out", "c", "-q"]
    python("-m", "alasl", *clean, cwd=tmp_path).check_returncode()
    assert 55 < load(tmp_path / "c").maps[0] < 85

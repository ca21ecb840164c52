"""The page that sets the paper's claims on several data sets side by side."""

from __future__ import annotations

import re
from pathlib import Path

from warm import Python

ROOT = Path(__file__).resolve().parents[1]


def test_the_pages_table_is_what_its_studies_found(python: Python) -> None:
    page = (ROOT / "docs/results/paper/checks.md").read_text(encoding="utf-8")
    (folders,) = re.findall(r"^python -m benchmarks\.claims (.+)$", page, re.MULTILINE)
    done = python("-m", "benchmarks.claims", *folders.split(), cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") > 40
    assert done.stdout in page

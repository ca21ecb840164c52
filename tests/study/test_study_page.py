"""What a study leaves: its page, its tables, its figures; nothing on the page can act."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from alasl.study.claims import check, claims_csv
from alasl.study.page import write_study
from alasl.study.results import results_csv

ATTACK = "</style></title></svg>\"'><script>alert(1)</script>{{ 7 * 7 }}"


class Page(HTMLParser):
    """The elements, attributes and text of a page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.text, self._open = [], [], "", []
        self.feed(html)
        assert not self._open, "an element was left open"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, k, v or "") for k, v in attrs]
        if tag not in ("meta", "br"):
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self._open.pop()

    def handle_endtag(self, tag):
        assert self._open.pop() == tag
        self.text += " " if tag in ("td", "th", "dt", "dd", "small", "summary") else ""

    def handle_data(self, data):
        if not self._open or self._open[-1] != "style":
            self.text += data

    @property
    def said(self):
        return " ".join(self.text.replace("\u00a0", " ").split())


def left(results, folder):
    write_study(results, folder)
    return Page((folder / "study.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def own(make_study, make_results):
    """A small study with figures that were not asked for."""
    study = make_study(
        about="Two strategies",
        grid=[{"name": "two", "strategy": ["random", "hard"]}, {"name": "none", "rounds": 0}],
    )
    return make_results(study)


@pytest.mark.slow
def test_the_papers_study_leaves_page_tables_and_figures(paper, make_results, tmp_path):
    # All of its figures are drawn where the study itself is run: test_shipped.py.
    paper = replace(paper, plots=paper.plots[:4])
    results = make_results(paper, seeds=3)
    seen = left(results, tmp_path)
    assert (tmp_path / "results.csv").read_text() == results_csv(results)
    assert (tmp_path / "claims.csv").read_text() == claims_csv(check(results))
    files = {path.name for path in (tmp_path / "figures").iterdir()}
    assert files == {f"{p.file}.{kind}" for p in paper.plots for kind in ("png", "svg")}
    assert seen.tags.count("svg") == len(paper.plots)
    for claim in check(results):
        assert " ".join(claim.sentence.split()) in seen.said
    assert "unfinished" not in seen.said
    ids = [value for _, key, value in seen.attributes if key == "id"]
    assert len(ids) == len(set(ids))


@pytest.mark.slow
def test_a_study_of_ones_own_needs_no_claims_and_no_figures(own, tmp_path):
    seen = left(own, tmp_path)
    assert not (tmp_path / "claims.csv").exists()
    assert "Claims" not in seen.said
    assert "own: corel5k Two strategies Runs done 12 Seeds 4 " in seen.said
    assert "corel5k: 4 999 images, 80 labels." in seen.said
    assert {p.name for p in (tmp_path / "figures").iterdir() if p.suffix == ".svg"} == {
        "two-map-final.svg",
        "two-map-per-cost.svg",
        "none-map-final.svg",
    }
    rows = list(csv.DictReader((tmp_path / "results.csv").open()))
    assert len(rows) == 4 * (5 + 5 + 1)
    again = tmp_path / "again"
    left(own, again)
    for name in ("study.html", "results.csv", "figures/two-map-final.png"):
        assert (again / name).read_bytes() == (tmp_path / name).read_bytes()
    mean = sum(run.maps[-1] for run in own.select("two", strategy="hard")) / 4
    assert re.search(rf"hard 4 \d+\.\d\d {mean:.2f} \d+\.\d\d to \d+\.\d\d ", seen.said)
    # What all runs of a grid share is no column of its table.
    assert "two 2 kinds of run strategy Seeds" in seen.said
    assert "none 1 kind of run In all: rounds 0 Seeds" in seen.said


@pytest.mark.slow
def test_unfinished_and_empty_studies_say_so(own, paper, make_results, tmp_path):
    seen = left(replace(own, runs=own.runs[:-1]), tmp_path / "a")
    assert "The study is unfinished: 11 of 12 runs are done." in seen.said
    assert "Seeds finished 3 of 4" in seen.said
    empty = left(make_results(paper, seeds=2, missing=lambda *_: True), tmp_path / "b")
    assert "0 of 84 runs are done" in empty.said
    assert "undecided" in empty.said
    assert "svg" not in empty.tags


@pytest.mark.slow
def test_no_name_can_do_anything(own, tmp_path):
    def named(name):
        study = replace(own.study, name=name, about=name, base={**own.study.base, "labels": name})
        return left(replace(own, data=name, study=study), tmp_path)

    plain, seen = named("plain"), named(ATTACK)
    assert seen.tags == plain.tags
    assert [a[:2] for a in seen.attributes] == [a[:2] for a in plain.attributes]
    assert ATTACK in seen.text
    assert not {"script", "link", "iframe", "img"} & set(seen.tags)
    (policy,) = [v for _, k, v in seen.attributes if k == "content" and "default-src" in v]
    assert policy.startswith("default-src 'none'")


def test_telling_of_a_study_needs_no_torch():
    code = "import sys, alasl.study.page; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"torch", "matplotlib", "scipy", "joblib"} & set(loaded.stdout.split())

"""The site is built strictly, whole, and needs nothing from elsewhere."""

from __future__ import annotations

import html
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import alasl
from alasl.cli import COMMANDS
from alasl.data.formats import FORMATS
from alasl.losses.base import LOSSES
from alasl.models.registry import MODELS
from alasl.registry import Registry
from alasl.strategies.base import STRATEGIES
from warm import Python

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.slow


class Taken(HTMLParser):
    """What a browser fetches for a page without being asked, and the text of its main part."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("script", "img", "iframe", "video", "source"):
            self.fetched.append(given.get("src") or "")
        if tag == "link" and given.get("rel") in ("stylesheet", "icon", "preload"):
            self.fetched.append(given.get("href") or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, python: Python) -> Path:
    pytest.importorskip("mkdocs", reason="mkdocs is not installed")
    pytest.importorskip("material", reason="mkdocs-material is not installed")
    place = tmp_path_factory.mktemp("site")
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = python("-m", "mkdocs", "build", "--strict", "-d", place, cwd=ROOT, env=quiet)
    assert done.returncode == 0, done.stderr
    return place


def text_of(file: Path) -> str:
    return re.sub(r"<[^>]+>", "", file.read_text(encoding="utf-8"))


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 100
    for page in pages:
        far = [where for where in Taken(page).fetched if re.match(r"(https?:)?//", where)]
        assert not far, page
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", style.read_text()), style


@pytest.mark.parametrize(
    ("kind", "parts"),
    [("strategies", STRATEGIES), ("losses", LOSSES), ("models", MODELS), ("formats", FORMATS)],
)
def test_each_part_has_a_page_that_says_what_it_is(
    site: Path, kind: str, parts: Registry[object]
) -> None:
    ours = {n: p for n, p in parts.items() if parts.source(n).__module__.startswith("alasl.")}
    pages = {file.stem for file in (site / "reference" / kind).glob("*.html")}
    assert pages == {name.replace("+", "-and-") for name in ours}
    for name, part in ours.items():
        text = text_of(site / "reference" / kind / f"{name.replace('+', '-and-')}.html")
        for parameter in part.parameters:  # type: ignore[attr-defined]
            assert parameter.name in text


def test_each_public_name_and_command_has_a_page(site: Path) -> None:
    folder = site / "reference"
    assert {file.stem for file in (folder / "python").glob("*.html")} == set(alasl.__all__)
    assert {file.stem for file in (folder / "commands").glob("*.html")} == set(COMMANDS)
    asking = text_of(folder / "python" / "ask.html")
    assert "probabilities: ArrayLike | None = None" in asking
    assert "(N, L)" in asking
    assert "&gt;&gt;&gt; entries = ask(" in asking
    assert "--oracle-error" in text_of(folder / "commands" / "run.html")
    # With the methods of its base.
    assert 'id="merge_labels"' in (folder / "python" / "Project.html").read_text(encoding="utf-8")


def test_a_commands_help_fits_into_its_column(site: Path) -> None:
    for page in (site / "reference" / "commands").glob("*.html"):
        for code in re.findall(r"<pre.*?</pre>", page.read_text(encoding="utf-8"), re.DOTALL):
            lines = html.unescape(re.sub(r"<[^>]+>", "", code)).splitlines()
            assert max(map(len, lines)) <= 80, page.name


def test_the_search_needs_no_server_and_finds_every_page(site: Path) -> None:
    index = (site / "search" / "search_index.js").read_text(encoding="utf-8")
    found = json.loads(index[index.index("{") : index.rindex("}") + 1])
    known = {entry["location"].split("#")[0] for entry in found["docs"]}
    pages = {file.relative_to(site).as_posix() for file in site.rglob("*.html")}
    shown = {page for page in pages if not page.endswith(("study.html", "404.html"))}
    assert shown <= known | {"index.html"}


def test_links_between_pages_lead_somewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        if page.name in ("404.html", "study.html"):
            continue
        for target in re.findall(r'href="([^":#?]+)["#?]', page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(site)}: {target}"


def test_alasl_from_another_checkout_is_one_clear_error(python: Python, tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="mkdocs is not installed")
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "pages.py").write_text((ROOT / "scripts" / "pages.py").read_text())
    (tmp_path / "docs").mkdir()
    (tmp_path / "mkdocs.yml").write_text("site_name: Other\nhooks: [scripts/pages.py]\n")
    done = python("-m", "mkdocs", "build", "-d", tmp_path / "site", cwd=tmp_path)
    assert done.returncode == 1
    assert f"the pages are in {tmp_path}: run `make docs`" in done.stderr
    assert "Traceback" not in done.stderr

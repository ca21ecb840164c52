"""Every command, program, link, option and table of README.md and docs/*.md holds."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import click
import pytest

from alasl.cli import app, losses, models, strategies
from alasl.cli.parts import markdown
from alasl.losses import available as available_losses
from alasl.models.registry import available as available_models
from alasl.settings import RunSettings
from alasl.strategies import available
from warm import Python

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXTS = [*PAGES, ROOT / "CHANGELOG.md", ROOT / "SECURITY.md", ROOT / "CODE_OF_CONDUCT.md"]

# Commands that cannot run inside the tests, and why.
NOT_RUN = {
    "make demo": "may set up a .venv; test_demo.py runs what it runs",
    "make test": "would run itself",
    "make quick": "would run itself",
    "make .venv/ready": "would change the environment under test; make test has done it",
    ". .venv/bin/activate": "may be no .venv",
    "pytest tests/": "would run itself",
    "pip install .": "would change the environment under test; make test has done it",
    "alasl run scenes --backbone tresnet_m": "needs a file of weights, or the network",
    "alasl scenes runs/demo/scenes": "2 000 scenes, for the two commands below it",
    "alasl scenes FOLDER --count 6000": "for the search below it; other pages draw some hundreds",
    "python -m benchmarks.": "a search that takes an hour",
    "alasl study paper DATA": "ten minutes; studies.md runs it in miniature",
    "alasl study losses DATA": "half an hour; test_shipped.py runs it at toy size",
    "alasl study losses scenes": "half an hour; test_shipped.py runs it at toy size",
    "alasl study strategies": "an hour; test_shipped.py runs it at toy size",
    "alasl annotate": "serves until Ctrl-C; tests/annotate serves and ends it",
    "alasl study efficiency DATA": "up to an hour; studies.md runs it in miniature",
    "alasl study efficiency scenes --out": "an hour; studies.md runs it in miniature",
    "alasl study paper-small": "an hour a data set; test_shipped.py runs it at toy size",
    "alasl study run medium/": "half an hour; test_shipped.py runs paper-small at toy size",
    "alasl study run corel5k/": "for a GPU; test_shipped.py runs paper-small at toy size",
    "alasl study run coco256/": "an hour; test_shipped.py runs paper-small at toy size",
    "alasl study paper scenes --backbone": "a minute; studies.md runs it in miniature",
    "alasl study run mine.toml --seeds 1 --out runs/ways-dask": "test_engine.py runs a study so",
    "ray start": "a cluster of several machines",
    "export ALASL_CACHE=/net": "a disk that they share",
    "alasl features /net": "needs these; test_features.py has workers",
    "alasl predict mine /net": "needs these; test_shares.py has two nodes",
    "alasl suggest mine --engine": "needs these; test_workers.py has two nodes",
    "alasl study paper-full": "needs a GPU and MSCOCO; test_shipped.py runs it at toy size",
}
# The place, or the file, that a command makes.
MADE = re.compile(r"(?:--out|--figures|>|alasl init|alasl scenes|alasl convert \S+) +([\w./+=-]+)")
# Options of other programs that the docs name.
FOREIGN = {
    "--first",
    "--nproc-per-node",
    "--projects",
    "--python",
    "--images",
    "--no-deps",
    "--editable",
    "--extra-index-url",
    "--fix",
    "--wrong",
    "--wrong-all",
    "--checked",
    "--erring",
    "--brief",
    "--kinds",
    "--once",
    "--head",
    "--nthreads",
    "--nworkers",
}


@dataclass(frozen=True)
class Step:
    """One command or program of a page, and where it stands."""

    kind: str
    text: str
    where: str

    @property
    def makes(self) -> set[str]:
        """The places that it makes, for commands after it."""
        return set(MADE.findall(self.text.splitlines()[0])) if self.kind == "sh" else set()

    def takes(self, places: set[str]) -> bool:
        """Whether it names one of these places, or something in it."""
        return any(re.search(rf"(?<![\w./-]){re.escape(p)}(?![\w.-])", self.text) for p in places)


def ids(page: Path) -> str:
    return Path(os.path.relpath(page, ROOT)).as_posix()


def steps(page: Path) -> Iterator[Step]:
    """The commands of a page's sh blocks, each by itself, and its python blocks, in order."""
    lines = page.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        fence = re.fullmatch(r"```(\w*)", lines[number])
        number += 1
        if fence is None:
            continue
        end = lines.index("```", number)
        where = f"{ids(page)}:{number + 1}"
        if fence[1] == "python":
            yield Step("python", "\n".join(lines[number:end]), where)
        elif fence[1] == "sh":
            yield from commands(page, lines, number, end)
        number = end + 1


def commands(page: Path, lines: list[str], number: int, end: int) -> Iterator[Step]:
    """The lines of a sh block as commands; a here document belongs to the line it follows."""
    while number < end:
        start = number
        document = re.search(r"<<'(\w+)'", lines[number])
        number = lines.index(document[1], number) + 1 if document else number + 1
        text = "\n".join(lines[start:number])
        if text.strip():
            yield Step("sh", text, f"{ids(page)}:{start + 1}")


def to_run(page: Path) -> tuple[list[Step], list[Step]]:
    """A page's steps that run anywhere, and those that need DATA, each in the page's order.

    A step that takes what another makes goes with it, and is left out where that one is.
    """
    anywhere: list[Step] = []
    with_data: list[Step] = []
    left_out: set[str] = set()
    by_data: set[str] = set()
    for step in steps(page):
        named = step.kind == "sh" and step.text.startswith(tuple(NOT_RUN))
        if named or step.takes(left_out):
            left_out |= step.makes
        elif "DATA/" in step.text or step.takes(by_data):
            with_data.append(step)
            by_data |= step.makes
        else:
            anywhere.append(step)
    return anywhere, with_data


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """This Python's commands first."""
    own = Path(sys.executable).parent
    return os.environ | {"PATH": f"{own}{os.pathsep}{os.environ['PATH']}"}


def run_all(todo: list[Step], folder: Path, environment: dict[str, str], python: Python) -> None:
    for step in todo:
        if step.kind == "python":
            done = python("-c", step.text, cwd=folder, env=environment)
        elif step.text.startswith("alasl ") and not re.search(r"[|<>;&$*\n]", step.text):
            words = shlex.split(step.text, comments=True)[1:]
            done = python("-P", "-m", "alasl", *words, cwd=folder, env=environment)
        else:
            program = ["bash", "-ec", step.text]
            done = subprocess.run(
                program, cwd=folder, env=environment, capture_output=True, text=True, check=False
            )
        assert done.returncode == 0, f"{step.where}\n{step.text}\n{done.stdout}\n{done.stderr}"


ANYWHERE = {page: found for page in PAGES if (found := to_run(page)[0])}
WITH_DATA = {page: found for page in PAGES if (found := to_run(page)[1])}


@pytest.mark.slow
@pytest.mark.parametrize("page", ANYWHERE, ids=ids)
def test_everything_on_the_page_runs(
    page: Path, tmp_path: Path, environment: dict[str, str], python: Python
) -> None:
    run_all(ANYWHERE[page], tmp_path, environment, python)


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_DATA, ids=ids)
def test_everything_on_the_page_runs_on_real_data(
    page: Path, tmp_path: Path, environment: dict[str, str], python: Python, shared_data: Path
) -> None:
    (tmp_path / "DATA").symlink_to(shared_data)
    run_all(WITH_DATA[page], tmp_path, environment, python)


def test_a_step_goes_with_the_one_that_makes_what_it_takes(tmp_path: Path) -> None:
    lines = {
        "alasl study efficiency DATA/corel5k --out runs/left": "left out",
        "alasl report runs/left/unit --out left.html": "left out",
        "cat left.html": "left out",
        "alasl run DATA/corel5k --out runs/real": "with data",
        "alasl report runs/real runs/too --figures runs/shown": "with data",
        "ls runs/shown": "with data",
        "alasl scenes scenes": "anywhere",
        "alasl run scenes --out runs/left-alone": "anywhere",
        "alasl report runs/left-alone --out runs/real.html": "anywhere",
    }
    page = tmp_path / "page.md"
    page.write_text("\n".join(["```sh", *lines, "```", "```python", 'open("runs/real")', "```"]))
    anywhere, with_data = to_run(page)
    expected = {kind: [text for text, k in lines.items() if k == kind] for kind in lines.values()}
    assert [step.text for step in anywhere] == expected["anywhere"]
    assert [step.text for step in with_data] == [*expected["with data"], 'open("runs/real")']


def test_every_exception_still_stands_on_a_page() -> None:
    texts = [step.text for page in PAGES for step in steps(page)]
    unused = [start for start in NOT_RUN if not any(text.startswith(start) for text in texts)]
    assert not unused


def test_pages_with_real_data_are_run() -> None:
    assert {ids(page) for page in WITH_DATA} >= {"README.md", "docs/results/corel5k/README.md"}


def test_the_readme_opens_with_the_two_commands() -> None:
    first = [step.text for step in steps(ROOT / "README.md")][:2]
    assert first == ["make demo", "make test"]
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"demo", "test"} <= set(targets)


@pytest.mark.every
@pytest.mark.parametrize("page", TEXTS, ids=ids)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://", target):
            continue
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), f"{ids(page)}: {target}"
        if anchor:
            assert anchor in anchors(file), f"{ids(page)}: {target}"


@pytest.mark.every
@pytest.mark.parametrize("page", TEXTS, ids=ids)
def test_every_file_of_the_source_named_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:src|tests|benchmarks|docs)/[\w./-]+)`", text)
    assert [name for name in named if not (ROOT / name).exists()] == []


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def options(command: click.Command) -> set[str]:
    """The options of a command, and of the commands in it."""
    given = [name for p in command.params for name in (*p.opts, *p.secondary_opts)]
    found = {"--help"} | {name for name in given if name.startswith("--")}
    if isinstance(command, click.Group):
        context = click.Context(command)
        names = command.list_commands(context)
        found = found.union(*(options(command.get_command(context, name)) for name in names))
    return found


@cache
def all_options() -> dict[str, set[str]]:
    """The options of each command of `alasl`."""
    context = click.Context(app)
    found = {name: app.get_command(context, name) for name in app.list_commands(context)}
    return {name: options(command) for name, command in found.items() if command is not None}


@pytest.mark.every
@pytest.mark.parametrize("page", TEXTS, ids=ids)
def test_every_option_named_exists(page: Path) -> None:
    known = all_options()
    text = page.read_text(encoding="utf-8")
    everywhere = FOREIGN.union(*known.values())
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)) <= everywhere
    for name, rest in re.findall(r"\balasl (\w+)((?: +[^\s`]+)*)", text):
        given = set(re.findall(r"(?<!\S)--[a-z][a-z-]*", rest))
        assert name not in known or given <= known[name], f"alasl {name} {given}"


@pytest.mark.every
@pytest.mark.parametrize("page", TEXTS, ids=ids)
def test_no_page_names_a_place_outside_the_project(page: Path) -> None:
    assert "shared/" not in page.read_text(encoding="utf-8").replace("`", "")


def test_concepts_names_todays_defaults() -> None:
    text = (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")
    row = {
        line.split("|")[1].strip(): line.split("|")[2] for line in text.splitlines() if "|" in line
    }
    given = RunSettings()
    assert f"`--missing {given.missing}`, {given.mechanism}ly" in row["hidden"]
    assert f"`--strategy {given.strategy}`" in row["asked"]
    assert f"`--answers {given.answers}` in each of ten rounds" in row["asked"]
    assert (given.rounds, given.train) == (10, "known")
    assert f"`--model {given.model}`, on every known entry" in row["trained"]


def test_the_table_of_strategies_is_the_registrys() -> None:
    page = (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8")
    table = page.split("<!-- strategies: begin -->")[1].split("<!-- strategies: end -->")[0]
    # A plugin that somebody has installed does not belong on the page.
    ours = [m for m in available() if m.function.__module__.startswith("alasl.")]
    assert table.strip() == markdown(strategies.HEAD, map(strategies.part, ours)), (
        "run: alasl strategies --markdown"
    )


def test_the_table_of_losses_is_the_registrys() -> None:
    page = (ROOT / "docs" / "losses.md").read_text(encoding="utf-8")
    table = page.split("<!-- losses: begin -->")[1].split("<!-- losses: end -->")[0]
    found = markdown(losses.HEAD, map(losses.part, available_losses().values()))
    assert table.strip() == found, "run: alasl losses --markdown"


def test_the_table_of_models_is_the_registrys() -> None:
    page = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    table = page.split("<!-- models: begin -->")[1].split("<!-- models: end -->")[0]
    # A plugin that somebody has installed does not belong on the page.
    ours = [kind for kind in available_models() if kind.source.__module__.startswith("alasl.")]
    assert table.strip() == markdown(models.HEAD, map(models.part, ours)), (
        "run: alasl models --markdown"
    )


@pytest.mark.parametrize(
    ("heading", "of"), [("At run time", "dependencies"), ("For tests and development", "dev")]
)
def test_every_dependency_has_its_line(heading: str, of: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = project[of] if of in project else project["optional-dependencies"][of]
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    section = page.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = re.findall(r"^\| ([\w-]+) \|", section, re.MULTILINE)
    names = [re.split(r"[<>=\[]", requirement)[0] for requirement in needed]
    assert sorted(lines) == sorted(["package", "---", *names])

"""Every kind of part that can be added: names, duplicates, files, plug-ins, parameters."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from alasl.data.formats import FORMATS
from alasl.data.missingness import MECHANISMS
from alasl.errors import UsageError
from alasl.losses.base import LOSSES
from alasl.models.registry import MODELS
from alasl.project.exchange import EXCHANGES
from alasl.registry import Registry, files_of, spec_of
from alasl.strategies.base import STRATEGIES
from alasl.study.claims import CLAIMS
from alasl.study.figures import KINDS


@dataclass(frozen=True)
class Case:
    """A kind of part, a name that is taken, and how a file registers a part of that kind."""

    registry: Registry[Any]
    taken: str
    source: str

    def file(self, name: str = "mine") -> str:
        return self.source.format(name=name)


CASES = [
    Case(
        STRATEGIES,
        "hard",
        """
from alasl.strategies import strategy

@strategy({name!r}, paper="none")
def part(pool, *, times: int = 2):
    "Most present entries."
    return times * (pool.entries == 1).sum(axis=1)
""",
    ),
    Case(
        LOSSES,
        "hill",
        """
from alasl.losses import loss

@loss({name!r}, paper="-", unknown="absent", probe_rate=1e-3)
def part(logits, targets, *, reduction="sum", times: int = 2):
    "The sum of the logits."
    return times * logits.sum()
""",
    ),
    Case(
        MODELS,
        "logistic",
        """
from dataclasses import dataclass

from alasl.models.base import Estimator
from alasl.models.registry import model

@dataclass(frozen=True)
class Settings:
    times: int = 2

@model({name!r})
class part(Estimator):
    "Nothing."
    Settings = Settings
""",
    ),
    Case(
        FORMATS,
        "npz",
        """
from alasl.data.formats import Table, table_format
from alasl.labels import Labels

@table_format(
    {name!r}, "A table of one entry", holds=lambda path, head: head == b"one", suffixes=(".one",)
)
def part(path, options, *, times: int = 2):
    import numpy as np
    return Table(Labels(np.ones((1, times), np.int8), tuple("dog cat bat".split()[:times]), ("a",)))
""",
    ),
    Case(
        EXCHANGES,
        "queue",
        """
from alasl.project.exchange import exchange

@exchange({name!r}, "No answers", holds=lambda path, head: False)
def part(path, options, *, times: int = 2):
    return []
""",
    ),
    Case(
        MECHANISMS,
        "uniform",
        """
from alasl.data.missingness import mechanism

@mechanism({name!r}, about="nothing is unknown")
def part(entries, share, rng, *, times: int = 2):
    return entries > 1
""",
    ),
    Case(
        KINDS,
        "map-final",
        """
from alasl.study.figures import figure

@figure({name!r})
def part(results, plot, *, times: int = 2):
    "Nothing."
""",
    ),
    Case(
        CLAIMS,
        "paper",
        """
from alasl.study.claims import claims

@claims({name!r})
def part(seeds, *, times: int = 2):
    "None."
    return []
""",
    ),
]
each = pytest.mark.parametrize("case", CASES, ids=[case.registry.plural for case in CASES])


@pytest.fixture(autouse=True)
def scratch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registries of this test's own, so that its parts are gone afterwards."""
    for registry in (case.registry for case in CASES):
        len(registry)
        for name in ("_parts", "_origins"):
            monkeypatch.setattr(registry, name, dict(getattr(registry, name)))
        monkeypatch.setattr(registry, "_complete", True)


@each
def test_every_part_is_found_by_its_name_and_written_as_it_is_read(case: Case) -> None:
    assert list(case.registry) == sorted(case.registry)
    assert case.taken in case.registry
    for name, part in case.registry.items():
        found = case.registry.resolve(name)
        assert (found.part, found.values, found.file) == (part, {}, None)
        assert part.name == spec_of(part, {}) == name


@each
def test_a_name_that_is_taken_is_refused(case: Case, tmp_path: Path) -> None:
    before = case.registry[case.taken]
    file = write(tmp_path / "mine.py", case.file(case.taken))
    with pytest.raises(UsageError) as caught:
        case.registry.resolve(f"{file}:{case.taken}")
    assert f"two {case.registry.plural} are named {case.taken!r}" in str(caught.value)
    assert case.registry[case.taken] is before


@each
def test_a_part_that_is_defined_again_takes_its_own_place(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = ModuleType("a_notebook")
    monkeypatch.setitem(sys.modules, notebook.__name__, notebook)
    for times in ("3", "4"):
        exec(case.file().replace("times: int = 2", f"times: int = {times}"), vars(notebook))
    assert [p.default for p in case.registry["mine"].parameters if p.name == "times"] == [4]


@each
def test_a_name_that_is_unknown_is_answered_with_the_nearest(case: Case) -> None:
    turned = case.taken[1] + case.taken[0] + case.taken[2:]
    for name, where in ((turned, "a.toml"), ("", None)):
        with pytest.raises(UsageError) as caught:
            case.registry.resolve(name, where)
        said = str(caught.value)
        assert f"there is no {case.registry.what} {name!r}" in said
        assert said.startswith("a.toml: ") == (where is not None)
        assert (f"did you mean {case.taken!r}?" in said) == bool(name)
        assert f"there are: {', '.join(case.registry)}" in said


@each
def test_a_part_in_a_file_of_the_users(case: Case, tmp_path: Path) -> None:
    file = write(tmp_path / "mine.py", case.file())
    found = case.registry.resolve(f"{file}:mine:times=3")
    assert (found.part.name, found.values, found.file) == ("mine", {"times": 3}, file)
    spec = spec_of(found.part, found.values, found.file)
    assert spec == f"{file}:mine:times=3"
    assert case.registry.resolve(spec) == found
    assert all(map(case.registry.knows, (spec, case.taken)))
    strange = (f"{file}:{case.taken}", f"{tmp_path / 'none.py'}:mine", "none")
    assert not any(map(case.registry.knows, strange))
    with pytest.raises(UsageError, match=rf"mine\.py: there is no .*{case.taken!r}\n.*are: mine$"):
        case.registry.resolve(f"{file}:{case.taken}")
    with pytest.raises(
        UsageError, match=rf"mine\.py: which {case.registry.what}\?\n.*:NAME; .*mine"
    ):
        case.registry.resolve(str(file))
    with pytest.raises(UsageError, match="there is no such file"):
        case.registry.resolve(f"{tmp_path / 'none.py'}:mine")
    empty = write(tmp_path / "empty.py", "mine = 1\n")
    said = rf"empty\.py: there is no {case.registry.what} 'mine' .*, nor any other\n.*your-own\.md"
    with pytest.raises(UsageError, match=said):
        case.registry.resolve(f"{empty}:mine")


@each
def test_a_file_that_breaks_is_named_each_time(case: Case, tmp_path: Path) -> None:
    file = write(tmp_path / "broken.py", "1 / 0")
    for _ in range(2):
        with pytest.raises(UsageError, match=r"broken\.py(.|\n)*ZeroDivisionError"):
            case.registry.resolve(f"{file}:mine")


@each
def test_a_file_that_is_not_trusted_is_not_run(case: Case, tmp_path: Path) -> None:
    file, ran = tmp_path / "theirs.py", tmp_path / "ran"
    file.write_text(f"open({str(ran)!r}, 'w')\n" + case.file())
    for spec in (f"{file}:mine:times=3", f"{case.taken}:of=hard,({file}:mine)"):
        assert files_of(spec) == (file,)
        with pytest.raises(UsageError, match=r"would run a file of its own; seen: .*theirs\.py"):
            case.registry.resolve(spec, trust=False)
    assert not ran.exists()
    assert case.registry.resolve(case.taken, trust=False).part.name == case.taken
    assert case.registry.resolve(f"{file}:mine").part.name == "mine"
    assert ran.exists()


@pytest.mark.parametrize(
    ("spec", "files"),
    [
        ("hard", []),
        ("hard+medium:share=0.1", []),
        ("albl:of=random,a.py:mine", ["a.py"]),
        ("a.py:mine:of=(b/c.py:yours:k=1),(albl:of=(d.py:x),hard)", ["a.py", "b/c.py", "d.py"]),
        ("a.py", ["a.py"]),
        (r"C:\a\b.py:mine:k=1", [r"C:\a\b.py"]),  # a drive of Windows
        ("C:/a.py:mine:of=(D:/b.py:yours)", ["C:/a.py", "D:/b.py"]),
        ("", []),
    ],
)
def test_files_of_a_spec_are_told_without_running_them(spec: str, files: list[str]) -> None:
    assert files_of(spec) == tuple(map(Path, files))


@each
@pytest.mark.parametrize("value", ["", ":part"], ids=["module", "function"])
def test_a_part_of_an_installed_package(
    case: Case, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = install(tmp_path, case, case.file(), value)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(case.registry, "_complete", False)
    assert case.registry.resolve("mine:times=5").values == {"times": 5}
    assert case.registry["mine"].name == "mine"
    assert name in sys.modules


@each
@pytest.mark.parametrize(
    ("source", "says"),
    [
        (lambda case: case.file(case.taken), lambda case: f"two {case.registry.plural} are named"),
        (lambda _: "import nowhere_at_all", lambda _: "No module named 'nowhere_at_all'"),
    ],
    ids=["taken", "broken"],
)
def test_an_installed_package_that_cannot_be_is_named(
    case: Case,
    source: Callable[[Case], str],
    says: Callable[[Case], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(tmp_path, case, source(case), "")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(case.registry, "_complete", False)
    for _ in range(2):
        with pytest.raises(UsageError) as caught:
            len(case.registry)
        assert says(case) in str(caught.value)
    # What it does not touch can still be had.
    assert case.registry.resolve(case.taken).part.name == case.taken


@each
def test_a_part_is_added_by_one_file_in_its_folder(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = importlib.import_module(case.registry._package)
    if not hasattr(package, "__path__"):
        pytest.skip("one file holds all parts of this kind")
    write(tmp_path / f"new_{case.registry.group[6:]}.py", case.file("new"))
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    monkeypatch.setattr(case.registry, "_complete", False)
    assert "new" in case.registry
    assert case.registry.resolve("new").part.name == "new"


@each
@pytest.mark.parametrize(
    ("part", "says"),
    [
        ("time=3", r"no such parameter; seen: time=3\n.*times=2 \(int\)"),
        ("times=x", "times must be int; seen: x"),
        ("times=", "times must be int"),
        ("times=1:times=2", "a parameter stands twice"),
        ("3", "no such parameter"),
    ],
)
def test_a_parameter_that_cannot_be_is_named(
    case: Case, part: str, says: str, tmp_path: Path
) -> None:
    file = write(tmp_path / "mine.py", case.file())
    with pytest.raises(UsageError, match=says) as caught:
        case.registry.resolve(f"{file}:mine:{part}", "a.toml")
    assert str(caught.value).startswith(f"a.toml: {case.registry.what} ")


@each
def test_a_parameter_has_a_default(case: Case, tmp_path: Path) -> None:
    file = write(tmp_path / "mine.py", case.file().replace("times: int = 2", "times: int"))
    with pytest.raises(UsageError, match="'times' must have a default"):
        case.registry.resolve(f"{file}:mine")


def write(file: Path, source: str) -> Path:
    file.write_text(source, encoding="utf-8")
    return file


def install(folder: Path, case: Case, source: str, value: str) -> str:
    """An installed package with an entry point, as pip leaves it behind; its module's name."""
    # A module of each test's own, as Python remembers what it has imported.
    module = f"plugged_{folder.name}"
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    group = case.registry.group
    (info / "entry_points.txt").write_text(f"[{group}]\n{module} = {module}{value}\n")
    write(folder / f"{module}.py", source)
    return module

"""A study: a grid of runs over any settings, as a TOML file."""

from __future__ import annotations

import dataclasses
import itertools
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import tomli_w

from alasl.config import from_dict, toml_in, unknown
from alasl.errors import UsageError
from alasl.settings import RunSettings

Values = Mapping[str, Any]

# In place of a grid's name: all grids.
ALL = "*"


@dataclass(frozen=True)
class Grid:
    """Runs of every combination of some settings' values; `values` holds a list for each."""

    name: str
    values: Mapping[str, tuple[Any, ...]]

    def points(self) -> Iterator[dict[str, Any]]:
        """The combinations, the last setting changing fastest."""
        for values in itertools.product(*self.values.values()):
            yield dict(zip(self.values, values, strict=True))


@dataclass(frozen=True)
class Plot:
    """One figure of a study: its kind, the grid it shows, or "*" for all, and which of its runs."""

    file: str
    kind: str
    grid: str
    title: str
    where: Values


@dataclass(frozen=True)
class Efficiency:
    """Which grid's mAP, after how many answers, the others are measured by."""

    baseline: str
    answers: int


@dataclass(frozen=True)
class Study:
    """What to run and what to show of it.

    base: settings that all runs share. seeds: how many, from base seed on; runs of one seed are
    paired. claims: the set of checks to make (`alasl.study.claims`), or none. efficiency: how
    answers for the same mAP are counted (`alasl.study.efficiency`), or None.
    """

    name: str
    about: str
    base: Values
    grids: tuple[Grid, ...]
    seeds: int
    plots: tuple[Plot, ...] = ()
    claims: str | None = None
    efficiency: Efficiency | None = None

    def runs(self, seed: int) -> list[tuple[str, RunSettings]]:
        """The runs of one seed with the grid each is of, in the study's order."""
        return [
            (grid.name, from_dict({**self.base, **point, "seed": seed}))
            for grid in self.grids
            for point in grid.points()
        ]

    def named(self) -> list[Values]:
        """What its file names: settings of its runs, its claims, its kinds of figures."""
        shown = {"claims": self.claims, "kind": [plot.kind for plot in self.plots]}
        return [self.base, *(grid.values for grid in self.grids), shown]

    @property
    def seed_range(self) -> range:
        """The seeds."""
        first = int(self.base.get("seed", 0))
        return range(first, first + self.seeds)


def parse(content: Values, where: str) -> Study:
    """A study from the content of its file. Raises `UsageError` naming an unknown key's nearest."""
    keys = ("name", "about", "seeds", "claims", "run", "grid", "figure", "efficiency")
    _known(content, keys, where)
    base = dict(content.get("run", {}))
    from_dict({**base, "seed": base.get("seed", 0)}, where=f"{where}: [run]")
    grids = tuple(
        _grid(table, number, base, where) for number, table in enumerate(content.get("grid", ()), 1)
    )
    if not grids:
        raise UsageError("a study needs at least one [[grid]]", where=where)
    names = [grid.name for grid in grids]
    if len(set(names)) < len(names):
        raise UsageError("two grids have one name", where=where, seen=", ".join(names))
    plots = tuple(
        _plot(table, number, names, where)
        for number, table in enumerate(content.get("figure", ()), 1)
    )
    seeds = content.get("seeds", 5)
    if isinstance(seeds, bool) or not isinstance(seeds, int) or seeds < 1:
        raise UsageError("seeds must be a whole number from 1 on", where=where, seen=repr(seeds))
    return Study(
        name=str(content.get("name", Path(where).stem)),
        about=str(content.get("about", "")),
        base=base,
        grids=grids,
        seeds=seeds,
        plots=plots,
        claims=content.get("claims"),
        efficiency=_efficiency(content["efficiency"], names, where)
        if "efficiency" in content
        else None,
    )


def read_study(path: Path) -> Study:
    """The study in a TOML file. Raises `DataError` where it cannot be read."""
    return parse(toml_in(path, "the study"), str(path))


def shipped() -> dict[str, Study]:
    """The studies that come with the package, by name."""
    found = {}
    for file in sorted((files("alasl.study") / "shipped").iterdir(), key=lambda f: f.name):
        if file.name.endswith(".toml"):
            study = parse(tomllib.loads(file.read_text(encoding="utf-8")), file.name)
            found[study.name] = study
    return found


def _grid(table: Values, number: int, base: Values, where: str) -> Grid:
    place = f"{where}: [[grid]] {number}"
    settings = {item.name for item in dataclasses.fields(RunSettings)} - {"data", "seed"}
    _known(table, ("name", *settings), place)
    values = {
        key: tuple(value) if isinstance(value, list) else (value,)
        for key, value in table.items()
        if key != "name"
    }
    for key, listed in values.items():
        if not listed:
            raise UsageError(f"{key} has no value", where=place)
    grid = Grid(str(table.get("name", f"grid{number}")), values)
    for point in grid.points():
        from_dict({**base, **point}, where=place)
    return grid


def _efficiency(table: Values, grids: list[str], where: str) -> Efficiency:
    place = f"{where}: [efficiency]"
    _known(table, ("baseline", "answers"), place)
    baseline, answers = table.get("baseline"), table.get("answers")
    if not isinstance(baseline, str):
        raise UsageError("efficiency needs the name of a grid as baseline", where=place)
    _known({baseline: None}, tuple(grids), place, "grid")
    if isinstance(answers, bool) or not isinstance(answers, int) or answers < 1:
        raise UsageError(
            "answers must be a whole number from 1 on", where=place, seen=repr(answers)
        )
    return Efficiency(baseline, answers)


def _plot(table: Values, number: int, grids: list[str], where: str) -> Plot:
    place = f"{where}: [[figure]] {number}"
    _known(table, ("file", "kind", "grid", "title", "where"), place)
    for key in ("file", "kind", "grid"):
        if key not in table:
            raise UsageError(f"a figure needs {key}", where=place)
    _known({table["grid"]: None}, (ALL, *grids), place, "grid")
    return Plot(
        table["file"], table["kind"], table["grid"], table.get("title", ""), table.get("where", {})
    )


def _known(table: Values, keys: tuple[str, ...], where: str, what: str = "key") -> None:
    for key in table:
        if key not in keys:
            raise unknown(key, sorted(keys), where, what)


def to_toml(study: Study) -> str:
    """The study as a file from which `read_study` makes the same one."""
    content: dict[str, Any] = {"name": study.name, "about": study.about, "seeds": study.seeds}
    if study.claims:
        content["claims"] = study.claims
    if study.efficiency:
        content["efficiency"] = dataclasses.asdict(study.efficiency)
    content["run"] = dict(study.base)
    content["grid"] = [
        {"name": grid.name, **{key: list(values) for key, values in grid.values.items()}}
        for grid in study.grids
    ]
    content["figure"] = [
        {**dataclasses.asdict(plot), "where": dict(plot.where)} for plot in study.plots
    ]
    return tomli_w.dumps(content)


def differences(there: Study, here: Study) -> list[str]:
    """What of two studies' runs differs, a line each; what is only shown does not count."""
    found = []
    for what, one, two in (
        ("seeds", there.seeds, here.seeds),
        ("[run]", dict(there.base), dict(here.base)),
        *(
            (f"[[grid]] {name}", _values(there, name), _values(here, name))
            for name in dict.fromkeys(g.name for g in (*there.grids, *here.grids))
        ),
    ):
        if isinstance(one, dict) and isinstance(two, dict):
            found += [
                f"{what} {key}: there {one.get(key)!r}, here {two.get(key)!r}"
                for key in dict.fromkeys([*one, *two])
                if one.get(key) != two.get(key)
            ]
        elif one != two:
            found.append(f"{what}: there {one!r}, here {two!r}")
    return found


def _values(study: Study, name: str) -> dict[str, list[Any]] | None:
    grid = next((grid for grid in study.grids if grid.name == name), None)
    return None if grid is None else {key: list(values) for key, values in grid.values.items()}


def checked(study: Study) -> Study:
    """The study, once every one of its runs' settings is known to be allowed, models too."""
    from alasl.models.registry import resolve

    for _, run in study.runs(study.seed_range[0]):
        resolve(run.model, run.training())
    return study

"""Answers for the same mAP: where curves cross, ratios that are known, and the goals as claims."""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alasl.errors import UsageError
from alasl.record import Evaluation
from alasl.study.claims import check
from alasl.study.claims.efficiency import BASELINE, OURS
from alasl.study.efficiency import efficiency_csv, needed, ratios_csv, reached
from alasl.study.figures import draw_all, lines_of
from alasl.study.page import write_study
from alasl.study.results import Results, RunResult
from alasl.study.spec import differences, parse, read_study, shipped, to_toml

CHANCE, CLEVER, TRAINED = "by chance", "clever", "other training"


def made(seeds: int = 4, speeds: dict[str, float] | None = None, noise: float = 0.1) -> Results:
    """Curves 30 + 5 log10(1 + speed * answers / 100): of twice the speed, half the answers."""
    speeds = speeds or {CHANCE: 1.0, CLEVER: 4.0, TRAINED: 2.0}
    study = parse(
        {
            "seeds": seeds,
            "run": {"data": "d", "model": "probe", "answers": 100, "rounds": 40},
            "grid": [
                {"name": CHANCE, "missing": 0.9, "strategy": "random-entry", "loss": "bce"},
                {"name": CLEVER, "missing": 0.9, "strategy": "entry-margin", "loss": "bce"},
                {"name": TRAINED, "missing": 0.9, "strategy": "random-entry", "loss": "asl"},
            ],
            "efficiency": {"baseline": CHANCE, "answers": 2000},
        },
        "own.toml",
    )
    rng = np.random.default_rng(0)
    runs = []
    for seed in study.seed_range:
        split = rng.normal(0, 3)
        for grid, settings in study.runs(seed):
            evaluations = []
            for number in range(41):
                height = 30 + 5 * math.log10(1 + speeds[grid] * number) + split
                value = height + rng.normal(0, noise)
                # Whoever is clever asks in a way that takes half as much time again.
                time = 100 * number * (3.0 if grid == CLEVER else 2.0)
                evaluations.append(
                    Evaluation(number, number, 100 * number, (value,), (value,), 0.0, time)
                )
            runs.append(RunResult(grid, settings, tuple(evaluations)))
    return Results(study, "drawn", 100, 5, tuple(runs))


def plain(costs: list[float], maps: list[float], target: float) -> float:
    if maps[0] >= target:
        return costs[0]
    for (c0, m0), (c1, m1) in zip(
        zip(costs, maps, strict=True), zip(costs[1:], maps[1:], strict=True), strict=False
    ):
        if m1 >= target:
            return c0 + (c1 - c0) * (target - m0) / (m1 - m0)
    return math.inf


@given(st.lists(st.integers(0, 20), min_size=2, max_size=8), st.floats(-1, 21))
def test_a_curve_reaches_its_target_where_a_plain_loop_says(maps: list[int], target: float) -> None:
    costs = [10.0 * i**2 for i in range(len(maps))]
    found = reached(np.array(costs), np.array(maps, float) - target)
    assert found == pytest.approx(plain(costs, [float(m) for m in maps], target))


@pytest.mark.slow
def test_ratios_are_what_they_were_made_to_be() -> None:
    by = {(n.method, n.comparison): n for n in needed(made(seeds=8, noise=0.01))}
    clever = by[CLEVER, "whole"]
    assert clever.baseline == CHANCE
    results = made(seeds=8, noise=0.01)
    start = np.mean([run.maps[0] for run in results.runs if run.grid == CHANCE])
    assert clever.target == pytest.approx(start + 5 * math.log10(21), abs=0.05)
    assert clever.ratio.mean == pytest.approx(4, rel=0.05)
    assert clever.ratio.low < clever.ratio.mean < clever.ratio.high
    assert clever.answers.mean == pytest.approx(500, rel=0.05)
    assert by[CLEVER, "selection"].ratio == clever.ratio
    assert by[TRAINED, "whole"].ratio.mean == pytest.approx(2, rel=0.05)
    # Under its own training it is the baseline itself.
    assert by[TRAINED, "selection"].ratio.mean == 1
    assert by[CHANCE, "whole"].answers.mean == pytest.approx(2000, abs=25)
    # An answer of the clever takes 3 seconds, of the others 2.
    assert clever.seconds.mean == pytest.approx(3 * clever.answers.mean)
    for mine, by_answers in (
        (clever.time_ratio.mean, clever.ratio.mean),
        (clever.time_ratio.low, clever.ratio.low),
        (clever.time_ratio.high, clever.ratio.high),
    ):
        assert mine == pytest.approx(by_answers * 2 / 3)
    assert by[TRAINED, "whole"].time_ratio.mean == pytest.approx(by[TRAINED, "whole"].ratio.mean)


def test_a_baseline_has_paid_no_more_time_than_all_its_answers_took() -> None:
    """Where rounds take each seed another time, the mean curve may miss its own end."""
    results = made(seeds=2, noise=0.0)
    stretched = tuple(
        replace(
            run,
            evaluations=tuple(
                replace(e, time=e.time * (1.0 + 0.5 * run.settings.seed)) for e in run.evaluations
            ),
        )
        for run in results.runs
    )
    results = replace(results, runs=stretched)
    study = replace(results.study, efficiency=replace(results.study.efficiency, answers=4000))
    clever = next(n for n in needed(replace(results, study=study)) if n.method == CLEVER)
    assert clever.budget == 4000
    assert math.isfinite(clever.time_ratio.mean)
    paid = 2.0 * 4000 * 1.25
    assert clever.time_ratio.mean * clever.seconds.mean <= paid + 1e-6


@pytest.mark.slow
def test_the_interval_holds_the_true_ratio_as_often_as_it_says() -> None:
    held = 0
    for seed in range(40):
        results = made(seeds=10, noise=0.3)
        rng = np.random.default_rng(seed)
        shaken = [
            replace(
                run,
                evaluations=tuple(
                    replace(e, epochs=(e.map_last + rng.normal(0, 0.3),)) for e in run.evaluations
                ),
            )
            for run in results.runs
        ]
        found = needed(replace(results, runs=tuple(shaken)))
        ratio = next(n.ratio for n in found if (n.method, n.comparison) == (TRAINED, "whole"))
        held += ratio.low <= 2 <= ratio.high
    assert held >= 35


def test_what_is_there_before_any_answer_and_what_is_never_reached_are_told() -> None:
    results = made(speeds={CHANCE: 1.0, CLEVER: 0.001, TRAINED: 1.0}, noise=0.0)
    high = tuple(
        replace(run, evaluations=tuple(replace(e, epochs=(90.0,)) for e in run.evaluations))
        if run.grid == TRAINED
        else run
        for run in results.runs
    )
    results = replace(results, runs=high)
    found = needed(results)
    rows = list(csv.DictReader(io.StringIO(ratios_csv(results, found))))
    slow = next(r for r in rows if (r["method"], r["comparison"]) == (CLEVER, "whole"))
    fast = next(r for r in rows if (r["method"], r["comparison"]) == (TRAINED, "whole"))
    assert (slow["answers"], slow["ratio"]) == ("inf", "0.00")
    assert (fast["answers"], fast["ratio"]) == ("0.0", "inf")


def test_every_evaluation_is_a_row() -> None:
    results = made(seeds=2)
    rows = list(csv.DictReader(io.StringIO(efficiency_csv(results))))
    assert len(rows) == 2 * 3 * 41
    assert rows[1]["data"] == "drawn"
    assert float(rows[1]["share_unknown"]) == 0.9
    assert {row["method"] for row in rows} == {CHANCE, CLEVER, TRAINED}
    assert float(rows[40]["map"]) == pytest.approx(results.runs[0].maps[40], abs=1e-4)
    assert int(rows[40]["answers"]) == 4000


@pytest.mark.slow
def test_a_study_of_efficiency_leaves_its_tables_and_says_them(tmp_path) -> None:
    write_study(made(), tmp_path)
    assert {"efficiency.csv", "ratios.csv"} <= {path.name for path in tmp_path.iterdir()}
    page = (tmp_path / "study.html").read_text(encoding="utf-8")
    assert "Answers and time for the same mAP" in page
    assert "Times<br>fewer" in page
    # A table for each baseline that something is compared with; itself is no row of it.
    (table,) = re.findall(r"<h3>(.*?)</table>", page, re.DOTALL)
    assert table.startswith(f"90 % unknown, compared with <bdi>{CHANCE}</bdi>")
    assert re.findall(r'class="name"><bdi>(.*?)</bdi>', table) == [CLEVER, TRAINED]
    goal = next(n for n in needed(made()) if n.method == CLEVER)
    assert f"from {goal.start:.2f} to {goal.target:.2f} mAP" in table
    assert f"+{goal.target - goal.start:.2f} points" in table
    assert f"<td>{goal.time_ratio.mean:.1f}<br><small>" in table


@pytest.mark.slow
def test_a_study_without_it_leaves_none(tmp_path) -> None:
    results = made()
    write_study(replace(results, study=replace(results.study, efficiency=None)), tmp_path)
    assert not (tmp_path / "ratios.csv").exists()
    assert needed(replace(results, study=replace(results.study, efficiency=None))) == []


def test_all_grids_in_one_figure_are_named_by_their_grid() -> None:
    results = made(seeds=2)
    lines = lines_of(results.select("*"))
    assert [line.name for line in lines] == [CHANCE, CLEVER, TRAINED]
    assert len({line.shade for line in lines}) == 3
    plot = {"file": "f", "kind": "map-per-cost:axis=log", "grid": "*", "where": {"missing": 0.9}}
    content = {
        "run": {"data": "d"},
        "grid": [{"name": "a", "strategy": "random"}],
        "figure": [plot],
    }
    study = replace(results.study, plots=parse(content, "x.toml").plots)
    assert len(draw_all(replace(results, study=study))) == 1


def test_all_methods_of_the_shipped_study_have_colours_of_their_own(make_results) -> None:
    """Random's are grey, and leave the colours to the others."""
    study = shipped()["efficiency"]
    study = replace(study, base={**study.base, "data": "d"})
    runs = make_results(study, seeds=1).select("*", missing=0.98)
    own = [line.shade for line in lines_of(runs) if not line.random]
    assert len(own) == 7
    assert len(set(own)) == 7


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"baseline": "by chanc", "answers": 10}, "did you mean 'by chance'"),
        ({"answers": 10}, "needs the name of a grid"),
        ({"baseline": CHANCE, "answers": 0}, "whole number from 1 on"),
        ({"baseline": CHANCE, "answers": True}, "whole number from 1 on"),
        ({"baseline": CHANCE, "answer": 10}, "did you mean 'answers'"),
    ],
)
def test_a_wrong_table_of_efficiency_says_what_is_right(table: dict, says: str) -> None:
    content = {"grid": [{"name": CHANCE, "strategy": "random"}], "efficiency": table}
    with pytest.raises(UsageError, match=says):
        parse(content, "own.toml")


def test_the_shipped_study_names_its_grids_and_is_read_back(tmp_path) -> None:
    study = shipped()["efficiency"]
    names = {grid.name for grid in study.grids}
    assert {BASELINE, OURS, "ours at 60 %", "all entries known, logistic"} <= names
    path = tmp_path / "again.toml"
    path.write_text(to_toml(study), encoding="utf-8")
    again = read_study(path)
    assert again.efficiency == study.efficiency
    assert not differences(study, again)


def goal(gain: float, distance: float) -> dict[str, str]:
    """The verdicts where ours is `gain` above all others and `distance` below all known."""
    study = replace(shipped()["efficiency"], seeds=5)
    study = replace(study, base={**study.base, "data": "d"})
    runs = []
    for seed in study.seed_range:
        rng = np.random.default_rng(seed)
        for grid, settings in study.runs(seed):
            ours = grid.startswith(("ours", "variance"))
            evaluations = []
            for number in range(settings.rounds + 1):
                cost = round(100 * (1.5**number - 1) / 0.5)
                value = 40 + number / 5 + (gain if ours else 0.0) + rng.normal(0, 0.05)
                if not settings.rounds:
                    value = 40 + 11 / 5 + gain + distance + rng.normal(0, 0.05)
                evaluations.append(Evaluation(number, number, cost, (value,), (value,), 0.0))
            runs.append(RunResult(grid, settings, tuple(evaluations)))
    results = Results(study, "drawn", 100, 5, tuple(runs))
    verdicts: dict[str, str] = {}
    for claim in check(results):
        verdicts[claim.claim] = (
            claim.verdict
            if verdicts.get(claim.claim, claim.verdict) == claim.verdict
            else "undecided"
        )
    return verdicts


def test_goals_hold_where_they_are_reached_and_not_where_they_are_missed() -> None:
    assert goal(5.0, 0.0) == {"SELECTION": "holds", "WHOLE": "holds", "TENTH": "holds"}
    assert goal(0.0, 1.0) == {
        "SELECTION": "does not hold",
        "WHOLE": "does not hold",
        "TENTH": "does not hold",
    }

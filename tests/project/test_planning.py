"""Plans: forecasts of what it takes to reach a mAP, simulated on what is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit

from alasl.cli import exit_code
from alasl.cli.status import lines
from alasl.data.dataset import Dataset
from alasl.data.formats import write
from alasl.project.driver import Driver
from alasl.project.folder import Project, init, load
from alasl.project.forecast import CHANCE, WHOLE, Curves, Forecast, forecasts
from alasl.project.ground import Figures, Ground
from alasl.project.hours import hours
from alasl.project.overview import overview
from alasl.project.planning import _now
from alasl.project.plans import Plan, keep, last_plan
from alasl.project.records import Answer, Training
from alasl.project.settings import ProjectSettings
from alasl.report import write_project_report
from alasl.seconds import Seconds


def at(entries: float, bend: float = 0.0) -> float:
    """mAP in per cent where the line is exact: 40.1 with 1000 entries."""
    x = np.log(entries / 1000)
    return 100 * float(expit(0.5 * (x if bend == 0 else (1 - np.exp(-bend * x)) / bend) - 0.4))


def exact(seeds: int = 3, worth: float = 4.0, bend: float = 0.0) -> Curves:
    """Curves without chance, where an answer of the strategy is worth some of chance."""
    entries = np.array([300.0, 500.0, 700.0])
    chance = np.tile([at(n, bend) for n in entries], (seeds, 1))
    # Of 500 that are hidden, 120 are asked.
    like = 500 * (1 - (1 - 120 / 500) ** worth)
    reached = {"strategy": np.full(seeds, at(500 + like, bend)), WHOLE: chance[:, 1]}
    return Curves(1000, 100_000, at(1000.0), entries, chance, 1, 120, reached)


def width(one: Forecast) -> float:
    """How many times the lower end the upper one is."""
    return (one.high or np.inf) / one.low


def test_a_forecast_is_what_the_line_says_and_what_an_answer_is_worth() -> None:
    target = at(3000.0)
    strategy, whole, chance = forecasts(exact(), target)
    assert (strategy.way, whole.way, chance.way) == ("strategy", WHOLE, CHANCE)
    assert chance.answers == pytest.approx(2000, rel=0.1)
    assert chance.worth == 1
    # A quarter, in logarithms, of what it is in simulations, which are small, the rest is usual.
    assert strategy.worth == pytest.approx(4**0.25 * 1.8**0.75, rel=0.1)
    assert strategy.answers == pytest.approx((chance.answers or 0) / strategy.worth, rel=0.1)
    # Nothing is gained by whole images here; an answer is usually worth one of chance.
    assert whole.worth == pytest.approx(0.05**0.25, rel=0.1)


@pytest.mark.parametrize("bend", [-0.4, 0.4])
def test_a_line_that_bends_goes_on_to(bend: float) -> None:
    target = at(2000.0, bend)
    took = forecasts(exact(bend=bend), target)[-1].answers
    straight = forecasts(exact(), target)[-1].answers
    assert took == pytest.approx(1000, rel=0.15)
    assert took
    assert straight
    assert (took < straight) == (bend < 0)


def test_what_is_reached_needs_nothing_and_what_cannot_be_has_no_number() -> None:
    done = forecasts(exact(), at(900.0))[0]
    assert (done.answers, done.low, done.high) == (0, 0, 0)
    never = forecasts(exact(), 99.0)[0]
    assert (never.answers, never.high) == (None, None)
    assert "more than 100 000 answers, if ever" in str(never)
    few = forecasts(replace(exact(), askable=1500), at(5000.0))[-1]
    assert few.answers is None


def test_the_interval_holds_where_projects_stray_as_is_said() -> None:
    """Four of five futures: lines bend, seeds stray by which entries they know, and an answer's
    worth strays; that of a strategy is between the simulated and the usual one."""
    rng = np.random.default_rng(0)
    times = np.append([0.3, 0.5, 0.7, 1.0], 1 + np.geomspace(1e-3, 1e4, 1000))
    held: dict[str, list[bool]] = {}
    worth, stray = 4.0, 0.25
    middle = worth**0.25 * 1.8**0.75
    # Draws of entries, one within the other, correlate by the root of the smaller one's share.
    shares = np.sqrt(
        np.minimum.outer(times[:5], times[:5]) / np.maximum.outer(times[:5], times[:5])
    )
    for number in range(100):
        bend = float(0.3 * rng.standard_normal()) or 1e-9
        x = np.log(times)
        line = 0.5 * -np.expm1(-bend * x) / bend - 0.4
        line[4:] = line[3] + np.exp(0.15 * rng.standard_normal()) * (line[4:] - line[3])
        common = stray * (np.linalg.cholesky(shares + 1e-9 * np.eye(5)) @ rng.standard_normal(5))
        apart, later = common[3] / np.sqrt(times), stray * rng.standard_normal()
        path = line + apart + later * np.sqrt(np.maximum(1 - 1 / times, 0))
        parts = times[:3]
        seeds = line[:3] + common[3] * np.sqrt(parts)
        chance = seeds + stray * np.sqrt(1 - parts) * rng.standard_normal((8, 3))
        like = 500 * (1 - (1 - 120 / 500) ** worth)
        rise = float(np.interp(np.log((500 + like) / 1000), x[:4], line[:4])) - line[1]
        told = Curves(
            1000, 10**6, 100 * float(expit(path[3])), 1000 * parts, 100 * expit(chance), 1, 120,
            {"strategy": 100 * expit(chance[:, 1] + rise)},
        )  # fmt: skip
        target = 100 * float(expit(line[3] + 0.35))
        by_chance = 1000 * (times[4:] - 1)[(path[4:] >= logit(target / 100)).argmax()]
        own = middle * np.exp(0.3 * rng.standard_normal())
        took = {CHANCE: by_chance, "strategy": 10**6 * (1 - (1 - by_chance / 10**6) ** (1 / own))}
        for one in forecasts(told, target, number):
            held.setdefault(one.way, []).append(one.low <= took[one.way] <= (one.high or np.inf))
    found = {way: np.mean(of) for way, of in held.items()}
    assert all(0.7 <= share <= 0.9 for share in found.values()), found


def test_intervals_are_the_wider_the_more_seeds_stray_and_the_farther_the_target() -> None:
    rng = np.random.default_rng(0)
    sure = exact(6)
    stray = replace(sure, chance=sure.chance + rng.normal(0, 1.5, sure.chance.shape))
    near, far = at(1500.0), at(4000.0)
    for place in (0, -1):
        widths = [width(forecasts(told, near)[place]) for told in (sure, stray)]
        assert 1.2 * widths[0] < widths[1]
        assert width(forecasts(sure, near)[place]) < 4
        assert forecasts(sure, near)[place].low < forecasts(sure, far)[place].low
    # That of a strategy is never surer than what its answers are worth.
    strategy, _, chance = forecasts(sure, near)
    assert width(strategy) > 1.2 * width(chance)


def test_who_asks_for_everything_gains_what_chance_does() -> None:
    told = replace(exact(), askable=4000)
    strategy, _, chance = forecasts(told, at(4900.0))
    assert strategy.low > 0.4 * chance.low
    early, _, late = forecasts(told, at(1100.0))
    assert (early.answers or 0) < 0.5 * (late.answers or 0)


@pytest.fixture
def tenth(tmp_path: Path, make_dataset: Callable[..., Dataset]) -> Callable[..., Project]:
    """Makes a project on a table of which chance knows some of the presents and absents."""
    count = 0

    def make(presents: float = 0.4, absents: float = 0.4, images: int = 240) -> Project:
        nonlocal count
        count += 1
        data = make_dataset(images, labels=4)
        truth = data.labels.entries
        folder = tmp_path / str(count)
        folder.mkdir()
        kept = np.random.default_rng(0).random(truth.shape) < np.where(truth, presents, absents)
        write(data.labels.forget(~kept), folder / "t.npz", "npz", features=data.features)
        chosen: dict[str, Any] = {"data": str(folder / "t.npz"), "answers": 60}
        return init(folder / "project", ProjectSettings(**chosen))

    return make


def test_a_plan_is_printed_kept_and_set_beside_what_came(
    tenth: Callable[..., Project], say: Callable[..., Any], tmp_path: Path
) -> None:
    project = tenth()
    before = project.store.last_event()
    told = say("plan", project.folder, "--target", 90, "--seeds", 2, "--json")
    assert [one["way"] for one in told["forecasts"]] == ["strategy", WHOLE, CHANCE]
    assert [set(one["by"]) for one in told["hours"]] == [
        {"by label", "by image"},
        {"tagging"},
        {"by label", "by image"},
    ]
    assert project.store.last_event() == before, "nothing is asked or changed"
    made = last_plan(project.folder)
    assert made is not None
    assert (made.target, made.answers) == (90, 0)
    assert made.now == told["now"]
    low, high = made.sure or (0, 0)
    assert [low, high] == told["sure"]
    assert low < made.now < high
    text = say("plan", project.folder, "--target", 90, "--seeds", 2, "--grid-seconds", 2)
    sure = f"mAP now {made.now:.1f} % (95 % interval {low:.1f} to {high:.1f}, by "
    known = int(project.store.labels().take(project.split().test).known.sum())
    given = f"{known} known entries of the test images alone, right only if chance chose them"
    assert f"{sure}{given}); to reach 90 %" in text
    assert "at 2 s an answer by label, 2 s to open an image and 1 s an answer by image" in text
    assert last_plan(project.folder) == made, "the same seed plans the same"
    ground = Ground(48, 9, False, (30.0, 50.0), (), {})
    training = Training(0, 0, 0, 0, 0, 40.0, (), "m", ground.on, ground)
    state = overview(load(project.folder))
    assert "forecast for mAP 90 % by strategy" in "\n".join(lines(state))
    assert "; so far 0" in "\n".join(lines(state))
    write_project_report(state, tmp_path / "report.html")
    assert "Forecast for mAP 90 % by" in (tmp_path / "report.html").read_text()
    # One figure for the same model, in status and here.
    none = (None,) * len(project.store.names)
    noted = replace(training, event=before, ap=none, ground=replace(ground, ap=none))
    project.store.note_training(noted)
    found = replace(exact(), now=41.0, ground=replace(ground, map=(31.0, 51.0)))
    on = "9 audit answers to 48 test images"
    assert _now(project.store, found) == (40.0, (30.0, 50.0), on)
    project.store.resolve("lead", 0, 0, 1)
    since = f"{on}, with what was answered since the last training"
    assert _now(project.store, found) == (41.0, (31.0, 51.0), since)
    # A plan of an older version had no interval.
    values = json.loads((project.folder / "plan.json").read_text())
    old = {name: value for name, value in values.items() if name not in ("sure", "on")}
    (project.folder / "plan.json").write_text(json.dumps(old))
    assert last_plan(project.folder) == replace(made, sure=None, on="")


def test_a_target_is_reached_where_all_later_estimates_are_above_it(
    tenth: Callable[..., Project],
) -> None:
    project = tenth()
    Driver(project).train()
    (training,) = project.store.trainings()
    assert training.map is None
    assert training.ground is not None
    plan = Plan(50.0, 40.0, 100, 2, tuple(forecasts(exact(), 50.0)))
    sure, rough = (replace(training.ground, map=ends) for ends in ((51.0, 59.0), (45.0, 60.0)))
    some = [
        replace(training, map=value, answers=answers, ground=rough)
        for value, answers in ((60.0, 50), (53.0, 120), (45.0, 150), (52.0, 300), (55.0, 400))
    ]
    assert plan.beside(170, some[:3]).endswith("; so far 70, mAP 45.0 % (45.0 to 60.0)")
    assert plan.beside(400, some).endswith(", but not surely, mAP 55.0 % (45.0 to 60.0)")
    some[-1] = replace(some[-1], ground=replace(rough, complete=True))
    assert "not surely" not in plan.beside(400, some)
    some[-1] = replace(some[-1], ground=sure)
    for low, high, where in (
        (150.0, 250.0, "within"),
        (150.0, None, "within"),
        (201.0, 250.0, "outside"),
        (150.0, 199.0, "outside"),
    ):
        told = replace(plan.forecasts[0], low=low, high=high)
        beside = replace(plan, forecasts=(told,)).beside(400, some)
        assert beside.endswith(f"), an 80 % interval; reached with 200, {where} it")
    never = replace(plan, forecasts=(replace(plan.forecasts[0], answers=None, high=None),))
    assert never.beside(400, some).endswith("answers, if ever; reached with 200")


def test_hours_are_answers_times_seconds_and_those_measured_are_taken(
    tenth: Callable[..., Project], say: Callable[..., Any]
) -> None:
    project = tenth()
    plan = Plan(50.0, 40.0, 0, 2, tuple(forecasts(exact(), at(5000.0))))
    strategy, whole, _ = hours(
        plan, project.store, Seconds(answer=1.0, open=2.0, grid=1.5, tag=3.0)
    )
    answers, tagged = plan.forecasts[0].answers or 0, plan.forecasts[1].low
    assert strategy.by["by label"][0] == pytest.approx(1.5 * answers / 3600)
    assert strategy.by["by image"][0] == pytest.approx(3 * answers / 3600)
    entries = project.store.labels().entries
    tags = (entries == 1).sum() / (entries >= 0).sum()
    assert whole.by["tagging"][1] == pytest.approx(tagged * (2 / 4 + 3 * tags) / 3600)
    some = np.flatnonzero(entries[:, 0] < 0)[:60].tolist()
    project.store.answer("ann", [Answer(i, 0, 1, 5.0) for i in some], request="a")
    assert "at 5 s an answer by label" in say("plan", project.folder, "--target", 90, "--seeds", 2)


def test_tagging_has_as_many_tags_as_the_audit_found_and_no_hours_where_nothing_tells(
    tenth: Callable[..., Project],
) -> None:
    project = tenth(0.5, 0.0, 200)
    plan = Plan(50.0, 40.0, 0, 2, tuple(forecasts(exact(), at(5000.0))))
    seconds = Seconds(open=2.0, tag=3.0)
    assert hours(plan, project.store, seconds)[1].by == {}
    found = Figures((12.0, 10.0, 14.0), (None,) * 4, {}, 0)
    ground = Ground(40, 100, False, None, (None,) * 4, {}, figures={"prevalence": found})
    project.store.note_training(
        Training(1.0, 0, 0, 0.0, 1.0, None, (None,) * 4, "m", "an audit", ground)
    )
    tagged = plan.forecasts[1].low * (2 / 4 + 3 * 0.12) / 3600
    assert hours(plan, project.store, seconds)[1].by["tagging"][1] == pytest.approx(tagged)


def test_where_nothing_can_be_told_it_says_what_to_do(
    tenth: Callable[..., Project], capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(project: Project, *options: str) -> str:
        assert exit_code(["plan", str(project.folder), "--target", "50", "-q", *options]) > 1
        return capsys.readouterr().err

    assert "too little is known to plan by" in fails(tenth(0.05, 0.05))
    tags = tenth(1.0, 0.0, 600)
    # Answers do not change why the rest is known.
    pool = tags.split().pool[:60].tolist()
    tags.store.answer("ann", [Answer(i, 0, 0, 1.0) for i in pool], request="a")
    assert "known because they are present; seen: 4 of 4 labels" in fails(tags)
    project = tenth()
    assert "x>=2" in fails(project, "--seeds", "1")
    keep(project.folder, Plan(1.0, 1.0, 0, 2, ()))
    (project.folder / "plan.json").write_text("{}")
    assert exit_code(["status", str(project.folder)]) > 1
    assert "the plan cannot be read" in capsys.readouterr().err

"""Plans: forecasts of what it takes to reach a mAP, simulated on what is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alasl.cli import exit_code
from alasl.cli.plan import _sure
from alasl.cli.status import lines
from alasl.data.dataset import Dataset
from alasl.data.formats import write
from alasl.project.driver import Driver
from alasl.project.folder import Project, init, load
from alasl.project.forecast import CHANCE, WHOLE, Curves, Law, fit, forecasts
from alasl.project.ground import Figures, Ground
from alasl.project.hours import hours
from alasl.project.overview import overview
from alasl.project.planning import _now
from alasl.project.plans import Plan, keep, last_plan
from alasl.project.records import Answer, Training
from alasl.project.settings import ProjectSettings
from alasl.report import write_project_report
from alasl.seconds import Seconds

LAW = Law(80.0, 400.0, 0.5)


def exact(seeds: int = 3, worth: float = 4.0) -> Curves:
    """Curves without chance, where an answer of the strategy is worth some of chance."""
    entries = np.array([300.0, 500.0, 700.0])
    chance = np.tile([LAW.at(n) for n in entries], (seeds, 1))
    reached = {"strategy": np.full(seeds, LAW.at(500 + worth * 120)), WHOLE: chance[:, 1]}
    return Curves(1000, 100_000, LAW.at(1000.0), entries, chance, 1, 120, reached)


@settings(max_examples=40)
@given(st.floats(50, 95), st.floats(1, 2000), st.sampled_from([0.1, 0.3, 0.45, 0.6]))
def test_a_law_is_found_again(top: float, fall: float, power: float) -> None:
    n = np.array([300.0, 500.0, 700.0, 1000.0, 4000.0])
    law = Law(top, fall, power)
    found = fit(n, np.array([law.at(one) for one in n]))
    np.testing.assert_allclose([found.at(one) for one in n], [law.at(one) for one in n], atol=0.7)
    assert law.at(law.entries(top - 5)) == pytest.approx(top - 5)
    assert law.entries(top) == np.inf


def test_a_forecast_is_what_the_law_says_and_what_an_answer_is_worth() -> None:
    target = LAW.at(5000.0)
    strategy, whole, chance = forecasts(exact(), target)
    assert (strategy.way, whole.way, chance.way) == ("strategy", WHOLE, CHANCE)
    assert chance.answers == pytest.approx(4000, rel=0.1)
    assert strategy.worth == pytest.approx(4, rel=0.2)
    assert (strategy.answers or 0) < (chance.answers or 0) / 2
    assert strategy.low <= (strategy.answers or 0) <= (strategy.high or 0)
    # Nothing is gained by whole images here.
    assert whole.worth == pytest.approx(0.05)


def test_what_is_reached_needs_nothing_and_what_cannot_be_has_no_number() -> None:
    done = forecasts(exact(), LAW.at(900.0))[0]
    assert (done.answers, done.low, done.high) == (0, 0, 0)
    never = forecasts(exact(), 99.0)[0]
    assert (never.answers, never.high) == (None, None)
    assert "more than 100 000 answers, if ever" in str(never)
    few = forecasts(replace(exact(), askable=1500), LAW.at(5000.0))[-1]
    assert few.answers is None


def test_the_interval_holds_where_map_strays_as_the_seeds_do() -> None:
    """80 of 100 futures: each seed's mAP strays from the law by which entries it knows."""
    rng, held = np.random.default_rng(0), []
    entries, target = np.array([300.0, 500.0, 700.0]), LAW.at(2000.0)
    more = np.geomspace(1, 1e6, 2000)
    for number in range(100):
        apart = np.sqrt(1 - entries / 1000)
        chance = np.array([LAW.at(n) for n in entries]) + apart * rng.normal(0, 1.5, (8, 3))
        told = replace(exact(8), chance=chance, askable=10**7)
        path = LAW.top - LAW.fall * (1000 + more) ** -LAW.power
        path += 1.5 * rng.standard_normal() * np.sqrt(more / (1000 + more))
        took = more[(path >= target).argmax()]
        one = forecasts(told, target, number)[-1]
        held.append(one.low <= took <= (one.high or np.inf))
    assert 0.7 <= np.mean(held) <= 0.9
    # Where no seed strays, nothing is left open.
    sure = forecasts(exact(), target)[-1]
    assert (sure.high or 0) < 1.1 * sure.low
    assert sure.answers == pytest.approx(1000, rel=0.1)


def test_who_asks_for_everything_gains_what_chance_does() -> None:
    told = replace(exact(), askable=4000)
    for target, share in ((LAW.at(1100.0), 1 / 4), (LAW.at(4800.0), 0.55)):
        strategy, _, chance = forecasts(told, target)
        assert strategy.answers
        assert chance.answers
        assert strategy.answers == pytest.approx(share * chance.answers, rel=0.2)


def test_what_the_parts_miss_of_map_now_goes_on() -> None:
    """Where mAP rises faster than the law, fewer answers are forecast, and less surely."""
    risen, target = replace(exact(), now=LAW.at(1000.0) + 1), LAW.at(1000.0) + 4
    entries = np.append(risen.entries, risen.known)
    law = fit(entries, np.append(risen.chance[0], risen.now))
    chance = forecasts(risen, target)[-1]
    assert (chance.answers or 0) < 0.9 * (law.entries(target) - risen.known)
    assert (chance.high or np.inf) > 1.3 * chance.low


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
    text = say("plan", project.folder, "--target", 90, "--seeds", 2, "--grid-seconds", 2)
    assert f"mAP now {made.now:.1f} % (by known test entries alone); to reach 90 %" in text
    assert "at 2 s an answer by label, 2 s to open an image and 1 s an answer by image" in text
    assert last_plan(project.folder) == made, "the same seed plans the same"
    ground = Ground(48, 9, False, (30.0, 50.0), (), {})
    training = Training(0, 0, 0, 0, 0, 40.0, (), "m", ground.on, ground)
    sure = "95 % interval 30.0 to 50.0, by 9 audit answers to 48 test images"
    assert _sure(40.0, [training]) == sure
    assert _sure(41.0, [training]) == (
        f"with what was answered since the last training, which had 40.0 %: {sure}"
    )
    state = overview(load(project.folder))
    assert "forecast for mAP 90 % by strategy" in "\n".join(lines(state))
    assert "; so far 0" in "\n".join(lines(state))
    write_project_report(state, tmp_path / "report.html")
    assert "Forecast for map 90 %" in (tmp_path / "report.html").read_text()
    # One figure for the same model, in status and here.
    none = (None,) * len(project.store.names)
    noted = replace(training, event=before, ap=none, ground=replace(ground, ap=none))
    project.store.note_training(noted)
    assert _now(project.store, 41.0) == 40.0
    project.store.resolve("lead", 0, 0, 1)
    assert _now(project.store, 41.0) == 41.0


def test_what_came_is_the_first_training_that_reached_it(tenth: Callable[..., Project]) -> None:
    project = tenth()
    Driver(project).train()
    (training,) = project.store.trainings()
    assert training.map is None
    plan = Plan(50.0, 40.0, 100, 2, tuple(forecasts(exact(), 50.0)))
    some = [
        replace(training, map=value, answers=answers)
        for value, answers in ((60.0, 50), (45.0, 150), (52.0, 300), (55.0, 400))
    ]
    assert plan.beside(400, some).endswith("; reached with 200")
    assert plan.beside(170, some[:2]).endswith("; so far 70, mAP 45.0 %")


def test_hours_are_answers_times_seconds_and_those_measured_are_taken(
    tenth: Callable[..., Project], say: Callable[..., Any]
) -> None:
    project = tenth()
    plan = Plan(50.0, 40.0, 0, 2, tuple(forecasts(exact(), LAW.at(5000.0))))
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
    plan = Plan(50.0, 40.0, 0, 2, tuple(forecasts(exact(), LAW.at(5000.0))))
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

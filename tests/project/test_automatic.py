"""Automatic answers in a project: made anew with each training, and never taken for the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alasl.cli.status import lines
from alasl.data.dataset import Dataset
from alasl.data.formats import write
from alasl.errors import UsageError
from alasl.labeller import Automatic
from alasl.labels import UNKNOWN, Labels
from alasl.learner import learner, size
from alasl.project import settings as files
from alasl.project.driver import Driver
from alasl.project.exports import export
from alasl.project.folder import Project, init, load
from alasl.project.overview import overview
from alasl.project.planning import plan
from alasl.project.records import SOURCES, Answer
from alasl.project.settings import ProjectSettings
from alasl.project.simulate import work
from alasl.project.store import Store
from alasl.report import write_project_report
from alasl.report.html import thousands

MakeProject = Callable[..., Project]
MakeDataset = Callable[..., Dataset]

RUN: dict[str, Any] = {"auto": 0.15, "auto_delta": 0.2, "calibrate": "known"}


def automatic(store: Store) -> np.ndarray:
    """(N, L): which entries stand by an automatic answer."""
    return store.labels().source == SOURCES.index("machine")


def machine_events(store: Store) -> list[int | None]:
    return [event.value for event in store.events() if event.kind == "machine"]


def with_run(project: Project, **changes: Any) -> Project:
    """The same project with other settings, as if its project.toml had been edited."""
    return replace(project, settings=replace(project.settings, **changes))


def test_without_a_bound_nothing_is_answered(make_project: MakeProject) -> None:
    for number, run in enumerate(({}, {**RUN, "auto": 0.0})):
        project = make_project(600, run=run)
        assert project.settings.auto is None, number
        Driver(project).train()
        assert [event.kind for event in project.store.events()] == ["given"]
        assert "automatically" not in "\n".join(lines(overview(project)))


def test_automatic_answers_appear_are_mostly_right_and_are_not_asked(
    make_project: MakeProject,
) -> None:
    project = make_project(600, run=RUN, gold=0.0)
    driver = Driver(project)
    training = driver.train()
    assert training is not None
    store = project.store
    answered, labels = automatic(store), store.labels()
    assert answered.sum() > 50
    assert not answered[np.setdiff1d(np.arange(600), project.split().pool)].any()
    assert not (answered & (store.initial_and_labels()[0].dense() >= 0)).any()
    truth = np.load(Path(project.settings.data) / "truth.npy")
    assert (labels.entries != truth)[answered].mean() < 0.15
    assert training.answers == 0, "people answered nothing"
    driver.suggest()
    asked = store.queue()
    assert asked
    assert not any(answered[q.image, q.label] for q in asked)
    assert store.problems() == []
    state = overview(project)
    assert (state.automatic, state.bound, state.answers) == (answered.sum(), 0.15, 0)
    assert sum(label.automatic for label in state.labels) == answered.sum()
    assert f"answered automatically: {answered.sum()}, at most 15 %" in "\n".join(lines(state))
    assert state.people == (), "the labeller is no person"


def test_the_report_and_the_export_tell_them_from_peoples_answers(
    make_project: MakeProject, tmp_path: Path
) -> None:
    project = make_project(600, run=RUN)
    Driver(project).train()
    count = int(automatic(project.store).sum())
    write_project_report(overview(project), tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert f"<dt>Answered automatically</dt><dd>{thousands(count)}</dd>" in page
    assert "at most 15 % of each label's wrong" in page.replace("&#39;", "'")
    export(project, tmp_path / "table.csv", "csv-long", "table")
    rows = (tmp_path / "table.csv").read_text().splitlines()[1:]
    assert sum(row.endswith(",machine") for row in rows) == count


@pytest.mark.slow
def test_what_another_model_does_not_bear_out_is_taken_back(make_project: MakeProject) -> None:
    project = make_project(600, run=RUN)
    Driver(project).train()
    before, said = automatic(project.store), project.store.labels().entries
    strict = with_run(project, auto=0.05)
    Driver(strict).train()
    after = automatic(project.store)
    assert (before & ~after).sum() > 0
    assert (project.store.labels().entries[before & ~after] == -1).all()
    taken = [v for v in machine_events(project.store)[before.sum() :] if v == -1]
    assert len(taken) == (before & ~after).sum()
    stay = before & after
    new = len(machine_events(project.store)) - before.sum() - len(taken)
    changed = (project.store.labels().entries != said)[stay].sum()
    assert new == (after & ~before).sum() + changed, "what stands as it was needs no event"
    assert project.store.problems() == []
    # Turned off, all of them go with the next training.
    Driver(with_run(project, auto=None)).train()
    assert not automatic(project.store).any()
    assert project.store.problems() == []


@pytest.mark.slow
def test_a_person_overrules_and_what_nobody_could_tell_is_left(make_project: MakeProject) -> None:
    project = make_project(600, run=RUN)
    driver, store = Driver(project), project.store
    driver.train()
    entries = np.argwhere(automatic(store))[:40].tolist()
    table = store.labels().entries
    against = [Answer(i, j, int(1 - table[i, j]), 1.0) for i, j in entries[:20]]
    store.answer("ann", against, request="against")
    for answer in against:
        assert store.labels().entries[answer.image, answer.label] == answer.value
    store.answer("ann", [Answer(i, j, -1, 1.0) for i, j in entries[20:30]], request="unsure")
    for person, value in (("ann", 1), ("ben", 0)):
        tie = [Answer(i, j, value, 1.0) for i, j in entries[30:]]
        store.answer(person, tie, request=f"tie {person}")
    driver.train()
    answered, labels = automatic(store), store.labels()
    assert answered.any()
    assert not any(answered[i, j] for i, j in entries)
    assert [int(labels.entries[a.image, a.label]) for a in against] == [a.value for a in against]
    assert store.problems() == []


@pytest.mark.slow
def test_neither_judging_nor_calibration_takes_a_machine_for_the_truth(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that is always wrong has answered all that was unknown, and more."""
    project = make_project(600, run=RUN)
    store, given = project.store, project.store.initial_and_labels()[0].dense()
    truth = np.load(Path(project.settings.data) / "truth.npy")
    store.machine("bad", (1 - truth).astype(np.int8))
    seen: list[Labels] = []
    real = learner.answer

    def spy(labels: Labels, *rest: Any) -> Automatic:
        seen.append(labels)
        return real(labels, *rest)

    monkeypatch.setattr(learner, "answer", spy)
    Driver(project).train()
    (human_labels,) = seen
    np.testing.assert_array_equal(human_labels.entries, given)
    wrong = (1 - truth == store.labels().entries) & automatic(store)
    assert wrong.sum() < 0.2 * (given < 0).sum(), "its bad answers are gone"


@pytest.mark.slow
def test_an_opened_store_has_the_same_state_and_the_next_training_goes_on_from_it(
    make_project: MakeProject,
) -> None:
    project = make_project(600, run=RUN)
    Driver(project).train()
    entries, source = project.store.labels().entries, project.store.labels().source
    again = load(project.folder)
    assert again.settings.auto == 0.15
    np.testing.assert_array_equal(again.store.labels().entries, entries)
    np.testing.assert_array_equal(again.store.labels().source, source)
    before = len(machine_events(again.store))
    Driver(again).train()
    assert len(machine_events(again.store)) - before < before, "only what changed is written"
    assert again.store.problems() == []
    again.store.close()


@pytest.mark.slow
def test_a_kill_leaves_all_answers_of_a_training_or_none(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(600, run=RUN)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Store, "note_training", die)
        with pytest.raises(KeyboardInterrupt):
            Driver(project).train()
    assert machine_events(project.store) == []
    assert project.store.trainings() == []
    Driver(project).train()
    assert automatic(project.store).any()
    assert project.store.problems() == []


def test_the_bound_is_a_setting_of_the_project_with_the_limits_of_a_runs(tmp_path: Path) -> None:
    path = tmp_path / "project.toml"
    files.write(ProjectSettings(data="x", auto=0.1, calibrate="known"), path)
    run = files.read(path)
    assert (run.auto, run.calibrate) == (0.1, "known")
    path.write_text("[run]\nauto = 0.5")
    with pytest.raises(UsageError, match="auto must be"):
        files.read(path)


def tags(
    make_dataset: MakeDataset, folder: Path, absents: float, images: int = 400, **own: Any
) -> Project:
    """A project on a table of which 60 % of the presents are known, and a share of the absents."""
    data = make_dataset(images, labels=4)
    truth = data.labels.entries
    kept = np.random.default_rng(1).random(truth.shape) < np.where(truth == 1, 0.6, absents)
    write(data.labels.forget(~kept), folder / "t.npz", "npz", features=data.features)
    np.save(folder / "truth.npy", truth)
    chosen: dict[str, Any] = {"data": str(folder / "t.npz"), "repeats": 0.0, "gold": 0.0, **own}
    return init(folder / "project", ProjectSettings(**chosen))


@pytest.mark.slow
def test_the_audit_calibrates_and_looks_again_only_once_it_has_grown(
    make_dataset: MakeDataset, tmp_path: Path
) -> None:
    run = {"auto": 0.3, "auto_delta": 0.5, "auto_share": "answers", "answers": 700, "every": 700}
    project = tags(make_dataset, tmp_path, 0.05, 700, model="logistic:spread=3.6:smooth=0", **run)
    truth = np.load(tmp_path / "truth.npy")
    driver, store = Driver(project), project.store
    driver.train()
    assert "the audit's answers do not allow any yet" in "\n".join(lines(overview(project)))
    assert store.look() is None, "without answers there is nothing to look at"
    work(driver, truth, "ann", 700)
    look, answered = store.look(), automatic(store)
    assert look is not None
    assert look.number >= 1
    assert answered.sum() > 50
    pool = project.split().pool
    assert not answered[np.setdiff1d(np.arange(700), pool)].any()
    wrong = answered & (store.labels().entries != truth)
    assert wrong.sum() <= 0.3 * answered.sum()
    assert "of the table's wrong, absent and present apart" in "\n".join(lines(overview(project)))
    assert driver.known().automatic is None, "they teach nothing"
    before = store.labels().entries
    driver.train()
    assert store.look() == look
    np.testing.assert_array_equal(store.labels().entries, before)
    # Another bound is another look.
    Driver(with_run(project, auto=0.35)).train()
    again = store.look()
    assert again is not None
    assert again.number == look.number + 1
    # A pool that is answered, if by the model, has nothing to ask.
    said = np.where(store.initial_and_labels()[0].dense() < 0, truth, np.int8(UNKNOWN))
    said[project.split().test] = UNKNOWN
    store.machine("m", said)
    driver.suggest()
    assert {q.why for q in store.queue()} == {"audit", "recheck", "again"}
    assert all(q.pi is not None for q in store.queue())
    assert store.problems() == []


def test_presents_alone_calibrate_nothing_but_an_audit_does(
    make_dataset: MakeDataset, tmp_path: Path
) -> None:
    run = {"auto": 0.2, "auto_delta": 0.4}
    with pytest.raises(UsageError, match="known because they are present") as told:
        tags(make_dataset, tmp_path, 0.0, **run, calibrate="known")
    assert 'calibrate = "audit"' in str(told.value.do)
    assert Driver(tags(make_dataset, tmp_path, 0.0, **run)).train() is not None


@pytest.mark.parametrize("absents", [0.1, 0.6])
def test_what_chance_did_not_choose_calibrates_nothing_once_the_audit_shows_it(
    make_dataset: MakeDataset,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    absents: float,
) -> None:
    run = {"auto": 0.3, "auto_delta": 0.5, "auto_share": "answers", "calibrate": "known"}
    project = tags(make_dataset, tmp_path, absents, 700, **run, audit=0.5, answers=600, every=600)
    driver, truth = Driver(project), np.load(tmp_path / "truth.npy")
    driver.train()
    first = automatic(project.store).sum()
    assert first > 50
    work(driver, truth, "ann", 600)
    said = "\n".join(lines(overview(project)))
    if absents == 0.6:
        assert "chance did not choose" not in caplog.text
        assert automatic(project.store).any()
        return
    assert "so chance did not choose what is known" in caplog.text
    assert not automatic(project.store).any()
    assert "what is known does not allow any" in said


def test_of_too_large_a_table_there_are_no_automatic_answers_or_plans(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(size, "WHOLE", 0)
    project = make_project(200, run=RUN)
    with pytest.raises(UsageError, match="automatic answers need a table of all entries"):
        Driver(project).train()
    with pytest.raises(UsageError, match="plans need a table of all entries"):
        plan(Driver(with_run(project, auto=None)), 90.0, 1)

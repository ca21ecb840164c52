"""A project from its making to the next queue: settings, roles, training, asking."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from alasl.cli.status import label_lines
from alasl.data.dataset import Dataset
from alasl.data.formats import write
from alasl.errors import ConflictError, DataError, NothingToDo, UsageError
from alasl.evaluate.audit import NO_ABSENT, NO_AUDIT, NO_PRESENT
from alasl.labels import Labels
from alasl.learner.folds import assign_folds
from alasl.metrics import average_precision, mean_ap
from alasl.project import settings as files
from alasl.project.driver import Driver
from alasl.project.folder import Project, init, load
from alasl.project.model_files import ModelFiles
from alasl.project.overview import overview
from alasl.project.records import Answer
from alasl.project.settings import ProjectSettings
from alasl.project.simulate import answer_from
from alasl.report import write_project_report

Say = Callable[..., Any]
MakeProject = Callable[..., Project]


def answer_queue(project: Project, count: int = 10**6) -> int:
    """Answer what is asked, from the truth."""
    return answer_from(project.store, truth_of(project), "ann", count)


def truth_of(project: Project) -> np.ndarray:
    found: np.ndarray = np.load(Path(project.settings.data) / "truth.npy")
    return found


def test_a_project_keeps_what_it_was_given(make_project: MakeProject) -> None:
    project = make_project(repeats=0.25, stop_below=0.5)
    again = load(project.folder)
    assert again.settings == project.settings
    assert again.settings.repeats == 0.25
    split = again.split()
    assert sum(map(len, (split.clean, split.pool, split.test))) == 300
    assert (project.store.labels().entries[split.test] >= 0).all(), "the known ones are judged on"
    np.testing.assert_array_equal(again.dataset().features, again.dataset().features)
    again.store.close()


@pytest.mark.parametrize("kept", [0, 10, -1], ids=["empty", "no header", "cut off"])
def test_damaged_arrays_are_named(make_project: MakeProject, kept: int) -> None:
    project = make_project()
    driver = Driver(project)
    driver.train()
    driver.suggest()
    groups = ModelFiles(project).groups()
    assert groups is not None
    for file in (project.model / "groups-0.npy", project.folder / "features.npy"):
        whole = file.read_bytes()
        file.write_bytes(whole[:kept])
        with pytest.raises(DataError, match="the file is damaged") as error:
            Driver(project).suggest()
        assert error.value.where == str(file)
        file.write_bytes(whole)
    assert Driver(project).suggest()


def test_files_are_kept_relative_to_the_images_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    (data / "images" / "a").mkdir(parents=True)
    ids = tuple(f"a/{i:02d}.png" for i in range(20))
    for number, name in enumerate(ids):
        # No two alike: copies stay on one side of a split.
        Image.new("RGB", (8, 8), (12 * number, 0, 0)).save(data / "images" / name)
    labels = Labels(np.tile(np.eye(2, dtype=np.int8), (10, 1)), ("dog", "cat"), ids)
    write(labels, data / "table.npz", "npz")
    monkeypatch.chdir(tmp_path)
    settings = ProjectSettings(data="data")
    project = init(Path("mine"), settings)
    assert project.settings.name == "mine"
    assert project.root == data / "images" / "a"
    assert project.store.files[3] == "03.png"
    monkeypatch.chdir("/")
    paths = project.dataset().paths
    assert paths is not None
    assert all(path.is_file() for path in paths)
    project.store.close()


def test_a_folder_that_holds_anything_is_refused(make_project: MakeProject, tmp_path: Path) -> None:
    project = make_project()
    before = sorted(project.folder.iterdir())
    with pytest.raises(ConflictError, match="already"):
        init(project.folder, project.settings)
    assert sorted(project.folder.iterdir()) == before
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear")
    with pytest.raises(ConflictError, match="not empty"):
        init(tmp_path / "other", project.settings)


def test_a_project_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    settings = ProjectSettings(data=str(tmp_path / "missing"))
    with pytest.raises(DataError):
        init(tmp_path / "mine", settings)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("[project]\nrepeat = 0.1", "'repeats'"),
        ("[project]\nrepeats = 1.5", r"\.toml: repeats must be"),
        ("[projekt]\n", "'project'"),
        ("[run]\nstratgy = 'x'", "'strategy'"),
        ("nonsense", "not a TOML file"),
    ],
)
def test_settings_that_make_no_sense_are_named(tmp_path: Path, text: str, seen: str) -> None:
    path = tmp_path / "project.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=seen):
        files.read(path)


def test_a_missing_project_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="alasl init"):
        load(tmp_path)


def test_training_is_judged_on_the_test_set_and_noted(make_project: MakeProject) -> None:
    project = make_project()
    training = Driver(project).train()
    assert training is not None
    assert project.store.trainings() == [training]
    assert training.map is not None
    assert training.map > 60
    assert (training.answers, training.seconds) == (0, 0)
    test = project.split().test
    rows, cols = (each.ravel() for each in np.indices((len(test), len(project.store.names))))
    seen = ModelFiles(project).probabilities(test[rows], cols).reshape(len(test), -1)
    expected = 100 * average_precision(seen, truth_of(project)[test])
    np.testing.assert_allclose(np.array(training.ap, float), expected, atol=0.2)
    # Of a large table, what it says of all images would be many times what is known.
    kept = [np.load(file).size for file in project.model.glob("*.npy")]
    assert max(kept) < seen.size * 2 < len(project.store.images) * len(project.store.names)


def test_folds_keep_images_of_equal_features_together(make_project: MakeProject) -> None:
    project = make_project()
    pool = project.split().pool
    features = np.load(project.folder / "features.npy")
    features[pool[::2]] = features[pool[1::2]][: len(pool[::2])]
    np.save(project.folder / "features.npy", features)
    split = Driver(project)._learner.split
    part = assign_folds(split, len(features), 5, 0)
    np.testing.assert_array_equal(part[pool[::2]], part[pool[1::2]])
    assert len(set(part[pool].tolist())) == 5
    # They are kept, until other images come.
    (kept,) = project.model.glob("groups-*.npy")
    np.testing.assert_array_equal(np.load(kept), split.groups)


@pytest.mark.slow
def test_copies_of_a_picture_are_one_group_for_folds(tmp_path: Path, say: Say) -> None:
    say("scenes", tmp_path / "scenes", "--count", 12)
    folder = tmp_path / "scenes" / "images"
    first = min(folder.iterdir())
    Image.open(first).save(folder / "again.jpg", quality=90)
    project = init(
        tmp_path / "project", ProjectSettings(data=str(folder), test=0.3), ["dog", "cat"]
    )
    groups = ModelFiles(project).groups()
    assert groups is not None
    group = dict(zip(project.store.images, groups.tolist(), strict=True))
    assert group[first.name] == group["again.jpg"]
    assert len(set(group.values())) == 12
    project.store.close()


@pytest.mark.slow
def test_answers_raise_what_the_model_is_worth(make_project: MakeProject) -> None:
    project = make_project(400, unknown=0.97)
    learner = Driver(project)
    worth = []
    for _ in range(4):
        training = learner.train()
        assert training is not None
        worth.append((training.answers, training.map))
        learner.suggest()
        assert answer_queue(project) >= 60
    assert [answers for answers, _ in worth] == [0, 60, 120, 180]
    assert worth[-1][1] > worth[0][1]
    assert len(list(project.model.glob("*.safetensors"))) == 1


def test_only_unknown_entries_of_the_pool_are_asked_and_the_gold_set(
    make_project: MakeProject,
) -> None:
    project = make_project(gold=0.2, repeats=0.0)
    learner = Driver(project)
    learner.train()
    assert learner.suggest() == 60
    given, pool, clean = (
        project.store.initial_and_labels()[0].dense(),
        project.split().pool,
        project.split().clean,
    )
    queued = project.store.queue()
    gold = [q for q in queued if q.gold]
    assert len(gold) == 12
    assert all(q.image in clean and given[q.image, q.label] >= 0 for q in gold)
    assert sum(given[q.image, q.label] for q in gold) == 6, "half of them are present"
    assert all(q.image in pool and given[q.image, q.label] < 0 for q in queued if not q.gold)
    seen = ModelFiles(project).judged().predict_proba(np.asarray(project.features()))
    assert all(q.probability == pytest.approx(seen[q.image, q.label]) for q in queued)
    places = [i for i, q in enumerate(queued) if q.gold]
    assert places != list(range(12))
    assert max(places) > 20, "they are mixed in"


@pytest.mark.parametrize(
    "run",
    [
        {"strategy": "hard+entropy", "ask": "images", "images": 5},
        {"strategy": "bald", "model": "probe", "epochs": 2, "members": 3},
        {"strategy": "k-center", "ask": "images", "images": 5},
        {"strategy": "entropy", "seconds": 30.0},
    ],
)
def test_every_kind_of_strategy_can_fill_the_queue(
    make_project: MakeProject, run: dict[str, Any]
) -> None:
    project = make_project(run=run)
    learner = Driver(project)
    learner.train()
    queued = learner.suggest()
    asked = {(q.image, q.label) for q in project.store.queue() if not q.gold}
    assert queued == len(asked) > 10
    # Another process has no classifier in memory, but the files of the model.
    assert Driver(project).suggest() > 10


@pytest.mark.slow
def test_a_model_that_would_come_out_again_is_not_trained_again(make_project: MakeProject) -> None:
    run = {"auto": 0.15, "auto_delta": 0.2, "calibrate": "known"}
    project = make_project(run=run)
    first = Driver(project).renew()
    assert project.store.last_event() > project.store.last_human_event() == 1, (
        "a machine has answered"
    )
    learner = Driver(load(project.folder))
    assert learner.renew() == first
    learner.suggest()
    assert learner.renew() == first
    answers = answer_queue(project, 5)
    second = learner.renew()
    assert second is not None
    assert second.answers == answers
    assert learner.renew() == second
    kept = dataclasses.replace(project.settings, seed=5)
    files.write(kept, project.folder / "project.toml")
    assert Driver(load(project.folder)).renew() not in (None, first, second)


def test_without_anything_known_entries_are_asked_by_chance(tmp_path: Path) -> None:
    labels = Labels(np.full((30, 3), -1, np.int8), ("a", "b", "c"), tuple(map(str, range(30))))
    features = np.random.default_rng(0).standard_normal((30, 4)).astype(np.float32)
    write(labels, tmp_path / "none.npz", "npz", features=features)
    settings = ProjectSettings(data=str(tmp_path / "none.npz"), answers=12, repeats=0.0)
    project = init(tmp_path / "blank", settings)
    learner = Driver(project)
    assert learner.train() is None
    # Nine for the strategy, which before there is a model is chance, and about three to judge by.
    assert 9 <= learner.suggest() <= 15
    queue = project.store.queue()
    test = set(project.split().test.tolist())
    assert sum(q.image not in test for q in queue) == 9
    assert all((q.image in test) == (q.pi is not None) for q in queue)
    for task in project.store.lease("ann", images=30):
        answers = [Answer(task.image, j, (task.image + j) % 2, 1.0) for j in task.labels]
        project.store.answer("ann", answers, request=str(task.image))
    training = learner.train()
    assert training is not None
    assert training.ground is not None
    left_out = training.ground.left_out
    assert set(left_out.values()) <= {NO_PRESENT, NO_ABSENT, NO_AUDIT}
    assert [ap is None for ap in training.ap] == [j in left_out for j in range(3)]
    project.store.close()


def test_while_no_present_is_found_status_and_report_say_how_frequent_labels_can_be(
    tmp_path: Path,
) -> None:
    labels = Labels(np.full((30, 3), -1, np.int8), ("a", "b", "c"), tuple(map(str, range(30))))
    features = np.random.default_rng(0).standard_normal((30, 4)).astype(np.float32)
    write(labels, tmp_path / "none.npz", "npz", features=features)
    settings = ProjectSettings(data=str(tmp_path / "none.npz"), answers=30, repeats=0.0)
    project = init(tmp_path / "blank", settings)
    learner = Driver(project)
    learner.suggest()
    for task in project.store.lease("ann", images=30):
        answers = [Answer(task.image, j, 0, 1.0) for j in task.labels]
        project.store.answer("ann", answers, request=str(task.image))
    training = learner.train()
    assert training is not None
    assert training.map is None
    state = overview(project)
    write_project_report(state, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    for label, line in zip(state.labels, [*label_lines(state)][2:], strict=True):
        assert label.lacks["prevalence"].startswith("at most ")
        assert label.lacks["prevalence"] in line
        assert label.lacks["prevalence"] in page
    assert "Whether the model's probabilities are right" not in page
    project.store.close()


def test_a_test_set_of_which_nothing_is_known_is_audited(
    tmp_path: Path, make_dataset: Callable[..., Dataset]
) -> None:
    data = make_dataset(200)
    hidden = np.zeros(data.labels.shape, bool)
    hidden[150:] = True
    write(data.labels.forget(hidden), tmp_path / "t.npz", "npz", features=data.features)
    lines = [
        f"{i:04d}.jpg,{'clean' if i < 100 else 'pool' if i < 150 else 'test'}" for i in range(200)
    ]
    (tmp_path / "split.csv").write_text("\n".join(["image,split", *lines]))
    settings = ProjectSettings(
        data=str(tmp_path / "t.npz"),
        split=str(tmp_path / "split.csv"),
        answers=200,
        audit=0.75,
        repeats=0.0,
    )
    project = init(tmp_path / "audited", settings)
    learner = Driver(project)
    first = learner.train()
    assert first is not None
    assert first.map is None
    assert first.ground is not None
    assert set(first.ground.left_out.values()) == {NO_PRESENT}
    learner.suggest()
    for task in project.store.lease("ann", images=200):
        truth = data.labels.entries[task.image]
        answers = [Answer(task.image, j, int(truth[j]), 1.0) for j in task.labels]
        project.store.answer("ann", answers, request=str(task.image))
    training = learner.train()
    assert training is not None
    assert training.ground is not None
    assert training.ground.images == 50
    assert 100 < training.ground.answers < 200
    assert training.map is not None
    low, high = training.ground.map
    logits = np.load(project.model / f"test-{training.model}.npy")
    true = mean_ap(average_precision(logits, data.labels.entries[150:]))
    assert low <= true <= high
    project.store.close()


def test_when_all_is_asked_there_is_nothing_to_do(make_project: MakeProject) -> None:
    project = make_project(100, run={"answers": 1000}, gold=0.0, repeats=0.0)
    learner = Driver(project)
    learner.train()
    left = learner.suggest()
    assert answer_queue(project) == left
    with pytest.raises(NothingToDo):
        learner.suggest()
    assert project.store.lease("ann") == []


def test_what_nobody_could_tell_is_not_asked_again(make_project: MakeProject) -> None:
    project = make_project(gold=0.0, repeats=0.0)
    learner = Driver(project)
    learner.train()
    learner.suggest()
    first = {(q.image, q.label) for q in project.store.queue()}
    for task in project.store.lease("ann", images=1000):
        unsure = [Answer(task.image, j, -1, 1.0) for j in task.labels]
        project.store.answer("ann", unsure, request=str(task.image))
    learner.suggest()
    assert not first & {(q.image, q.label) for q in project.store.queue()}


def test_one_trains_at_a_time(make_project: MakeProject) -> None:
    project = make_project()
    with project.training():
        other = dataclasses.replace(project)
        with pytest.raises(ConflictError, match="training"), other.training():
            pass
    with project.training():
        pass


@pytest.mark.slow
def test_a_kill_at_any_write_leaves_a_model_and_a_queue_that_work(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file is put in its place by a rename, so the process dies before each rename in turn."""
    project = make_project(gold=0.0, repeats=0.0)
    learner = Driver(project)
    learner.train()
    learner.suggest()
    real, deaths = Path.replace, 0
    for dies_at in range(20):
        answer_queue(project, 5)
        renames = 0

        def replace(self: Path, target: Path) -> Path:
            nonlocal renames
            renames += 1
            if renames > dies_at:  # noqa: B023
                raise KeyboardInterrupt
            return real(self, target)

        monkeypatch.setattr(Path, "replace", replace)
        try:
            again = Driver(load(project.folder))
            again.train()
            again.suggest()
        except KeyboardInterrupt:
            deaths += 1
        else:
            break
        finally:
            monkeypatch.setattr(Path, "replace", real)
        # Without training anew, the model that about.json names predicts and asks.
        assert Driver(load(project.folder)).suggest() == 60
        assert project.store.problems() == []
    assert deaths >= 3
    assert len(list(project.model.glob("logistic-*.safetensors"))) <= 2


def test_people_answer_while_a_model_is_trained(make_project: MakeProject) -> None:
    """Answers come in between the snapshot and the new queue: none is lost, none asked again."""
    project = make_project(gold=0.0, repeats=0.0)
    learner = Driver(project)
    learner.train()
    learner.suggest()
    (held,) = project.store.lease("ben")
    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(learner.train)
        answered = answer_queue(project, 40)
        training.result()
        learner.suggest()
    assert [t.image for t in project.store.held("ben")] == [held.image], "it stays in hand"
    asked = {(q.image, q.label) for q in project.store.queue() if not q.done}
    said = {(s.image, s.label) for s in project.store.answers()}
    assert answered >= 40
    assert not asked & said
    assert project.store.problems() == []

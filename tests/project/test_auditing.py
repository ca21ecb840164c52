"""The audit of a project's test set: what it asks, what it rests on, and what it keeps apart."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from alasl.cli import exit_code
from alasl.data.dataset import Dataset
from alasl.data.formats import write
from alasl.errors import UsageError
from alasl.evaluate.draw import inclusion, permanent_numbers, weights
from alasl.labels import UNKNOWN, Labels
from alasl.metrics import average_precision
from alasl.models.model import Model
from alasl.project import settings as files
from alasl.project.auditing import ProjectAudit
from alasl.project.automatic import standing
from alasl.project.changes import LabelChange
from alasl.project.driver import Driver
from alasl.project.exports import export
from alasl.project.folder import Project, init, load
from alasl.project.growing import drop
from alasl.project.imports import import_file
from alasl.project.overview import overview
from alasl.project.records import Answer, Chances, Questions, Queued
from alasl.project.second_looks import once_more
from alasl.project.settings import ProjectSettings


def truth_of(project: Project) -> np.ndarray:
    found: np.ndarray = np.load(Path(project.settings.data).parent / "truth.npy")
    return found


def answer(project: Project, *, wrong_audit: bool = False, every: int = 1) -> None:
    """Answer every so manieth question of the queue, by the truth, but for wrong audit answers."""
    truth = truth_of(project)
    asked = [q for q in project.store.queue() if not q.done][::every]
    for number, q in enumerate(asked):
        value = int(truth[q.image, q.label])
        if wrong_audit and q.pi is not None:
            value = 1 - value
        one = Answer(q.image, q.label, value, 1.0)
        project.store.answer("ann", [one], request=f"{project.store.last_event()}-{number}")


def audit_of(project: Project) -> ProjectAudit:
    known = Driver(project).known()
    test = project.split().test
    given = project.store.initial_and_labels()[0].dense()[test]
    doubt = project.settings.audit_given > 0
    return ProjectAudit.of(project.store, test, known, given, project.settings.seed, doubt)


def test_nothing_is_clean_and_the_test_set_is_no_better_known_than_the_rest(
    holes: Callable[..., Project],
) -> None:
    project = holes()
    split = project.split()
    known = (project.store.initial_and_labels()[0].dense() != UNKNOWN).mean(axis=1)
    assert len(split.clean) == 0
    assert len(split.test) == 80
    assert abs(known[split.test].mean() - known[split.pool].mean()) < 0.03


@pytest.mark.slow
def test_a_quarter_of_the_answers_goes_to_the_audit(holes: Callable[..., Project]) -> None:
    project = holes()
    driver, test = Driver(project), set(project.split().test.tolist())
    for _ in range(3):
        driver.renew()
        driver.suggest()
        queue = project.store.queue()
        drawn = [q for q in queue if q.pi is not None and q.why != "again"]
        assert all((q.image in test) == (q.pi is not None) for q in queue)
        assert all(0 < q.pi <= 1 for q in drawn if q.pi is not None)
        assert sum(q.pi is None for q in queue) == 90
        assert 15 <= len(drawn) <= 48
        answer(project)
    ground = project.store.trainings()[-1].ground
    assert ground is not None
    assert ground.answers == audit_of(project).audit.audited.sum() - len(drawn)


def half_answered(project: Project) -> Driver:
    """Train, ask, and answer every second question."""
    driver = Driver(project)
    driver.renew()
    driver.suggest()
    answer(project, every=2)
    return driver


@pytest.mark.slow
@pytest.mark.parametrize("auto", [None, 0.45])
def test_audit_answers_change_neither_what_is_judged_nor_what_is_asked(
    holes: Callable[..., Project], auto: float | None
) -> None:
    chosen: dict[str, object] = {"auto": auto, "auto_delta": 0.9, "auto_share": "answers"}
    right, wrong = holes("right", **chosen), holes("wrong", **chosen)
    for project in (right, wrong):
        driver = Driver(project)
        for _ in range(2):
            driver.renew()
            driver.suggest()
            answer(project, wrong_audit=project is wrong)
        driver.renew()
        driver.suggest()
    asked = [
        [(q.image, q.label, q.pi) for q in project.store.queue() if q.why != "again"]
        for project in (right, wrong)
    ]
    said = [standing(project.store) for project in (right, wrong)]
    assert (said[0].dense() != said[1].dense()).any() == (auto is not None), (
        "these hang on the audit"
    )
    assert asked[0] == asked[1]
    names = [project.store.trainings()[-1].model for project in (right, wrong)]
    ours, theirs = (
        np.load(project.model / f"test-{name}.npy")
        for project, name in zip((right, wrong), names, strict=True)
    )
    np.testing.assert_array_equal(ours, theirs)
    features = np.asarray(right.dataset().features)
    judged, handed = (
        [
            Model.load(project.model / f"{start}{name}.safetensors")
            for project, name in zip((right, wrong), names, strict=True)
        ]
        for start in ("judged-", "")
    )
    same = [model.predict_proba(features) for model in judged]
    np.testing.assert_array_equal(*same)
    other = [model.predict_proba(features) for model in handed]
    assert np.abs(other[0] - other[1]).max() > 0.01, "what is handed over learns from them"


def test_without_a_refit_the_model_handed_over_is_the_one_judged(
    holes: Callable[..., Project],
) -> None:
    project = holes(refit=False)
    driver = Driver(project)
    training = driver.train()
    assert training is not None
    assert not list(project.model.glob("judged-*"))
    logits = np.load(project.model / f"test-{training.model}.npy")
    features = np.asarray(project.dataset().features)[project.split().test]
    np.testing.assert_allclose(driver.model().predict_proba(features), expit(logits), atol=1e-6)


def test_asking_again_where_nothing_was_answered_asks_the_same_of_the_audit(
    holes: Callable[..., Project],
) -> None:
    """Of so few questions that most labels have none."""
    project = holes(answers=16, audit=0.5, audit_given=0.3, seed=3)
    driver = Driver(project)
    driver.renew()

    def asked() -> set[tuple[int, int]]:
        driver.suggest()
        return {(q.image, q.label) for q in project.store.queue() if q.pi is not None}

    first = asked()
    of_labels = {label for _, label in first}
    assert 0 < len(of_labels) < 4
    chances = audit_of(project).chances.now
    for _ in range(5):
        assert asked() == first
    np.testing.assert_allclose(audit_of(project).chances.now, chances, rtol=1e-9)


def test_what_was_left_unanswered_is_asked_again_and_nothing_twice(
    holes: Callable[..., Project],
) -> None:
    project = holes()
    driver = half_answered(project)
    drawn = [q for q in project.store.queue() if q.pi is not None and q.why != "again"]
    left = {(q.image, q.label) for q in drawn if not q.done}
    done = {(q.image, q.label) for q in drawn if q.done}
    before = audit_of(project)
    assert 0 < before.response.mean() < 1
    assert (before.reached <= before.chances.now).all()
    driver.renew()
    driver.suggest()
    asked = [q for q in project.store.queue() if q.pi is not None and q.why != "again"]
    again = {(q.image, q.label) for q in asked}
    assert left <= again
    assert not done & again
    assert (audit_of(project).chances.now >= before.chances.now).all()


def test_entries_that_came_from_elsewhere_are_certain(holes: Callable[..., Project]) -> None:
    project = holes(audit_given=0.0)
    driver = Driver(project)
    driver.renew()
    driver.suggest()
    answer(project)
    test, truth = project.split().test, truth_of(project)
    audit = audit_of(project)
    rows, cols = np.nonzero(~audit.settled)
    told = [
        Answer(int(test[i]), int(j), int(truth[test[i], j]))
        for i, j in zip(rows, cols, strict=True)
    ]
    project.store.import_answers("elsewhere", told[:50])
    part = audit_of(project)
    assert part.certain.sum() == audit.certain.sum() + 50
    assert part.answered.sum() == audit.answered.sum()
    project.store.import_answers("elsewhere", told)
    assert audit_of(project).complete
    training = driver.renew()
    assert training is not None
    assert training.ground is not None
    assert training.ground.complete
    logits = np.load(project.model / f"test-{training.model}.npy")
    exact = average_precision(logits, truth[test])
    np.testing.assert_allclose(training.ap, 100 * exact, rtol=1e-9)


def test_a_query_answered_elsewhere_checks_what_was_given_and_a_table_does_not(
    holes: Callable[..., Project], tmp_path: Path
) -> None:
    project = holes(audit_given=0.5)
    driver, test = Driver(project), project.split().test
    driver.renew()
    driver.suggest()
    given = audit_of(project).claims
    checks = {(q.image, q.label): q.pi for q in project.store.queue() if q.why == "recheck"}
    assert len(checks) > 3
    export(project, tmp_path / "table.csv", "csv-long", "table")
    import_file(project, tmp_path / "table.csv")
    assert not audit_of(project).answered.any(), "a table that says the same checked nothing"

    export(project, tmp_path / "query.csv", "queue", "queue")
    with (tmp_path / "query.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    # The first check speaks against what was given, the others confirm it.
    for number, row in enumerate(rows):
        entry = project.store.images.index(row["image"]), project.store.names.index(row["label"])
        if entry in checks:
            value = int(project.store.labels().entries[entry])
            row["answer"] = str(1 - value if number == 0 else value)
    rows.sort(key=lambda row: row["answer"] == "")
    with (tmp_path / "query.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    first = import_file(project, tmp_path / "query.csv", person="ann")
    assert (first.new, first.kept) == (len(checks), 0)
    after = audit_of(project)
    place = {int(row): place for place, row in enumerate(test)}
    at = np.array([(place[image], label) for image, label in checks]).T
    assert after.answered[*at].all()
    assert after.answered.sum() == len(checks)
    np.testing.assert_array_equal(after.reached[*at], list(checks.values()))
    np.testing.assert_array_equal(after.claims, given)
    assert import_file(project, tmp_path / "query.csv", person="ann").new == 0
    # Nor is what people said a second person's word because the project's own table says it.
    export(project, tmp_path / "now.csv", "csv-long", "table")
    assert import_file(project, tmp_path / "now.csv").new == 0
    assert set(project.store.progress().people) == {"ann"}


def test_checks_of_an_old_queue_are_left_out_and_who_corrects_is_not_checked_by_it(
    holes: Callable[..., Project], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    project = holes(audit_given=0.5)
    driver, store = Driver(project), project.store
    driver.renew()
    driver.suggest()
    checks = {(q.image, q.label) for q in store.queue() if q.why == "recheck"}
    export(project, tmp_path / "query.csv", "queue", "queue")
    given = store.labels().entries
    with (tmp_path / "query.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        entry = store.images.index(row["image"]), store.names.index(row["label"])
        row["answer"] = str(1 - given[entry] if entry in checks else 1)
    with (tmp_path / "query.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    store.fill(store.progress().round + 1, Questions([], []))
    done = import_file(project, tmp_path / "query.csv", person="ann")
    assert (done.new, done.kept) == (len(rows) - len(checks), len(checks))
    assert f"{len(checks)} answers against what was given left out" in caplog.text
    assert all(store.labels().entries[entry] == given[entry] for entry in checks)
    import_file(project, tmp_path / "query.csv", person="ann", on_conflict="replace")
    assert all(store.labels().entries[entry] != given[entry] for entry in checks)
    # What somebody corrected is no question of which the truth is known.
    (ann,) = overview(project).people
    assert (ann.checked, ann.right) == (0, 0)


def test_what_was_given_is_checked_by_a_share_of_the_audit_and_people_correct_it(
    holes: Callable[..., Project],
) -> None:
    project = holes(audit_given=0.5)
    driver, test = Driver(project), project.split().test
    driver.renew()
    before = audit_of(project)
    given = before.entries.copy()
    np.testing.assert_array_equal(before.claims, given)
    assert not before.certain.any()
    assert not before.audit.seen.any(), "what is given is only claimed"
    driver.suggest()
    checks = [q for q in project.store.queue() if q.why == "recheck"]
    drawn = [q for q in project.store.queue() if q.why == "audit"]
    assert len(checks) > len(drawn) / 3 > 3
    place = {int(row): place for place, row in enumerate(test)}
    at = np.array([(place[q.image], q.label) for q in checks]).T
    assert (given[*at] != UNKNOWN).all()
    # Whatever was given, people say present; of the last one nobody can tell.
    for number, q in enumerate(checks):
        said = UNKNOWN if q is checks[-1] else 1
        project.store.answer("ann", [Answer(q.image, q.label, said)], request=f"check {number}")
    assert project.store.filled() == len(checks) - 1, "a check is an answer"
    after = audit_of(project)
    said_of = at[:, :-1]
    assert after.answered[*said_of].all()
    np.testing.assert_array_equal(after.entries[*said_of], 1)
    np.testing.assert_array_equal(after.claims, given)
    assert after.audit.audited.sum() == after.audit.seen.sum() == len(checks) - 1
    assert not after.answered[*at[:, -1]]
    assert after.settled[*at[:, -1]]
    np.testing.assert_array_equal(after.reached[*said_of], [q.pi for q in checks[:-1]])
    # Other questions of the audit are not answered, those that check are, all but one.
    few = after.reached[(given == UNKNOWN) & (after.chances.now > 0)]
    assert (few == 0).all()
    training = driver.train()
    assert training is not None
    assert training.ground is not None
    wrong = int((given[*said_of] == 0).sum())
    assert (training.ground.checked, training.ground.wrong) == (len(checks) - 1, wrong)
    assert (
        f"{len(checks) - 1} of them checked what was given, most often where the model doubts it: "
        f"{wrong} were wrong" in training.ground.on
    )


def test_answers_against_the_model_are_asked_until_two_agree(
    holes: Callable[..., Project],
) -> None:
    project = holes(repeats=0.0, gold=0.0, audit_given=0.0)
    driver, store, test = Driver(project), project.store, project.split().test
    driver.renew()
    driver.suggest()
    place = {int(row): place for place, row in enumerate(test)}
    first = {(q.image, q.label): q.pi for q in store.queue() if q.pi is not None}
    truth = truth_of(project)
    # All is answered wrongly; then rightly; then some so and some so.
    for number, q in enumerate(store.queue()):
        wrong = Answer(q.image, q.label, 1 - int(truth[q.image, q.label]))
        store.answer("ann", [wrong], request=f"a{number}")
    driver.renew()
    audit, logits = audit_of(project), driver._files.logits()
    assert logits is not None
    driver.suggest()
    again = {(q.image, q.label): q.pi for q in store.queue() if q.why == "again"}
    against = {
        entry for entry in first if (truth[entry] == 0) == (logits[place[entry[0]], entry[1]] < 0)
    }
    assert set(again) == against
    assert again == {entry: first[entry] for entry in against}
    # They are asked of the same person, once more.
    held = {(t.image, j) for t in store.lease("ann", images=400) for j in t.labels}
    assert set(again) <= held
    for number, entry in enumerate(sorted(again)):
        store.answer("ann", [Answer(*entry, int(truth[entry]))], request=f"b{number}")
    now = audit_of(project)
    assert not now.response.any(), "these count for no share"
    assert all(now.entries[place[i], j] == truth[i, j] for i, j in again)
    driver.suggest()
    third = {(q.image, q.label) for q in store.queue() if q.why == "again"}
    assert third >= set(again)
    now = audit_of(project)
    np.testing.assert_array_equal(now.reached[audit.answered], audit.reached[audit.answered])
    absents, presents = audit_of(project).looks
    both = [(place[i], j) for i, j in sorted(again)]
    assert all(absents[entry] == presents[entry] == 1 for entry in both)
    for times, who in enumerate("cde", start=3):
        for number, entry in enumerate(sorted(again)):
            store.answer("ann", [Answer(*entry, number % 2)], request=f"{who}{number}")
        driver.suggest()
        left = {(q.image, q.label) for q in store.queue() if q.why == "again"} & set(again)
        # What speaks for the model is settled, what speaks against it far down only by more.
        assert len(left) < (len(again) if times < 5 else 1)
    off = replace(project, settings=replace(project.settings, audit_again=False))
    Driver(off).suggest()
    assert "again" not in {q.why for q in store.queue()}


@pytest.mark.parametrize(
    ("odds", "said", "asked"),
    [
        (-3.0, "0", False),
        (-3.0, "1", True),
        (3.0, "0", True),
        (-0.1, "1", True),
        # One that leads by one, or stands against a model in doubt, is right by 49 to 1.
        (-0.1, "11", False),
        (-0.1, "10", True),
        (-0.1, "100", False),
        (-0.1, "", False),
        # Far down, two are not enough, as two errors are as likely as one present; nor are 99.
        (-7.0, "11", True),
        (-99.0, "11", True),
        (-99.0, "111", False),
        (99.0, "00", True),
        (-6.0, "110", True),
        (-7.0, "1101", True),
        (-7.0, "11010", False),
        (-3.0, "1010", True),
    ],
)
def test_what_is_doubted_is_asked_once_more(odds: float, said: str, asked: bool) -> None:
    assert bool(once_more(said.count("0"), said.count("1"), odds)) is asked


def test_the_errors_of_people_are_found_and_told(holes: Callable[..., Project]) -> None:
    """People who contradict themselves err; without second looks, and if resolved, all counts."""
    project = holes(repeats=0.0, gold=0.0, audit=0.5, answers=1200)
    driver, store = Driver(project), project.store
    driver.renew()
    driver.suggest()
    truth, rng = truth_of(project), np.random.default_rng(0)
    asked = [(q.image, q.label) for q in store.queue() if q.pi is not None]
    contradicted = []
    for number, entry in enumerate(asked):
        right = int(truth[entry])
        wrong = rng.random() < 0.1
        store.answer("ann", [Answer(*entry, 1 - right if wrong else right)], request=f"a{number}")
        if wrong:
            contradicted.append(entry)
    assert audit_of(project).audit.doubted is None
    for number, entry in enumerate(contradicted):
        store.answer("ann", [Answer(*entry, int(truth[entry]))], request=f"b{number}")
    audit = audit_of(project)
    assert audit.audit.doubted is not None
    training = driver.train()
    assert training is not None
    assert training.ground is not None
    assert training.ground.erring is not None
    assert "seem wrong, which is reckoned with" in training.ground.on
    assert training.ground.erring_ends is not None
    for share, (low, high) in zip(training.ground.erring, training.ground.erring_ends, strict=True):
        assert low < share < high
        assert f"{100 * share:.1f} % ({100 * low:.1f} to {100 * high:.1f}) of" in training.ground.on
    assert replace(training.ground, erring=None).on in training.ground.on
    store.undo("ann", request="undo")
    before = audit.looks.sum()
    assert audit_of(project).looks.sum() == before - 1
    assert store.problems() == []


def test_an_answer_against_the_model_is_asked_for_again_at_the_queues_end(
    holes: Callable[..., Project],
) -> None:
    project = holes(repeats=0.0, gold=0.0)
    driver, store = Driver(project), project.store
    driver.renew()
    driver.suggest()
    audited = [q for q in store.queue() if q.why == "audit" and not q.done]
    against, second, agreed = audited[:3]

    def answer_(q: Queued, likely: bool, request: str) -> None:
        value = int((q.probability or 0) >= 0.5)
        store.lease("ann", images=400)
        one = Answer(q.image, q.label, value if likely else 1 - value)
        store.answer("ann", [one], request=request)

    def asked(q: Queued) -> list[bool]:
        """Whether each second look at it is done."""
        found = [o for o in store.queue() if (o.image, o.label) == (q.image, q.label)]
        assert all(o.pi == q.pi for o in found)
        return [o.done for o in found if o.why == "again"]

    answer_(agreed, True, "agreed")
    assert asked(agreed) == []
    # Against the model, and so again: no more.
    answer_(against, False, "against")
    assert asked(against) == [False]
    answer_(against, False, "against again")
    assert asked(against) == [True]
    # Against it, then with it: a third time, and no more, as the model is sure enough.
    answer_(second, False, "second")
    answer_(second, True, "second again")
    assert asked(second) == [True, False]
    answer_(second, True, "second a third time")
    assert asked(second) == [True, True]
    # What is taken back is wanted again, once.
    store.undo("ann", request="undo")
    assert asked(second) == [True, False]
    assert store.problems() == []


def test_what_map_rests_on_says_that_test_images_are_copies(
    make_dataset: Callable[..., Dataset], tmp_path: Path
) -> None:
    data = make_dataset(200, labels=4)
    assert data.features is not None
    features = np.array(data.features)
    # Every fourth image is a test image; the first three of them are copies of others.
    features[[0, 4, 8]] = features[[1, 2, 3]]
    write(data.labels, tmp_path / "t.npz", "npz", features=features)
    words = ["test" if n % 4 == 0 else "train" for n in range(200)]
    rows = [f"{image},{word}" for image, word in zip(data.labels.images, words, strict=True)]
    (tmp_path / "s.csv").write_text("\n".join(["image,split", *rows]) + "\n")
    settings = ProjectSettings(data=str(tmp_path / "t.npz"), split=str(tmp_path / "s.csv"))
    training = Driver(init(tmp_path / "mine", settings)).train()
    assert training is not None
    assert training.ground is not None
    assert training.ground.copies == 3
    assert "as 3 of the images are nearly the same as others" in training.ground.on


def test_a_test_set_that_was_given_whole_is_not_doubted(holes: Callable[..., Project]) -> None:
    project = holes()
    audit = audit_of(project)
    truth = truth_of(project)[project.split().test]
    known = Driver(project).known()
    whole = replace(
        known, human_labels=Labels(truth_of(project), project.store.names, project.store.images)
    )
    audit = ProjectAudit.of(project.store, audit.rows, whole, truth, 0)
    assert audit.complete
    assert (audit.claims == UNKNOWN).all()


@pytest.mark.parametrize("what", ["images", "label"])
def test_what_left_while_the_audit_went_on_comes_back_with_its_chances(
    holes: Callable[..., Project], what: str
) -> None:
    project = holes()
    half_answered(project)
    before, store = audit_of(project), project.store
    gone: tuple[slice, slice]
    if what == "images":
        gone = slice(9), slice(None)
        drop(project, [store.images[i] for i in project.split().test[:9]], "ann")
    else:
        gone = slice(None), slice(1)
        store.change("ann", LabelChange("remove", store.names[:1]))
    assert before.answered[gone].any()
    while_out = Driver(load(project.folder))
    while_out.train()
    while_out.suggest()
    store.take_back("ann")
    back = audit_of(load(project.folder))
    reached = back.reached[gone]
    assert (reached[before.answered[gone]] > 0).all()
    assert (reached <= before.chances.now[gone]).all()
    np.testing.assert_array_equal(reached > 0, before.chances.now[gone] > 0)
    if what == "label":
        np.testing.assert_allclose(reached, before.reached[gone])
    assert Driver(load(project.folder)).train() is not None


def test_init_says_whose_the_test_images_are(
    holes: Callable[..., Project], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = holes("any").store.images
    words = ["test" if n % 4 == 0 else "train" for n in range(len(images))]
    rows = [f"{image},{word}" for image, word in zip(images, words, strict=True)]
    (tmp_path / "s.csv").write_text("\n".join(["image,split", *rows]) + "\n")
    own = ["--split", str(tmp_path / "s.csv")]
    for number, (more, says) in enumerate(
        [
            ([], "80 test images are drawn by chance; 25 %"),
            (own, "100 test images are not fully known; 25 %"),
            (["--audit", "0"], ""),
        ]
    ):
        made = str(tmp_path / f"says-{number}")
        assert exit_code(["init", made, str(tmp_path / "t.npz"), "--quiet", *more]) == 0
        said = capsys.readouterr().out
        assert says in said
        assert ("so that mAP can be estimated" in said) == bool(says)
    project = load(tmp_path / "says-1")
    assert not len(project.split().clean)


def test_a_queue_without_an_audit_ends_the_chances_of_the_last(
    holes: Callable[..., Project],
) -> None:
    project = holes()
    driver = half_answered(project)
    before = audit_of(project).reached
    driver.renew()
    project = replace(project, settings=replace(project.settings, audit=0.0))
    Driver(project).suggest()
    np.testing.assert_allclose(audit_of(project).reached, before)


@pytest.mark.slow
def test_a_half_answered_queue_biases_nothing() -> None:
    """The number of presents, estimated by chances, is right on average over 3 000 audits."""
    rng = np.random.default_rng(0)
    truth = (rng.random((60, 1)) < 0.2).astype(np.int8)
    scores = truth + rng.standard_normal(truth.shape)
    certain, rows = np.zeros(truth.shape, bool), np.arange(60)
    nothing = Chances(rows, np.zeros(truth.shape), np.zeros(truth.shape))
    found, claims = [], np.full(truth.shape, UNKNOWN)
    for seed in range(3000):
        entries = np.full(truth.shape, UNKNOWN, np.int8)
        u, parts = permanent_numbers(60, 1, seed), (certain, certain, certain)
        about = nothing, np.ones((60, 1)), u, seed, claims, np.zeros((2, 60, 1), np.intp)
        audit = ProjectAudit(rows, entries, *parts, *about)
        for _ in range(3):
            draw = audit.draw(scores, 8)
            asked = rng.permutation(len(draw.rows))[: (len(draw.rows) + 1) // 2]
            entries = entries.copy()
            entries[draw.rows[asked], 0] = truth[draw.rows[asked], 0]
            known = entries != UNKNOWN
            share = np.full((60, 1), len(asked) / len(draw.rows) if len(draw.rows) else 1.0)
            parts = (certain, known, known)
            about = draw.chances, share, *about[2:]
            audit = ProjectAudit(rows, entries, *parts, *about)
        found.append((audit.weights * (entries == 1)).sum())
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found) - truth.sum()) < 4 * error
    assert error < 0.02 * truth.sum()


def test_numbers_stay_when_images_and_labels_come_in() -> None:
    few, many = permanent_numbers(5, 2, 7), permanent_numbers(9, 4, 7)
    np.testing.assert_array_equal(many[:5, :2], few)
    assert len(np.unique(many)) == many.size
    chance = inclusion(weights(many), np.ones(many.shape, bool), 3.0)
    np.testing.assert_allclose(chance.sum(axis=0), 3)


def test_without_a_clean_image_automatic_answers_are_refused_or_calibrated_otherwise(
    holes: Callable[..., Project],
) -> None:
    with pytest.raises(UsageError, match="no image of this table is taken for clean"):
        holes(auto=0.1, calibrate="clean")
    with pytest.raises(UsageError, match="there is to be none"):
        holes(auto=0.1, audit=0.0)
    project = holes("known", auto=0.1, calibrate="known")
    assert Driver(project).train() is not None
    changed = replace(project.settings, calibrate="clean")
    files.write(changed, project.folder / "project.toml")
    with pytest.raises(UsageError, match="calibrate"):
        Driver(load(project.folder)).train()


def test_what_follows_from_an_audit_answer_counts_only_where_the_audit_drew_it_too(
    holes: Callable[..., Project],
) -> None:
    folder = holes().folder
    assert exit_code(["labels", str(folder), "imply", "label0", "label1"]) == 0
    project = load(folder)
    driver = Driver(project)
    driver.renew()
    driver.suggest()
    test = project.split().test
    before = audit_of(project)
    # Somebody says present, in audit slots of the child, whatever is there.
    slots = [q for q in project.store.queue() if q.why == "audit" and q.label == 0]
    assert slots
    for number, q in enumerate(slots):
        one = Answer(q.image, 0, 1, 1.0)
        project.store.answer("ann", [one], request=f"child {number}")
    audit = audit_of(project)
    rows = np.searchsorted(test, [q.image for q in slots])
    follows = rows[before.entries[rows, 1] == UNKNOWN]
    assert len(follows)
    drawn = audit.numbers[follows, 1] < audit.chances.now[follows, 1]
    np.testing.assert_array_equal(audit.answered[follows, 1], drawn)
    np.testing.assert_array_equal(audit.entries[follows, 1] == UNKNOWN, ~drawn)
    assert not audit.certain[follows, 1].any()
    assert audit.settled[follows, 1].all(), "nobody is asked what follows"

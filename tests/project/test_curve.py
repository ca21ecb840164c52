"""Trainings are compared like with like, and say what they are of when labels change."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, replace

import numpy as np
import pytest

from alasl import Project as PythonProject
from alasl.annotate.tasks import worth_of
from alasl.cli import exit_code
from alasl.cli.status import label_lines, lines
from alasl.cli.train import lines as training_lines
from alasl.data.dataset import Dataset
from alasl.data.formats import write
from alasl.evaluate.audit import NO_ABSENT, NO_PRESENT
from alasl.project import ground as grounds
from alasl.project.changes import LabelChange
from alasl.project.curve import Break, alike, breaks, stop_advice
from alasl.project.driver import Driver
from alasl.project.folder import Project, init
from alasl.project.ground import SPOKEN, Figures, Ground
from alasl.project.overview import overview
from alasl.project.records import Training
from alasl.project.settings import ProjectSettings
from alasl.project.simulate import work
from alasl.project.store import Store
from alasl.project.trainings import CAME
from alasl.report.project import project_figures, project_page

Make = Callable[..., Store]
NAMES = {0: "dog", 1: "cat", 2: "pet"}


def training(answers: int, ap: tuple[float | None, ...], images: int | None = 100) -> Training:
    over = tuple(n for n, value in enumerate(ap) if value is not None)
    defined = [value for value in ap if value is not None]
    mean = sum(defined) / len(defined) if defined else None
    ground = None
    if images is not None:
        pairs = tuple(None if value is None else (value - 5, value + 5) for value in ap)
        ground = Ground(images, 10, False, (10.0, 90.0), pairs, {})
    return Training(0.0, answers, answers, 0.0, 0.0, mean, ap, f"m-{answers}", "it", ground, over)


def test_a_curve_breaks_where_labels_come_or_go_and_says_which() -> None:
    told = [
        training(0, (10.0, None, None)),
        training(100, (None, None, None)),
        training(200, (20.0, 30.0, None)),
        training(300, (30.0, 40.0, None)),
        training(400, (None, 50.0, 60.0)),
        training(500, (None, 50.0, 60.0), images=120),
    ]
    assert breaks(told, NAMES) == (
        Break(2, "over 2 labels, with cat"),
        Break(4, "over 2 labels, with pet, without dog"),
        Break(5, "on 120 images in place of 100 images"),
    )
    assert breaks(told[2:4], NAMES) == ()
    (one,) = breaks([training(0, (50.0,), None), training(1, (50.0,))], NAMES)
    assert one.why == "on 100 images in place of known entries alone"


def test_what_is_read_off_a_curve_is_of_the_labels_that_all_share() -> None:
    told = [
        training(0, (10.0, 90.0, 30.0), images=50),
        training(100, (10.0, None, 30.0)),
        training(200, (20.0, 80.0, 40.0)),
        training(300, (30.0, 90.0, 50.0)),
    ]
    assert [(one.answers, mean) for one, mean in alike(told)] == [
        (100, 20.0),
        (200, 30.0),
        (300, 40.0),
    ]
    # One label that most of the last ones do not know is no ground to compare on.
    few = [training(0, (10.0, None, None)), *told[2:]]
    assert [one.answers for one, _ in alike(few)] == [200, 300]
    assert [mean for _, mean in alike(few)] == [told[2].map, told[3].map]
    assert alike([]) == []


def test_advice_does_not_take_a_new_label_for_a_loss() -> None:
    """AP rises by the same steps all the time; a label at 0 that came would look like a fall."""
    same = [training(100 * n, (20.0 + n, 40.0 + n, None)) for n in range(8)]
    came = [
        *same[:5],
        *(replace(t, ap=(*t.ap[:2], 0.0), over=(0, 1, 2), map=20.0) for t in same[5:]),
    ]
    straight, with_new = (
        stop_advice(tuple(same), 100, None, 100),
        stop_advice(tuple(came), 100, None, 100),
    )
    assert straight.gain == pytest.approx(with_new.gain)


def test_what_answers_brought_is_the_paired_gain_of_the_last_training_with_its_interval() -> None:
    first, second, unjudged = (training(n, (ap,)) for n, ap in ((0, 40.0), (50, 42.0), (90, None)))
    assert second.ground is not None
    second = replace(second, ground=replace(second.ground, gain=(1.5, -0.5, 3.5)))
    for found in (worth_of([first, second]), worth_of([first, second, unjudged])):
        assert found is not None
        assert (found.map, found.low, found.high) == (42.0, 10.0, 90.0)
        assert found.brought == (3.0, -1.0, 7.0)
    # No answer came between, nothing was compared, or nothing judged.
    again = worth_of([replace(first, answers=50), second])
    alone = worth_of([first])
    assert again is not None
    assert alone is not None
    assert again.brought is alone.brought is None
    same = worth_of([first, replace(second, ground=replace(second.ground, gain=(0.0, 0.0, 0.0)))])
    assert same is not None
    assert same.brought is None
    assert worth_of([unjudged]) is worth_of([]) is None


def with_reasons(store: Store) -> Training:
    """A training of three labels of which the last two have no AP."""
    left_out = {1: NO_PRESENT, 2: NO_ABSENT}
    ground = Ground(4, 2, False, (40.0, 60.0), ((40.0, 60.0), None, None), left_out)
    store.note_training(Training(1.0, 1, 0, 0.0, 1.0, 50.0, (50.0, None, None), "m", "it", ground))
    return store.trainings()[0]


def test_what_is_said_of_labels_left_out_and_of_a_model_that_stays_the_same(
    make_store: Make,
) -> None:
    store = make_store(4, 3)
    now, told = with_reasons(store), (10.0, 5.0, 20.0)
    assert now.ground is not None
    one = Figures(told, (told, None, None), {}, 1)
    both = {"prevalence": one, "calibration": one}
    ground = replace(now.ground, gain=(0.0, 0.0, 0.0), figures=both)
    said = "\n".join(training_lines(replace(now, ground=ground), store.names, 0.25))
    assert "present are 10.0 % (5.0 to 20.0) of the entries of these labels" in said
    assert "no gain over the last training: the model says the same of the test images" in said
    all_ = replace(one, labels=(told,))
    ground = replace(ground, figures={"prevalence": all_, "calibration": all_})
    said = "\n".join(training_lines(replace(now, ground=ground), store.names, 0.25))
    assert "of the entries; probabilities are off" in said


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        (LabelChange("add", ("new",)), {1: NO_PRESENT, 2: NO_ABSENT, 3: CAME}),
        (LabelChange("remove", ("label0",)), {0: NO_PRESENT, 1: NO_ABSENT}),
        (LabelChange("merge", ("label0", "label1"), ("both",)), {0: NO_ABSENT, 1: CAME}),
        (LabelChange("split", ("label1",), ("a", "b")), {1: NO_ABSENT, 2: CAME, 3: CAME}),
    ],
)
def test_why_a_label_has_no_ap_stays_when_labels_change(
    make_store: Make, change: LabelChange, reasons: dict[int, str]
) -> None:
    store = make_store(6, 3)
    before = with_reasons(store)
    store.change("owner", change)
    (now,) = store.trainings()
    assert now.ground is not None
    assert now.ground.left_out == reasons
    undefined = {column for column, ap in enumerate(now.ap) if ap is None}
    assert undefined == set(reasons), "every label without an AP has its reason"
    assert now.over == (0,)
    said = " ".join(training_lines(now, store.names, 0.25))
    for column, reason in reasons.items():
        assert re.search(rf"{store.names[column]}[^;]*\({reason}\)", said)
    store.take_back("owner")
    assert store.trainings()[0] == before


def test_status_counts_the_labels_that_map_is_of_and_those_still_there(make_store: Make) -> None:
    store = make_store(6, 3)
    with_reasons(store)
    (now,) = store.trainings()
    assert "over 1 of 3 labels" in next(training_lines(now, store.names, 0.25))
    store.change("owner", LabelChange("remove", ("label0",)))
    (now,) = store.trainings()
    assert "over 1 labels, of which 0 are still there" in next(
        training_lines(now, store.names, 0.25)
    )


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory, make_dataset: Callable[..., Dataset]
) -> Iterator[tuple[Project, np.ndarray]]:
    """A project whose test set is known in part, as given and as the audit asked, and the truth."""
    folder = tmp_path_factory.mktemp("curve")
    data = make_dataset(400, labels=4)
    truth = data.labels.entries
    hidden = np.random.default_rng(1).random(truth.shape) > np.where(truth == 1, 0.6, 0.05)
    write(data.labels.forget(hidden), folder / "t.npz", "npz", features=data.features)
    settings = ProjectSettings(data=str(folder / "t.npz"), answers=120, gold=0.0, audit=0.5)
    project = init(folder / "project", settings)
    work(Driver(project), truth, "ann", 240)
    yield project, truth
    project.store.close()


def test_status_tells_the_figures_of_what_is_called_present(
    trained: tuple[Project, np.ndarray],
) -> None:
    project, truth = trained
    state = overview(project)
    ground = state.trainings[-1].ground
    assert ground is not None
    assert not ground.complete
    assert list(ground.figures) == list(SPOKEN)
    for name, figure in ground.figures.items():
        assert figure.over == 4, name
        assert figure.mean is not None
        value, low, high = figure.mean
        assert 0 <= low <= value <= high <= 100
        assert low < high
        for label, own in zip(state.labels, figure.labels, strict=True):
            assert label.figures[name] == own
    test = project.split().test
    prevalence = 100 * truth[test].mean(axis=0)
    told = ground.figures["prevalence"].labels
    for true, one in zip(prevalence, told, strict=True):
        assert one is not None
        assert one[1] - 3 <= true <= one[2] + 3
    entries = sum(one.entries for one in ground.bins)
    assert entries == truth[test].size

    said = "\n".join(lines(state))
    f1 = ground.figures["f1"].mean
    assert f1 is not None
    assert f"F1 {f1[0]:.1f} % ({f1[1]:.1f} to {f1[2]:.1f})" in said
    assert "called present, means over 4 labels: precision" in said
    assert "probabilities are off by" in said
    about, head, *rows = label_lines(state)
    assert about.startswith("n test images are known to have the label")
    assert head.split()[:6] == ["label", "n", "AP", "precision", "recall", "F1"]
    presents = (project.store.labels().of(test) == 1).sum(axis=0).tolist()
    assert [label.tested for label in state.labels] == presents
    assert len(rows) == 4
    for label, row in zip(state.labels, rows, strict=True):
        assert row.split()[:2] == [label.name, str(label.tested)]
        assert row.count(" to ") == 6
        assert f"{label.name}</bdi>, n&nbsp;=&nbsp;{label.tested}<" in project_page(state)
    json.dumps(state.to_dict())


def test_the_page_has_the_figures_of_each_label_and_the_bins(
    trained: tuple[Project, np.ndarray],
) -> None:
    state = overview(trained[0])
    page = project_page(state)
    ground = state.trainings[-1].ground
    assert ground is not None
    for figure in ground.figures.values():
        for told in (figure.mean, *figure.labels):
            assert told is not None
            assert f"{told[0]:.1f}<br><small>{told[1]:.1f} to {told[2]:.1f}" in page
    assert "Calibration error" in page
    for one in ground.bins:
        assert f"{one.observed[0]:.0f} ({one.observed[1]:.0f} to {one.observed[2]:.0f})" in page


def test_figures_of_the_last_training_are_told_from_python_and_by_the_command_line(
    trained: tuple[Project, np.ndarray], capsys: pytest.CaptureFixture[str]
) -> None:
    project, _ = trained
    with closing(PythonProject.open(project.folder)) as opened:
        status = opened.status()
    assert status.labels[0].figures.keys() == SPOKEN.keys()
    assert exit_code(["status", str(project.folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["labels"][0]["figures"]["f1"] == list(status.labels[0].figures["f1"])
    assert told["trainings"][-1]["ground"]["figures"]["recall"]["over"] == 4
    assert exit_code(["status", str(project.folder), "--labels"]) == 0
    assert "calibration error" in capsys.readouterr().out


def test_the_page_breaks_the_curve_and_says_why(trained: tuple[Project, np.ndarray]) -> None:
    state = overview(trained[0])
    assert state.breaks == ()
    (figure,) = (figure for _, figure in project_figures(state)[:1])
    assert len(figure.axes[0].get_lines()) == 1
    rests = "60 audit answers to 40 test images; 6.2 % of the answers to absents seem wrong"
    last = replace(state.trainings[-1], over=state.trainings[-1].over[1:], judged=rests)
    count = len(state.trainings)
    changed = replace(
        state,
        trainings=(*state.trainings[:-1], last),
        breaks=(Break(count - 1, "of <b>"),),
    )
    caption, figure = project_figures(changed)[0]
    assert "Where the line breaks" in caption
    title = figure.axes[0].get_title(loc="left") or figure.axes[0].get_title()
    assert title.endswith("judged on 60 audit answers to 40 test images")
    found = [len(line.get_xdata()) for line in figure.axes[0].get_lines()]
    judged = sum(one.map is not None for one in state.trainings)
    assert found == [judged - 1, 1, 2], "two stretches, a mark between"
    page = project_page(changed)
    assert "From here on mAP is of &lt;b&gt;" in page
    assert "3 to 4 labels" in page


def test_a_label_without_a_figure_is_named_with_the_reason(
    trained: tuple[Project, np.ndarray],
) -> None:
    state = overview(trained[0])
    ground = state.trainings[-1].ground
    assert ground is not None
    figures = {
        name: replace(one, labels=(None, *one.labels[1:]), left_out={0: "nothing called"})
        if name == "precision"
        else one
        for name, one in ground.figures.items()
    }
    last = replace(state.trainings[-1], ground=replace(ground, figures=figures))
    assert "not all figures of 1 label: label0 (nothing called)" in list(
        training_lines(last, [label.name for label in state.labels], 0.25)
    )


def test_what_is_kept_of_a_training_is_read_as_it_was() -> None:
    ground = training(0, (10.0, None)).ground
    assert ground is not None
    found = grounds.read(json.loads(json.dumps(asdict(ground))), lambda noted: noted, {})
    assert found == ground
    old = {k: v for k, v in asdict(ground).items() if k not in ("figures", "bins")}
    assert grounds.read(json.loads(json.dumps(old)), lambda noted: noted, {}) == ground

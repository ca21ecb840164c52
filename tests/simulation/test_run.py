"""A run from settings to record: reproducible, resumable after a kill, strategies paired."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alasl.data.dataset import Dataset
from alasl.data.formats import write
from alasl.errors import AlaslError, ConflictError
from alasl.journal import load
from alasl.record import Record
from alasl.settings import RunSettings
from alasl.simulation.run import simulate
from warm import Python

SETTINGS = RunSettings(
    data="made", strategy="entropy", missing=0.4, rounds=3, images=10, epochs=3, model="probe"
)


def told(record: Record) -> list[object]:
    """All of a record that must repeat: everything but the seconds."""
    evaluations = [replace(e, seconds=0.0) for e in record.evaluations]
    return [repr(evaluations), record.rounds]


@pytest.fixture
def dataset(make_dataset: Callable[..., Dataset]) -> Dataset:
    return make_dataset()


def test_n_rounds_give_n_plus_one_evaluations_and_a_growing_cost(dataset: Dataset) -> None:
    record = simulate(SETTINGS, dataset=dataset)
    assert [e.round for e in record.evaluations] == [0, 1, 2, 3]
    assert [e.images for e in record.evaluations] == [0, 10, 20, 30]
    counted = [sum(len(a.answers) for a in step.asked) for step in record.rounds]
    assert record.costs == [0, *np.cumsum(counted)]
    assert record.done
    assert all(len(e.epochs) == 3 and 0 < e.map_mean < 100 for e in record.evaluations)


def test_one_seed_one_result_and_another_seed_another(dataset: Dataset) -> None:
    record = simulate(SETTINGS, dataset=dataset)
    assert told(simulate(SETTINGS, dataset=dataset)) == told(record)
    other = simulate(replace(SETTINGS, seed=1), dataset=dataset)
    assert told(other) != told(record)


def test_round_zero_is_the_same_for_every_strategy(dataset: Dataset) -> None:
    records = [
        simulate(replace(SETTINGS, strategy=strategy), dataset=dataset)
        for strategy in ("random", "hard", "medium", "hard+medium", "hard+entropy")
    ]
    first = {repr(replace(r.evaluations[0], seconds=0.0)) for r in records}
    assert len(first) == 1
    assert len({repr(r.rounds) for r in records}) > 1


def test_learning_from_answers_helps(make_dataset: Callable[..., Dataset]) -> None:
    dataset = make_dataset(images=800)
    settings = replace(
        SETTINGS, missing=0.8, rounds=1, images=500, train="clean", strategy="random"
    )
    record = simulate(replace(settings, epochs=20), dataset=dataset)
    assert record.maps[1] > record.maps[0] + 3


def test_going_on_from_the_last_round_differs_from_restarting(dataset: Dataset) -> None:
    restart = simulate(SETTINGS, dataset=dataset)
    goes_on = simulate(replace(SETTINGS, warm_start=True), dataset=dataset)
    assert restart.maps[0] == goes_on.maps[0]
    assert goes_on.maps[1] != restart.maps[1]


@pytest.mark.slow
@pytest.mark.parametrize("warm_start", [False, True])
def test_a_run_stopped_after_any_step_goes_on_to_the_same_result(
    dataset: Dataset, tmp_path: Path, warm_start: bool
) -> None:
    settings = replace(SETTINGS, warm_start=warm_start)
    expected = told(simulate(settings, dataset=dataset))

    for steps in range(1, 7):
        folder = tmp_path / str(steps)
        left = steps

        def stop(_: Record) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            simulate(settings, folder, dataset=dataset, on_event=stop)
        assert told(simulate(settings, folder, dataset=dataset)) == expected
        assert told(load(folder)) == expected
        assert len(list(folder.glob("model-*"))) == 1


@pytest.mark.slow
def test_a_run_killed_at_any_moment_goes_on_to_the_same_result(
    tmp_path: Path, python: Python
) -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((300, 32), dtype=np.float32)
    entries = (features @ rng.standard_normal((32, 8)) > 4).astype(np.int8)
    np.savez(
        tmp_path / "data.npz",
        labels=entries,
        names=[f"l{j}" for j in range(8)],
        images=[f"i{i}" for i in range(300)],
        features=features,
    )
    arguments = ["run", str(tmp_path / "data.npz"), "--rounds", "6", "--answers", "60", "--json"]

    def command(folder: Path) -> list[str]:
        return ["-m", "alasl", *arguments, "--out", str(folder)]

    def steps() -> int:
        # A run that was never judged begins anew: its journal goes for a moment.
        try:
            return journal.read_bytes().count(b"\n")
        except FileNotFoundError:
            return 0

    whole = python(*command(tmp_path / "whole"))
    assert json.loads(whole.stdout)["done"]
    journal = tmp_path / "killed" / "journal.jsonl"
    seen = 0
    for wanted in (1, 3, 6, 9):  # kill when the journal has that many lines
        process = python.start(*command(tmp_path / "killed"))
        while process.poll() is None:
            if steps() >= wanted:
                process.send_signal(signal.SIGKILL)
                process.wait()
                seen += 1
            time.sleep(0.001)
    assert seen >= 2
    python(*command(tmp_path / "killed")).check_returncode()
    assert told(load(tmp_path / "killed")) == told(load(tmp_path / "whole"))
    left = (tmp_path / "killed" / "queries.csv").read_bytes()
    assert left == (tmp_path / "whole" / "queries.csv").read_bytes()


def test_a_folder_of_other_settings_is_refused_with_the_difference(
    dataset: Dataset, tmp_path: Path
) -> None:
    simulate(SETTINGS, tmp_path, dataset=dataset)
    before = (tmp_path / "journal.jsonl").read_bytes()
    with pytest.raises(ConflictError, match=r"missing: there 0\.4, here 0\.5"):
        simulate(replace(SETTINGS, missing=0.5), tmp_path, dataset=dataset)
    assert (tmp_path / "journal.jsonl").read_bytes() == before


def test_a_run_that_failed_before_it_was_judged_once_keeps_no_folder(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AlaslError("no memory")

    with monkeypatch.context() as patch:
        patch.setattr("alasl.learner.learner.ActiveLearner.train", fail)
        with pytest.raises(AlaslError, match="no memory"):
            simulate(SETTINGS, tmp_path / "failed", dataset=dataset)
    other = replace(SETTINGS, missing=0.5)
    simulate(other, tmp_path / "failed", dataset=dataset)
    simulate(other, tmp_path / "new", dataset=dataset)
    assert told(load(tmp_path / "failed")) == told(load(tmp_path / "new"))


def test_weights_that_do_not_fit_are_named_on_resuming(dataset: Dataset, tmp_path: Path) -> None:
    def stop(record: Record) -> None:
        if len(record.evaluations) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(SETTINGS, tmp_path, dataset=dataset, on_event=stop)
    (kept,) = tmp_path.glob("model-*")
    kept.write_bytes(b"garbage")
    with pytest.raises(AlaslError, match=kept.name):
        simulate(SETTINGS, tmp_path, dataset=dataset)


def test_going_on_with_another_table_is_refused(
    make_dataset: Callable[..., Dataset], tmp_path: Path
) -> None:
    def stop(_: Record) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(SETTINGS, tmp_path, dataset=make_dataset(), on_event=stop)
    with pytest.raises(ConflictError, match="not the one that this run began with"):
        simulate(SETTINGS, tmp_path, dataset=make_dataset(seed=1))


@pytest.mark.slow
def test_features_of_ones_own_need_neither_timm_nor_torchs_compiler(
    dataset: Dataset, tmp_path: Path
) -> None:
    write(dataset.labels, tmp_path / "labels.csv", "csv-wide")
    np.save(tmp_path / "features.npy", np.asarray(dataset.features))
    program = (
        "import sys, alasl\n"
        "for model in ('logistic', 'probe'):\n"
        "    settings = alasl.RunSettings(data='labels.csv', features='features.npy',\n"
        "        model=model, missing=0.4, answers=50, rounds=1)\n"
        "    alasl.simulate(settings)\n"
        "    heavy = {'timm', 'torchvision', 'torch._dynamo'}.intersection(sys.modules)\n"
        "    print(model, sorted(heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["logistic []", "probe []"]


def test_a_run_on_tags_says_what_it_makes_of_them(
    dataset: Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    tags = replace(SETTINGS, rounds=0, mechanism="positives", model="logistic", epochs=None)
    simulate(replace(tags, assume="ignore"), dataset=dataset)
    simulate(replace(tags, mechanism="uniform"), dataset=dataset)
    assert not caplog.messages
    simulate(tags, dataset=dataset)
    assert caplog.messages[0].startswith("known by presence: all 6 labels")

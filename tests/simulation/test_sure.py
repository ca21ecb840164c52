"""The intervals of a run's figures: those of the estimator, and the same after a stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alasl.data.dataset import Dataset
from alasl.data.opening import make_split
from alasl.evaluate.audit import Audit
from alasl.evaluate.estimate import Scored, estimate, gain
from alasl.journal import load
from alasl.labels import PRESENT
from alasl.record import Record
from alasl.settings import RunSettings
from alasl.simulation.run import simulate
from alasl.simulation.sure import Intervals

SETTINGS = RunSettings(data="made", missing=0.4, rounds=2, answers=40)


def stop(record: Record) -> None:
    """As a kill in the middle."""
    if len(record.evaluations) == 2:
        raise KeyboardInterrupt


def test_they_are_those_of_an_audit_that_saw_all(
    make_dataset: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = make_dataset()
    truth = dataset.labels.entries[make_split(dataset, SETTINGS).test]
    seen: list[Scored] = []
    put = Intervals.of

    def keep(self: Intervals, step: object, logits: np.ndarray) -> object:
        seen.append(Scored(logits, np.full(logits.shape, 0.5)))
        return put(self, step, logits)  # type: ignore[arg-type]

    monkeypatch.setattr(Intervals, "of", keep)
    record = simulate(SETTINGS, dataset=dataset)
    everything = np.ones(truth.shape, np.bool_)
    audit = Audit(truth, everything, ~everything, np.zeros(truth.shape))
    for e, scored in zip(record.evaluations, seen, strict=True):
        labels = estimate(scored, audit).labels
        ends = np.array([pair or (np.nan, np.nan) for pair in e.ap_intervals]) / 100
        np.testing.assert_allclose(ends, np.stack([labels.low, labels.high], axis=1))
        np.testing.assert_allclose(np.array(e.ap) / 100, labels.value)
    assert record.gain_intervals[0] is None
    for ends, scored in zip(record.gain_intervals[1:], seen[1:], strict=True):
        change = gain(seen[0], scored, audit).mean
        assert ends == pytest.approx((100 * change.low, 100 * change.high), abs=1e-4)
    assert record.start.test_presents == tuple(truth.sum(axis=0))


def test_a_run_that_goes_on_has_the_same(
    make_dataset: Callable[..., Dataset], tmp_path: Path
) -> None:
    dataset = make_dataset()
    with pytest.raises(KeyboardInterrupt):
        simulate(SETTINGS, tmp_path, dataset=dataset, on_event=stop)
    record = simulate(SETTINGS, tmp_path, dataset=dataset)
    at_once = simulate(SETTINGS, dataset=dataset)
    assert record.gain_intervals == at_once.gain_intervals
    assert load(tmp_path).gain_intervals == record.gain_intervals
    for round in range(3):
        moves, again, held = (one.moves(round) for one in (record, load(tmp_path), at_once))
        assert moves is not None
        np.testing.assert_array_equal(moves, again)
        np.testing.assert_array_equal(moves, held)
    assert record.moves(3) is None
    assert record.start.test == at_once.start.test != ""


def test_a_run_that_an_older_version_began_goes_on_without_those_of_its_gain(
    make_dataset: Callable[..., Dataset], tmp_path: Path
) -> None:
    dataset = make_dataset()
    with pytest.raises(KeyboardInterrupt):
        simulate(SETTINGS, tmp_path, dataset=dataset, on_event=stop)
    (tmp_path / "moves" / "000.npz").unlink()
    record = simulate(SETTINGS, tmp_path, dataset=dataset)
    assert record.gain_intervals[2] is None
    assert record.intervals[2] is not None


def test_where_the_test_set_is_not_all_known_there_are_none(
    make_dataset: Callable[..., Dataset],
) -> None:
    dataset = make_dataset()
    holes = np.zeros(dataset.labels.shape, np.bool_)
    rows = np.arange(len(holes))
    holes[rows, rows % holes.shape[1]] = True
    labels = dataset.labels.forget(holes)
    dataset = replace(dataset, labels=labels)
    record = simulate(SETTINGS, dataset=dataset)
    sure = {(e.interval, e.ap_intervals, e.gain_reach) for e in record.evaluations}
    assert sure == {(None, (), None)}
    assert record.moves(0) is None
    presents = (labels.entries[make_split(dataset, SETTINGS).test] == PRESENT).sum(axis=0)
    assert record.start.test_presents == tuple(presents)

"""Probes: learn, ignore the unknown, and train stacked exactly as they do alone."""

import numpy as np
import pytest
import torch

from alasl.data.inputs import Inputs
from alasl.errors import DataError, UsageError
from alasl.losses import available
from alasl.metrics import average_precision, mean_ap
from alasl.models.adamw import AdamW
from alasl.models.estimators.probe import Probe, Probes, ProbeSettings

ROWS = np.arange(200)


def problem(seed: int = 0, images: int = 300) -> tuple[Inputs, np.ndarray]:
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((images, 12))
    entries = (features @ rng.standard_normal((12, 5)) > 2).astype(np.int8)
    return Inputs(features=features.astype(np.float32)), entries


@pytest.mark.parametrize("loss", ["asl", "bce"])
def test_it_learns_and_tells_after_each_epoch(loss: str) -> None:
    inputs, entries = problem()
    test = np.arange(200, 300)
    probe = Probe(5, ProbeSettings(loss=loss, rate=1e-2))
    maps: list[float] = []
    epochs: list[int] = []

    def tell(epoch: int, logits: np.ndarray) -> None:
        epochs.append(epoch)
        maps.append(mean_ap(average_precision(logits, entries[test])))

    probe.fit(inputs.take(ROWS), entries[ROWS], seed=0, eval_on=inputs.take(test), on_epoch=tell)
    assert epochs == list(range(20))
    assert maps[-1] > 85
    probabilities = probe.predict_proba(inputs.take(test))
    assert mean_ap(average_precision(probabilities, entries[test])) == pytest.approx(maps[-1])
    assert ((probabilities >= 0) & (probabilities <= 1)).all()


def test_unknown_entries_teach_nothing() -> None:
    inputs, entries = problem()
    hidden = entries[ROWS].copy()
    hidden[100:, 2] = -1
    seen = inputs.take(ROWS)
    # As good as weightless, whatever stands there: what they weigh is of no account.
    predictions = []
    for targets, weight in ((hidden, 1), (hidden, 9), (entries[ROWS], 0)):
        weights = np.ones(hidden.shape, np.float32)
        weights[100:, 2] = weight
        probe = Probe(5)
        probe.fit(seen, targets, weights, seed=0)
        predictions.append(probe.predict_proba(inputs))
    np.testing.assert_array_equal(predictions[0], predictions[1])
    np.testing.assert_allclose(predictions[0], predictions[2], atol=1e-6)
    # A label of which nothing is known stays at even odds.
    hidden[:, 4] = -1
    probe = Probe(5)
    probe.fit(seen, hidden, seed=0)
    assert (probe.predict_proba(inputs)[:, 4] == 0.5).all()


@pytest.mark.parametrize("loss", available())
def test_stacked_training_equals_training_one_by_one(loss: str) -> None:
    inputs, entries = problem()
    features = torch.from_numpy(inputs.array()).double()
    rng = np.random.default_rng(1)
    rows = [rng.permutation(300)[:90] for _ in range(4)]
    # From early on, so that what a loss remembers matters within few epochs.
    early = {p.name for p in available()[loss].parameters} & {"start"}
    spec = ":".join([loss, *(f"{name}=1" for name in early)])
    settings = ProbeSettings(loss=spec, epochs=5, batch=32, rate=1e-2)
    hidden = rng.random((4, 90, 5)) < 0.6
    hidden[:, :9] = np.arange(9)[:, None] < 3  # some known whole, some not at all
    targets = [
        np.where(h, -1, entries[r]).astype(np.int8) for h, r in zip(hidden, rows, strict=True)
    ]
    stacked = Probes(features, 4, 5, settings)
    stacked.fit(rows, targets, seeds=[10, 11, 12, 13])
    for run in range(4):
        alone = Probes(features, 1, 5, settings)
        alone.fit([rows[run]], [targets[run]], seeds=[10 + run])
        torch.testing.assert_close(alone.weights[0], stacked.weights[run], rtol=0, atol=1e-9)
        torch.testing.assert_close(alone.bias[0], stacked.bias[run], rtol=0, atol=1e-9)


def test_the_steps_are_those_of_torchs_optimiser_and_schedule() -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn((3, 4), generator=generator, dtype=torch.float64)
    ours, theirs = start.clone(), start.clone()
    mine = AdamW([ours], 1e-2, 30, decay=0.1)
    torchs = torch.optim.AdamW([theirs], 1e-2, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(torchs, 30)
    for _ in range(30):
        theirs.grad = torch.randn((3, 4), generator=generator, dtype=torch.float64)
        mine.gradients[0].copy_(theirs.grad)
        mine.step()
        torchs.step()
        schedule.step()
    assert (ours != start).all()
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_what_unknown_entries_teach_is_the_losss_affair() -> None:
    inputs, entries = problem()
    images, hidden = inputs.take(ROWS), entries[ROWS].copy()
    hidden[50:] = np.where(hidden[50:] == 1, 1, -1)
    seen = {}
    for loss in ("bce", "an", "wan"):
        probe = Probe(5, ProbeSettings(loss=loss, rate=1e-2))
        probe.fit(images, hidden, seed=0)
        seen[loss] = probe.predict_proba(images)
        assert probe.learns_from_unknown == (loss != "bce")
    # As good as absent: the same bits as where they are said to be absent, which is right here.
    probe = Probe(5, ProbeSettings(loss="bce", rate=1e-2))
    probe.fit(images, entries[ROWS], seed=0)
    np.testing.assert_array_equal(seen["an"], probe.predict_proba(images))
    # The less they count as absent, the more of everything is seen.
    assert seen["an"].mean() < seen["wan"].mean() < seen["bce"].mean()


def test_a_loss_is_told_the_epoch() -> None:
    inputs, entries = problem()
    images = inputs.take(ROWS)
    hidden = np.where(entries[ROWS] == 1, 1, -1).astype(np.int8)
    hidden[::2, 0] = -1

    def seen(loss: str, epochs: int) -> np.ndarray:
        probe = Probe(5, ProbeSettings(loss=loss, rate=1e-2, epochs=epochs))
        probe.fit(images, hidden, seed=0)
        return probe.predict_proba(images)

    for loss in ("splc:tau=0.3", "csl:eta=1:likeliest=1", "em-apl"):
        late, early = f"{loss}:start=3", f"{loss}:start=1"
        np.testing.assert_array_equal(seen(late, 1), seen(early, 1))
        assert (seen(late, 3) != seen(early, 3)).any()


def test_a_loss_that_is_not_there_is_refused_before_anything_is_done() -> None:
    with pytest.raises(UsageError, match="did you mean 'hill'"):
        ProbeSettings(loss="hil")
    with pytest.raises(UsageError, match=r"loss 'hill:margin=20'(.|\n)*from 0 to 10"):
        ProbeSettings(loss="hill:margin=20")


def test_the_same_seed_gives_the_same_weights_and_another_others() -> None:
    inputs, entries = problem()

    def weights(seed: int) -> np.ndarray:
        probe = Probe(5)
        probe.fit(inputs.take(ROWS), entries[ROWS], seed=seed)
        return probe.tensors()["weights"].cpu().numpy()

    np.testing.assert_array_equal(weights(0), weights(0))
    assert (weights(0) != weights(1)).any()


def test_a_fit_begins_anew_and_a_warm_start_goes_on() -> None:
    inputs, entries = problem()
    images = inputs.take(ROWS)
    probe = Probe(5)
    probe.fit(images, entries[ROWS], seed=0)
    once = probe.predict_proba(images)
    probe.fit(images, entries[ROWS], seed=0)
    np.testing.assert_array_equal(probe.predict_proba(images), once)
    probe.fit(images, entries[ROWS], seed=0, warm_start=True)
    assert (probe.predict_proba(images) != once).any()
    # From where it was: no training is as near to the end of one as that of one step.
    slow = Probe(5, ProbeSettings(epochs=1, rate=1e-6))
    slow.restore(probe.tensors())
    before = slow.logits(images)
    slow.fit(images, entries[ROWS], seed=0, warm_start=True)
    np.testing.assert_allclose(slow.logits(images), before, atol=1e-3)


def test_where_it_begins_counts_entries_by_their_weights() -> None:
    """Without features to learn from, it ends where it began: at the weighted log-odds."""
    inputs = Inputs(features=np.zeros((40, 3), np.float32))
    targets = np.repeat(np.array([[1], [0]], np.int8), 20, axis=0)
    for weight in (1.0, 3.0, 0.0):
        weights = np.where(targets == 1, weight, 1).astype(np.float32)
        probe = Probe(1, ProbeSettings(loss="bce", epochs=1, rate=1e-9))
        probe.fit(inputs, targets, weights, seed=0)
        expected = np.log((20 * weight + 0.5) / 20.5)
        np.testing.assert_allclose(probe.logits(inputs), expected, atol=1e-5)


def test_what_was_kept_is_taken_again_and_others_refused() -> None:
    inputs, entries = problem()
    probe = Probe(5)
    probe.fit(inputs.take(ROWS), entries[ROWS], seed=0)
    again = Probe(5)
    again.restore(probe.tensors())
    np.testing.assert_array_equal(again.predict_proba(inputs), probe.predict_proba(inputs))
    with pytest.raises(DataError, match="another number of labels; seen: 5, expected 6"):
        Probe(6).restore(probe.tensors())
    with pytest.raises(DataError, match="lacks a part; seen: bias"):
        Probe(5).restore({"weights": probe.tensors()["weights"]})

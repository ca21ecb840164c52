"""Probes: learn, ignore the unknown, and train stacked exactly as they do alone."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from alasl.errors import DataError, UsageError
from alasl.losses import available
from alasl.metrics import average_precision, mean_ap
from alasl.models.adamw import AdamW
from alasl.models.probe import Probe, Probes, ProbeSettings, standardised


def problem(seed: int = 0, images: int = 300) -> tuple[torch.Tensor, np.ndarray]:
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((images, 12))
    entries = (features @ rng.standard_normal((12, 5)) > 2).astype(np.int8)
    return torch.from_numpy(features.astype(np.float32)), entries


def test_standardising_looks_at_the_reference_images_alone() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(5, 3, (50, 4)).astype(np.float32)
    features[:, 3] = 7
    reference = np.arange(30)
    result = standardised(features, reference).numpy()
    seen = features[:30].astype(np.float64)
    expected = (features[:, :3] - seen[:, :3].mean(0)) / seen[:, :3].std(0)
    np.testing.assert_allclose(result[:, :3], expected, rtol=1e-4, atol=1e-5)
    assert (result[:, 3] == 0).all()
    features[30:] *= 100
    np.testing.assert_array_equal(standardised(features, reference)[:30], result[:30])


@pytest.mark.parametrize("loss", ["asl", "bce"])
def test_a_head_learns_and_tells_after_each_epoch(loss: str) -> None:
    features, entries = problem()
    train, test = np.arange(200), np.arange(200, 300)
    probe = Probe(features, 5, ProbeSettings(loss=loss, rate=1e-2))
    maps: list[float] = []
    epochs: list[int] = []

    def tell(epoch: int, logits: np.ndarray) -> None:
        epochs.append(epoch)
        maps.append(mean_ap(average_precision(logits, entries[test])))

    probe.fit(train, entries[train], seed=0, watch=test, on_epoch=tell)
    assert epochs == list(range(20))
    assert maps[-1] > 85
    probabilities = probe.predict(test)
    assert mean_ap(average_precision(probabilities, entries[test])) == pytest.approx(maps[-1])
    assert ((probabilities >= 0) & (probabilities <= 1)).all()


def test_unknown_entries_teach_nothing() -> None:
    features, entries = problem()
    rows = np.arange(200)
    hidden = entries[rows].copy()
    hidden[100:, 2] = -1
    lies = entries[rows].copy()
    lies[100:, 2] = -1
    lies[:100] = hidden[:100]
    predictions = []
    for targets in (hidden, lies):
        probe = Probe(features, 5)
        probe.fit(rows, targets, seed=0)
        predictions.append(probe.predict(np.arange(300)))
    np.testing.assert_array_equal(*predictions)
    # A label of which nothing is known stays at even odds.
    hidden[:, 4] = -1
    probe = Probe(features, 5)
    probe.fit(rows, hidden, seed=0)
    assert (probe.predict(rows)[:, 4] == 0.5).all()


@pytest.mark.parametrize("loss", available())
def test_stacked_training_equals_training_one_by_one(loss: str) -> None:
    features, entries = problem()
    features = features.double()
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


def test_training_a_head_does_not_load_torchs_compiler() -> None:
    program = (
        "import sys, numpy, torch; from alasl.models.probe import Probe; "
        "Probe(torch.ones(8, 3), 2).fit(numpy.arange(8), numpy.eye(8, 2, dtype='int8'), seed=0); "
        "assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_what_unknown_entries_teach_is_the_losss_affair() -> None:
    features, entries = problem()
    rows = np.arange(200)
    hidden = entries[rows].copy()
    hidden[50:] = np.where(hidden[50:] == 1, 1, -1)
    seen = {}
    for loss in ("bce", "an", "wan"):
        probe = Probe(features, 5, ProbeSettings(loss=loss, rate=1e-2))
        probe.fit(rows, hidden, seed=0)
        seen[loss] = probe.predict(rows)
        assert probe.learns_from_unknown == (loss != "bce")
    # As good as absent: the same bits as where they are said to be absent, which is right here.
    probe = Probe(features, 5, ProbeSettings(loss="bce", rate=1e-2))
    probe.fit(rows, entries[rows], seed=0)
    np.testing.assert_array_equal(seen["an"], probe.predict(rows))
    # The less they count as absent, the more of everything is seen.
    assert seen["an"].mean() < seen["wan"].mean() < seen["bce"].mean()


def test_a_loss_is_told_the_epoch() -> None:
    features, entries = problem()
    rows = np.arange(200)
    hidden = np.where(entries[rows] == 1, 1, -1).astype(np.int8)
    hidden[::2, 0] = -1

    def seen(loss: str, epochs: int) -> np.ndarray:
        probe = Probe(features, 5, ProbeSettings(loss=loss, rate=1e-2, epochs=epochs))
        probe.fit(rows, hidden, seed=0)
        return probe.predict(rows)

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
    features, entries = problem()
    rows = np.arange(200)

    def weights(seed: int) -> np.ndarray:
        probe = Probe(features, 5)
        probe.fit(rows, entries[rows], seed=seed)
        return probe.predict(rows)

    np.testing.assert_array_equal(weights(0), weights(0))
    assert (weights(0) != weights(1)).any()


def test_restarting_forgets_and_keeping_goes_on() -> None:
    features, entries = problem()
    rows = np.arange(200)
    probe = Probe(features, 5)
    probe.fit(rows, entries[rows], seed=0)
    once = probe.predict(rows)
    probe.fit(rows, entries[rows], seed=0)
    np.testing.assert_array_equal(probe.predict(rows), once)
    probe.fit(rows, entries[rows], seed=0, keep=True)
    assert (probe.predict(rows) != once).any()


def test_saved_weights_are_read_again_and_others_refused(tmp_path: Path) -> None:
    features, entries = problem()
    probe = Probe(features, 5)
    probe.fit(np.arange(200), entries[:200], seed=0)
    probe.save(tmp_path / "h.safetensors")
    again = Probe(features, 5)
    again.load(tmp_path / "h.safetensors")
    np.testing.assert_array_equal(again.predict(np.arange(300)), probe.predict(np.arange(300)))
    with pytest.raises(DataError, match=r"h\.safetensors"):
        Probe(features, 6).load(tmp_path / "h.safetensors")

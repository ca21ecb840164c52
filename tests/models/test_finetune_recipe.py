"""The recipe: schedule, decay, average, precision; and what an image goes through on its way in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from timm.layers import BlurPool2d
from timm.utils import ModelEmaV3

from alasl.errors import DataError, UsageError
from alasl.models.augment import augment, cut_out
from alasl.models.loading import Squares, load_batches
from alasl.models.randomness import seeded
from alasl.models.recipe import (
    FinetuneSettings,
    one_cycle,
    parameter_groups,
    prediction_dtype,
    training_dtype,
)
from alasl.models.training import pad_by_slices
from alasl.seeds import stream

CPU = torch.device("cpu")


@pytest.mark.parametrize("steps", [6, 10, 63, 1000])
def test_one_cycle_is_torchs(steps):
    optimiser = torch.optim.Adam([torch.zeros(1, requires_grad=True)], 1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, steps, pct_start=0.2)
    for step in range(steps):
        group = optimiser.param_groups[0]
        want = (group["lr"], group["betas"][0])
        assert one_cycle(step, steps, 3e-3) == pytest.approx(want, rel=1e-9)
        optimiser.step()
        if step < steps - 1:
            schedule.step()


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_one_cycle_of_few_steps_stays_in_its_range(steps):
    for step in range(steps):
        rate, beta = one_cycle(step, steps, 1e-3)
        assert 1e-3 / 250_001 <= rate <= 1e-3
        assert 0.85 <= beta <= 0.95


def test_only_weights_decay():
    network = timm.create_model("test_efficientnet", num_classes=3)
    decaying, others = parameter_groups(network, 0.1)
    assert (decaying["weight_decay"], others["weight_decay"]) == (0.1, 0.0)
    assert all(p.ndim > 1 for p in decaying["params"])
    assert all(p.ndim == 1 for p in others["params"])
    both = {id(p) for group in (decaying, others) for p in group["params"]}
    assert both == {id(p) for p in network.parameters()}


def test_the_average_forgets_the_start_in_a_short_training():
    # Without a warm-up 0.9997^640 = 83 % of it would still be the untrained weights.
    network = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(network.weight)
    average = ModelEmaV3(network, decay=FinetuneSettings().average, use_warmup=True)
    torch.nn.init.ones_(network.weight)
    for step in range(640):
        average.update(network, step=step + 1)
    assert average.module.weight.item() > 0.999


@pytest.mark.parametrize(
    ("name", "dense"), [("resnet18", True), ("tresnet_m", True), ("tf_efficientnet_lite0", False)]
)
def test_half_precision_trains_only_dense_networks_on_a_cpu(name, dense, monkeypatch):
    network = timm.create_model(name)
    for fast in (True, False):
        monkeypatch.setattr("alasl.models.recipe.has_fast_bfloat16", lambda _, fast=fast: fast)
        half = training_dtype("auto", CPU, network) == torch.bfloat16
        assert half == (dense and fast)
        assert prediction_dtype("auto") == torch.float32
    assert training_dtype("float16", CPU, network) == torch.float16


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 0}, {"rate": -1.0}, {"batch": 0}, {"decay": 1.0}, {"precision": "float8"}],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        FinetuneSettings(**wrong)


def test_cut_out_is_one_box_of_one_colour_within_the_image():
    rng, sizes = np.random.default_rng(0), []
    for _ in range(200):
        before = rng.integers(256, size=(16, 16, 3), dtype=np.uint8)
        changed = (cut_out(before, rng) != before).any(axis=2)
        rows, cols = (np.flatnonzero(changed.any(axis=axis)) for axis in (1, 0))
        box = cut_out(before, np.random.default_rng(1))
        assert np.array_equal(box, cut_out(before, np.random.default_rng(1)))
        sizes.append((len(rows), len(cols)))
        assert len(np.unique(cut_out(before, rng)[changed], axis=0)) <= changed.sum()
        assert rows.max() - rows.min() < 8
        assert cols.max() - cols.min() < 8
    # Whole boxes have half the sides; those centred near a border are cut, to a quarter at most.
    assert np.max(sizes) == 8
    assert np.min(sizes) >= 4


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> tuple[Path, ...]:
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    paths = tuple(folder / f"{number}.png" for number in range(6))
    for path in paths:
        Image.fromarray(rng.integers(256, size=(40, 60, 3), dtype=np.uint8)).save(path)
    return paths


@pytest.mark.slow
def test_what_is_done_to_an_image_hangs_on_seed_epoch_and_place_alone(photos):
    places = [np.array([4, 1]), np.array([0, 5, 2])]
    before = torch.get_rng_state()

    def load(seed: int, epoch: int | None, workers: int) -> torch.Tensor:
        batches = [(epoch, each) for each in places]
        return torch.cat(list(load_batches(Squares(photos, 32, seed), batches, workers, CPU)))

    first = load(0, 1, 0)
    assert first.shape == (5, 3, 32, 32)
    assert first.dtype == torch.uint8
    for workers in (0, 1, 2):
        assert torch.equal(load(0, 1, workers), first)
    assert not torch.equal(load(0, 2, 0), first)
    assert not torch.equal(load(1, 1, 0), first)
    alone = Squares(photos, 32, 0)[1, 5]
    assert torch.equal(alone, first[3])
    plain = load(0, None, 0)
    assert torch.equal(plain, load(9, None, 2))
    assert not torch.equal(plain, first)
    assert torch.equal(torch.get_rng_state(), before)


def test_two_images_are_not_distorted_alike():
    square = np.random.default_rng(0).integers(256, size=(32, 32, 3), dtype=np.uint8)
    distorted = {augment(square, stream(0, "augment", 0, place)).tobytes() for place in range(20)}
    assert len(distorted) == 20


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_image_is_one_clear_error_from_a_worker_too(photos, tmp_path, workers):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"<html>")
    batches = [(None, np.array([0, 6]))]
    with pytest.raises(DataError) as caught:
        list(load_batches(Squares((*photos, broken), 8), batches, workers, CPU))
    assert str(caught.value) == f"{broken}: the file holds HTML or XML, not an image"
    assert caught.value.where == str(broken)


def test_processes_that_load_are_started_the_same_way_in_a_process_of_a_study(photos, monkeypatch):
    # There the default is joblib's own way, by which a loader's processes do not start.
    def fail(*_, **__):
        raise AssertionError("started in the default way")

    monkeypatch.setattr(torch.multiprocessing, "Process", fail)
    (found,) = load_batches(Squares(photos, 8), [(None, np.array([0, 2]))], 1, CPU)
    assert found.shape == (2, 3, 8, 8)


def test_batches_of_a_long_training_are_asked_for_as_they_are_needed(photos):
    asked = []

    def batches():
        for epoch in range(1000):
            asked.append(epoch)
            yield epoch, np.array([0])

    images = load_batches(Squares(photos, 8), batches(), 0, CPU)
    for _ in range(3):
        next(images)
    assert len(asked) == 3


@pytest.mark.parametrize("filt_size", [3, 5])
def test_blurs_pad_by_slices_as_torch_reflects(filt_size):
    images = torch.randn(2, 4, 9, 8, dtype=torch.float64, requires_grad=True)
    plain, sliced = (BlurPool2d(4, filt_size).double() for _ in range(2))
    pad_by_slices(sliced)
    assert sliced.padding == [0] * 4
    wanted = plain(images)
    assert torch.equal(sliced(images), wanted)
    (gradient,) = torch.autograd.grad(wanted.square().sum(), images)
    (found,) = torch.autograd.grad(sliced(images).square().sum(), images)
    torch.testing.assert_close(found, gradient)


def test_a_seeded_block_leaves_the_generator_as_it_was():
    before = torch.get_rng_state()
    draws = []
    for seed in (5, 5, 6):
        with seeded(seed):
            draws.append(torch.rand(3))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert torch.equal(torch.get_rng_state(), before)

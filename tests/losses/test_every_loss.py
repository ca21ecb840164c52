"""What holds for every loss of the registry, with its memory and without."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from alasl.errors import DataError, UsageError
from alasl.losses import Loss, available, resolve
from alasl.losses.asl import asymmetric
from alasl.losses.bce import binary_cross_entropy
from alasl.losses.splc import self_paced

NAMES = tuple(available())
KINDS = available()
# So that something happens in a few small batches; the one that estimates is told.
EAGER = {
    "csl": "csl:start=1:likeliest=1:eta=0.6",
    "em-apl": "em-apl:start=1",
    "ll-cp": "ll-cp:rate=10",
    "ll-ct": "ll-ct:rate=10",
    "ll-r": "ll-r:rate=10",
    "propensity": "propensity:marked=0.4",
    "splc": "splc:start=1",
}
EPOCHS = 4


def batch(shape=(8, 5), seed=3, known=False, dtype=torch.float64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(shape, generator=generator, dtype=torch.float64) * 2
    low = 0 if known else -1
    targets = torch.randint(low, 2, shape, generator=generator, dtype=torch.int8)
    return logits.to(dtype), targets


def everywhere(targets: Tensor) -> Tensor:
    return torch.arange(targets.shape[-2]).expand(targets.shape[:-1])


def trained(name: str, targets: Tensor, epochs: int = EPOCHS, **given) -> Loss:
    """A loss that has been through all but the last of some epochs on these targets."""
    module = resolve(EAGER.get(name, name), **given)
    module.begin(targets)
    for epoch in range(epochs):
        module.epoch(epoch, epochs)
        if epoch < epochs - 1:
            logits, _ = batch(targets.shape, seed=epoch)
            module(logits, targets, everywhere(targets))
    return module


def gradients(module: Loss, logits: Tensor, targets: Tensor) -> Tensor:
    logits = logits.clone().requires_grad_()
    module(logits, targets, everywhere(targets)).sum().backward()
    return logits.grad


def masked(name: str, logits: Tensor, targets: Tensor) -> Tensor | None:
    """The loss of known entries alone that each loss comes down to where all are known."""
    if name in ("asl", "an-asl"):
        return asymmetric(logits, targets, reduction="none")
    if name == "csl":
        return asymmetric(logits, targets, gamma_neg=1.0, shift=0.0, reduction="none")
    if name in ("hill", "splc"):
        return self_paced(logits, targets, reduction="none")
    if name == "an-ls":
        return binary_cross_entropy(logits, targets, reduction="none") * (targets == 0) + (
            0.9 * binary_cross_entropy(logits, targets, reduction="none")
            + 0.1 * binary_cross_entropy(logits, 1 - targets, reduction="none")
        ) * (targets == 1)
    return binary_cross_entropy(logits, targets, reduction="none")


@pytest.mark.parametrize("name", NAMES)
def test_where_all_is_known_it_is_the_masked_loss(name):
    logits, targets = batch(known=True)
    got = trained(name, targets, reduction="none")(logits, targets, everywhere(targets))
    torch.testing.assert_close(got, masked(name, logits, targets), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_absent_entries_are_believed_whatever_the_model_thinks(name):
    _, targets = batch((8, 5))
    targets[1] = 0
    sure = torch.full((8, 5), 3.0, dtype=torch.float64)
    module = trained(name, targets, reduction="none")
    got = gradients(module, sure, targets)
    assert (got[targets == 0] > 0.1).all()
    # And present ones likewise.
    assert (gradients(module, -sure, targets)[targets == 1] < -0.1).all()


@pytest.mark.parametrize("name", [n for n in NAMES if not KINDS[n].learns_from_unknown])
def test_unknown_entries_teach_nothing_unless_it_guesses(name):
    logits, targets = batch()
    got = gradients(trained(name, targets), logits, targets)
    assert (got[targets == -1] == 0).all()
    assert (got[targets == 1] != 0).all()
    assert (got[targets == 0] != 0).any()


@pytest.mark.parametrize("name", [n for n in NAMES if KINDS[n].learns_from_unknown])
def test_unknown_entries_teach_something_if_it_guesses(name):
    logits, targets = batch()
    got = gradients(trained(name, targets), logits, targets)
    assert (got[targets == -1] != 0).any()


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_the_slope_of_the_loss(name):
    logits, targets = batch((2, 6, 4))
    module = trained(name, targets, reduction="none")
    state = {key: value.clone() for key, value in module.state_dict().items()}

    def terms(z: Tensor) -> Tensor:
        # What a module remembers of one look must not change the next.
        module.load_state_dict(state)
        return module(z, targets, everywhere(targets))

    assert torch.autograd.gradcheck(terms, logits.requires_grad_())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("name", NAMES)
def test_any_float_and_any_size_of_logits_stays_finite(name, dtype):
    far = [-60000.0, -100.0, -20.0, -1.0, 0.0, 1.0, 20.0, 100.0, 60000.0]
    logits = torch.tensor(far, dtype=dtype)[:, None].expand(9, 3).contiguous()
    targets = torch.tensor([1, 0, -1], dtype=torch.int8).expand(9, 3).contiguous()
    module = trained(name, targets, reduction="none")
    terms = module(logits, targets, everywhere(targets))
    assert terms.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert terms.isfinite().all()
    got = gradients(module, logits, targets)
    assert got.dtype == dtype
    assert got.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("far", [torch.inf, -torch.inf, 1e38])
def test_infinite_logits_stay_finite(name, far):
    logits, targets = torch.full((4, 3), far), batch((4, 3))[1]
    module = trained(name, targets, reduction="none")
    assert module(logits, targets, everywhere(targets)).isfinite().all()
    assert gradients(module, logits, targets).isfinite().all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("shape", [(0, 4), (2, 0, 4)])
def test_an_empty_batch_is_0(name, reduction, shape):
    _, targets = batch((*shape[:-2], 6, 4))
    module = trained(name, targets, reduction=reduction)
    logits = torch.zeros(shape, requires_grad=True)
    value = module(logits, targets[..., :0, :], torch.zeros(shape[:-1], dtype=torch.int64))
    value.backward()
    assert value == 0
    assert logits.grad.shape == shape


@pytest.mark.parametrize("name", NAMES)
def test_a_mean_is_over_what_counts(name):
    logits, targets = batch()
    totals = {
        reduction: trained(name, targets, reduction=reduction)(logits, targets, everywhere(targets))
        for reduction in ("none", "sum", "mean")
    }
    torch.testing.assert_close(totals["sum"], totals["none"].sum())
    count = targets.numel() if KINDS[name].learns_from_unknown else int((targets >= 0).sum())
    torch.testing.assert_close(totals["mean"], totals["sum"] / count)
    assert trained(name, targets).counted(targets) == count
    with pytest.raises(UsageError, match="no reduction 'average'"):
        trained(name, targets, reduction="average")


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=10)
@given(seed=st.integers(0, 10_000), runs=st.integers(1, 4), size=st.integers(1, 9))
def test_stacked_runs_get_what_each_would_alone(name, seed, runs, size):
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(-1, 2, (runs, 12, 4), generator=generator, dtype=torch.int8)
    spec = EAGER.get(name, name)
    stacked, alone = resolve(spec, reduction="none"), []
    stacked.begin(targets)
    for run in range(runs):
        alone.append(resolve(spec, reduction="none"))
        alone[run].begin(targets[run])
    for epoch in range(EPOCHS):
        for module in (stacked, *alone):
            module.epoch(epoch, EPOCHS)
        order = torch.stack([torch.randperm(12, generator=generator) for _ in range(runs)])
        for places in order.split(size, dim=1):
            wanted = targets.gather(1, places[..., None].expand(-1, -1, 4))
            logits = torch.randn(wanted.shape, generator=generator, dtype=torch.float64) * 2
            logits.requires_grad_()
            got = stacked(logits, wanted, places)
            (pulled,) = torch.autograd.grad(got.sum(), logits)
            own = logits.detach().requires_grad_()
            want = torch.stack(
                [alone[run](own[run], wanted[run], places[run]) for run in range(runs)]
            )
            (slope,) = torch.autograd.grad(want.sum(), own)
            torch.testing.assert_close(got, want, rtol=0, atol=1e-12)
            torch.testing.assert_close(pulled, slope, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_what_it_remembers_is_in_its_buffers(name):
    _, targets = batch((10, 5))
    before = trained(name, targets, EPOCHS, reduction="none")
    after = resolve(EAGER.get(name, name), reduction="none")
    after.begin(targets)
    after.load_state_dict(before.state_dict())
    for module in (before, after):
        module.epoch(EPOCHS - 1, EPOCHS)
    logits, _ = batch((10, 5), seed=9)
    got, want = (m(logits, targets, everywhere(targets)) for m in (after, before))
    assert torch.equal(got, want)


@pytest.mark.parametrize("name", NAMES)
def test_a_training_begins_without_the_memory_of_another(name):
    _, targets = batch((10, 5))
    used, new = trained(name, targets, EPOCHS), resolve(EAGER.get(name, name))
    logits, other = batch((6, 5), seed=9)
    for module in (used, new):
        module.begin(other)
        for epoch in range(2):
            module.epoch(epoch, EPOCHS)
            total = module(logits, other, everywhere(other))
        module.total_ = total
    assert used.total_ == new.total_


@pytest.mark.parametrize("name", NAMES)
def test_it_leaves_the_grad_mode_alone_and_refuses_other_shapes(name):
    logits, targets = batch()
    module = trained(name, targets)
    for grad in (True, False):
        with torch.set_grad_enabled(grad):
            value = module(logits.clone().requires_grad_(), targets, everywhere(targets))
            assert torch.is_grad_enabled() == grad
            assert value.requires_grad == grad
    with pytest.raises(DataError, match="shape of the logits"):
        module(logits[:, :4], targets, everywhere(targets))


@pytest.mark.parametrize("name", NAMES)
def test_the_table_can_say_what_it_is(name):
    kind = KINDS[name]
    assert kind.about.endswith(".")
    assert kind.unknown
    assert kind.probe_rate > 0
    teaches = not kind.unknown.startswith("teaches nothing")
    assert kind.learns_from_unknown == teaches, f"@loss(learns_from_unknown={teaches})"
    assert bool(kind.state) == (type(resolve(name)).begin is not Loss.begin or name in LATE)


# What these remember is the number of the epoch, which a training tells them anew.
LATE = ("splc", "ll-r", "ll-ct")


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_the_gradient_of_the_sum_to_the_bit(name):
    logits, targets = batch((2, 8, 5), dtype=torch.float32)
    want = gradients(trained(name, targets, reduction="sum"), logits, targets)
    module = trained(name, targets, reduction="gradients")
    got = module(logits, targets, everywhere(targets))
    assert torch.equal(got, want)
    assert not got.requires_grad


def test_a_loss_is_printed_with_its_parameters() -> None:
    assert repr(resolve("hill:margin=0.5")).startswith("hill(")
    assert "margin=0.5" in repr(resolve("hill:margin=0.5"))

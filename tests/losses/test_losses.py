"""Both losses against plain Python, float64 autograd and finite differences; known traps."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from alasl.errors import DataError, UsageError
from alasl.losses import asymmetric, available, binary_cross_entropy, loss, resolve

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
TARGETS = (torch.int8, torch.int64, torch.float16, torch.float32)
ASL = (
    {},
    {"gamma_pos": 1.0},
    {"gamma_neg": 3.0, "gamma_pos": 2.0, "shift": 0.2},
    {"gamma_neg": 0.0, "shift": 0.1},
    {"gamma_neg": 0.5, "gamma_pos": 0.5},
    {"gamma_neg": 2.5, "shift": 0.0},
    {"gamma_neg": 0.0, "gamma_pos": 0.0, "shift": 0.0},
)


def both() -> list:
    return [binary_cross_entropy, asymmetric]


def case(shape=(3, 5, 4), dtype=torch.float64, spread=3.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(7)
    logits = torch.randn(shape, generator=generator, dtype=torch.float64) * spread
    targets = torch.randint(-1, 2, shape, generator=generator, dtype=torch.int8)
    return logits.to(dtype), targets


def by_hand(z: float, y: int, gamma_neg=4.0, gamma_pos=0.0, shift=0.05) -> float:
    """One entry's term, from the formula as the paper writes it, in Python floats."""
    if y == -1:
        return 0.0
    p = 1 / (1 + math.exp(-z))
    if y == 1:
        return -((1 - p) ** gamma_pos) * math.log(p)
    p_m = max(p - shift, 0.0)
    return -(p_m**gamma_neg) * math.log(1 - p_m)


def written(z: Tensor, y: Tensor, gamma_neg, gamma_pos, shift, focal_grad) -> Tensor:
    """The same in differentiable float64, for gradients away from saturation."""
    p = z.sigmoid()
    p_m = (p - shift).clamp(min=0)
    up, down = (1 - p) ** gamma_pos, p_m**gamma_neg
    if not focal_grad:
        up, down = up.detach(), down.detach()
    return torch.where(y == 1, -up * p.log(), torch.where(y == 0, -down * (1 - p_m).log(), 0 * z))


def gradient(function, logits: Tensor, targets: Tensor, **params) -> Tensor:
    logits = logits.clone().requires_grad_()
    function(logits, targets, reduction="sum", **params).backward()
    return logits.grad


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("params", ASL)
def test_asymmetric_equals_plain_python(dtype, kind, params):
    logits, targets = case(dtype=dtype)
    got = asymmetric(logits, targets.to(kind), reduction="none", **params)
    assert got.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    pairs = zip(logits.flatten().tolist(), targets.flatten().tolist(), strict=True)
    want = torch.tensor([by_hand(z, y, **params) for z, y in pairs], dtype=torch.float64)
    tolerance = 1e-12 if dtype == torch.float64 else 1e-6
    torch.testing.assert_close(got.flatten().double(), want, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("kind", TARGETS)
def test_binary_cross_entropy_equals_plain_python(dtype, kind):
    logits, targets = case(dtype=dtype)
    got = binary_cross_entropy(logits, targets.to(kind), reduction="none")
    pairs = zip(logits.flatten().tolist(), targets.flatten().tolist(), strict=True)
    want = [by_hand(z, y, gamma_neg=0.0, shift=0.0) for z, y in pairs]
    tolerance = 1e-12 if dtype == torch.float64 else 1e-6
    torch.testing.assert_close(
        got.flatten().double(),
        torch.tensor(want, dtype=torch.float64),
        rtol=tolerance,
        atol=tolerance,
    )
    zero = {"gamma_neg": 0, "gamma_pos": 0, "shift": 0}
    torch.testing.assert_close(got, asymmetric(logits, targets, reduction="none", **zero))


@pytest.mark.parametrize("focal_grad", [True, False])
@pytest.mark.parametrize("params", ASL)
def test_the_gradient_is_autograds_for_both_variants(params, focal_grad):
    logits, targets = case()
    full = {"gamma_neg": 4.0, "gamma_pos": 0.0, "shift": 0.05} | params
    got = gradient(asymmetric, logits, targets, focal_grad=focal_grad, **params)
    free = logits.clone().requires_grad_()
    # Where p_m is 0 autograd of the formula itself is NaN for a gamma below 1; ours must be 0.
    apart = torch.where((targets == 0) & (logits.sigmoid() <= full["shift"]), 9.0, free)
    written(apart, targets, focal_grad=focal_grad, **full).sum().backward()
    torch.testing.assert_close(got, free.grad, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("params", ASL)
def test_the_gradient_is_the_slope_of_the_written_loss(params):
    logits, targets = case((4, 4))
    # p = shift is a kink: keep finite differences on one side of it.
    kink = torch.logit(torch.tensor(params.get("shift", 0.05), dtype=torch.float64))
    logits = torch.where((logits - kink).abs() < 1e-3, logits + 0.1, logits).requires_grad_()
    for reduction in ("sum", "mean", "none"):
        assert torch.autograd.gradcheck(
            lambda z, r=reduction: asymmetric(z, targets, reduction=r, **params), logits
        )
    assert torch.autograd.gradcheck(lambda z: binary_cross_entropy(z, targets), logits)


def test_the_two_gradients_differ_and_their_values_do_not():
    logits, targets = case()
    constant = gradient(asymmetric, logits, targets, focal_grad=False)
    assert (constant - gradient(asymmetric, logits, targets)).abs().max() > 0.1
    values = [asymmetric(logits, targets, focal_grad=flag).item() for flag in (True, False)]
    assert values[0] == values[1]


@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("function", both())
def test_the_grad_mode_is_left_alone(function, grad):
    logits, targets = case()
    with torch.set_grad_enabled(grad):
        result = function(logits.requires_grad_(), targets)
        assert torch.is_grad_enabled() == grad
        assert result.requires_grad == grad
    with torch.inference_mode():
        assert torch.equal(function(logits, targets), result.detach())


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("params", ASL)
def test_confident_logits_stay_finite_and_keep_their_gradient(dtype, params):
    logits = torch.tensor([17.0, 20.0, 100.0, -17.0, -20.0, -100.0], dtype=dtype)
    for y in (1, 0):
        targets = torch.full((6,), y)
        wrong = (logits < 0) if y else (logits > 0)
        terms = asymmetric(logits, targets, reduction="none", **params)
        gradients = gradient(asymmetric, logits, targets, **params)
        assert terms.isfinite().all()
        assert gradients.isfinite().all()
        assert (terms[~wrong] < 1e-6).all()
        assert (gradients[~wrong].abs() < 1e-4).all()
        if y or not params.get("shift", 0.05):
            # Wrong and certain: the term is the margin, the slope 1, whatever the factor.
            torch.testing.assert_close(terms[wrong], logits[wrong].abs().to(terms.dtype))
            assert (gradients[wrong].abs() - 1).abs().max() < 1e-5
        else:
            # With a shift m the term of an absent entry ends at -(1 - m)^gamma log m, flat.
            m, gamma = params.get("shift", 0.05), params.get("gamma_neg", 4.0)
            end = torch.full((3,), -((1 - m) ** gamma) * math.log(m), dtype=terms.dtype)
            torch.testing.assert_close(terms[wrong], end, rtol=1e-5, atol=0)


@pytest.mark.parametrize("dtype", FLOATS)
def test_binary_cross_entropy_is_stable(dtype):
    logits = torch.tensor([100.0, -100.0, 18.0, -18.0], dtype=dtype)
    targets = torch.tensor([0, 1, 0, 1])
    want = torch.tensor([100.0, 100.0, 18.0, 18.0])
    assert torch.equal(binary_cross_entropy(logits, targets, reduction="none").float(), want)
    gradients = gradient(binary_cross_entropy, logits, targets).float()
    torch.testing.assert_close(gradients, torch.tensor([1.0, -1.0, 1.0, -1.0]))
    assert (binary_cross_entropy(logits, 1 - targets, reduction="none") < 2e-8).all()


def test_half_logits_give_no_infinite_loss_where_an_epsilon_would_vanish():
    logits = torch.tensor([30.0, -30.0], dtype=torch.float16)
    targets = torch.tensor([0, 1])
    for function, params in ((asymmetric, {"shift": 0.0}), (binary_cross_entropy, {})):
        got = function(logits, targets, reduction="none", **params)
        torch.testing.assert_close(got, torch.tensor([30.0, 30.0]))
        assert gradient(function, logits, targets, **params).dtype == torch.float16


@pytest.mark.parametrize("gamma", [0.1, 0.5, 0.9, 1.0])
def test_a_small_gamma_gives_no_nan_where_the_shifted_probability_is_0(gamma):
    logits = torch.tensor([-5.0, -2.9444389791664403, -200.0, 200.0])
    for y, params in ((0, {"gamma_neg": gamma}), (1, {"gamma_pos": gamma})):
        gradients = gradient(asymmetric, logits, torch.full((4,), y), **params)
        assert gradients.isfinite().all()
    assert gradient(asymmetric, logits[:1], torch.tensor([0]), gamma_neg=gamma) == 0


def test_the_shift_lowers_the_probability_of_absent_entries():
    easy = torch.logit(torch.tensor([0.049, 0.01]))
    zeros = torch.zeros(2)
    assert (asymmetric(easy, zeros, reduction="none") == 0).all()
    assert (gradient(asymmetric, easy, zeros) == 0).all()
    hard = torch.logit(torch.tensor([0.5]))
    assert asymmetric(hard, zeros[:1]) < asymmetric(hard, zeros[:1], shift=0.0)
    assert asymmetric(hard, zeros[:1]) == pytest.approx(0.45**4 * -math.log(0.55), rel=1e-6)


@pytest.mark.parametrize("params", ASL)
@pytest.mark.parametrize("far", [math.inf, -math.inf, 1e38, 65504.0])
def test_unknown_entries_contribute_nothing(far, params):
    logits, targets = case((6, 8), torch.float32)
    logits[targets == -1] = far
    for function, given in ((asymmetric, params), (binary_cross_entropy, {})):
        terms = function(logits, targets, reduction="none", **given)
        assert (terms[targets == -1] == 0).all()
        gradients = gradient(function, logits, targets, **given)
        assert (gradients[targets == -1] == 0).all()
        assert gradients.isfinite().all()
        known = targets != -1
        alone = function(logits[known], targets[known], reduction="mean", **given)
        torch.testing.assert_close(function(logits, targets, reduction="mean", **given), alone)


@pytest.mark.parametrize("function", both())
def test_reductions(function):
    logits, targets = case((3, 5, 4))
    terms = function(logits, targets, reduction="none")
    total = function(logits, targets, reduction="sum")
    torch.testing.assert_close(total, terms.sum())
    mean = function(logits, targets, reduction="mean")
    torch.testing.assert_close(mean, terms.sum() / (targets >= 0).sum())
    twice = [torch.cat([logits, logits]), torch.cat([targets, targets])]
    torch.testing.assert_close(function(*twice, reduction="sum"), 2 * total)
    torch.testing.assert_close(function(*twice, reduction="mean"), mean)
    # Stacked runs: what run 0 gets does not depend on the others, under sum.
    stacked = gradient(function, logits, targets)
    torch.testing.assert_close(stacked[0], gradient(function, logits[0], targets[0]))


@pytest.mark.parametrize("function", both())
@pytest.mark.parametrize("shape", [(0, 4), (2, 3)])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_nothing_known_is_0_with_a_gradient_of_0(function, shape, reduction):
    logits = torch.randn(shape, requires_grad=True)
    value = function(logits, torch.full(shape, -1), reduction=reduction)
    value.backward()
    assert value == 0
    assert torch.equal(logits.grad, torch.zeros(shape))


def test_the_defaults_are_the_authors():
    logits, targets = case()
    given = {"gamma_neg": 4, "gamma_pos": 0, "shift": 0.05, "focal_grad": True, "reduction": "sum"}
    assert asymmetric(logits, targets) == asymmetric(logits, targets, **given)
    assert asymmetric(logits, targets) == resolve("asl")(logits, targets)
    assert binary_cross_entropy(logits, targets) == resolve("bce")(logits, targets)


def test_modules_pass_their_parameters_on():
    logits, targets = case()
    params = {"gamma_neg": 2.0, "gamma_pos": 1.0, "shift": 0.1, "reduction": "mean"}
    assert resolve("asl", **params)(logits, targets) == asymmetric(logits, targets, **params)
    bce = resolve("bce", reduction="none")(logits, targets)
    assert torch.equal(bce, binary_cross_entropy(logits, targets, reduction="none"))


def test_the_registry_fails_loudly():
    assert set(available()) >= {"asl", "bce"}
    with pytest.raises(UsageError, match=r"'asll'(.|\n)*did you mean 'asl'"):
        resolve("asll")
    with pytest.raises(UsageError, match=r"'gamma'(.|\n)*gamma_neg, gamma_pos, shift"):
        resolve("asl", gamma=2)
    with pytest.raises(UsageError, match="two losses are named 'bce'"):
        loss("bce", paper="-", unknown="-", probe_rate=1.0)(asymmetric)
    with pytest.raises(UsageError, match=r"'asl:gamma_neg=-1'(.|\n)*from 0 to 20"):
        resolve("asl:gamma_neg=-1")
    with pytest.raises(UsageError, match=r"gamma_neg must be float from 0 to 20; seen: 99"):
        resolve("asl", gamma_neg=99)
    with pytest.raises(UsageError, match=r"seen: reduction=mean(.|\n)*gamma_neg=4.0"):
        resolve("asl:reduction=mean")
    logits, targets = case()
    spelled = resolve("asl:gamma_neg=2:focal_grad=false")(logits, targets)
    assert spelled == asymmetric(logits, targets, gamma_neg=2.0, focal_grad=False)


def test_what_cannot_be_is_refused():
    logits, targets = case()
    with pytest.raises(DataError, match=r"\(3, 5, 4\)(.|\n)*\(5, 4\)"):
        asymmetric(logits, targets[0])
    with pytest.raises(UsageError, match="no reduction 'average'"):
        binary_cross_entropy(logits, targets, reduction="average")
    for params in ({"gamma_neg": -1.0}, {"shift": 1.0}, {"shift": -0.1}):
        with pytest.raises(UsageError, match="gammas of at least 0"):
            asymmetric(logits, targets, **params)

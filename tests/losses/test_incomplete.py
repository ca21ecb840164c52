"""The losses for incomplete labels, each against a plain loop over Python floats."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor
from torchvision.ops import sigmoid_focal_loss

from alasl.errors import UsageError
from alasl.losses import resolve
from alasl.losses.csl import partial_asymmetric
from alasl.losses.em import with_pseudo_labels
from alasl.losses.ibrahim import confidences
from alasl.losses.largest import largest, share_of
from alasl.losses.propensity import estimated, unbiased
from alasl.losses.splc import self_paced


def batch(shape: tuple[int, ...] = (3, 6, 5), seed: int = 7) -> tuple[Tensor, Tensor]:
    """Float64 logits and int8 targets of 1, 0 and -1, about a third of each."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(shape, generator=generator, dtype=torch.float64) * 2
    return logits, torch.randint(-1, 2, shape, generator=generator, dtype=torch.int8)


def sig(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def up(z: float) -> float:
    """-log p."""
    return math.log1p(math.exp(-z))


def down(z: float) -> float:
    """-log(1 - p)."""
    return math.log1p(math.exp(z))


def each(logits: Tensor, targets: Tensor, term: Callable[[float, int], float]) -> Tensor:
    """The terms of all entries, one by one."""
    pairs = zip(logits.flatten().tolist(), targets.flatten().tolist(), strict=True)
    return torch.tensor([term(z, y) for z, y in pairs], dtype=torch.float64).view(logits.shape)


def places_of(targets: Tensor) -> Tensor:
    """All images of each run, in the order of the table."""
    return torch.arange(targets.shape[-2]).expand(targets.shape[:-1])


def runs(logits: Tensor, targets: Tensor) -> Iterator[tuple[list, list]]:
    """Run by run: lists (B, L)."""
    yield from zip(logits.tolist(), targets.tolist(), strict=True)


def same(got: Tensor, want: Tensor | list) -> None:
    want = torch.as_tensor(want, dtype=torch.float64)
    torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-12)


def terms(spec: str, logits: Tensor, targets: Tensor) -> Tensor:
    return resolve(spec, reduction="none")(logits, targets)


def test_assume_negative():
    logits, targets = batch()
    same(terms("an", logits, targets), each(logits, targets, lambda z, y: (down, up)[y == 1](z)))
    # The reference of torch itself.
    want = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, targets.clamp(min=0).double(), reduction="none"
    )
    same(terms("an", logits, targets), want)


def test_assume_negative_asymmetric():
    logits, targets = batch()

    def term(z: float, y: int) -> float:
        if y == 1:
            return (1 - sig(z)) * up(z)
        p = max(sig(z) - 0.1, 0)
        return -(p**3) * math.log(1 - p)

    got = terms("an-asl:gamma_pos=1:gamma_neg=3:shift=0.1", logits, targets)
    same(got, each(logits, targets, term))


def test_assume_negative_smoothed():
    logits, targets = batch()

    def term(z: float, y: int) -> float:
        return {1: 0.8 * up(z) + 0.2 * down(z), 0: down(z), -1: 0.8 * down(z) + 0.2 * up(z)}[y]

    same(terms("an-ls:smoothing=0.2", logits, targets), each(logits, targets, term))


@pytest.mark.parametrize("labels", [1, 2, 5])
def test_weak_assume_negative(labels):
    logits, targets = batch((4, labels))

    def term(z: float, y: int) -> float:
        return {1: up(z), 0: down(z), -1: down(z) / max(labels - 1, 1)}[y]

    same(terms("wan", logits, targets), each(logits, targets, term))


@pytest.mark.parametrize("power", [1.0, -1.0])
def test_partial_binary_cross_entropy(power):
    logits, targets = batch()
    targets[0, 0], targets[0, 1] = -1, 1
    want = []
    for zs, ys in runs(logits.flatten(0, 1), targets.flatten(0, 1)):
        share = sum(y >= 0 for y in ys) / len(ys)
        weight = -4.45 * share + 5.45 if power == 1 else share**-1 if share else 0
        want.append(
            [0 if y < 0 else weight * (down, up)[y](z) for z, y in zip(zs, ys, strict=True)]
        )
    spec = "partial-bce" if power == 1 else "partial-bce:slope=1:base=0:power=-1"
    same(terms(spec, logits.flatten(0, 1), targets.flatten(0, 1)), want)


def test_partial_binary_cross_entropy_weighs_by_what_is_known():
    logits, targets = torch.zeros(2, 10), torch.full((2, 10), -1)
    targets[0] = 1
    targets[1, 0] = 1
    got = terms("partial-bce", logits, targets)[:, 0] / math.log(2)
    torch.testing.assert_close(got, torch.tensor([1.0, 5.005]))


def test_hill():
    logits, targets = batch()

    def term(z: float, y: int) -> float:
        p, q = sig(z), sig(z - 0.5)
        return {1: (1 - q) ** 2 * -math.log(q), 0: p**2 * down(z), -1: (1.5 - p) * p**2}[y]

    same(terms("hill:margin=0.5", logits, targets), each(logits, targets, term))


def splc(z: float, y: int, correct: bool) -> float:
    p, q = sig(z), sig(z - 1)
    if y == 1:
        return (1 - q) ** 2 * -math.log(q)
    if y == -1 and correct and p > 0.6:
        return (1 - p) ** 2 * -math.log(p)
    return p**2 * down(z)


def test_self_paced_corrects_from_its_epoch_on():
    logits, targets = batch()
    module = resolve("splc:start=2", reduction="none")
    for epoch in range(4):
        module.epoch(epoch, 4)
        want = each(logits, targets, lambda z, y, at=epoch: splc(z, y, at >= 2))
        same(module(logits, targets), want)


def test_self_paced_without_margin_is_the_focal_loss():
    logits, targets = batch()
    got = self_paced(logits, targets, correct=False, margin=0.0, reduction="none")
    want = sigmoid_focal_loss(logits, targets.clamp(min=0).double(), alpha=-1, gamma=2)
    same(got, want)
    got = self_paced(logits, targets, tau=0.6, margin=0.0, reduction="none")
    found = torch.where((targets == -1) & (logits.sigmoid() > 0.6), 1, targets).clamp(min=0)
    same(got, sigmoid_focal_loss(logits, found.double(), alpha=-1, gamma=2))


def test_largest_takes_each_runs_own():
    values = torch.tensor([[[5.0, 1], [4, 3]], [[1.0, 2], [2, 2]], [[1.0, 2], [3, 4]]])
    among = torch.tensor([[[False, True], [True, True]], [[True] * 2] * 2, [[False] * 2] * 2])
    got = largest(values, among, torch.tensor([2, 1, 3]))
    assert got.tolist() == [
        [[False, False], [True, True]],
        [[False, True], [True, True]],
        [[False, False], [False, False]],
    ]
    assert not largest(values, among, torch.tensor([0, 0, 0])).any()
    mixed = largest(values, among, torch.tensor([0, 9, 0]))
    assert mixed.sum(dim=(1, 2)).tolist() == [0, 4, 0]


def test_a_share_is_rounded_up_but_not_by_rounding_errors():
    among = torch.ones(1, 50, 100, dtype=torch.bool)
    for share, count in ((0.002, 10), (0.0021, 11), (0.0, 0), (1e-6, 1), (1.0, 5000)):
        assert share_of(among, share).tolist() == [count]


def doubted(zs: list, ys: list, share: float, spared: set = frozenset()) -> set:
    """The places of the unknown entries of the largest loss: the k-th largest, and above."""
    unknown = [(i, j) for i, row in enumerate(ys) for j, y in enumerate(row) if y == -1]
    free = sorted((down(zs[i][j]) for i, j in unknown if (i, j) not in spared), reverse=True)
    k = min(math.ceil(len(unknown) * share - 1e-9), len(free))
    if not k:
        return set()
    return {(i, j) for i, j in unknown if (i, j) not in spared and down(zs[i][j]) >= free[k - 1]}


@pytest.mark.parametrize("name", ["ll-r", "ll-ct"])
def test_large_losses_are_rejected_or_corrected_for_the_batch(name):
    module = resolve(f"{name}:rate=10", reduction="none")
    for epoch in range(3):
        logits, targets = batch(seed=epoch)
        module.epoch(epoch, 3)
        want = []
        for zs, ys in runs(logits, targets):
            out = doubted(zs, ys, 0.1 * epoch)
            assert bool(out) == (epoch > 0)
            want.append(
                [
                    [
                        (0 if name == "ll-r" else up(z)) if (i, j) in out else (down, up)[y == 1](z)
                        for j, (z, y) in enumerate(zip(zs[i], ys[i], strict=True))
                    ]
                    for i in range(len(zs))
                ]
            )
        same(module(logits, targets), want)


def test_large_losses_flip_for_good():
    _, targets = batch()
    module = resolve("ll-cp:rate=10", reduction="none")
    module.begin(targets)
    flipped: list[set] = [set() for _ in targets]
    for epoch in range(4):
        module.epoch(epoch, 4)
        logits, _ = batch(seed=epoch)
        # In two batches, of which the second has other images.
        for some in (torch.tensor([4, 0, 2]), torch.tensor([1, 5, 3])):
            zs, ys = logits[:, some], targets[:, some]
            got = module(zs, ys, some.expand(3, -1))
            want = []
            for run, (z, y) in enumerate(runs(zs, ys)):
                at = some.tolist()
                spared = {(i, j) for i in range(3) for j in range(5) if (at[i], j) in flipped[run]}
                found = doubted(z, y, 0.1, spared) if epoch else set()
                flipped[run] |= {(at[i], j) for i, j in found}
                want.append(
                    [
                        [
                            up(z[i][j]) if y[i][j] == 1 or (at[i], j) in flipped[run]
                            else down(z[i][j])
                            for j in range(5)
                        ]
                        for i in range(3)
                    ]
                )  # fmt: skip
            same(got, want)
    assert [int(f.sum()) for f in module.flipped] == [len(f) for f in flipped]
    assert not module.flipped[targets != -1].any()


def entropy(z: float) -> float:
    return sig(z) * up(z) + (1 - sig(z)) * down(z)


def test_entropy_maximisation():
    logits, targets = batch()

    def term(z: float, y: int) -> float:
        return {1: up(z), 0: down(z), -1: -0.2 * entropy(z)}[y]

    same(terms("em:alpha=0.2", logits, targets), each(logits, targets, term))


def test_pseudo_labels_are_weak_targets():
    logits, targets = batch((6, 5))
    pseudo = torch.where(torch.arange(5) < 3, 0.3, -1.0).expand(6, 5)
    got = with_pseudo_labels(logits, targets, pseudo, alpha=0.2, beta=0.5, reduction="none")
    for place in torch.cartesian_prod(torch.arange(6), torch.arange(5)).tolist():
        z, y, s = logits[*place].item(), targets[*place].item(), pseudo[*place].item()
        guess = 0.5 * (s * up(z) + (1 - s) * down(z)) if s >= 0 else -0.2 * entropy(z)
        assert got[*place].item() == pytest.approx({1: up(z), 0: down(z), -1: guess}[y])


def test_pseudo_labelling_takes_the_lowest_of_each_label():
    generator = torch.Generator().manual_seed(3)
    targets = torch.randint(-1, 2, (2, 40, 3), generator=generator, dtype=torch.int8)
    module = resolve("em-apl:theta=0.8:start=2", reduction="none")
    module.begin(targets)
    labels: list[dict] = [{}, {}]
    last = torch.zeros(2, 40, 3, dtype=torch.float64)
    for epoch in range(6):
        module.epoch(epoch, 6)
        for run in range(2):
            for col in range(3):
                unknown = [i for i in range(40) if targets[run, i, col] == -1]
                done = math.floor(len(unknown) * 0.8 * (epoch - 1) / 4 + 1e-9) if epoch >= 2 else 0
                free = [i for i in unknown if (i, col) not in labels[run]]
                free.sort(key=lambda i, r=run, c=col: last[r, i, c].item())
                for i in free[: done - (len(unknown) - len(free))]:
                    labels[run][i, col] = last[run, i, col].item()
            have = {(i, j) for i in range(40) for j in range(3) if module.pseudo[run, i, j] >= 0}
            assert have == set(labels[run])
            for (i, j), s in labels[run].items():
                assert module.pseudo[run, i, j].item() == pytest.approx(s, abs=1e-12)
        logits = torch.randn(2, 40, 3, generator=generator, dtype=torch.float64)
        order = torch.stack([torch.randperm(40, generator=generator) for _ in range(2)])
        for some in order.split(16, dim=1):
            at = some[..., None].expand(-1, -1, 3)
            got = module(logits.gather(1, at), targets.gather(1, at), some)
            want = with_pseudo_labels(
                logits.gather(1, at), targets.gather(1, at), module.pseudo.gather(1, at),
                reduction="none",
            )  # fmt: skip
            same(got, want)
        last = logits.sigmoid()
    # In the end theta of the unknown entries of each label, rounded down, and no known one.
    unknown = (targets == -1).sum(dim=1)
    assert ((module.pseudo >= 0).sum(dim=1) == (unknown * 0.8 + 1e-9).floor()).all()
    assert not (module.pseudo[targets != -1] >= 0).any()


def test_partial_asymmetric():
    logits, targets = batch()
    weights = (torch.arange(5) % 2).double().expand(logits.shape)
    got = partial_asymmetric(
        logits, targets, weights, gamma_pos=1.0, gamma_neg=3.0, gamma_unknown=2.0, shift=0.1,
        reduction="none",
    )  # fmt: skip

    def term(z: float, y: int) -> float:
        p = max(sig(z) - 0.1, 0)
        raised = -math.log(1 - p)
        return {1: (1 - sig(z)) * up(z), 0: p**3 * raised, -1: p**2 * raised}[y]

    want = each(logits, targets, term)
    same(got, torch.where(targets == -1, want * weights, want))


def test_selection_leaves_out_likely_labels_and_entries():
    _, targets = batch((2, 8, 4))
    module = resolve("csl:start=2:likeliest=1:eta=0.5", reduction="none")
    module.begin(targets)
    seen: list[list] = [[], []]
    for epoch in range(4):
        module.epoch(epoch, 4)
        logits, _ = batch((2, 8, 4), seed=epoch)
        for some in (torch.arange(5), torch.arange(5, 8)):
            zs, ys = logits[:, some], targets[:, some]
            got = module(zs, ys, some.expand(2, -1))
            for run, (z, y) in enumerate(runs(zs, ys)):
                prior = [sum(sig(row[j]) for row in seen[run]) / 8 for j in range(4)]
                # likeliest * B of the batch, by p.
                open_ = sorted(
                    (z[i][j] for i in range(len(z)) for j in range(4) if y[i][j] == -1),
                    reverse=True,
                )
                least = open_[min(len(z), len(open_)) - 1]
                for i, j in ((i, j) for i in range(len(z)) for j in range(4)):
                    p = sig(z[i][j])
                    counts = epoch >= 2 and prior[j] <= 0.5 and z[i][j] < least
                    guess = p**2 * down(z[i][j]) if counts else 0.0
                    want = {1: up(z[i][j]), 0: p * down(z[i][j]), -1: guess}[y[i][j]]
                    assert got[run, i, j].item() == pytest.approx(want, abs=1e-12)
        # The likelihoods are those of the last epoch before the start.
        if epoch == 1:
            seen = logits.tolist()
            same(module.prior[:, 0], logits.sigmoid().mean(1))


def test_confidences_are_counted_in_the_table():
    targets = torch.randint(-1, 2, (2, 60, 4), generator=torch.Generator().manual_seed(1))
    got = confidences(targets)
    for run, table in enumerate((targets == 1).tolist()):
        for i, mine in enumerate(table):
            beside = [
                row for row in table if all(h or not m for h, m in zip(row, mine, strict=True))
            ]
            for j in range(4):
                share = sum(row[j] for row in beside) / len(beside)
                assert got[run, i, j].item() == pytest.approx(1 - share, abs=1e-6)
    assert confidences(targets[:, :0]).shape == (2, 0, 4)


def test_confidence_weighs_the_unknown_entries_of_the_right_images():
    logits, targets = batch((2, 9, 4))
    module = resolve("ibrahim", reduction="none")
    module.begin(targets)
    some = torch.tensor([[7, 2, 5], [0, 8, 1]])
    at = some[..., None].expand(-1, -1, 4)
    zs, ys = logits.gather(1, at), targets.gather(1, at)
    weights = confidences(targets).gather(1, at).double()
    want = each(zs, ys, lambda z, y: (down, up)[y == 1](z))
    same(module(zs, ys, some), torch.where(ys == -1, want * weights, want))


@pytest.mark.parametrize("clip", [True, False])
def test_unbiased(clip):
    logits, targets = batch((2, 6, 3))
    targets[:, 0] = torch.tensor([1, 0, 1])
    targets[:, 1] = -1
    # Marked, in images of which not all is known, and sure: the second parts sum to less than 0.
    targets[:, 2:4] = torch.tensor([1, -1, 0], dtype=torch.int8)
    logits[:, 2:4, 0] = 5
    e = torch.tensor([0.2, 0.5, 1.0], dtype=torch.float64)
    got = unbiased(logits, targets, e, clip=clip, reduction="none")
    clipped = 0
    for run, (zs, ys) in enumerate(runs(logits, targets)):
        weight = [
            [1 / (1 if -1 not in row else e[j].item()) if row[j] == 1 else 0 for j in range(3)]
            for row in ys
        ]
        for j in range(3):
            risk = sum((1 - weight[i][j]) * down(zs[i][j]) for i in range(6))
            keeps = not clip or risk >= 0
            clipped += not keeps
            for i in range(6):
                second = (1 - weight[i][j]) * down(zs[i][j]) if keeps else 0
                want = weight[i][j] * up(zs[i][j]) + second
                assert got[run, i, j].item() == pytest.approx(want, abs=1e-12)
    assert bool(clipped) == clip


def test_unbiased_is_unbiased():
    generator = torch.Generator().manual_seed(5)
    logits = torch.randn((4000, 5), generator=generator, dtype=torch.float64) - 1.5
    truth = (torch.rand((4000, 5), generator=generator) < 0.3).to(torch.int8)
    e = torch.tensor([0.1, 0.3, 0.5, 0.9, 1.0])
    kept = torch.rand((4000, 5), generator=generator) < e
    # What is not marked is unknown, but for some absent entries, which are trusted.
    checked = torch.rand((4000, 5), generator=generator) < 0.2
    targets = torch.where(truth == 1, torch.where(kept, 1, -1), torch.where(checked, 0, -1)).to(
        torch.int8
    )
    targets[:, 4] = -1
    truth[:, 4] = 0
    got = unbiased(logits, targets, e, clip=False, reduction="none").mean(0)
    full = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, truth.double(), reduction="none"
    ).mean(0)
    # The 0.1 column has the largest spread: some 120 marked positives of weight 10.
    torch.testing.assert_close(got, full, rtol=0.12, atol=0)
    naive = terms("an", logits, targets).mean(0)
    assert ((naive - full).abs()[:3] > 2 * (got - full).abs()[:3]).all()


def test_propensities_are_estimated_beside_the_whole_images():
    generator = torch.Generator().manual_seed(2)
    # Two in five of each label, and none with all three, which would seem to be known whole.
    truth = ((torch.arange(20_000)[:, None] + torch.tensor([0, 2, 4])) % 5 < 2).to(torch.int8)
    e = torch.tensor([0.2, 0.6, 1.0])
    marked = torch.rand(truth.shape, generator=generator) < e
    targets = torch.where((truth == 1) & marked, 1, -1).to(torch.int8)
    targets[:5000] = truth[:5000]
    got = estimated(torch.stack([targets, targets.flip(1)]), 0.05)
    torch.testing.assert_close(got[0, 0], e.double(), rtol=0, atol=0.02)
    torch.testing.assert_close(got[1, 0], e.flip(0).double(), rtol=0, atol=0.02)
    assert (estimated(truth, 0.05) == estimated(truth, 0.05).clamp(0.05, 1)).all()
    # A label that was never seen leans on the others; no label comes below the least.
    targets[:, 0] = torch.where(targets[:, 0] == 1, -1, targets[:, 0])
    targets[:5000, 0] = 0
    lone = estimated(targets, 0.05)[0]
    assert lone[0].item() == pytest.approx(0.8, abs=0.05)
    assert estimated(targets, 0.9)[0].min().item() >= 0.9


def test_a_propensity_that_cannot_be_estimated_is_asked_for():
    _, targets = batch((6, 5))
    targets[:, 0] = -1
    with pytest.raises(UsageError, match=r"no image is known whole(.|\n)*propensity:marked=0\.5"):
        resolve("propensity").begin(targets)
    module = resolve("propensity:marked=0.5")
    module.begin(targets)
    assert (module.propensity == 0.5).all()
    whole = targets.abs()
    resolve("propensity").begin(whole)

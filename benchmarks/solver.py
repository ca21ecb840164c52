"""Logistic regression of many labels: the solver, its forerunner and scikit-learn side by side.

Seconds of one processor, and how far the logits of images are from the optimum's.
"""

from __future__ import annotations

import time
import tracemalloc
import warnings
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from alasl.models.solver import SPREAD, solve
from alasl.models.transforms import Flatten, Standardise
from alasl.threads import on_one_thread

IMAGES, WIDTH, SHOWN = 50_000, 512, 2000


def drawn(labels: int, known: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """Features (n, D) of decaying variances, and targets (n, L) of which a share is known."""
    rng = np.random.default_rng(0)
    variances = np.arange(1, WIDTH + 1) ** -0.8
    features = rng.standard_normal((IMAGES, WIDTH), dtype=np.float32)
    features *= np.sqrt(variances * WIDTH / variances.sum()).astype(np.float32)
    logits = features @ (2 * rng.standard_normal((WIDTH, labels)) / WIDTH**0.5).astype(np.float32)
    targets = np.empty(logits.shape, np.int8)
    for label, prevalence in enumerate(np.exp(rng.uniform(np.log(0.02), np.log(0.2), labels))):
        chance = logits[:, label] - np.quantile(logits[:, label], 1 - prevalence)
        targets[:, label] = rng.random(IMAGES) < 1 / (1 + np.exp(-2 * chance))
        hidden = rng.random(IMAGES) >= rng.uniform(*known)
        targets[hidden, label] = -1
    return torch.from_numpy(features), torch.from_numpy(targets)


def forerunner(features: Tensor, targets: Tensor) -> Tensor:
    """(n, L) logits of some images by 50 steps for all labels together; the bias has no prior."""
    known = (targets >= 0).to(features.dtype)
    wanted = targets.to(features.dtype).clamp(min=0)
    present, absent = (known * wanted).sum(0), (known * (1 - wanted)).sum(0)
    bias = ((present + 0.5) / (absent + 0.5)).log()[None].requires_grad_()
    weights = features.new_zeros((features.shape[1], targets.shape[1])).requires_grad_()
    penalty = features.shape[1] / (2 * SPREAD**2)
    optimiser = torch.optim.LBFGS(
        [weights, bias], max_iter=50, history_size=10, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        logits = torch.addmm(bias, features, weights)
        terms = binary_cross_entropy_with_logits(logits, wanted, known, reduction="sum")
        total = terms + penalty * weights.square().sum()
        weights.grad, bias.grad = torch.autograd.grad(total, [weights, bias])
        return total

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    return torch.addmm(bias, features[:SHOWN], weights).detach()


def by_scikit_learn(features: Tensor, targets: Tensor) -> Tensor:
    """(n, L) logits of some images by a regression for each label on its known rows."""
    x, t = features.numpy(), targets.numpy()
    logits = np.empty((min(SHOWN, len(x)), t.shape[1]), np.float32)
    with warnings.catch_warnings(), on_one_thread():
        warnings.simplefilter("ignore")
        for label in range(t.shape[1]):
            rows = np.flatnonzero(t[:, label] >= 0)
            model = LogisticRegression(C=SPREAD**2 / WIDTH, max_iter=1000)
            model.fit(x[rows], t[rows, label])
            logits[:, label] = x[:SHOWN] @ model.coef_[0] + model.intercept_[0]
    return torch.from_numpy(logits)


def by_solver(features: Tensor, targets: Tensor) -> Tensor:
    """(n, L) logits of some images."""
    return solve(features, targets).logits(features[:SHOWN])


def seconds(call: Callable[[], object], repeats: int) -> float:
    """The least processor time of some calls."""
    taken = []
    for _ in range(repeats):
        used = time.process_time()
        call()
        taken.append(time.process_time() - used)
    return min(taken)


def compare(
    labels: int, known: tuple[float, float], others: dict[str, Callable[..., Tensor]]
) -> None:
    """Print a line for the solver and each other way."""
    features, targets = drawn(labels, known)
    share = float((targets >= 0).float().mean())
    print(f"{IMAGES} x {WIDTH} features, {labels} labels, {share:.1%} known")
    base = seconds(lambda: by_solver(features, targets), 3)
    print(f"  {'solver':14}{base:8.2f} s")
    for name, other in others.items():
        taken = seconds(lambda: other(features, targets), 1)  # noqa: B023
        print(f"  {name:14}{taken:8.2f} s, {taken / base:.1f} times as long", flush=True)
    tight = seconds(lambda: solve(features, targets, tolerance=1e-3), 1)
    again = solve(features, targets)
    warm = seconds(lambda: solve(features, targets, start=again), 1)
    print(f"  to a tolerance of 0.001 {tight:.2f} s; from its own solution {warm:.2f} s")


def accuracy() -> None:
    """Print how far logits are from those at a tolerance a thousand times as small."""
    features, targets = drawn(40, (0.01, 0.02))
    best = solve(features.double(), targets, tolerance=1e-5)
    exact = best.logits(features[:SHOWN].double())
    away = (by_solver(features, targets).double() - exact).abs()
    print(f"logits off by {away.mean():.5f} on average, {away.max():.4f} at most")


def transforms() -> None:
    """Print seconds and peak memory, in sizes of the features, of fitting and applying."""
    features: NDArray[np.float32] = np.random.default_rng(0).standard_normal(
        (40_000, 1280), dtype=np.float32
    )
    rows = np.arange(len(features))
    for kind in (Standardise, Flatten):
        taken = seconds(lambda: kind.fit(features, rows).apply(features), 1)  # noqa: B023
        tracemalloc.start()
        kind.fit(features, rows).apply(features)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        own = peak / features.nbytes
        print(f"{kind.name} 40000 x 1280: {taken:.2f} s, {own:.2f} times the features, result too")


def main() -> None:
    """Print all comparisons."""
    torch.set_num_threads(1)
    few, old, sklearn = (0.01, 0.02), {"forerunner": forerunner}, {"scikit-learn": by_scikit_learn}
    compare(80, few, {**old, **sklearn})
    compare(1000, few, sklearn)
    compare(80, (1, 1), old)
    accuracy()
    transforms()


if __name__ == "__main__":
    main()

"""The learning rate of a probe, found on known entries that are held out.

A probe that stops after some epochs is as strong a prior as its rate is low, so the fewer entries
are known, the lower the best rate. The rule is the one-standard-error rule (Breiman et al. 1984):
the strongest prior that held-out entries do not surely speak against.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alasl.metrics import surely_above
from alasl.models.base import Targets, Weights
from alasl.models.held_out import Floats, Train, Trials, held_out

# Rates that may be tried, as parts of the usual one, the highest first: lower ones until one is
# surely worse, and higher ones where none is better.
RATES = (3, 1, 1 / 3, 1 / 10, 1 / 30)
# Held-out known entries that are enough, and present and absent ones of which fewer say nothing.
ENOUGH, FEW = 2000, 10


def choose_rate(
    train: Train[float],
    features: NDArray[np.floating],
    targets: Targets,
    weights: Weights | None,
    usual: float,
) -> float:
    """The rate to train with; the usual one where too little is known to tell.

    Rates are judged by the log-loss of held-out known entries, after the logits of each were
    scaled, and shifted with each label's rate, as is best for them: a loss that makes no calibrated
    probabilities is judged by its ranking alone. features: (n, D), by which copies are told.
    targets, weights: (n, L), as for `Estimator.fit`.
    """
    held = held_out(features, targets, weights, ENOUGH)
    tried = Trials(train, held, targets, weights)
    if min(tried.known) < FEW:
        return usual
    rates = [usual * part for part in RATES]
    losses: dict[int, Floats] = {}

    def loss(at: int) -> Floats:
        if at not in losses:
            losses[at] = tried.scaled(rates[at], by_label=True)
        return losses[at]

    best = first = RATES.index(1)
    for at in range(first + 1, len(rates)):
        if loss(at).mean() < loss(best).mean():
            best = at
        elif surely_above(loss(at), loss(best)):
            break
    if best == first:
        for at in reversed(range(first)):
            if loss(at).mean() >= loss(best).mean():
                break
            best = at
    chosen = best
    for at in range(best + 1, len(rates)):
        if surely_above(loss(at), loss(best)):
            break
        chosen = at
    return rates[chosen]

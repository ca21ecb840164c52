"""How strong a prior is, and how much neighbours count: found on known entries, held out in parts.

The part that is left out is judged by a training on the others, so no test entry is looked at. What
is usual stays as it is unless held-out entries surely say otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from alasl.metrics import surely_above
from alasl.models.base import Table, counting
from alasl.models.held_out import Train, Trials, held_out

# Known entries, and held-out images, of fewer than which nothing is sure, so nothing is looked for.
FEW, IMAGES = 1000, 10
# Spreads that are tried, as parts of the usual one. Larger ones were never surely better.
SPREADS = (1 / 2, 1 / 4, 1 / 8)
# The share of the neighbours that is tried, and taken where it explains so much more than features
# alone do, by more than so many standard errors. A little more does not rank better.
SMOOTH, MORE, ERRORS = 0.5, 0.02, 2


@dataclass(frozen=True)
class Choice:
    """spread: standard deviation of a logit before anything is known, of features of mean square 1.

    smooth: share of the neighbours' mean in what is seen of an image, 0 for none, below 1.
    """

    spread: float = 3.6
    smooth: float = 0.0


# Where nothing says otherwise.
USUAL = Choice()


def choose(
    train: Train[Choice],
    features: NDArray[np.floating],
    targets: Table,
    weights: Table,
    usual: Choice,
    *,
    spread: bool = True,
    smooth: bool = True,
) -> Choice:
    """The spread of the least log-loss, and neighbours where they say a good deal more.

    Each stays as in `usual` unless another is better by more than a standard error over images.
    features: (n, D) of all images of the training, by which copies are told. targets, weights:
    (n, L), as for `Estimator.fit`. spread, smooth: whether each is to be found.
    """
    if len(counting(targets, None).rows) < FEW:
        return usual
    tried = Trials(train, held_out(features, targets, weights), targets, weights)
    if len(tried.without) < IMAGES:
        return usual
    found = _spread(tried, usual) if spread else usual
    if smooth:
        other = replace(found, smooth=SMOOTH)
        explained = tried.without - tried.scaled(found)
        more = tried.scaled(found) - tried.scaled(other)
        least = np.full_like(more, MORE * max(explained.mean(), 0))
        if surely_above(more, least, errors=ERRORS):
            found = _spread(tried, replace(usual, smooth=SMOOTH)) if spread else other
    return found


def _spread(tried: Trials[Choice], usual: Choice) -> Choice:
    """Step by step below the usual one, as long as the log-loss falls."""
    best = usual
    for part in SPREADS:
        other = replace(usual, spread=USUAL.spread * part)
        if other.spread >= usual.spread:
            continue
        if tried.losses(other).mean() >= tried.losses(best).mean():
            break
        best = other
    return best if surely_above(-tried.losses(best), -tried.losses(usual)) else usual

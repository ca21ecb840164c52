"""A Bernoulli mixture of labels: groups of images, each with its own rate of every label.

It is fitted on known entries only, so that no image needs all of its entries known, and knows how
labels go together: what is known of an image says which group it is of, and so what else to expect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alasl.labels import ABSENT, PRESENT, UNKNOWN, Entries
from alasl.strategies.blocks import in_blocks

Matrix = NDArray[np.float64]

# Entries that each rate is worth before any is seen, split as the label's overall rate is: it keeps
# rates off 0 and 1.
PRIOR = 2.0
# A fit ends when the likelihood of an entry rises by less than this share, or after so many steps.
ENOUGH, STEPS = 1e-5, 50


@dataclass(frozen=True, eq=False)
class Mixture:
    """K groups: their shares (K,), and the rates (K, L) at which their images have each label.

    likelihoods: the fit's penalised log-likelihood after each step, which never falls.
    """

    shares: Matrix
    rates: Matrix
    likelihoods: tuple[float, ...] = ()

    def groups(self, entries: Entries) -> Matrix:
        """(N, K): how likely each group is, given what is known of an image, int8 (N, L)."""
        found = np.empty((len(entries), len(self.shares)))

        def fill(rows: slice) -> None:
            found[rows], _ = _told_apart(_joint(self, entries[rows]))

        in_blocks(fill, len(entries))
        return found

    def expected(self, entries: Entries) -> Matrix:
        """(N, L): the probability of each label, given what is known of the image's others.

        What is known of the entry itself counts as well: fill in unknown entries only.
        """
        return np.asarray(self.groups(entries) @ self.rates)


def fit_mixture(entries: Entries, groups: int, rng: np.random.Generator) -> Mixture:
    """The mixture of so many groups that makes the known entries likely, by EM.

    entries: int8 (N, L), 1, 0, -1; unknown ones count for nothing. The start is drawn: each group
    begins with the rates of all, moved at random.
    """
    present, absent = (entries == PRESENT).sum(axis=0), (entries == ABSENT).sum(axis=0)
    overall = (present + 0.5) / (present + absent + 1)
    noise = rng.normal(0, 1, (groups, entries.shape[1]))
    mixture = Mixture(
        np.full(groups, 1 / groups), 1 / (1 + np.exp(-np.log(overall / (1 - overall)) - noise))
    )
    known = int(present.sum() + absent.sum())
    likelihoods: list[float] = []
    for _ in range(STEPS):
        mixture, likelihood = _step(mixture, entries, overall)
        likelihoods.append(likelihood)
        if len(likelihoods) > 1 and likelihood - likelihoods[-2] < ENOUGH * max(known, 1):
            break
    return Mixture(mixture.shares, mixture.rates, tuple(likelihoods))


def _step(mixture: Mixture, entries: Entries, overall: Matrix) -> tuple[Mixture, float]:
    """One step of EM, and the penalised log-likelihood of the mixture before it."""
    size = mixture.rates.shape
    parts: list[tuple[int, float, Matrix, Matrix, Matrix]] = []

    def add(rows: slice) -> None:
        weights, likelihood = _told_apart(_joint(mixture, entries[rows]))
        present = weights.T @ (entries[rows] == PRESENT)
        known = weights.T @ (entries[rows] != UNKNOWN)
        parts.append((rows.start, likelihood, weights.sum(axis=0), present, known))

    in_blocks(add, len(entries))
    # In the order of the rows, whichever thread was first, so that sums are rounded alike.
    parts.sort(key=lambda part: part[0])
    likelihood = sum(part[1] for part in parts) + _log_prior(mixture, overall)
    counts = sum((part[2] for part in parts), np.zeros(size[0])) + PRIOR
    present = sum((part[3] for part in parts), np.zeros(size)) + PRIOR * overall
    known = sum((part[4] for part in parts), np.zeros(size)) + PRIOR
    return Mixture(counts / counts.sum(), present / known), likelihood


def _joint(mixture: Mixture, entries: Entries) -> Matrix:
    """(n, K): log of each group's share times the likelihood of what is known in it."""
    odds = np.log(mixture.rates) @ (entries == PRESENT).T
    odds += np.log1p(-mixture.rates) @ (entries == ABSENT).T
    return np.asarray(odds.T + np.log(mixture.shares))


def _told_apart(joint: Matrix) -> tuple[Matrix, float]:
    """(n, K) how likely each group is, and the log-likelihood of all, from logs of joint ones."""
    highest = joint.max(axis=1, keepdims=True)
    weights = np.exp(joint - highest)
    total = weights.sum(axis=1, keepdims=True)
    return weights / total, float((np.log(total) + highest).sum())


def _log_prior(mixture: Mixture, overall: Matrix) -> float:
    """What the prior adds to the log-likelihood: `PRIOR` more images seen in each group."""
    rates = overall * np.log(mixture.rates) + (1 - overall) * np.log1p(-mixture.rates)
    return float(PRIOR * (rates.sum() + np.log(mixture.shares).sum()))

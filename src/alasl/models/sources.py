"""How far other models can be believed: what the known entries of all labels together say of them.

A source's logits may be far too sure or too modest, or say nothing at all. The few known entries
of one label cannot tell, those of all labels can. With one slope for each source,

    logit_il = b_l + sum_s a_s (q_sil - mean_sl),   b_l ~ N(m, APART^2),

each source may know nothing, a_s = 0, or something, a_s ~ N(min(1, r_s), r_s^2), where r_s moves a
logit by REACH: both are as likely before a label is known. Each way to say it of S sources is
weighed by how likely it makes the known entries (Savage and Dickey's ratio, by Laplace's
approximation), and the mean of a_s over all of them is where the slopes of the labels begin. How
far these go apart is found as a variance component is (Lin, "Variance component testing in
generalised linear models with random effects", 1997), beginning at HALF.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from alasl.models.known import Few
from alasl.models.others import Others
from alasl.sparse import Sparse

# Standard deviation of a label's bias around that of all labels: so wide that how often labels are
# present says little of a slope.
APART = 3.0
# How far a source's slope may move a logit, before anything is known.
REACH = 2.0
# Standard deviation of the labels' slopes around their mean, as a share of it, at first; and the
# least that a mean counts for, and a deviation is, in logits.
HALF, LEAST_MEAN, LEAST = 0.5, 0.1, 0.02
# Entries that are looked at, rows and entries that means are taken of, and steps at most.
ENTRIES, SAMPLE, LOOKED, STEPS = 2**20, 4096, 2**22, 50


@dataclass(frozen=True)
class Trust:
    """The prior of the labels' slopes, float64: (S,) means, and (S,) standard deviations."""

    means: Tensor
    deviations: Tensor


def trust(others: Others, targets: Tensor | Sparse, counts: Tensor | Sparse | None = None) -> Trust:
    """What the known entries say of S sources; one that says nothing of any of them is believed.

    others: (S, n, L). targets, counts: as for `solve`. Computes on the processor.
    """
    if not others.shape[0]:
        return Trust(*torch.zeros((2, 0), dtype=torch.float64))
    entries = _Entries.of(others, targets, counts)
    wide = REACH / entries.scale
    prior = wide.clamp(max=1)
    found, bias = entries.fit(prior, wide.square().reciprocal())
    _, _, _, schur = entries.curvature(found, bias)
    covariance = torch.linalg.inv(schur + wide.square().reciprocal().diag())
    means = _averaged(found, covariance, prior, wide).clamp(min=0)
    # A source is believed until there is an entry to hold it against.
    means = means.where(entries.evidence.any(1), 1.0)
    first = HALF * means.maximum(LEAST_MEAN / entries.scale)
    score, information = entries.by_label(means, bias)
    # The guess is as sure as its own size.
    known = first**-4
    spread = known * first**2 + (score.square() - information).sum(1) / 2
    squared = spread / (known + information.square().sum(1) / 2)
    return Trust(means, squared.clamp(min=0).sqrt().maximum(LEAST / entries.scale))


def _averaged(found: Tensor, covariance: Tensor, prior: Tensor, wide: Tensor) -> Tensor:
    """(S,): the mean slope, over all ways in which some sources know nothing.

    found, covariance: of the posterior where all know something, a Gaussian. prior, wide: the
    prior's means and deviations.
    """
    weights, means = [], []
    for chosen in _subsets(len(found)):
        mean, weight = found.clone(), found.new_zeros(())
        if len(chosen):
            at_zero = found[chosen]
            own = covariance[chosen][:, chosen]
            mean -= covariance[:, chosen] @ torch.linalg.solve(own, at_zero)
            mean[chosen] = 0
            weight -= (at_zero @ torch.linalg.solve(own, at_zero) + torch.logdet(own)) / 2
            weight += (prior[chosen] / wide[chosen]).square().sum() / 2 + wide[chosen].log().sum()
        weights.append(weight)
        means.append(mean)
    return torch.stack(weights).softmax(0) @ torch.stack(means)


def _subsets(count: int) -> Iterator[Tensor]:
    for chosen in itertools.product((False, True), repeat=count):
        yield torch.tensor(chosen).nonzero()[:, 0]


@dataclass(frozen=True)
class _Entries:
    """The K known entries of L labels, float64.

    label: (K,). targets, counts: (K,). evidence: (S, K), logits less the label's mean, 0 where a
    source says nothing. scale: (S,), how far a source's logits of a label are from their mean.
    """

    labels: int
    label: Tensor
    targets: Tensor
    counts: Tensor
    evidence: Tensor
    scale: Tensor

    @classmethod
    def of(
        cls, others: Others, targets: Tensor | Sparse, counts: Tensor | Sparse | None
    ) -> _Entries:
        label, row, values, worth = _listed(targets, counts)
        _, images, labels = others.shape
        sample = max(1, min(SAMPLE, LOOKED // max(1, labels)))
        some = others.every(max(1, images // sample)).cpu().double()
        mean = some.nanmean(1).nan_to_num(0.0)
        apart = (some - mean[:, None]).square()
        scale = apart.nanmean((1, 2)).nan_to_num(1.0).sqrt().clamp(min=1e-3)
        place = label.cpu()
        centred = others.at(row, label).cpu().double() - mean[:, place]
        centred = centred.nan_to_num(0.0)
        return cls(targets.shape[1], place, values, worth, centred, scale)

    @property
    def middle(self) -> Tensor:
        """(): log-odds of how often entries are present; half an entry more of either kind."""
        present, every = (self.counts * self.targets).sum(), self.counts.sum()
        return ((present + 0.5) / (every + 1)).logit()

    def fit(self, prior: Tensor, precision: Tensor) -> tuple[Tensor, Tensor]:
        """Slopes (S,) ~ N(prior, 1 / precision) and biases (L,), by Newton's method."""
        slopes = prior.clone()
        bias = self.middle.expand(self.labels)
        least = self._loss(slopes, bias, prior, precision)
        for _ in range(STEPS):
            residual, own, across, schur = self.curvature(slopes, bias)
            towards = self._sum(residual) + (bias - self.middle) / APART**2
            ahead = (
                self.evidence @ residual + precision * (slopes - prior) - across @ (towards / own)
            )
            step = torch.linalg.solve(schur + precision.diag(), ahead)
            also = (towards - step @ across) / own
            length = 1.0
            while True:
                tried = slopes - length * step, bias - length * also
                now = self._loss(*tried, prior, precision)
                if now <= least or length < 1e-6:
                    break
                length /= 2
            gained, least = least - now, now
            slopes, bias = tried
            if gained < 1e-9 * (1 + least.abs()):
                break
        return slopes, bias

    def curvature(self, slopes: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(K,) residuals; curvature by bias (L,), by both (S, L), by slopes less these (S, S)."""
        p = self._logits(slopes, bias).sigmoid()
        curved = self.counts * p * (1 - p)
        own = self._sum(curved) + APART**-2
        across = self._sum(curved * self.evidence)
        schur = (self.evidence * curved) @ self.evidence.T - (across / own) @ across.T
        return self.counts * (p - self.targets), own, across, schur

    def by_label(self, slopes: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """(S, L): each label's slope of the loss by its own slope, and the curvature."""
        residual, own, across, _ = self.curvature(slopes, bias)
        p = self._logits(slopes, bias).sigmoid()
        curved = self.counts * p * (1 - p) * self.evidence.square()
        return self._sum(residual * self.evidence), self._sum(curved) - across.square() / own

    def _logits(self, slopes: Tensor, bias: Tensor) -> Tensor:
        return bias[self.label] + slopes @ self.evidence

    def _loss(self, slopes: Tensor, bias: Tensor, prior: Tensor, precision: Tensor) -> Tensor:
        logits = self._logits(slopes, bias)
        loss = (self.counts * (softplus(logits) - self.targets * logits)).sum()
        loss += (bias - self.middle).square().sum() / (2 * APART**2)
        return loss + (precision * (slopes - prior).square()).sum() / 2

    def _sum(self, values: Tensor) -> Tensor:
        """(..., L): the sum of each label's entries (..., K)."""
        zeros = values.new_zeros((*values.shape[:-1], self.labels))
        return zeros.index_add(-1, self.label, values)


def _listed(
    targets: Tensor | Sparse, counts: Tensor | Sparse | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Label, row, target and count of the known entries (K,), label by label; of many, some."""
    if isinstance(targets, Sparse):
        if (np.asarray(targets.empty) >= 0).any():
            few = counts if isinstance(counts, Sparse) else None
            return Few(targets, few, torch.device("cpu")).every(ENTRIES)
        counted = counts.values if isinstance(counts, Sparse) else np.ones(len(targets))
        held = np.flatnonzero((targets.values >= 0) & (counted > 0))
        held = held[np.argsort(targets.cols[held], kind="stable")]
        held = held[:: max(1, -(-len(held) // ENTRIES))]
        label, row = (torch.from_numpy(each[held]) for each in (targets.cols, targets.rows))
        values, worth = (torch.from_numpy(each[held]) for each in (targets.values, counted))
        return label, row, values.double(), worth.double()
    known = targets >= 0
    if isinstance(counts, Sparse):
        raise TypeError("targets and counts are of one form")
    if counts is not None:
        known &= counts > 0
    label, row = known.T.nonzero().unbind(1)
    every = max(1, -(-len(row) // ENTRIES))
    label, row = label[::every], row[::every]
    values = targets[row, label].cpu().double()
    worth = torch.ones_like(values) if counts is None else counts[row, label].cpu().double()
    return label, row, values, worth

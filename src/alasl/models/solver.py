"""Penalised logistic regression of many labels: each one's optimum, from its known entries alone.

Each label by itself minimises, over its known entries i that count c_i,

    sum_i c_i BCE(logit_i, t_i) - log prior,   logit_i = b + sum_s a_s (q_si - centre_s) + w . x_i,

with w ~ N(0, spread^2 / D), b ~ N(m, DEVIATION^2) and a_s ~ N(k_s, d_s^2), where m, and k and d
(`sources`), are what all labels' entries together say, without features. Every unknown is held in
units of its prior's deviation, u ~ N(0, 1), and every image in the same units, z. So the curvature
is nowhere below 1, no unknown is further from the optimum than the gradient is long, and no logit
further than that times the length of its z.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alasl.data.evidence import Evidence
from alasl.models.known import Entries, Gathered, Known, Whole
from alasl.models.lockstep import minimise
from alasl.models.others import centres_of, others_of
from alasl.models.sources import trust
from alasl.sparse import Sparse
from alasl.threads import on_one_thread

# Standard deviation of a logit before anything is known; from 2 to 6.5 mAP hardly changes.
SPREAD = 3.6
# Standard deviations of a label's bias around that of all labels, and of that one around the
# log-odds of the sources (docs/settings.md).
DEVIATION, COMMON = 1.5, 5.0
# How far a logit of an image of mean length may be from the optimum's.
TOLERANCE = 0.01
# How many steps teach the next: a step on gathered rows costs little more than what it remembers.
SHORT, LONG = 3, 8
# Images from which the mean squares of the features are found.
SAMPLE = 4096


@dataclass(frozen=True, eq=False)
class ByRow:
    """Features of which those that are asked for are found then, as all take much memory; on a CPU.

    shape: (n, D). find: gives those of rows (m,), float32 (m, D).
    """

    shape: tuple[int, int]
    find: Callable[[NDArray[np.intp]], NDArray[np.float32]]

    dtype = torch.float32

    def __getitem__(self, rows: slice | Tensor) -> Tensor:
        """(m, D): those of some rows."""
        places = np.arange(len(self))[rows] if isinstance(rows, slice) else rows.numpy()
        return torch.from_numpy(self.find(places))

    def __len__(self) -> int:
        return self.shape[0]


@dataclass(frozen=True)
class Solution:
    """A logistic regression for each of L labels on D features and S sources of evidence.

    weights: (D, L). bias: (L,). slopes: (S, L), of evidence less its `centres` (S,).
    gap: (L,), no logit of an image of mean length is further than this from the optimum's.
    doubts: (S,), standard deviations of a source's slopes around their mean.
    """

    weights: Tensor
    bias: Tensor
    slopes: Tensor
    centres: Tensor
    gap: Tensor
    doubts: Tensor

    def logits(self, features: Tensor, evidence: Tensor | None = None) -> Tensor:
        """(n, L) of images with features (n, D) and evidence (S, n, L), as for `solve`."""
        logits = torch.addmm(self.bias, features.to(self.weights.dtype), self.weights)
        if evidence is not None:
            for source, slope, centre in zip(evidence, self.slopes, self.centres, strict=True):
                logits += slope * torch.nan_to_num(source.to(logits) - centre, nan=0.0)
        return logits


def solve(
    features: Tensor | ByRow,
    targets: Tensor | Sparse,
    counts: Tensor | Sparse | None = None,
    *,
    spread: float = SPREAD,
    evidence: Tensor | Evidence | None = None,
    start: Solution | None = None,
    tolerance: float = TOLERANCE,
) -> Solution:
    """The optimum for every label; of one without a known entry, the prior's mean.

    features: (n, D). targets: (n, L), 1, 0, or a probability between; a negative one is unknown.
    counts: (n, L), how much each entry counts, 0 or more; None for 1. Both may be `Sparse`, of
    equal places: all others of a label are as its `empty` says, unknown where that is below 0.
    evidence: (S, n, L), logits by S other models; NaN where one says nothing.
    start: a solution to begin at, of the last round, say; it changes the time, not the optimum.
    tolerance: how far a logit of an image of mean length may be from the optimum's.
    Computes in float64 where the features are, else in float32; on one thread, so the result does
    not depend on their number.
    """
    with _one_thread():
        found = _solve(features, targets, counts, spread, evidence, start, tolerance)
    # What is made in inference mode could take no part in a training.
    return Solution(*(each.clone() for each in found))


def _solve(
    features: Tensor | ByRow,
    targets: Tensor | Sparse,
    counts: Tensor | Sparse | None,
    spread: float,
    evidence: Tensor | Evidence | None,
    start: Solution | None,
    tolerance: float,
) -> tuple[Tensor, ...]:
    dtype = torch.float64 if features.dtype == torch.float64 else torch.float32
    (images, width), labels = features.shape, targets.shape[1]
    sample = features[:: max(1, images // SAMPLE)].to(dtype)
    others = others_of(evidence, sample, labels, images)
    centres = centres_of(others).to(dtype)
    known = Known(targets, counts, others, centres, dtype)
    believed = trust(others, targets, counts)
    slopes, doubts = (each.to(centres) for each in (believed.means, believed.deviations))
    none = sample.new_zeros(width)
    means = torch.cat([none, _common(known.all(), centres, slopes), slopes])
    deviations = torch.cat([none + spread / width**0.5, none.new_tensor([DEVIATION]), doubts])
    squares = deviations.square()
    squares[:width] *= sample.square().mean(0)
    unknowns, gaps = sample.new_zeros((labels, len(means))), sample.new_zeros(labels)
    if start is not None:
        # The bias goes with the centres, which may be others now.
        bias = start.bias + (start.slopes * (centres - start.centres)[:, None]).sum(0)
        before = torch.cat([start.weights.T, bias[:, None], start.slopes.T], dim=1)
        some = known.sizes > 0
        unknowns[some] = ((before.to(dtype) - means) / deviations)[some]

    def posed(some: Tensor, entries: Entries) -> tuple[Tensor, ...]:
        """What `minimise` wants to know of some labels, beside their images."""
        own = squares.repeat(len(some), 1)
        if len(centres):
            mean = (entries.news.square() * entries.counts).sum(2) / entries.counts.sum(1)
            own[:, width + 1 :] *= mean.T
        offset = torch.tensordot(means[width + 1 :], entries.news, 1) + means[width]
        return entries.targets, entries.counts, offset, own, unknowns[some]

    for some in known.chunks():
        entries = known.columns(some)
        table = Whole(features[:].to(dtype), entries.news, deviations)
        unknowns[some], gaps[some] = minimise(
            table, *posed(some, entries), tolerance=tolerance, memory=LONG
        )
    for some, rows, entries in known.batches(len(means)):
        z = sample.new_empty((*rows.shape, len(means)))
        flat = rows.flatten()
        # Of what is in memory, `index_select` takes half the time.
        taken = features[flat] if isinstance(features, ByRow) else features.index_select(0, flat)
        torch.mul(taken.view(*rows.shape, width), deviations[:width], out=z[:, :, :width])
        z[:, :, width] = deviations[width]
        z[:, :, width + 1 :] = doubts * entries.news.permute(1, 2, 0)
        arrays = [each.numpy() for each in posed(some, entries)]
        found = minimise(Gathered(z.numpy()), *arrays, tolerance=tolerance, memory=SHORT)
        unknowns[some], gaps[some] = map(torch.from_numpy, found)
    solved = means + deviations * unknowns
    weights, bias, slopes = solved[:, :width].T, solved[:, width], solved[:, width + 1 :].T
    return weights.contiguous(), bias, slopes.contiguous(), centres, gaps, doubts


def _common(entries: Entries, centres: Tensor, slopes: Tensor) -> Tensor:
    """(1,): the bias that all labels would have, were they one label, by sources so believed.

    Without entries, what the sources say is taken as it is, or even odds where there are none.
    """
    targets, counts, news = (each.to("cpu", torch.float64) for each in entries)
    mean = centres.mean().cpu().double() if len(centres) else targets.new_zeros(())
    z = torch.full_like(targets, COMMON)[:, None]
    offset = mean + torch.tensordot(slopes.cpu().double(), news, 1)
    squares = targets.new_tensor([COMMON**2 if len(targets) else 0.0])
    arrays = [each[None].numpy() for each in (targets, counts, offset, squares, 0 * squares)]
    found, _ = minimise(Gathered(z[None].numpy()), *arrays, tolerance=1e-6, memory=LONG)
    return (mean + COMMON * torch.from_numpy(found[0])).to(centres)


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread, and products in full precision, within the block."""
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.inference_mode(), on_one_thread():
            yield
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)

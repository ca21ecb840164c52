"""Penalised logistic regression of many labels: each one's optimum, from its known entries alone.

Each label by itself minimises, over its known entries i that count c_i,

    sum_i c_i BCE(logit_i, t_i) - log prior,   logit_i = b + sum_s a_s (q_si - centre_s) + w . x_i,

with w ~ N(0, spread^2 / D), b ~ N(m, DEVIATION^2) and a_s ~ N(1, SLOPE^2); m is what all labels
together say. Every unknown is held in units of its prior's deviation, u ~ N(0, 1), and every image
in the same units, z. So the curvature is nowhere below 1, no unknown is further from the optimum
than the gradient is long, and no logit further than that times the length of its z.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from alasl.models.lockstep import Images, minimise

# Standard deviation of a logit before anything is known; from 2 to 6.5 mAP hardly changes.
SPREAD = 3.6
# Standard deviations of a label's bias around that of all labels, and of a slope around 1.
DEVIATION = 3.0
SLOPE = 0.5
# How far a logit of an image of mean length may be from the optimum's.
TOLERANCE = 0.01

# A matrix product does this many times the work of gathered rows in the same time.
GAIN = 4
# Numbers of gathered rows at a time: they stay in a processor's cache over all steps.
GATHERED = 2**18
# Logits of a table at a time; several tables as large are held.
TABLE = 2**23
# Rows from which the mean squares of the features are found.
SAMPLE = 4096


@dataclass(frozen=True)
class Solution:
    """A logistic regression for each of L labels on D features and S sources of evidence.

    weights: (D, L). bias: (L,). slopes: (S, L), of evidence less its `centres` (S,).
    gap: (L,), no logit of an image of mean length is further than this from the optimum's.
    """

    weights: Tensor
    bias: Tensor
    slopes: Tensor
    centres: Tensor
    gap: Tensor

    def logits(self, features: Tensor, evidence: Tensor | None = None) -> Tensor:
        """(n, L) of images with features (n, D) and evidence (S, n, L), as for `solve`."""
        logits = torch.addmm(self.bias, features.to(self.weights.dtype), self.weights)
        if evidence is not None:
            for said, slope, centre in zip(evidence, self.slopes, self.centres, strict=True):
                logits += slope * torch.nan_to_num(said.to(logits) - centre, nan=0.0)
        return logits


def solve(
    features: Tensor,
    targets: Tensor,
    counts: Tensor | None = None,
    *,
    spread: float = SPREAD,
    evidence: Tensor | None = None,
    start: Solution | None = None,
    tolerance: float = TOLERANCE,
) -> Solution:
    """The optimum for every label; of one without a known entry, the prior's mean.

    features: (n, D). targets: (n, L), 1, 0, or a probability between; a negative one is unknown.
    counts: (n, L), how much each entry counts, 0 or more; None for 1.
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
    features: Tensor,
    targets: Tensor,
    counts: Tensor | None,
    spread: float,
    evidence: Tensor | None,
    start: Solution | None,
    tolerance: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    dtype = torch.float64 if features.dtype == torch.float64 else torch.float32
    (images, width), labels = features.shape, targets.shape[1]
    if evidence is None:
        evidence = features.new_zeros((0, images, labels), dtype=dtype)
    table = _Table(features, targets, counts, evidence, _centres(evidence).to(dtype), dtype)
    sizes, middle = table.sizes_and_middle()
    means = features.new_ones(width + 1 + len(evidence), dtype=dtype)
    means[:width], means[width] = 0, middle
    deviations = torch.full_like(means, SLOPE)
    deviations[:width], deviations[width] = spread / width**0.5, DEVIATION
    unknowns = features.new_zeros((labels, len(means)), dtype=dtype)
    gaps = features.new_zeros(labels, dtype=dtype)
    if start is not None:
        # The bias goes with the centres, which may be others now.
        bias = start.bias + (start.slopes * (table.centres - start.centres)[:, None]).sum(0)
        found = torch.cat([start.weights.T, bias[:, None], start.slopes.T], dim=1)
        unknowns[sizes > 0] = ((found.to(dtype) - means) / deviations)[sizes > 0]
    for chosen, part in table.parts(sizes, means, deviations):
        unknowns[chosen], gaps[chosen] = minimise(*part, unknowns[chosen], tolerance)
    found = means + deviations * unknowns
    return (
        found[:, :width].T.contiguous(),
        found[:, width],
        found[:, width + 1 :].T.contiguous(),
        table.centres,
        gaps,
    )


def _centres(evidence: Tensor) -> Tensor:
    """(S,): the log-odds of each source's mean probability; 0 of one that says nothing.

    Less it, a source that says nothing of an entry and one that says nothing new are one: 0.
    """
    means = [said.sigmoid().nanmean() for said in evidence]
    if not means:
        return evidence.new_zeros(0)
    return torch.stack(means).nan_to_num(0.5).clamp(1e-6, 1 - 1e-6).logit()


class _Table:
    """The known entries of all labels, and the parts in which labels are solved together."""

    def __init__(
        self,
        features: Tensor,
        targets: Tensor,
        counts: Tensor | None,
        evidence: Tensor,
        centres: Tensor,
        dtype: torch.dtype,
    ) -> None:
        self.features, self.targets, self.counts = features, targets, counts
        self.evidence, self.centres, self.dtype = evidence, centres, dtype

    def sizes_and_middle(self) -> tuple[Tensor, Tensor]:
        """(L,): how many entries of each label count; and (), where the prior puts a bias.

        As far from what the evidence says on average as the known entries are, in log-odds. An
        entry more, which the evidence has right, keeps it finite.
        """
        sizes = []
        present, expected, total = self.features.new_zeros(3, dtype=torch.float64)
        centre = self.centres.mean() if len(self.centres) else self.features.new_zeros(())
        for labels in self._columns(torch.arange(self.targets.shape[1])):
            wanted, counts, evidence = self._of(labels)
            sizes.append((counts > 0).sum(1))
            present += (counts * wanted).sum(dtype=torch.float64)
            expected += (counts * (evidence.sum(0) + centre).sigmoid()).sum(dtype=torch.float64)
            total += counts.sum(dtype=torch.float64)
        mean = (expected + centre.sigmoid()) / (total + 1)
        middle = centre + ((present + mean) / (total + 1)).logit() - mean.logit()
        return torch.cat(sizes), middle.to(self.dtype)

    def _columns(self, labels: Tensor) -> Iterator[Tensor]:
        return iter(torch.split(labels, max(1, TABLE // max(1, len(self.targets)))))

    def _of(self, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Targets, counts (B, n) and evidence (S, B, n) of some labels."""
        labels = labels.to(self.targets.device)
        wanted = self.targets.index_select(1, labels).T.to(self.dtype).contiguous()
        counts = (wanted >= 0).to(self.dtype)
        if self.counts is not None:
            counts *= self.counts.index_select(1, labels).T
        evidence = self.evidence.index_select(2, labels).transpose(1, 2).to(self.dtype)
        return wanted.clamp_(min=0), counts, self._news(evidence)

    def _news(self, evidence: Tensor) -> Tensor:
        """Evidence (S, ...) less its centre, 0 where there is none."""
        centres = self.centres.view(-1, *[1] * (evidence.ndim - 1))
        return torch.nan_to_num(evidence - centres, nan=0.0)

    def parts(
        self, sizes: Tensor, means: Tensor, deviations: Tensor
    ) -> Iterator[tuple[Tensor, tuple[Images, Tensor, Tensor, Tensor, Tensor]]]:
        """Labels, and what `minimise` is to be given for them, all but where to start."""
        images, width = self.features.shape
        every = max(1, images // SAMPLE)
        sample = self.features[::every].to(self.dtype)
        squares = deviations.square()
        squares[:width] *= sample.square().mean(0)
        whole = sizes * GAIN >= images
        if self.features.device.type != "cpu":
            whole[:] = True
        whole &= sizes > 0
        for labels in self._columns(whole.nonzero()[:, 0]):
            wanted, counts, evidence = self._of(labels)
            table = _Whole(self.features.to(self.dtype), deviations, evidence)
            offset = evidence.sum(0) + means[width]
            yield labels, (table, wanted, counts, offset, self._squares(squares, evidence, counts))
        few = (~whole & (sizes > 0)).nonzero()[:, 0]
        yield from self._gathered(few, means, deviations, squares)

    def _squares(self, squares: Tensor, evidence: Tensor, counts: Tensor) -> Tensor:
        """(B, K): mean squares, those of evidence by label."""
        own = squares.repeat(len(counts), 1)
        if len(evidence):
            own[:, -len(evidence) :] *= ((evidence.square() * counts).sum(2) / counts.sum(1)).T
        return own

    def _gathered(
        self, few: Tensor, means: Tensor, deviations: Tensor, squares: Tensor
    ) -> Iterator[tuple[Tensor, tuple[Images, Tensor, Tensor, Tensor, Tensor]]]:
        if not len(few):
            return
        width = self.features.shape[1]
        targets = self.targets.index_select(1, few)
        known = targets >= 0
        if self.counts is not None:
            known &= self.counts.index_select(1, few) > 0
        column, rows = known.T.nonzero().unbind(1)
        wanted = targets[rows, column].to(self.dtype)
        counts = torch.ones_like(wanted)
        if self.counts is not None:
            counts = self.counts[rows, few[column]].to(self.dtype)
        evidence = self._news(self.evidence[:, rows, few[column]].to(self.dtype))
        sizes = known.sum(0)
        starts = sizes.cumsum(0) - sizes
        order = sizes.argsort(stable=True)
        ends = sizes[order].tolist()
        begun = 0
        while begun < len(order):
            end = begun + 1
            while end < len(order) and (end + 1 - begun) * ends[end] * len(means) <= GATHERED:
                end += 1
            chosen = order[begun:end]
            begun = end
            places = torch.arange(int(sizes[chosen].max()), device=rows.device)
            real = places < sizes[chosen, None]
            at = torch.where(real, starts[chosen, None] + places, 0)
            z = self.features.new_empty((*at.shape, len(means)), dtype=self.dtype)
            taken = self.features.index_select(0, rows[at.flatten()]).view(*at.shape, width)
            torch.mul(taken, deviations[:width], out=z[:, :, :width])
            z[:, :, width] = deviations[width]
            news = evidence[:, at]
            z[:, :, width + 1 :] = SLOPE * news.permute(1, 2, 0)
            counted = counts[at] * real
            offset = news.sum(0) + means[width]
            yield (
                few[chosen],
                (_Gathered(z), wanted[at], counted, offset, self._squares(squares, news, counted)),
            )


class _Gathered:
    """See `Images`: those of each label lie side by side, z (B, n, K)."""

    def __init__(self, z: Tensor) -> None:
        self._z = z
        # A batch of products is fast with a row on the left and no transpose on the right.
        self._turned = z.transpose(1, 2)
        if len(z) > 1:
            self._turned = self._turned.contiguous()

    def forward(self, unknowns: Tensor) -> Tensor:
        """See `Images.forward`."""
        return torch.bmm(unknowns[:, None], self._turned)[:, 0]

    def adjoint(self, slopes: Tensor) -> Tensor:
        """See `Images.adjoint`."""
        return torch.bmm(slopes[:, None], self._z)[:, 0]

    def take(self, kept: Tensor) -> _Gathered:
        """See `Images.take`."""
        return _Gathered(self._z[kept])


class _Whole:
    """See `Images`: all labels have the same, features (n, D) and evidence (S, B, n)."""

    def __init__(self, features: Tensor, deviations: Tensor, evidence: Tensor) -> None:
        self._features, self._deviations, self._evidence = features, deviations, evidence

    def forward(self, unknowns: Tensor) -> Tensor:
        """See `Images.forward`."""
        width = self._features.shape[1]
        scaled = unknowns * self._deviations
        logits = torch.addmm(scaled[:, width, None], scaled[:, :width], self._features.T)
        for number, evidence in enumerate(self._evidence, width + 1):
            logits.addcmul_(scaled[:, number, None], evidence)
        return logits

    def adjoint(self, slopes: Tensor) -> Tensor:
        """See `Images.adjoint`."""
        said = [(slopes * evidence).sum(1, keepdim=True) for evidence in self._evidence]
        own = slopes.sum(1, keepdim=True)
        return torch.cat([slopes @ self._features, own, *said], dim=1) * self._deviations

    def take(self, kept: Tensor) -> _Whole:
        """See `Images.take`."""
        return _Whole(self._features, self._deviations, self._evidence[:, kept])


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread, and products in full precision, within the block."""
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)

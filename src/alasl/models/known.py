"""The known entries of a table, label by label, and products with their images alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alasl.models.others import Others
from alasl.sparse import Sparse

# A matrix product does this many times the work of gathered rows in the same time.
GAIN = 4
# Numbers of gathered rows at a time: they stay in a processor's cache over all steps.
GATHERED = 2**20
# Entries of a table at a time; several tables as large are held. And known entries, with what other
# models say of them, that are looked at together.
TABLE, MANY = 2**23, 2**22


class Entries(NamedTuple):
    """Some known entries: what is wanted, how much each counts, and the news of S sources.

    targets, counts: (...). news: (S, ...), evidence less its source's centre, 0 where it is silent.
    """

    targets: Tensor
    counts: Tensor
    news: Tensor


class Known:
    """The known entries of L labels on n images: those of rare ones in a list, else whole columns.

    targets, counts: as for `solve`. others: (S, n, L), of S sources. centres: (S,), theirs.
    dtype: of all results.
    """

    def __init__(
        self,
        targets: Tensor | Sparse,
        counts: Tensor | Sparse | None,
        others: Others,
        centres: Tensor,
        dtype: torch.dtype,
    ) -> None:
        self._others, self._centres, self._dtype = others, centres, dtype
        self._chunk = max(1, TABLE // max(1, targets.shape[0]))
        self._from: Few | _Table
        if isinstance(targets, Sparse):
            few = counts if isinstance(counts, Sparse) else None
            self._from = Few(targets, few, others.device)
        else:
            self._from = _Table(targets, None if isinstance(counts, Sparse) else counts)
        self.sizes, self._labels, self._rows = self._from.listed()
        listed = torch.zeros_like(self.sizes)
        listed[self._labels] = 1
        self.few = listed.nonzero()[:, 0]
        self.whole = ((self.sizes > 0) & (listed == 0)).nonzero()[:, 0]
        self._list = self._at(self._rows, self._labels)

    def all(self) -> Entries:
        """All known entries (m,), of very many some; as one that counts for all without sources."""
        every = max(1, int(self.sizes.sum()) // MANY) if len(self._centres) else 1
        parts = [Entries(*(each[..., ::every] for each in self._list))]
        for labels in self.chunks():
            targets, counts, news = self.columns(labels)
            kept = (counts > 0).flatten().nonzero()[::every, 0]
            flat = (each.flatten(-2)[..., kept] for each in (targets, counts, news))
            parts.append(Entries(*flat))
        if not len(self._centres):
            parts = [_summed(part) for part in parts]
        found = Entries(*(torch.cat(each, dim=-1) for each in zip(*parts, strict=True)))
        return found if len(self._centres) else _summed(found)

    def chunks(self) -> Iterator[Tensor]:
        """Labels (B,) that are known of so many images that their columns are taken whole."""
        # Of no label, torch would make one part.
        return iter(torch.split(self.whole, self._chunk) if len(self.whole) else ())

    def columns(self, labels: Tensor) -> Entries:
        """The columns of some labels, (B, n) each; what is unknown counts nothing."""
        targets, counts = self._from.columns(labels, self._dtype)
        said = self._others.columns(labels).transpose(1, 2)
        return Entries(targets.clamp_(min=0), counts, self._news(said))

    def batches(self, width: int) -> Iterator[tuple[Tensor, Tensor, Entries]]:
        """Labels (B,) with few entries, their images (B, n) and entries (B, n), padded with none.

        Labels of about as many entries come together, as long as rows of `width` numbers fit.
        """
        sizes = self.sizes[self.few]
        starts = sizes.cumsum(0) - sizes
        order = sizes.argsort(stable=True)
        longest = sizes[order].tolist()
        begun, many = 0, len(longest)
        while begun < many:
            end = begun + 1
            while end < many and (end + 1 - begun) * longest[end] * width <= GATHERED:
                end += 1
            chosen = order[begun:end]
            places = torch.arange(longest[end - 1])
            real = places < sizes[chosen, None]
            at = torch.where(real, starts[chosen, None] + places, 0)
            targets, counts, news = self._list
            entries = Entries(targets[at], counts[at] * real, news[:, at])
            yield self.few[chosen], self._rows[at], entries
            begun = end

    def _at(self, rows: Tensor, labels: Tensor) -> Entries:
        """The entries (m,) of so many rows and labels."""
        targets, counts = self._from.at(rows, labels, self._dtype)
        return Entries(targets, counts, self._news(self._others.at(rows, labels)))

    def _news(self, said: Tensor) -> Tensor:
        centres = self._centres.view(-1, *[1] * (said.ndim - 1))
        return torch.nan_to_num(said.to(self._dtype) - centres, nan=0.0)


class _Table:
    """Where known entries come from: tables (n, L) of targets and of counts."""

    def __init__(self, targets: Tensor, counts: Tensor | None) -> None:
        self._targets, self._counts = targets, counts

    def listed(self) -> tuple[Tensor, Tensor, Tensor]:
        """See `_listed`."""
        return _listed(self._targets, self._counts)

    def columns(self, labels: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Targets and counts (B, n) of some labels; what is unknown counts nothing."""
        targets = self._targets.index_select(1, labels).T.to(dtype).contiguous()
        counts = (targets >= 0).to(dtype)
        if self._counts is not None:
            counts *= self._counts.index_select(1, labels).T
        return targets, counts

    def at(self, rows: Tensor, labels: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Targets and counts (m,) of the entries that `listed` told."""
        targets = self._targets[rows, labels].to(dtype)
        if self._counts is None:
            return targets, torch.ones_like(targets)
        return targets, self._counts[rows, labels].to(dtype)


class Few:
    """As `_Table`, from a list of what is known: no table of all entries is made.

    targets: (n, L), where `empty` is not below 0 all that the list does not hold is known to be as
    it says. counts: (n, L), of equal places, or None.
    """

    def __init__(self, targets: Sparse, counts: Sparse | None, device: torch.device) -> None:
        self._images, labels = targets.shape
        self._device = device
        one = np.float32(1)
        held = targets.values >= 0 if counts is None else counts.values > 0
        self._others = np.broadcast_to(np.asarray(targets.empty, np.float32), labels)
        self._worth = np.broadcast_to(one if counts is None else counts.empty, labels)
        # What counts nothing is listed where it is an exception.
        kept = np.flatnonzero(held | (self._others >= 0)[targets.cols])
        rows, cols, values = (each[kept] for each in (targets.rows, targets.cols, targets.values))
        # Label by label. Numbers of few bits are sorted without a comparison.
        order = cols.astype(np.min_scalar_type(labels)).argsort(kind="stable")
        self._rows, self._cols, self._targets = rows[order], cols[order], values[order]
        self._counts = None if counts is None else counts.values[kept][order]
        self._ends = np.bincount(cols, minlength=labels).cumsum()
        self._sizes = np.bincount(targets.cols[held], minlength=labels)
        away = np.bincount(targets.cols[~held], minlength=labels)
        self._sizes = np.where(self._others < 0, self._sizes, self._images - away)

    def listed(self) -> tuple[Tensor, Tensor, Tensor]:
        """See `_listed`."""
        sizes = torch.from_numpy(self._sizes).to(self._device)
        if self._device.type != "cpu":
            return sizes, sizes[:0], sizes[:0]
        few = self._few
        return sizes, torch.from_numpy(self._cols[few]), torch.from_numpy(self._rows[few])

    def columns(self, labels: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """See `_Table.columns`."""
        which = labels.cpu().numpy()
        shape = len(which), self._images
        targets = np.broadcast_to(self._others[which, None], shape).copy()
        counts = np.broadcast_to(self._worth[which, None], shape).astype(np.float32)
        starts = np.concatenate([[0], self._ends])
        for at, label in enumerate(which):
            here = slice(starts[label], starts[label + 1])
            targets[at, self._rows[here]] = self._targets[here]
            counts[at, self._rows[here]] = 1 if self._counts is None else self._counts[here]
        counts *= targets >= 0
        found = (torch.from_numpy(each).to(self._device, dtype) for each in (targets, counts))
        return next(found), next(found)

    def at(self, rows: Tensor, labels: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """See `_Table.at`: in the order of the list."""
        del labels
        few = self._few if len(rows) else slice(0)
        targets = torch.from_numpy(self._targets[few]).to(self._device, dtype)
        if self._counts is None:
            return targets, torch.ones_like(targets)
        return targets, torch.from_numpy(self._counts[few]).to(self._device, dtype)

    def every(self, most: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Labels, rows, targets and counts (m,) of all that is known, label by label; of more than
        `most`, of some."""
        step = max(1, -(-int(self._sizes.sum()) // most))
        labels = torch.arange(len(self._sizes))
        parts, done = [], 0
        for some in torch.split(labels, max(1, TABLE // max(1, self._images))):
            targets, counts = self.columns(some, torch.float64)
            places = (counts > 0).flatten().nonzero()[:, 0]
            # As if the parts were one.
            kept, done = places[-done % step :: step], done + len(places)
            label, row = some[kept // self._images], kept % self._images
            parts.append((label, row, targets.flatten()[kept], counts.flatten()[kept]))
        label, row, values, worth = (torch.cat(each) for each in zip(*parts, strict=True))
        return label, row, values, worth

    @property
    def _few(self) -> NDArray[np.bool_]:
        """(m,): entries of labels of which few are known."""
        few = (self._sizes * GAIN < self._images) & (self._others < 0)
        return np.asarray(few[self._cols])


def _listed(targets: Tensor, counts: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """How many images are known of each label (L,), and labels and rows (m,) of those of few.

    They come label by label. On a GPU whole products take no longer, so none are of few.
    """

    def known(rows: slice) -> Tensor:
        found = targets[rows] >= 0
        return found if counts is None else found & (counts[rows] > 0)

    images, labels = targets.shape
    step = max(1, TABLE // max(1, labels))
    blocks = [slice(start, start + step) for start in range(0, images, step)]
    if targets.device.type != "cpu":
        sizes = targets.new_zeros(labels, dtype=torch.int64)
        for rows in blocks:
            sizes += known(rows).sum(0)
        return sizes, sizes[:0], sizes[:0]
    # NumPy counts and finds what is true several times as fast as torch.
    many = np.zeros(labels, np.int64)
    for rows in blocks:
        many += np.add.reduce(known(rows).numpy(), axis=0, dtype=np.int32)
    few = many * GAIN < images
    found = [rows.start * labels + np.flatnonzero(known(rows).numpy() & few) for rows in blocks]
    places = np.concatenate([np.zeros(0, np.intp), *found])
    row, label = np.divmod(places, max(1, labels))
    # Numbers of few bits are sorted without a comparison.
    order = label.astype(np.min_scalar_type(labels)).argsort(kind="stable")
    return torch.from_numpy(many), torch.from_numpy(label[order]), torch.from_numpy(row[order])


def _summed(entries: Entries) -> Entries:
    """One entry (1,) that counts for all of them."""
    targets, counts, news = entries
    total = counts.sum(dtype=torch.float64)
    mean = (targets * counts).sum(dtype=torch.float64) / total.clamp(min=1e-300)
    return Entries(mean[None].to(targets), total[None].to(targets), news.new_zeros((0, 1)))


class Gathered:
    """See `lockstep.Images`: the images of each label side by side, z (B, n, K)."""

    def __init__(self, z: NDArray[Any]) -> None:
        self._z, self._turned = z, z.swapaxes(1, 2)

    def forward(self, unknowns: NDArray[Any]) -> NDArray[Any]:
        """See `Images.forward`."""
        found: NDArray[Any] = np.matmul(unknowns[:, None], self._turned)[:, 0]
        return found

    def adjoint(self, slopes: NDArray[Any]) -> NDArray[Any]:
        """See `Images.adjoint`."""
        found: NDArray[Any] = np.matmul(slopes[:, None], self._z)[:, 0]
        return found

    def take(self, kept: NDArray[Any]) -> Gathered:
        """See `Images.take`."""
        return Gathered(self._z[kept])


class Whole:
    """See `lockstep.Images`: z is the same features (n, D) for all labels, 1, and news (S, B, n).

    deviations: (K,), what each of these is multiplied by.
    """

    def __init__(self, features: Tensor, news: Tensor, deviations: Tensor) -> None:
        self._features, self._news, self._deviations = features, news, deviations

    def forward(self, unknowns: Tensor) -> Tensor:
        """See `Images.forward`."""
        width = self._features.shape[1]
        scaled = unknowns * self._deviations
        logits = torch.addmm(scaled[:, width, None], scaled[:, :width], self._features.T)
        for number, news in enumerate(self._news, width + 1):
            logits.addcmul_(scaled[:, number, None], news)
        return logits

    def adjoint(self, slopes: Tensor) -> Tensor:
        """See `Images.adjoint`."""
        parts = [(slopes * news).sum(1, keepdim=True) for news in self._news]
        own = slopes.sum(1, keepdim=True)
        return torch.cat([slopes @ self._features, own, *parts], dim=1) * self._deviations

    def take(self, kept: Tensor) -> Whole:
        """See `Images.take`."""
        return Whole(self._features, self._news[:, kept], self._deviations)

"""How likely each unaudited entry is present: the judged model's word, set right by the audit.

A logistic regression on the audit's answers. It starts from the model's own log-odds and bends them
by smooth curves of the log-odds and of the rank, common to all labels, and by a level and a slope
of each label's own. All of it is shrunk towards no change, by variances settled by simulation
(benchmarks/audits.py): what few answers cannot tell stays with the model, and counts as not known.
What a table claims of an entry moves its log-odds; by how much, the claims that were checked tell.

What was given also lends its labels' levels and slopes. Whatever made it known, the given entries
of all labels may differ from the others in common, as freely as the audit finds, and those of each
label a little by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import solve_triangular
from scipy.special import expit, logit

from alasl.evaluate.audit import Audit
from alasl.evaluate.erring import Answers
from alasl.evaluate.fitting import Fitted, fit
from alasl.evaluate.intervals import Figure
from alasl.evaluate.order import Order
from alasl.labels import ABSENT, PRESENT, UNKNOWN, Entries

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Prior variances, of covariates in standard deviations: the common level and slopes, the bends of
# the common curves, each label's level and slope.
_COMMON, _BEND, _OWN = 4.0, 0.5, 0.5
# Of how given entries differ from others: in common, and in one label's level and slope.
_GIVEN, _GIVEN_OWN = 16.0, 0.3
# Given entries that are looked at, of all labels.
_LENT = 20_000
# By how much a table's claim raises or lowers the log-odds, before anything of it is checked; the
# prior variance of this is _COMMON. And of how far it goes with the model's word.
_CLAIMED, _CLAIM_SLOPE = 6.5, 1.0
_KNOTS = 6


@dataclass(frozen=True, eq=False)
class View:
    """What one model says: the order it ranks the images in, and probabilities (N, L)."""

    order: Order
    probabilities: NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Curve:
    """Of one label: log-odds of presence (N,), and (N, draws) that are as credible.

    told: (N, draws), by how much what people said of an entry moves its log-odds, 0 where it is
    beyond doubt, or where nothing was said; None where nobody is seen to err.
    """

    odds: Floats
    credible: Floats
    told: Floats | None

    @property
    def believed(self) -> Floats:
        """(N, draws): the log-odds, after what people said."""
        return self.credible if self.told is None else self.credible + self.told


@dataclass(frozen=True, eq=False)
class Calibration:
    """The fitted regression; `curves` gives each label's log-odds."""

    _covariates: tuple[Floats, ...]
    _offset: Floats
    _chance: Floats
    _size: Floats
    _claims: Entries | None
    _knots: tuple[Floats, ...]
    _looks: NDArray[np.integer] | None
    _fitted: Fitted

    def curves(self, rng: np.random.Generator, draws: int) -> Iterator[Curve]:
        """Each label's; all share the common curves: draw m of one belongs with m of another."""
        labels, fitted = self._offset.shape[1], self._fitted
        noise = rng.standard_normal((len(fitted.root), draws))
        drawn = solve_triangular(fitted.root, noise, lower=False)
        drawn[: len(fitted.mean)] += fitted.mean[:, None]
        common = len(fitted.theta) - labels * self._owned
        for col in range(labels):
            here = [c[:, col] for c in self._covariates]
            size = np.full(len(here[0]), self._size[col])
            claims = _of_claims(None if self._claims is None else self._claims[:, col], here)
            x, own = _common(here, self._chance[:, col], size, claims, self._knots), _own(here)
            places = [*range(common), *(common + col + labels * k for k in range(self._owned))]
            whole = np.concatenate([x, own], axis=1)
            start = self._offset[:, col]
            yield Curve(
                start + whole @ fitted.theta[places],
                start[:, None] + whole @ drawn[places],
                self._told(col, drawn[len(fitted.theta) :]),
            )

    @property
    def erring(self) -> tuple[float, float] | None:
        """The shares of wrong answers to absent entries, and to present ones; None: none seen."""
        rates = self._fitted.rates
        return None if rates is None else (float(expit(rates[0])), float(expit(rates[1])))

    @property
    def told(self) -> Figure | None:
        """The same as they are told, (2,), with intervals; see `erring.told`."""
        return self._fitted.told

    def _told(self, col: int, off: Floats) -> Floats | None:
        rates = self._fitted.rates
        if self._looks is None or rates is None:
            return None
        absents, presents = self._looks[:, :, col].astype(np.float64)[:, :, None]
        said = Answers(absents, presents, np.full(absents.shape, 0.5))
        if_present, if_absent = said.likelihoods(rates[:, None] + off)
        return if_present - if_absent

    @property
    def _owned(self) -> int:
        return 1 + len(self._covariates) // 2


def calibrate(views: Sequence[View], audit: Audit) -> Calibration:
    """Fit on the entries that the audit drew and that people could tell.

    views: one model, or several that are to be told apart; where they agree counts as well.
    """
    guessed = np.mean([v.probabilities for v in views], axis=0)
    # How far down a ranking is far hangs on how many presents there are, which the first fit tells.
    size = np.where(audit.told == UNKNOWN, guessed, audit.told == PRESENT).sum(axis=0)
    first = _fit(views, audit, size)
    for col, curve in enumerate(first.curves(np.random.default_rng(0), 1)):
        known = audit.settled[:, col]
        odds = curve.odds if curve.told is None else curve.odds + curve.told[:, 0]
        size[col] = (audit.entries[known, col] == PRESENT).sum() + expit(odds[~known]).sum()
    return _fit(views, audit, size)


def _fit(views: Sequence[View], audit: Audit, size: Floats) -> Calibration:
    audited, lent = audit.audited, _lent(audit)
    guessed = np.mean([_log_odds(view.probabilities) for view in views], axis=0)
    told = (audit.told == PRESENT).astype(np.float64)
    offset = guessed + _CLAIMED * ((audit.claims == PRESENT) * 1.0 - (audit.claims == ABSENT))
    covariates, chance = _covariates(views, audit, size), _log_chance(audit)
    at, of = [c[audited] for c in covariates], np.nonzero(audited)[1]
    spread = np.linspace(0, 1, _KNOTS + 2)[1:-1]
    knots = tuple(np.quantile(c, spread) for c in at)
    sizes = np.log(np.maximum(size, 1))
    sizes = (sizes - sizes[of].mean()) / max(float(sizes[of].std()), 1e-6)
    claimed = audit.claims if (audit.claims != UNKNOWN).any() else None
    claims = _of_claims(None if claimed is None else claimed[audited], at)
    labels, sides = offset.shape[1], claims.shape[1] // 2
    x = _design(at, chance[audited], of, sizes, claims, knots)
    many = labels * _own(at).shape[1]
    straight = x.shape[1] - many - _KNOTS * len(at) - 2 * sides
    variance = [
        np.full(sides, _COMMON),
        np.full(sides, _CLAIM_SLOPE),
        np.full(straight, _COMMON),
        np.full(_KNOTS * len(at), _BEND),
        np.full(many, _OWN),
    ]
    y, start, apart = told[audited], offset[audited], 0
    looks = np.zeros((2, len(y)))
    if audit.doubted is not None:
        looks = audit.doubted[:, audited].astype(np.float64)
    if lent.any():
        at, of = [c[lent] for c in covariates], np.nonzero(lent)[1]
        level, straight_of = np.ones((len(of), 1)), np.stack(at, axis=1)
        shift = np.concatenate([level, straight_of, _bends(at, knots)], axis=1)
        differ = sparse.hstack([sparse.csr_matrix(shift), _of_labels(_own(at), of, labels)])
        none = np.zeros((len(of), claims.shape[1]))
        given = _design(at, np.zeros(len(of)), of, sizes, none, knots)
        apart = differ.shape[1]
        x = sparse.bmat([[None, x], [differ, given]], format="csr")
        variance = [np.full(shift.shape[1], _GIVEN), np.full(many, _GIVEN_OWN), *variance]
        y, start = np.append(y, told[lent]), np.append(start, guessed[lent])
    absents, presents = np.concatenate([looks, np.zeros((2, len(y) - looks.shape[1]))], axis=1)
    said = Answers(absents, presents, y)
    # How given entries differ is of no more use. As it stands first, the rest of the factor is that
    # of the other coefficients, whatever the first may be.
    fitted = fit(x, said, start, 1 / np.concatenate(variance)).without(apart)
    return Calibration(
        tuple(covariates), offset, chance, sizes, claimed, knots, audit.doubted, fitted
    )


def _covariates(views: Sequence[View], audit: Audit, size: Floats) -> list[Floats]:
    """(N, L) each: every model's log-odds, and how far down its ranking an image is."""
    found = []
    for view in views:
        depth = np.log((view.order.mean_rank() - 0.5) / np.maximum(size, 1))
        for each in (_log_odds(view.probabilities), depth):
            found.append(_scaled(each, audit.audited))
    return found


def _log_chance(audit: Audit) -> Floats:
    """(N, L): the log of the chance of being drawn, less its mean; 0 for what the table claims."""
    found = np.zeros(audit.pi.shape)
    some = audit.pi > 0
    found[some] = np.log(audit.pi[some])
    found[some] -= found[audit.audited].mean()
    found[audit.claims != UNKNOWN] = 0
    return found


def _lent(audit: Audit) -> Mask:
    """(N, L): given entries that tell of their labels, evenly spread over each one's images.

    None of labels of which only presents, or only absents, were given: those tell nothing.
    """
    given = (audit.told != UNKNOWN) & ~audit.audited
    for value in (PRESENT, ABSENT):
        given &= (given & (audit.told == value)).any(axis=0)
    most = _LENT // given.shape[1] + 1
    many = given.sum(axis=0)
    count = given.cumsum(axis=0)
    # The first of each of `most` equal parts.
    part = -(-count * most // np.maximum(many, 1))
    before = -(-(count - 1) * most // np.maximum(many, 1))
    return np.asarray(given & ((many <= most) | (part > before)))


def _design(
    covariates: Sequence[Floats],
    chance: Floats,
    label: NDArray[np.intp],
    sizes: Floats,
    claims: Floats,
    knots: Sequence[Floats],
) -> sparse.csr_matrix:
    """(n, K): all that moves the log-odds of some entries, of these labels (n,)."""
    common = _common(covariates, chance, sizes[label], claims, knots)
    own = _of_labels(_own(covariates), label, len(sizes))
    return sparse.hstack([sparse.csr_matrix(common), own], format="csr")


def _of_labels(own: Floats, label: NDArray[np.intp], labels: int) -> sparse.csr_matrix:
    """(n, k x L): what each of the labels (n,) has of its own (n, k), in columns of that label."""
    rows, many = own.shape
    columns = label[:, None] + labels * np.arange(many)
    places = np.arange(0, own.size + 1, many)
    return sparse.csr_matrix((own.ravel(), columns.ravel(), places), shape=(rows, labels * many))


def _of_claims(claims: Entries | None, covariates: Sequence[Floats]) -> Floats:
    """(n, K): whether the table claims a present, an absent, and how each goes with the models'
    log-odds, which are in the covariates. K is 0 where there are no claims."""
    if claims is None:
        return np.zeros((len(covariates[0]), 0))
    sides = np.stack([claims == PRESENT, claims == ABSENT], axis=1).astype(np.float64)
    return np.concatenate([sides, sides * np.mean(covariates[::2], axis=0)[:, None]], axis=1)


def _common(
    covariates: Sequence[Floats],
    chance: Floats,
    size: Floats,
    claims: Floats,
    knots: Sequence[Floats],
) -> Floats:
    """(n, K): what the table claims, a level, the covariates, the log-chance of the draw, how the
    last three go with the label's size, then each covariate's bends."""
    bent = [size * c for c in (np.ones_like(size), size, *covariates)]
    straight = np.stack([np.ones_like(chance), *covariates, chance, *bent], axis=1)
    return np.concatenate([claims, straight, _bends(covariates, knots)], axis=1)


def _bends(covariates: Sequence[Floats], knots: Sequence[Floats]) -> Floats:
    """(n, K): how far each covariate is beyond each of its knots."""
    bends = [np.maximum(c[:, None] - k, 0) for c, k in zip(covariates, knots, strict=True)]
    return np.concatenate(bends, axis=1)


def _own(covariates: Sequence[Floats]) -> Floats:
    """(n, 1 + models): what each label has of its own: a level, and a slope in each one's depth."""
    return np.stack([np.ones_like(covariates[0]), *covariates[1::2]], axis=1)


def _log_odds(p: NDArray[np.floating]) -> Floats:
    return np.asarray(logit(np.clip(np.asarray(p, np.float64), 1e-6, 1 - 1e-6)))


def _scaled(values: Floats, where: Mask) -> Floats:
    """Standardised over the entries audited."""
    seen = values[where]
    return np.asarray((values - seen.mean()) / max(float(seen.std()), 1e-6))

"""Tables completed by chance, and the audit repeated on them: how far an estimate may be off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from alasl.evaluate.audit import Audit
from alasl.evaluate.calibrate import Curve, View, calibrate
from alasl.evaluate.intervals import Figure
from alasl.labels import PRESENT
from alasl.seeds import stream

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Array = NDArray[np.floating]
Columns = slice | NDArray[np.intp]


class Measure(Protocol):
    """Figures in [0, 1] of one label's column, from its entries by images."""

    @property
    def many(self) -> int:
        """How many figures, K."""

    def exact(self, col: int, tables: Array) -> Array:
        """(K, M): of M tables (N, M) of 1 and 0; NaN where undefined."""

    def estimated(self, col: int, values: Array, least: Array | float) -> Array:
        """(K, M): from estimates (N, M) of the entries, which may lie outside [0, 1].

        least: presents that are known, which the estimated number never falls below.
        """


@dataclass(frozen=True, eq=False)
class Sampled:
    """K figures, in [0, 1], of L labels: those of each measure, one after the other.

    completed: (K, M, L), of M tables whose unknown entries are filled in by chance.
    corrected: (K, M, L), from the guess corrected by the audit's answers over their chances, with
    what each table has for those that may be wrong; (K, 1, L) where nobody is seen to err.
    error: (K, M, L), how far such estimates are off on tables made up from the guess, each audited
    anew; NaN where the made-up audit found no present.
    erring: the shares of absent entries that people call present, and of present ones that they
    call absent; None where nobody is seen to err. told: the same, (2,), as they are told.
    """

    completed: Floats
    corrected: Floats
    error: Floats
    erring: tuple[float, float] | None = None
    told: Figure | None = None

    def of(self, figure: int, columns: Columns = slice(None)) -> Sampled:
        """One figure alone, of all labels or of some."""
        return Sampled(
            self.completed[figure : figure + 1, :, columns],
            self.corrected[figure : figure + 1, :, columns],
            self.error[figure : figure + 1, :, columns],
            self.erring,
            self.told,
        )


def sample(
    views: Sequence[View], measures: Sequence[Measure], audit: Audit, seed: int, draws: int
) -> Sampled:
    """Complete the tables and repeat the audit, for all measures on the same tables and draws."""
    rng = stream(seed, "completed tables")
    calibrated = calibrate(views, audit)
    shape = (sum(measure.many for measure in measures), draws, audit.entries.shape[1])
    as_told = shape if audit.doubted is not None else (shape[0], 1, shape[2])
    errors = calibrated.erring, calibrated.told
    found = Sampled(np.empty(shape), np.empty(as_told), np.empty(shape), *errors)
    for col, curve in enumerate(calibrated.curves(rng, draws)):
        label = _Label.of(audit, col, curve)
        tables = label.completed(expit(curve.believed).astype(np.float32), rng)
        told = label.told(tables)
        corrected = label.corrected(told, label.seen[:, None])
        presents = np.maximum((told * label.seen[:, None]).sum(axis=0), 1)
        made_up = label.completed(label.guess[:, None].repeat(draws, 1), rng, keep_audit=False)
        drawn = label.certain[:, None] | (_uniform(rng, made_up.shape) < label.pi[:, None])
        again = label.corrected(made_up, drawn)
        least = (made_up * drawn).sum(axis=0)
        first = 0
        for measure in measures:
            here = slice(first, first + measure.many)
            first += measure.many
            found.completed[here, :, col] = measure.exact(col, tables)
            found.corrected[here, :, col] = measure.estimated(col, corrected, presents)
            error = measure.estimated(col, again, np.maximum(least, 1))
            error = error - measure.exact(col, made_up)
            found.error[here, :, col] = np.where(least > 0, error, np.nan)
    return found


@dataclass(frozen=True, eq=False)
class _Label:
    """One label's column: what is known of it, and the guess (N,) of each entry."""

    guess: Singles
    present: Singles
    certain: NDArray[np.bool_]
    sure: NDArray[np.bool_]
    seen: NDArray[np.bool_]
    pi: Singles

    @classmethod
    def of(cls, audit: Audit, col: int, curve: Curve) -> _Label:
        return cls(
            expit(curve.odds).astype(np.float32),
            (audit.entries[:, col] == PRESENT).astype(np.float32),
            audit.certain[:, col],
            audit.settled[:, col],
            audit.seen[:, col],
            audit.pi[:, col].astype(np.float32),
        )

    def told(self, tables: Singles) -> Singles:
        """(N, M) or (N, 1): the entries as seen; by the tables (N, M) if answers may be wrong."""
        return self.present[:, None] if self.sure.sum() == self.seen.sum() else tables

    def completed(
        self, chances: Singles, rng: np.random.Generator, keep_audit: bool = True
    ) -> Singles:
        """(N, M): 1 or 0, each entry by its chance (N, M), but for those that are beyond doubt.

        keep_audit: what the audit saw is so, too.
        """
        tables = (_uniform(rng, chances.shape) < chances).astype(np.float32)
        kept = self.sure if keep_audit else self.certain
        tables[kept] = self.present[kept, None]
        # Where all presents are only claimed, chance may leave none.
        tables[self.guess.argmax(), ~tables.any(axis=0)] = 1
        return tables

    def corrected(self, tables: Singles, drawn: NDArray[np.bool_]) -> Singles:
        """(N, M): estimates without bias of the entries of tables (N, M), where drawn (N, M)."""
        guess = self.guess[:, None]
        over = np.divide(1, self.pi, out=np.zeros_like(self.pi), where=self.pi > 0)[:, None]
        estimated = guess + np.where(drawn, (tables - guess) * over, 0)
        estimated[self.certain] = tables[self.certain]
        return np.asarray(estimated, np.float32)


def _uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> Singles:
    return rng.random(shape, dtype=np.float32)

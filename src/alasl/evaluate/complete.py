"""Tables completed by chance, and the audit repeated on them: how far an estimate may be off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from alasl.evaluate.audit import Audit
from alasl.evaluate.calibrate import View, calibrate
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
    corrected: (K, L), from the guess corrected by the audit's answers over their chances.
    error: (K, M, L), how far such estimates are off on tables made up from the guess, each audited
    anew; NaN where the made-up audit found no present.
    """

    completed: Floats
    corrected: Floats
    error: Floats

    def of(self, figure: int, columns: Columns = slice(None)) -> Sampled:
        """One figure alone, of all labels or of some."""
        return Sampled(
            self.completed[figure : figure + 1, :, columns],
            self.corrected[figure : figure + 1, columns],
            self.error[figure : figure + 1, :, columns],
        )


def sample(
    views: Sequence[View], measures: Sequence[Measure], audit: Audit, seed: int, draws: int
) -> Sampled:
    """Complete the tables and repeat the audit, for all measures on the same tables and draws."""
    rng = stream(seed, "completed tables")
    calibrated = calibrate(views, audit)
    shape = (sum(measure.many for measure in measures), draws, audit.entries.shape[1])
    found = Sampled(np.empty(shape), np.empty(shape[::2]), np.empty(shape))
    for col, (guess, credible) in enumerate(calibrated.curves(rng, draws)):
        label = _Label.of(audit, col, expit(guess).astype(np.float32))
        tables = label.completed(expit(credible).astype(np.float32), rng)
        corrected = label.corrected(*label.told)
        made_up = label.completed(label.guess[:, None].repeat(draws, 1), rng, keep_audit=False)
        drawn = label.certain[:, None] | (_uniform(rng, made_up.shape) < label.pi[:, None])
        again = label.corrected(made_up, drawn)
        least = (made_up * drawn).sum(axis=0)
        first = 0
        for measure in measures:
            here = slice(first, first + measure.many)
            first += measure.many
            found.completed[here, :, col] = measure.exact(col, tables)
            found.corrected[here, col] = measure.estimated(col, corrected, label.presents)[:, 0]
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
    audited: NDArray[np.bool_]
    pi: Singles

    @classmethod
    def of(cls, audit: Audit, col: int, guess: Singles) -> _Label:
        return cls(
            guess,
            (audit.entries[:, col] == PRESENT).astype(np.float32),
            audit.certain[:, col],
            audit.audited[:, col],
            audit.pi[:, col].astype(np.float32),
        )

    @property
    def presents(self) -> float:
        """Presents that are known, or 1 where the table only claims some."""
        return max(float(self.present[self.certain | self.audited].sum()), 1.0)

    @property
    def told(self) -> tuple[Singles, NDArray[np.bool_]]:
        """The real table and which of its entries are known, as tables (N, 1)."""
        return self.present[:, None], (self.certain | self.audited)[:, None]

    def completed(
        self, chances: Singles, rng: np.random.Generator, keep_audit: bool = True
    ) -> Singles:
        """(N, M): 1 or 0, each entry by its chance (N, M), but for those known for certain."""
        tables = (_uniform(rng, chances.shape) < chances).astype(np.float32)
        kept = self.certain | self.audited if keep_audit else self.certain
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

"""A queue's questions of several kinds, mixed by chance, so that nobody can tell them apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from alasl.learner import Query
from alasl.project.records import Floats, Ints, Mask, Questions
from alasl.seeds import stream


@dataclass(frozen=True, eq=False)
class Part:
    """Questions of one kind: rows, cols (n,). places: names the stream of their places.

    why: one reason for all, or (n,). pi: (n,), by which chance each was drawn; None where none was.
    """

    places: str
    why: str | NDArray[np.str_]
    rows: Ints
    cols: Ints
    pi: Floats | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def without(self, lost: Mask) -> Part:
        """The same without questions about images that cannot be seen, (N,)."""
        there = ~lost[self.rows]
        return replace(
            self,
            why=self.why if isinstance(self.why, str) else self.why[there],
            rows=self.rows[there],
            cols=self.cols[there],
            pi=None if self.pi is None else self.pi[there],
        )


def mix(query: Query, why: str, parts: Sequence[Part], round: int, seed: int) -> Questions:
    """The query, for the reason `why`, with the other parts' questions at places by chance."""
    rows, cols, scores = query.rows, query.cols, query.scores
    pi, reasons = np.full(len(query), np.nan), np.full(len(query), why, object)
    for part in parts:
        places = stream(seed, part.places, round).integers(0, len(rows) + 1, len(part))
        rows, cols = np.insert(rows, places, part.rows), np.insert(cols, places, part.cols)
        scores = np.insert(scores, places, np.nan)
        pi = np.insert(pi, places, np.nan if part.pi is None else part.pi)
        reasons = np.insert(reasons, places, np.asarray(part.why, object))
    return Questions(rows, cols, scores, gold=reasons == "gold", why=reasons.tolist(), pi=pi)

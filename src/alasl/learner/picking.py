"""From scores to what is asked, by how people answer and what that takes of their time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alasl.labels import PRESENT
from alasl.query import Ask, Budget, Price, Query, Table, select
from alasl.ranking import row_blocks
from alasl.seconds import Seconds
from alasl.settings import AskSettings, LearnerSettings
from alasl.sparse import Sparse


def asked_of(settings: AskSettings, otherwise: Ask) -> Ask:
    """Images or entries: what settings say is asked, where tags are of images."""
    return "images" if settings.ask == "tags" else settings.ask or otherwise  # type: ignore[return-value]


def picked(
    askable: Table,
    scores: Table,
    ties: NDArray[np.float64],
    budget: Budget,
    settings: LearnerSettings,
    seconds: Seconds,
    asks: Ask,
    known: Sparse,
) -> Query:
    """What to ask; see `select` for the first four.

    By label every answer takes the same, so the scores alone decide. Where that query would take
    less time by image, or settings say that people answer so, the opening is weighed too: a second
    entry of an image that is opened anyway takes less than the first of another. Scores that may be
    below 0 are no gain that could be weighed, and decide alone.
    known: (N, L), what is known, whose shares of presents say what tags take.
    """
    if settings.ask == "tags":
        price = Price(seconds.tag * shares_present(known), seconds.open)
        return select(askable, scores, ties, asks, budget, price, weigh=_are_gains(scores))
    if settings.by != "image":
        query = select(askable, scores, ties, asks, budget, Price(seconds.grid))
        if seconds.way(settings.by, len(query.images), len(query)) == "label":
            return query
    price = Price(seconds.answer, seconds.open)
    return select(askable, scores, ties, asks, budget, price, weigh=_are_gains(scores))


def _are_gains(scores: Table) -> bool:
    """Whether no score is below 0, but for what cannot be asked."""
    blocks = (scores[block] for block in row_blocks(scores.shape))
    return all(np.min(part, initial=0, where=np.isfinite(part)) >= 0 for part in blocks)


def shares_present(known: Sparse) -> NDArray[np.float64]:
    """(L,): the share of each label's known entries that is present, one more on either side."""
    present = known.where(lambda values: values == PRESENT).per_col()
    return np.asarray((present + 1) / (known.per_col() + 2))

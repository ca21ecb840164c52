"""Which entries of a table to ask next, from arrays alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alasl.errors import DataError, UsageError
from alasl.labels import UNKNOWN, Entries, Labels, misfit
from alasl.query import Ask, Budget, select
from alasl.seeds import stream
from alasl.strategies import Labelled, Pool, resolve

Rows = NDArray[np.intp]


def ask(
    labels: Labels | ArrayLike,
    probabilities: ArrayLike | None = None,
    features: ArrayLike | None = None,
    *,
    answers: int = 100,
    images: int | None = None,
    strategy: str = "variance",
    ask: Ask | None = None,
    seed: int = 0,
) -> Rows:
    """The entries to ask next, (n, 2): row and column of each, an image's together, best first.

    labels: (N, L), 1 present, 0 absent, -1 or NaN unknown; an array, a DataFrame or `Labels`.
    probabilities: (N, L), of being present, by any model; where a strategy needs them and they are
    not given, logistic regression on `features` (N, D) gives them.
    answers: how many to ask at most: all that are unknown where these are fewer. images: or so many
    images, with all their unknown entries.
    strategy: a name of `alasl strategies`, with parameters as `hard+medium:share=0.25`.
    ask: images or entries, by default what the strategy scores. seed: decides between equals.
    Raises `UsageError` where something is missing, `DataError` where shapes or values are wrong,
    `NothingToDo` where nothing is unknown.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> features = rng.standard_normal((200, 8), dtype=np.float32)
    >>> labels = (features[:, :3] > 1).astype(int)
    >>> labels[20:] = -1                              # of 180 images nothing is known
    >>> entries = ask(labels, features=features, answers=5)
    >>> entries.shape
    (5, 2)
    >>> bool((labels[tuple(entries.T)] == -1).all())
    True
    """
    entries = as_entries(labels)
    chosen = resolve(strategy)
    seen = _array("features", features, len(entries))
    likely = _array("probabilities", probabilities, len(entries))
    if "features" in chosen.needs and seen is None:
        raise UsageError(
            f"the strategy {strategy!r} looks at features",
            do="give features=, or take another: entry-entropy needs probabilities alone",
        )
    if "members" in chosen.needs:
        raise UsageError(
            f"the strategy {strategy!r} needs an ensemble, which arrays alone cannot give",
            do="use alasl.Project or alasl.simulate, or take another strategy",
        )
    if likely is None and "probabilities" in chosen.needs:
        likely = _predicted(entries, seen, strategy)
    unknown = (entries == UNKNOWN).any(axis=1)
    rows, rest = np.flatnonzero(unknown), np.flatnonzero(~unknown)
    asks: Ask = ask or ("images" if images is not None else chosen.asks)
    pool = Pool(
        entries[rows],
        stream(seed, "ties", 0).random(len(entries))[rows],
        None if likely is None else likely[rows],
        None if seen is None else seen[rows],
        labelled=Labelled(
            entries[rest],
            None if likely is None else likely[rest],
            None if seen is None else seen[rest],
            ids=rest,
        ),
        batch=images or answers,
        budget=images or answers,
        ask=asks,
        ids=rows,
    )
    budget = Budget(images=images) if images is not None else Budget(answers=answers)
    query = select(pool.askable, chosen(pool), pool.ties, asks, budget)
    return np.stack([rows[query.rows], query.cols], axis=1)


def as_entries(labels: Labels | ArrayLike) -> Entries:
    """int8 (N, L), 1, 0 and -1, from a table that may say NaN for unknown.

    Raises `DataError` for any other value, and for what is no table.
    """
    if isinstance(labels, Labels):
        return labels.entries
    table: NDArray[Any] = np.asarray(labels)
    if table.dtype == np.bool_:
        table = table.astype(np.int8)
    if table.ndim != 2 or 0 in table.shape:
        raise DataError("labels must be a table (N, L)", seen=f"shape {table.shape}")
    try:
        numbers = table.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError("an entry must be 1, 0, -1 or NaN", seen=str(error)) from error
    numbers = np.where(np.isnan(numbers), UNKNOWN, numbers)
    if misfit(numbers) is not None:
        wrong = numbers[~np.isin(numbers, (1, 0, UNKNOWN))]
        raise DataError("an entry must be 1, 0, -1 or NaN", seen=f"{wrong[0]:g}")
    return numbers.astype(np.int8)


def _array(what: str, values: ArrayLike | None, images: int) -> NDArray[np.float32] | None:
    if values is None:
        return None
    found = np.asarray(values, np.float32)
    if found.ndim != 2 or len(found) != images:
        raise DataError(
            f"{what} must have a row for each image of the table",
            seen=f"{found.shape} for {images} images",
        )
    return found


def _predicted(
    entries: Entries, features: NDArray[np.float32] | None, strategy: str
) -> NDArray[np.float32]:
    from alasl.models.model import Model

    if features is None:
        raise UsageError(
            f"the strategy {strategy!r} looks at probabilities",
            do="give probabilities=, or features= to find them from",
        )
    if (entries == UNKNOWN).all():
        raise UsageError(
            "nothing is known yet, so nothing can be predicted",
            do="take a strategy that needs no model: random-entry, typiclust",
        )
    return Model.fit(features, entries).predict_proba(features)

"""Strategies of other libraries, timed; run by the interpreter that has the libraries.

`PYTHON benchmarks/peers_calls.py PICKS SECONDS STRATEGY FOLDER [STRATEGY FOLDER ...]` reads the
arrays that `benchmarks.peers` left in each folder and prints for each pair a line of JSON: the
version, the seconds of the shortest of some calls, and what was picked, or why the library cannot
be had or its call fails. After SECONDS in a first call the process ends by SIGALRM. Nothing of ours
is imported.
"""

from __future__ import annotations

import collections
import collections.abc
import importlib.metadata
import json
import signal
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

# A call is repeated while all of them together take less than this.
ENOUGH_S, REPEATS = 5.0, 5

Arrays = Callable[[str], Any]
Call = Callable[[], Any]


def modal(strategy: str, arrays: Arrays, picks: int) -> Call:
    """modAL's multi-label strategies, on a classifier that hands out the given probabilities."""
    import modAL.multilabel

    class Fixed:
        def predict_proba(self, x: Any) -> Any:
            return x

        def predict(self, x: Any) -> Any:
            return (x > 0.5).astype(int)

        @property
        def classes_(self) -> Any:
            return np.arange(p.shape[1])

    p = arrays("probabilities")
    function = getattr(modAL.multilabel, strategy)
    return lambda: function(Fixed(), p, n_instances=picks)[0]


def baal(strategy: str, arrays: Arrays, picks: int) -> Call:
    """baal's heuristics, on every label as a choice of two, summed over labels."""
    import baal.active.heuristics

    heuristic = getattr(baal.active.heuristics, strategy)(reduction="sum")
    p = arrays("members").transpose(1, 2, 0) if strategy == "BALD" else arrays("probabilities")
    # The last axis is of draws, always: without it baal would take the mean over labels first.
    p = p if p.ndim == 3 else p[:, :, None]
    two = np.stack([p, 1 - p], axis=1)
    return lambda: heuristic(two)[:picks]


def small_text(strategy: str, arrays: Arrays, picks: int) -> Call:
    """small-text's CVIRS, on a classifier that hands out the given probabilities."""
    from scipy.sparse import csr_matrix
    from small_text.query_strategies import multi_label

    class Fixed:
        def predict_proba(self, x: Any) -> Any:
            return x

    p, known = arrays("probabilities"), csr_matrix(arrays("labelled").astype(int))
    there, here = np.arange(known.shape[0]), np.arange(len(p))
    query = getattr(multi_label, strategy)(pbar=None).query
    return lambda: query(Fixed(), p, here, there, known, n=picks)


def scikit_activeml(strategy: str, arrays: Arrays, picks: int) -> Call:
    """scikit-activeml's cold start on features, with the first labelled images labelled."""
    import skactiveml.pool

    started, pool = arrays("started_features"), arrays("features")
    every = np.concatenate([started, pool])
    y = np.concatenate([np.zeros(len(started)), np.full(len(pool), np.nan)])
    query = getattr(skactiveml.pool, strategy)(random_state=0).query
    return lambda: query(every, y, batch_size=picks) - len(started)


def alipy_mmc(_strategy: str, arrays: Arrays, picks: int) -> Call:
    """ALiPy's MMC, with logistic regressions in place of its SVMs, which take far longer."""
    from alipy.query_strategy.multi_label import QueryMultiLabelMMC
    from sklearn.linear_model import LogisticRegression

    known = arrays("labelled").astype(int)
    every = np.concatenate([arrays("labelled_features"), arrays("features")])
    # ALiPy holds the truth of the whole pool, and trains with it.
    y = np.concatenate([known, arrays("truth").astype(int)])
    there, here = list(range(len(known))), list(range(len(known), len(every)))

    def call() -> Any:
        query = QueryMultiLabelMMC(
            every,
            y,
            base_clf=LogisticRegression(solver="liblinear"),
            # Its own settings name an argument that scikit-learn has dropped.
            logreg_param={"max_iter": 1000},
            random_state=0,
        )
        return [i for (i,) in query.select(list(there), list(here), batch_size=picks)]

    return call


def alipy_audi(_strategy: str, arrays: Arrays, picks: int) -> Call:
    """ALiPy's AUDI, which picks one entry a call, with the label ranking model of its own."""
    # What it still needs is gone since Python 3.10 and NumPy 2.
    vars(collections)["Iterable"] = collections.abc.Iterable
    vars(np)["NINF"] = -np.inf
    from alipy.index import MultiLabelIndexCollection
    from alipy.query_strategy.multi_label import QueryMultiLabelAUDI

    known = arrays("labelled").astype(int)
    every = np.concatenate([arrays("labelled_features"), arrays("features")])
    y = 2 * np.concatenate([known, arrays("truth").astype(int)]) - 1
    labels = y.shape[1]

    def entries(first: int, last: int) -> Any:
        return MultiLabelIndexCollection(
            [(i, j) for i in range(first, last) for j in range(labels)], labels
        )

    def call() -> Any:
        query = QueryMultiLabelAUDI(every, y)
        there, here = entries(0, len(known)), entries(len(known), len(y))
        for _ in range(picks):
            found = query.select(there, here)
            there.update(found)
            here.difference_update(found)

    return call


# What the names begin with, the distribution on PyPI, and how its strategies are called.
LIBRARIES: dict[str, tuple[str, Callable[[str, Arrays, int], Call]]] = {
    "modAL": ("modAL-python", modal),
    "baal": ("baal", baal),
    "small-text": ("small-text", small_text),
    "scikit-activeml": ("scikit-activeml", scikit_activeml),
    "ALiPy-MMC": ("alipy", alipy_mmc),
    "ALiPy-AUDI": ("alipy", alipy_audi),
}


def timed(call: Call, limit: float) -> tuple[float, Any]:
    """The shortest of some calls, and what was picked; too long a first one ends the process."""
    took: list[float] = []
    signal.setitimer(signal.ITIMER_REAL, limit)
    while not took or (sum(took) < ENOUGH_S and len(took) < REPEATS):
        start = time.perf_counter()
        picked = call()
        took.append(time.perf_counter() - start)
        signal.setitimer(signal.ITIMER_REAL, 0)
    return min(took), picked


def main(name: str, folder: Path, picks: int, limit: float) -> dict[str, Any]:
    """Time one strategy, named LIBRARY/STRATEGY."""
    library, strategy = name.split("/")
    distribution, make = LIBRARIES[library]
    warnings.simplefilter("ignore")
    try:
        version = importlib.metadata.version(distribution)
        call = make(strategy, lambda array: np.load(folder / f"{array}.npy"), picks)
    except ImportError as missing:  # PackageNotFoundError is one
        return {"missing": str(missing)}
    try:
        seconds, picked = timed(call, limit)
    except Exception as error:  # whatever it is, it belongs in the table
        return {"version": version, "fails": f"{type(error).__name__}: {error}"}
    images = None if picked is None else np.asarray(picked).tolist()
    return {"version": version, "seconds": seconds, "picked": images}


if __name__ == "__main__":
    most, seconds_at_most = int(sys.argv[1]), float(sys.argv[2])
    for strategy_, folder_ in zip(sys.argv[3::2], sys.argv[4::2], strict=True):
        print(json.dumps(main(strategy_, Path(folder_), most, seconds_at_most)), flush=True)

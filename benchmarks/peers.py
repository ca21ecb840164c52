"""Seconds that other libraries take to choose 50 images, and ours for a strategy of the same kind.

Run: python -m benchmarks.peers --python PEERS/bin/python [--images N ...] [--out FILE], with the
interpreter of an environment that has the libraries (docs/results/peers says how it is made); a
library that it lacks is left out, and said. Both sides get the same arrays. First our picks are
held against the published formulae in plain loops, on a few images. Prints, and writes, Markdown.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression

from alasl.query import Budget, select
from alasl.seeds import spread
from alasl.strategies import Labelled, Pool, resolve

LABELS, WIDTH, MEMBERS, PICKS = 80, 64, 20, 50
# As many images are labelled as in the paper's split, an eighth of the pool; for a cold start 100.
LABELLED, STARTED = 1 / 8, 100
# A strategy's time to choose; loading it is not counted.
LIMIT_S = 60
REPEATS = 5
CALLS = Path(__file__).with_name("peers_calls.py")


@dataclass(frozen=True)
class Rival:
    """A strategy of another library, as peers_calls.py names it, and our strategy of its kind.

    ask: what both choose `PICKS` of. same: whether both rank by the same numbers alone, so
    that the picks can be compared. largest: the most images that it is tried with.
    """

    strategy: str
    ours: str
    ask: str = "images"
    same: bool = False
    largest: int = 100_000


RIVALS = (
    Rival("modAL/avg_confidence", "entropy:form=binary", same=True),
    Rival("modAL/min_confidence", "entropy:form=binary", same=True),
    Rival("modAL/max_score", "entropy:form=binary", same=True),
    Rival("modAL/mean_max_loss", "entropy:form=binary", same=True),
    Rival("baal/Entropy", "entropy:form=binary", same=True),
    Rival("baal/BALD", "bald:within=all", same=True, largest=10_000),
    Rival("small-text/CategoryVectorInconsistencyAndRanking", "cvirs", same=True),
    Rival("scikit-activeml/TypiClust", "typiclust"),
    Rival("scikit-activeml/ProbCover", "probcover", largest=2_000),
    Rival("ALiPy-MMC/MMC", "mmc", largest=2_000),
    Rival("ALiPy-AUDI/AUDI", "audi", ask="entries", largest=2_000),
)
HEAD = (
    "library",
    "strategy",
    "our strategy",
    "images",
    "theirs, s",
    "ours, s",
    "ratio",
    "same picks",
    "entropy of theirs",
)


def drawn_pool(images: int, members: int = MEMBERS, seed: int = 0) -> Pool:
    """A pool of which nothing is known; a sharp model predicts about 3 labels of an image."""
    rng = np.random.default_rng(seed)
    labelled = round(LABELLED * images)
    p = _probabilities(rng, images)
    noise = rng.standard_normal((members, images, LABELS), dtype=np.float32)
    return Pool(
        entries=np.full((images, LABELS), -1, np.int8),
        ties=rng.random(images),
        probabilities=p,
        features=rng.standard_normal((images, WIDTH), dtype=np.float32),
        members=np.clip(p + np.float32(0.05) * noise, 0, 1),
        labelled=Labelled(
            _truth(rng, labelled),
            _probabilities(rng, labelled),
            rng.standard_normal((labelled, WIDTH), dtype=np.float32),
        ),
        batch=PICKS,
    )


def started(pool: Pool) -> Pool:
    """The pool with few labelled images, for a cold start."""
    known = pool.labelled
    assert known is not None
    assert known.probabilities is not None
    assert known.features is not None
    few = slice(STARTED)
    return replace(
        pool, labelled=Labelled(known.entries[few], known.probabilities[few], known.features[few])
    )


def choose(pool: Pool, spec: str, ask: str, picks: int = PICKS) -> list[Any]:
    """The images that we pick, the first first; or the entries, as pairs."""
    fresh = replace(pool, memory={}, batch=picks, ask=ask)
    scores = resolve(spec)(fresh)
    if ask == "entries":
        query = select(fresh.askable, scores, fresh.ties, "entries", Budget(answers=picks))
        return list(zip(query.rows.tolist(), query.cols.tolist(), strict=True))
    query = select(fresh.askable, scores, fresh.ties, "images", Budget(images=picks))
    return list(query.images.tolist())


# --- the published formulae, in plain loops, on a few images ---


def check(images: int = 60, picks: int = 5) -> list[str]:
    """Hold our picks against the formulae; returns those held, raises where one differs."""
    pool = drawn_pool(images, members=4, seed=1)
    grouped = _grouped()
    loops = {
        "entropy:form=binary": (pool, "images", _best(_entropies(pool), picks)),
        "bald:within=all": (pool, "images", _best(_disagreements(pool), picks)),
        "cvirs": (pool, "images", _best(_cvirs(pool), picks)),
        "mmc": (pool, "images", _best(_mmc(pool), picks)),
        "audi": (pool, "entries", _audi(pool, picks)),
        "typiclust": (grouped, "images", _typical(grouped)),
    }
    for spec, (where, ask, expected) in loops.items():
        found = choose(where, spec, ask, len(expected))
        if set(found) != set(expected):
            raise SystemExit(f"{spec} picks {found}, the formula {expected}")
    return list(loops)


def _h(p: float) -> float:
    return -sum(q * math.log(q) for q in (p, 1 - p) if q > 0)


def _best(scores: Sequence[float], picks: int) -> list[Any]:
    return sorted(range(len(scores)), key=lambda i: -scores[i])[:picks]


def _entropies(pool: Pool) -> list[float]:
    assert pool.probabilities is not None
    return [sum(map(_h, row)) for row in pool.probabilities.astype(float).tolist()]


def _disagreements(pool: Pool) -> list[float]:
    """BALD: entropy of the mean less mean entropy, summed over labels."""
    assert pool.members is not None
    every = pool.members.astype(float)
    return [
        sum(
            _h(sum(members) / len(members)) - sum(map(_h, members)) / len(members)
            for members in every[:, i].T.tolist()
        )
        for i in range(len(pool))
    ]


def _cvirs(pool: Pool) -> list[float]:
    """Borda count of |2 p - 1|, times the mean distance of labellings."""
    assert pool.probabilities is not None
    assert pool.labelled is not None
    p, images = pool.probabilities.astype(float), len(pool)
    ranks = [rankdata([-min(q, 1 - q) for q in column]) for column in p.T.tolist()]
    known = pool.labelled.entries.tolist()
    scores = []
    for i in range(images):
        mine = [int(q > 0.5) for q in p[i]]
        borda = sum((images - rank[i]) / (images - 1) for rank in ranks) / len(ranks)
        scores.append(borda * sum(_distance(mine, other) for other in known) / len(known))
    return scores


def _distance(one: list[int], other: list[int]) -> float:
    if all(a != b for a, b in zip(one, other, strict=True)):
        return 1.0
    joint = _of_counts(list(zip(one, other, strict=True)))
    return (2 * joint - _of_counts(one) - _of_counts(other)) / joint if joint else 0.0


def _of_counts(outcomes: list[Any]) -> float:
    shares = [n / len(outcomes) for n in Counter(outcomes).values()]
    return -sum(share * math.log(share) for share in shares)


def _mmc(pool: Pool) -> list[float]:
    """The loss on the labelling with as many labels as a logistic regression says."""
    assert pool.probabilities is not None
    assert pool.labelled is not None
    assert pool.labelled.probabilities is not None

    def shares(row: list[float]) -> list[float]:
        return [q / sum(row) for q in sorted(row, reverse=True)]

    known = [shares(row) for row in pool.labelled.probabilities.astype(float).tolist()]
    model = LogisticRegression(tol=1e-9, max_iter=5000)
    model.fit(known, pool.labelled.entries.sum(axis=1))
    scores = []
    for row in pool.probabilities.astype(float).tolist():
        number = int(model.predict([shares(row)])[0])
        ordered = sorted(row, reverse=True)
        scores.append(sum((1 - q) if j < number else q for j, q in enumerate(ordered)))
    return scores


def _audi(pool: Pool, picks: int) -> list[Any]:
    """One entry after the other: the most unusual image, and its label nearest to 1/2.

    Equally unusual images, which are many, by the draws of those entries.
    """
    assert pool.probabilities is not None
    assert pool.labelled is not None
    usual = float(pool.labelled.entries.sum(axis=1).mean())
    p = pool.probabilities.astype(float)
    draws = spread(pool.ties, LABELS)
    asked: list[tuple[int, int]] = []
    while len(asked) < picks:
        best = []
        for i in range(len(pool)):
            known = [j for k, j in asked if k == i]
            worth = abs(sum(q > 0.5 for q in p[i]) - usual) / max(len(known), 0.5)
            nearest = min(set(range(LABELS)) - set(known), key=lambda j, i=i: abs(p[i, j] - 0.5))
            best.append((worth, draws[i, nearest], i, nearest))
        asked.append(max(best)[2:])
    return asked


def _grouped() -> Pool:
    """Images about four far corners, the first of which has a labelled image."""
    rng = np.random.default_rng(0)
    sizes, corners = (30, 50, 12, 40), 10 * np.eye(4)
    x = np.repeat(corners, sizes, axis=0) + rng.normal(0, 0.2, (sum(sizes), 4))
    known = Labelled(np.ones((1, 2), np.int8), features=corners[:1])
    entries = np.full((len(x), 2), -1, np.int8)
    return Pool(entries, rng.random(len(x)), features=x, labelled=known)


def _typical(pool: Pool) -> list[int]:
    """Of each corner without a labelled image, the one of least mean distance to its neighbours."""
    assert pool.features is not None
    x = [row / math.sqrt(sum(row**2)) for row in pool.features]
    corner = [int(row.argmax()) for row in pool.features]

    def mean(i: int) -> float:
        other = [j for j in range(len(x)) if corner[j] == corner[i] and j != i]
        near = sorted(math.dist(x[i], x[j]) for j in other)[: min(20, (len(other) + 1) // 2)]
        return sum(near) / len(near)

    return [min((i for i in range(len(x)) if corner[i] == c), key=mean) for c in (1, 2, 3)]


# --- timing ---


Job = tuple[Rival, int]


def theirs(python: str, jobs: Sequence[Job], folder: Path) -> Iterator[dict[str, Any]]:
    """What peers_calls.py says of each strategy and number of images, in order; `late` where it
    was ended, after which another process takes up the rest."""
    done = 0
    while done < len(jobs):
        command = [python, str(CALLS), str(PICKS), str(LIMIT_S)]
        for rival, images in jobs[done:]:
            command += [rival.strategy, str(folder / str(images))]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            for line in process.stdout:
                done += 1
                yield json.loads(line)
            last = process.stderr.read().strip().splitlines()[-1:]
        if process.returncode == -signal.SIGALRM:
            done += 1
            yield {"late": True}
        elif process.returncode:
            done += 1
            yield {"fails": (last or [f"exit {process.returncode}"])[0]}


def ours(pool: Pool, rival: Rival) -> tuple[float, list[Any]]:
    """Our shortest time of a few, and our picks."""
    took, picked = [], []
    for _ in range(REPEATS):
        start = time.perf_counter()
        picked = choose(pool, rival.ours, rival.ask)
        took.append(time.perf_counter() - start)
    return min(took), picked


def save(pool: Pool, folder: Path, seed: int = 1) -> None:
    """Leave the pool's arrays in a folder; the truth is for those that train with it."""
    known = pool.labelled
    assert known is not None
    assert known.features is not None
    arrays = {
        "probabilities": pool.probabilities,
        "members": pool.members,
        "features": pool.features,
        "labelled": known.entries,
        "labelled_features": known.features,
        "started_features": known.features[:STARTED],
        "truth": _truth(np.random.default_rng(seed), len(pool)),
    }
    for name, array in arrays.items():
        assert array is not None
        np.save(folder / f"{name}.npy", array)


def rows(python: str, sizes: Sequence[int], said: set[str]) -> Iterator[list[str]]:
    """A row of the table for each strategy; what cannot be had, and versions, go into `said`."""
    with tempfile.TemporaryDirectory() as name:
        pools = {n: drawn_pool(n, MEMBERS if n <= 10_000 else 1) for n in sizes}
        for images, pool in pools.items():
            (Path(name) / str(images)).mkdir()
            save(pool, Path(name) / str(images))
        for _, rivals in groupby(RIVALS, key=lambda rival: rival.strategy.split("/")[0]):
            jobs = [(rival, n) for rival in rivals for n in sizes if n <= rival.largest]
            # All of theirs before the first of ours: neither runs beside the other.
            answers = list(theirs(python, jobs, Path(name)))
            for (rival, images), answer in zip(jobs, answers, strict=True):
                yield from row(rival, pools[images], answer, said)


def row(rival: Rival, pool: Pool, answer: dict[str, Any], said: set[str]) -> Iterator[list[str]]:
    """The cells of one strategy, or nothing where its library cannot be had."""
    images = len(pool)
    library, strategy = rival.strategy.split("/")
    library = library.removesuffix(f"-{strategy}")
    if "missing" in answer:
        said.add(f"{library} left out: {answer['missing']}")
        return
    if "version" in answer:
        said.add(f"{library} {answer['version']}")
    cold = rival.ours in ("typiclust", "probcover")
    took, mine = ours(started(pool) if cold else pool, rival)
    cells = [library, strategy, f"`{rival.ours}`", f"{images:,}".replace(",", " ")]
    if "seconds" in answer:
        cells += [
            f"{answer['seconds']:.3g}",
            f"{took:.3g}",
            _ratio(answer["seconds"] / took),
        ]
    elif "late" in answer:
        cells += [f"over {LIMIT_S}", f"{took:.3g}", f"over {LIMIT_S / took:.0f}"]
    else:
        cells += [f"fails: {answer['fails'][:100]}", f"{took:.3g}", ""]
    picked = answer.get("picked") if rival.same else None
    binary = resolve("entropy:form=binary")(pool)
    if picked is None:
        cells += ["", ""]
    else:
        cells.append(f"{len(set(picked) & set(mine))} of {PICKS}")
        cells.append(f"{binary[picked].mean() / binary.mean():.2f}")
    yield cells


def main(arguments: Sequence[str] | None = None) -> None:
    """Check, time, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True, help="the interpreter that has the libraries")
    parser.add_argument("--images", type=int, nargs="+", default=[2_000, 10_000])
    parser.add_argument("--out", type=Path, help="a file to write the table to as well")
    given = parser.parse_args(arguments)
    held = ", ".join(f"`{spec}`" for spec in check())
    said: set[str] = set()
    lines = [line(HEAD), line(["---"] * len(HEAD))]
    print("\n".join(lines), flush=True)
    for cells in rows(given.python, given.images, said):
        lines.append(line(cells))
        print(lines[-1], flush=True)
    notes = [
        f"On {os.cpu_count()} processors, Python {platform.python_version()}, NumPy "
        f"{np.__version__}; {'; '.join(sorted(said))}.",
        f"Picked as the formula says: {held}.",
    ]
    print("\n" + "\n".join(notes))
    if given.out:
        given.out.write_text("\n".join([*lines, "", *notes]) + "\n", encoding="utf-8")


def line(cells: Sequence[str]) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def _ratio(ratio: float) -> str:
    return f"{ratio:.2g}" if ratio < 10 else f"{ratio:.0f}"


def _truth(rng: np.random.Generator, images: int) -> np.ndarray:
    return (rng.random((images, LABELS), dtype=np.float32) < 0.03).astype(np.int8)


def _probabilities(rng: np.random.Generator, images: int) -> np.ndarray:
    return rng.random((images, LABELS), dtype=np.float32) ** 18


if __name__ == "__main__":
    main(sys.argv[1:])

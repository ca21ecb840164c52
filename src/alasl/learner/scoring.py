"""A large pool's best entries: by threads of this process, or by workers, some labels each."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from alasl.clusters import Workers, read_shared, shared
from alasl.learner.implied import Pairs, credited
from alasl.learner.labelwise import Labelwise
from alasl.learner.size import WHOLE
from alasl.query import Budget, Price
from alasl.ranking import row_blocks
from alasl.strategies import Strategy, resolve
from alasl.strategies.blocks import cut, in_blocks
from alasl.strategies.streamed import Find, Streamed
from alasl.threads import on_one_processor, on_one_thread

_log = logging.getLogger(__name__)

# Entries that a strategy scores at a time, at most 16 labels.
BLOCK, LABELS = 2**22, 16

Scores = NDArray[np.floating]
Labels = NDArray[np.intp]
# The scores (N, n) of some labels, one after the other; -inf for what cannot be asked.
Score = Callable[[slice], Scores]


@dataclass(frozen=True, eq=False)
class Rules:
    """Rules between labels; see `credited`. usual: (L,), how likely labels are, where no model
    says."""

    implies: Pairs
    excludes: Pairs
    usual: NDArray[np.float64]

    @cached_property
    def _tied(self) -> tuple[Labels, list[Labels]]:
        """The labels that no rule ties to others, and those that rules tie together, by group."""
        labels, pairs = len(self.usual), np.array([*self.implies, *self.excludes], np.intp)
        one, other = pairs.reshape(-1, 2).T
        ties = csr_matrix((np.ones(len(one)), (one, other)), (labels, labels))
        _, group = connected_components(ties, directed=False)
        many = np.bincount(group)[group]
        tied = [np.flatnonzero(group == number) for number in np.unique(group[many > 1])]
        return np.flatnonzero(many == 1), tied

    def groups(self, size: int) -> list[Labels]:
        """The labels in groups to be scored at a time: those that rules tie together; of all
        others, at most `size` that stand side by side."""
        alone, tied = self._tied
        side_by_side = np.split(alone, np.flatnonzero(np.diff(alone) > 1) + 1)
        return [run[part] for run in side_by_side for part in cut(len(run), size)] + tied

    def fit(self, images: int) -> bool:
        """Whether the labels that rules tie together fit into memory, all images of each."""
        return images * max(map(len, self._tied[1]), default=0) <= WHOLE // 2

    def scores(self, pool: Streamed, score: Score, labels: Labels) -> list[tuple[slice, Scores]]:
        """The scores of a group; of labels that rules tie together as `with_credit` gives them."""
        if not any(labels[0] in pair for pair in (*self.implies, *self.excludes)):
            part = slice(int(labels[0]), int(labels[-1]) + 1)
            return [(part, score(part))]
        place = {int(label): at for at, label in enumerate(labels)}
        implies, excludes = (
            [(place[one], place[other]) for one, other in pairs if one in place]
            for pairs in (self.implies, self.excludes)
        )
        each = [slice(label, label + 1) for label in labels.tolist()]
        scores = np.empty((pool.shape[0], len(each)))
        for at, label in enumerate(each):
            scores[:, at] = score(label)[:, 0]
        # Counted from the least of all, which is not below 0.
        for rows in row_blocks(scores.shape):
            likely = np.broadcast_to(self.usual[labels], scores[rows].shape)
            if pool.chances is not None:
                seen = pool.need("features")[rows]
                likely = np.column_stack([pool.chances(seen, label) for label in each])
            askable = scores[rows] > -np.inf
            worth, now = credited(scores[rows], askable, likely, implies, excludes)
            scores[rows] = np.where(now, worth, -np.inf)
        return [(label, scores[:, at : at + 1]) for at, label in enumerate(each)]


@dataclass(frozen=True, eq=False)
class Search:
    """What is to be chosen; see `Labelwise`."""

    budget: Budget
    prices: tuple[Price, Price]
    rules: Rules
    least: float | None = None

    def start(self, pool: Streamed) -> Labelwise:
        """With nothing taken yet."""
        return Labelwise(pool.shape, pool.ties, self.budget, self.prices, self.least)

    def groups(self, images: int) -> list[Labels]:
        """The labels in groups to be scored at a time."""
        return self.rules.groups(min(LABELS, max(1, BLOCK // images)))

    def finder(self, strategy: Strategy, pool: Streamed, chosen: Labelwise) -> Find | None:
        """What finds a strategy's candidates in less time than scoring all; see `among`."""
        tied = self.rules.implies or self.rules.excludes
        return None if tied else strategy.among(pool, chosen.most)


def scored(
    strategy: Strategy, pool: Streamed, search: Search, workers: Workers | None = None
) -> Labelwise:
    """What a strategy with a `ranker` wants most of a pool.

    Each of the workers scores some labels, and hands in the best candidates of these. Where the
    features of the first images alone are held, a strategy that cannot do without is shown these.
    """
    chosen, groups = search.start(pool), search.groups(pool.shape[0])
    find = search.finder(strategy, pool, chosen) if workers is None or pool.others else None
    if pool.others is not None and find is None:
        return scored(strategy, part_of(pool, strategy), search, workers)
    if workers is None:
        if find is not None:
            _take(chosen, find, groups)
            return chosen
        score, lock = strategy.by_label(pool), Lock()

        def add(one: slice) -> None:
            found = search.rules.scores(pool, score, groups[one.start])
            with lock:
                for labels, scores in found:
                    chosen.add(labels, scores)

        in_blocks(add, len(groups), 1)
        return chosen
    many = min(workers.count, len(groups))
    with shared((pool, search)) as content:
        jobs = [(content, strategy.spec, groups[first::many]) for first in range(many)]
        for candidates in workers.map(_share, jobs):
            chosen.merge(*candidates)
    return chosen


def part_of(pool: Streamed, strategy: Strategy) -> Streamed:
    """The images of a pool whose features are held, with a warning."""
    part = pool.first()
    _log.warning(
        "the features of %d images are too much for memory: %s is shown %d of them, drawn",
        *(pool.shape[0], strategy.spec, part.shape[0]),
    )
    return part


def _share(content: Path, spec: str, groups: list[Labels]) -> Any:
    """What a worker does: the candidates of some labels, of a pool that it maps into memory."""
    pool, search = read_shared(content)
    chosen, strategy = search.start(pool), resolve(spec)
    with on_one_thread(), on_one_processor():
        find = search.finder(strategy, pool, chosen)
        if find is not None:
            _take(chosen, find, groups)
            return chosen.candidates()
        score = strategy.by_label(pool)
        for group in groups:
            for labels, scores in search.rules.scores(pool, score, group):
                chosen.add(labels, scores)
    return chosen.candidates()


def _take(chosen: Labelwise, find: Find, groups: list[Labels]) -> None:
    """Take the best of some labels as they are found."""
    rows, cols, scores = find(np.concatenate(groups))
    chosen.merge(rows * chosen.labels + cols, scores)

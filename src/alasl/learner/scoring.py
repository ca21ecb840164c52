"""A large pool's labels scored, some at a time: by threads of this process, or by workers."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Any

from alasl.clusters import Workers, read_shared, shared
from alasl.learner.labelwise import Labelwise
from alasl.query import Budget, Price
from alasl.strategies import Strategy, resolve
from alasl.strategies.blocks import cut, in_blocks
from alasl.strategies.streamed import Streamed
from alasl.threads import on_one_thread

# Entries that a strategy scores at a time, at most 16 labels.
BLOCK, LABELS = 2**22, 16


def scored(
    strategy: Strategy,
    pool: Streamed,
    budget: Budget,
    prices: tuple[Price, Price],
    workers: Workers | None = None,
    least: float | None = None,
) -> Labelwise:
    """What a strategy with a `ranker` wants most of a pool; prices, least: see `Labelwise`.

    Each of the workers scores some labels, and hands in the best candidates of these.
    """
    images, labels = pool.shape
    chosen = Labelwise(pool.shape, pool.ties, budget, prices, least)
    size = min(LABELS, max(1, BLOCK // images))
    if workers is None:
        score, lock = strategy.by_label(pool), Lock()

        def add(some: slice) -> None:
            found = score(some)
            with lock:
                chosen.add(some, found)

        in_blocks(add, labels, size)
        return chosen
    blocks = cut(labels, size)
    many = min(workers.count, len(blocks))
    with shared((pool, budget, prices, least)) as content:
        jobs = [(content, strategy.spec, blocks[first::many]) for first in range(many)]
        for candidates in workers.map(_share, jobs):
            chosen.merge(*candidates)
    return chosen


def _share(content: Path, spec: str, blocks: list[slice]) -> Any:
    """What a worker does: the candidates of some labels, of a pool that it maps into memory."""
    pool, budget, prices, least = read_shared(content)
    chosen = Labelwise(pool.shape, pool.ties, budget, prices, least)
    with on_one_thread():
        score = resolve(spec).by_label(pool)
        for some in blocks:
            chosen.add(some, score(some))
    return chosen.candidates()

"""Work on a large pool block by block: in little memory, and on all processors."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from alasl.threads import on_one_thread, processors

# Rows handled at once: a block of float64 stays in the processor's cache, whatever the pool's size.
BLOCK = 2048


def cut(count: int, block: int = BLOCK) -> list[slice]:
    """The slices that cut 0..count into blocks, in order."""
    return [slice(start, min(start + block, count)) for start in range(0, count, block)]


def in_blocks(work: Callable[[slice], object], count: int, block: int = BLOCK) -> None:
    """Call `work` on each block of 0..count once, in threads.

    A block's work must touch no other block's results, so that the order decides nothing. NumPy
    lets go of the interpreter in long operations, which is what makes threads worth it. A matrix
    product in a block stays on its thread: threads of its own would wait for each other's.
    """
    blocks = cut(count, block)
    # Of one block nobody asks how many processors there are: that reads files, each time anew.
    if len(blocks) < 2:
        for one in blocks:
            work(one)
        return
    workers = min(len(blocks), processors())
    with on_one_thread(), ThreadPoolExecutor(workers) as pool:
        try:
            for done in [pool.submit(work, one) for one in blocks]:
                done.result()
        except BaseException:
            # An interruption, too, would else wait for all that is left.
            pool.shutdown(cancel_futures=True)
            raise

"""How the C library handles the memory of layers, and of tables as large."""

from __future__ import annotations

import ctypes
import sys

# <malloc.h>: blocks above M_MMAP_THRESHOLD are the kernel's, one by one; above M_TRIM_THRESHOLD
# bytes of free memory at its end, the heap shrinks.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT = 2**31 - 1


def keep_freed_memory() -> None:
    """Have the process keep up to 2 GB of freed memory for what it allocates next.

    By itself, glibc returns each layer's output of 32 MB or more to the kernel when it is freed,
    and the next layer gets it back page by page, each cleared: on some machines half the time of a
    forward pass, and as much of a training on features of one's own. Does nothing where the C
    library is another.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(M_MMAP_THRESHOLD, KEPT)
        mallopt(M_TRIM_THRESHOLD, KEPT)

"""How many processors there are to use, and matrix products of NumPy that keep to one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

LIMIT = "LOKY_MAX_CPU_COUNT"


def processors() -> int:
    """How many processors this process may use: in a container fewer than the machine's.

    `$LOKY_MAX_CPU_COUNT` sets a limit.
    """
    import joblib  # takes a while, and few ask

    return int(joblib.cpu_count())


@contextmanager
def on_one_thread() -> Iterator[None]:
    """Matrix products stay on their thread: small ones wait for others longer than they take."""
    with _blas().limit(limits=1, user_api="blas"):
        yield


@contextmanager
def on_one_processor() -> Iterator[None]:
    """`processors` says 1: for one of several processes that share them."""
    before = os.environ.get(LIMIT)
    os.environ[LIMIT] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[LIMIT]
        else:
            os.environ[LIMIT] = before


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()

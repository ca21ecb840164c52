"""How many processors there are to use, and matrix products of NumPy that keep to one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController


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


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()

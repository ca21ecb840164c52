"""Where work in many parts is done: local processes, a Ray cluster or a Dask cluster, by joblib."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import joblib

from alasl.errors import ResourceError, UsageError
from alasl.threads import processors

ENGINES = ("local", "ray", "dask")


@dataclass(frozen=True)
class Workers:
    """Whoever does the parts: how many at once, and map(f, arguments) -> outcomes, in any order."""

    count: int
    map: Callable[[Callable[..., Any], Sequence[tuple[Any, ...]]], Iterable[Any]]


@contextmanager
def workers(
    engine: str = "local", count: int | None = None, address: str | None = None
) -> Iterator[Workers]:
    """Workers that hand in outcomes as they come in.

    count: how many work at once, by default as many as there are `processors`. address: of a
    running cluster; without one, Ray or Dask is started on this machine.
    Raises `ResourceError` where the engine is not installed or its cluster does not answer.
    """
    if engine == "local":
        yield _local(count or processors())
    elif engine == "ray":
        with _ray(count, address) as found:
            yield found
    elif engine == "dask":
        with _dask(count, address) as found:
            yield found
    else:
        raise UsageError(f"there is no engine {engine!r}", do=f"there are: {', '.join(ENGINES)}")


def _local(count: int) -> Workers:
    def mapped(function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]]) -> Iterable[Any]:
        run = joblib.Parallel(
            n_jobs=min(count, max(1, len(jobs))),
            return_as="generator_unordered",
            pre_dispatch="n_jobs",
        )
        ours = joblib.delayed(_while_alive)
        yield from run(ours(os.getpid(), function, *job) for job in jobs)

    return Workers(count, mapped)


def _while_alive(parent: int, function: Callable[..., Any], *arguments: Any) -> Any:
    """function(*arguments) in a process that ends when its parent does, even by a kill -9.

    Otherwise it would finish its work for nobody, and then wait for more, its memory full.
    """
    if os.getpid() != parent:
        _watch(parent)
    return function(*arguments)


@cache
def _watch(parent: int) -> None:
    """Let a thread of this process look for its parent every second from now on."""

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()


@contextmanager
def _ray(count: int | None, address: str | None) -> Iterator[Workers]:
    try:
        import ray
        from ray.util.joblib import register_ray
    except ImportError as error:
        raise _missing("ray") from error
    try:
        ray.init(address=address, num_cpus=None if address else count, log_to_driver=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ResourceError(
            "the Ray cluster does not answer", where=address, seen=str(error)
        ) from error
    try:
        register_ray()
        count = count or int(ray.cluster_resources()["CPU"])
        with joblib.parallel_config("ray", n_jobs=count):
            yield Workers(count, _in_waves(count))
    finally:
        ray.shutdown()


@contextmanager
def _dask(count: int | None, address: str | None) -> Iterator[Workers]:
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise _missing("dask") from error
    try:
        cluster = None if address else LocalCluster(n_workers=count, threads_per_worker=1)
        client = Client(address or cluster)
    except (OSError, ValueError) as error:
        raise ResourceError(
            "the Dask cluster does not answer", where=address, seen=str(error)
        ) from error
    try:
        count = count or sum(client.nthreads().values())
        with joblib.parallel_config("dask", n_jobs=count):
            yield Workers(count, _in_waves(count))
    finally:
        client.close()
        if cluster is not None:
            cluster.close()


def _in_waves(size: int) -> Callable[[Callable[..., Any], Sequence[tuple[Any, ...]]], Any]:
    """As many jobs at a time as there are workers: what has come in outlasts a kill.

    joblib gives no outcome of Ray or Dask before all jobs of a call are done.
    """

    def mapped(function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        run = joblib.Parallel()
        for start in range(0, len(jobs), size):
            yield from run(joblib.delayed(function)(*job) for job in jobs[start : start + size])

    return mapped


def _missing(engine: str) -> ResourceError:
    return ResourceError(
        f"the engine {engine} is not installed", do=f"pip install 'alasl[{engine}]'"
    )

"""Where the units of a study run: local processes, a Ray cluster or a Dask cluster, by joblib."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import joblib

from alasl.errors import ResourceError, UsageError

Outcome = TypeVar("Outcome")
Map = Callable[[Callable[..., Outcome], Sequence[tuple[Any, ...]]], Iterable[Outcome]]

ENGINES = ("local", "ray", "dask")


@contextmanager
def workers(
    engine: str = "local", count: int | None = None, address: str | None = None
) -> Iterator[Map[Any]]:
    """A function map(f, arguments) that yields outcomes as they come in, in any order.

    count: how many work at once, by default as many as there are processors. address: of a running
    cluster; without one, Ray or Dask is started on this machine.
    Raises `ResourceError` where the engine is not installed or its cluster does not answer.
    """
    if engine == "local":
        with _local(count) as mapped:
            yield mapped
    elif engine == "ray":
        with _ray(count, address) as mapped:
            yield mapped
    elif engine == "dask":
        with _dask(count, address) as mapped:
            yield mapped
    else:
        raise UsageError(f"there is no engine {engine!r}", do=f"there are: {', '.join(ENGINES)}")


@contextmanager
def _local(count: int | None) -> Iterator[Map[Any]]:
    def mapped(function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]]) -> Iterable[Any]:
        run = joblib.Parallel(
            n_jobs=min(count or os.cpu_count() or 1, max(1, len(jobs))),
            return_as="generator_unordered",
            pre_dispatch="n_jobs",
        )
        yield from run(joblib.delayed(function)(*job) for job in jobs)

    yield mapped


@contextmanager
def _ray(count: int | None, address: str | None) -> Iterator[Map[Any]]:
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
        with joblib.parallel_config("ray", n_jobs=count or int(ray.cluster_resources()["CPU"])):
            yield _in_waves
    finally:
        ray.shutdown()


@contextmanager
def _dask(count: int | None, address: str | None) -> Iterator[Map[Any]]:
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
        slots = sum(client.nthreads().values())
        with joblib.parallel_config("dask", n_jobs=count or slots):
            yield _in_waves
    finally:
        client.close()
        if cluster is not None:
            cluster.close()


def _in_waves(function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
    """As many jobs at a time as there are workers: what has come in outlasts a kill.

    joblib gives no outcome of Ray or Dask before all jobs of a call are done.
    """
    run = joblib.Parallel()
    size = max(1, run._effective_n_jobs())
    for start in range(0, len(jobs), size):
        yield from run(joblib.delayed(function)(*job) for job in jobs[start : start + size])


def _missing(engine: str) -> ResourceError:
    return ResourceError(
        f"the engine {engine} is not installed", do=f"pip install 'alasl[{engine}]'"
    )

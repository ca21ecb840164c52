"""Where work in many parts is done: local processes, a Ray cluster or a Dask cluster, by joblib."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, chdir, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import joblib

from alasl.errors import ResourceError, UsageError
from alasl.files import cache_folder, resource_errors
from alasl.threads import processors

ENGINES = ("local", "ray", "dask")


@dataclass(frozen=True)
class Workers:
    """Whoever does the parts: how many at once, and map(f, arguments) -> outcomes, in any order.

    They work in the folder, and with the cache, of who began, which they must reach by the same
    paths.
    """

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
    opened = {"local": _local, "ray": _ray, "dask": _dask}.get(engine)
    if opened is None:
        raise UsageError(f"there is no engine {engine!r}", do=f"there are: {', '.join(ENGINES)}")
    download = os.environ.get("ALASL_DOWNLOAD", "")
    with opened(count, address) as found:

        def mapped(function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]]) -> Iterable[Any]:
            place = Path.cwd(), cache_folder().absolute(), download
            return found.map(_as_here, [(*place, function, *job) for job in jobs])

        yield replace(found, map=mapped)


def _as_here(
    here: Path, cache: Path, download: str, function: Callable[..., Any], *arguments: Any
) -> Any:
    """function(*arguments) as in the process that began: its folder, its cache, its downloads."""
    if cache_folder().absolute() != cache:
        os.environ["ALASL_CACHE"] = str(cache)
    if download:
        os.environ["ALASL_DOWNLOAD"] = download
    with chdir(here) if here.is_dir() else nullcontext():
        return function(*arguments)


@contextmanager
def shared(content: Any) -> Iterator[Path]:
    """A file in the cache's folder of what every worker needs, for a while; see `read_shared`."""
    cache = cache_folder().absolute()
    with ExitStack() as stack:
        with resource_errors(cache):
            cache.mkdir(parents=True, exist_ok=True)
            path = Path(stack.enter_context(TemporaryDirectory(dir=cache, prefix="shared-"))) / "it"
            joblib.dump(content, path)
        yield path


def read_shared(path: Path) -> Any:
    """What `shared` wrote; its arrays are mapped from the file, so that workers of a machine hold
    one copy."""
    return joblib.load(path, mmap_mode="r")


@contextmanager
def _local(count: int | None, _: str | None) -> Iterator[Workers]:
    count = count or processors()

    def mapped(function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]]) -> Iterable[Any]:
        run = joblib.Parallel(
            n_jobs=min(count, max(1, len(jobs))),
            return_as="generator_unordered",
            pre_dispatch="n_jobs",
        )
        ours = joblib.delayed(_while_alive)
        yield from run(ours(os.getpid(), function, *job) for job in jobs)

    yield Workers(count, mapped)


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
        # A worker that takes seconds to end is no news.
        quiet = {"n_workers": count, "threads_per_worker": 1, "silence_logs": logging.ERROR}
        cluster = None if address else LocalCluster(**quiet)
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

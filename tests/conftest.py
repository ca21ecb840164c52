"""Small data sets that tests share."""

from __future__ import annotations

import gc
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest

from alasl.data.dataset import Dataset
from alasl.labels import Labels
from warm import Python

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


# Their tests take up to a minute and more each: begun last, and two of a file stay together, one
# worker would end long after the other.
LONGEST = ("test_docs.py", "test_demo.py", "test_engine.py", "test_shipped.py", "test_export.py",
           "test_study_page.py", "test_notebooks.py", "test_week.py")  # fmt: skip

# How long an example takes on a busy machine says nothing.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    about = "of each test not marked slow or data, one case, or all if marked every; 90 seconds"
    parser.addoption("--quick", action="store_true", help=about)


@pytest.hookimpl(tryfirst=True)  # before -m looks for marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "shared_data" in getattr(item, "fixturenames", ()):
            item.add_marker("data")
        if sys.platform == "win32" and item.get_closest_marker("posix"):
            item.add_marker(pytest.mark.skip(reason="of what Windows has not, or has otherwise"))
    if config.getoption("quick"):
        first: dict[str, pytest.Item] = {}
        for item in items:
            marks = {mark.name for mark in item.iter_markers()}
            if not marks & {"slow", "data"}:
                which = item.nodeid if "every" in marks else item.nodeid.split("[")[0]
                first.setdefault(which, item)
        items[:] = first.values()
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


def pytest_collection_finish() -> None:
    """What is imported and found stays: each collection of garbage would look through it again."""
    gc.freeze()


def pytest_sessionfinish() -> None:
    """At the end all is taken apart, or extension modules complain of leaks."""
    gc.unfreeze()


@pytest.fixture(autouse=True)
def same_logging() -> None:
    """A command that a test or a wider fixture calls here sets where the warnings go."""
    log = logging.getLogger("alasl")
    log.handlers = []
    log.setLevel(logging.NOTSET)


@pytest.fixture(scope="session")
def python() -> Iterator[Python]:
    """Programs in processes of their own that need not import torch again: `warm.Python`."""
    python = Python()
    yield python
    python.close()


@pytest.fixture(scope="session")
def call(python: Python) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`alasl ARGUMENT...` in a process of its own; `cwd` and `env` can be given."""

    def call(*args: object, **given: Any) -> subprocess.CompletedProcess[str]:
        return python("-m", "alasl", *args, **given)

    return call


@pytest.fixture
def ray_cluster() -> Iterator[str]:
    """Two raylets on this machine, one CPU each."""
    pytest.importorskip("ray", reason="the extra ray is not installed")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    yield cluster.address
    cluster.shutdown()


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data sets; the test is skipped where it is not there."""
    if not DATA.is_dir():
        pytest.skip("the real data sets are not on this machine")
    return DATA


@pytest.fixture(scope="session")
def make_dataset() -> Callable[..., Dataset]:
    """A data set that brings features from which its labels can be learned."""

    def make(images: int = 200, labels: int = 6, seed: int = 0, dim: int = 16) -> Dataset:
        rng = np.random.default_rng(seed)
        features = rng.standard_normal((images, dim), dtype=np.float32)
        wanted = features @ rng.standard_normal((dim, labels)) + rng.standard_normal(labels)
        entries = (wanted + rng.standard_normal((images, labels)) > 2).astype(np.int8)
        entries[:labels] = np.eye(labels, dtype=np.int8)
        names = tuple(f"label{j}" for j in range(labels))
        ids = tuple(f"{i:04d}.jpg" for i in range(images))
        return Dataset(Labels(entries, names, ids), features=features, name="made")

    return make

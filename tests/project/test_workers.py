"""A queue made by several processes, here or on a cluster, is the one that one process makes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from alasl.cli import exit_code
from alasl.files import cache_folder
from alasl.learner import asking, scoring, size
from alasl.project.folder import Project

pytestmark = pytest.mark.slow
Queue = Callable[..., str]


@pytest.fixture
def queue(
    make_project: Callable[..., Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Queue:
    """The queue that `alasl suggest` makes of a project, trained, that counts as a large one.

    Two labels are scored at a time, so that workers have several to do.
    """
    monkeypatch.setenv("ALASL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(size, "LARGE", 0)
    monkeypatch.setattr(scoring, "LABELS", 2)

    def make(strategy: str, *engine: str, **settings: str) -> str:
        place = tmp_path / f"{strategy}-trained"
        if not place.exists():
            project = make_project(**{"strategy": strategy, "by": "label", **settings})
            assert exit_code(["train", str(project.folder), "--quiet"]) == 0
            project.store.close()
            project.folder.rename(place)
        mine = tmp_path / f"{strategy}-{'-'.join(engine[1::2])}"
        shutil.copytree(place, mine)
        words = ["suggest", str(mine), "--no-train", "--out", str(mine / "queue.csv")]
        assert exit_code([*words, *engine]) == 0
        assert not list(cache_folder().glob("shared-*"))
        return (mine / "queue.csv").read_text(encoding="utf-8")

    return make


@pytest.mark.parametrize("strategy", ["variance", "entry-entropy", "random-entry"])
def test_processes_make_the_same_queue(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    one = queue(strategy)
    assert len(one.splitlines()) > 30
    # With them this process scores nothing itself.
    monkeypatch.setattr(asking.Asking, "_pool", None)
    monkeypatch.setattr(scoring, "in_blocks", None)
    for many in ("1", "2", "3"):
        assert one == queue(strategy, "--workers", many)


def test_dask_makes_the_same_queue(queue: Queue) -> None:
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    assert queue("variance") == queue("variance", "--engine", "dask", "--workers", "2")


def test_two_ray_nodes_make_the_same_queue(queue: Queue, ray_cluster: str) -> None:
    engine = ["--engine", "ray", "--address", ray_cluster, "--workers", "2"]
    assert queue("variance") == queue("variance", *engine)


def test_what_cannot_be_divided_is_scored_here_and_said_so(
    queue: Queue, capsys: pytest.CaptureFixture[str]
) -> None:
    one = queue("entropy")
    assert "this process scores alone" not in capsys.readouterr().err
    assert one == queue("entropy", "--workers", "2")
    assert "this process scores alone" in capsys.readouterr().err

"""Predictions by several processes, here or on a cluster, are those of one, to the byte."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from filecmp import cmp
from pathlib import Path

import numpy as np
import pytest

from alasl.cli import exit_code

pytestmark = pytest.mark.slow
Run = Callable[..., subprocess.CompletedProcess[str]]

# More than one process takes at a time, and no whole number of blocks.
IMAGES = 2600
WAYS = {
    "wide.csv": ["--threshold"],
    "long.csv": ["--format", "csv-long", "--label", "label3", "--label", "label1"],
    "all.jsonl": [],
    "all.npz": ["--threshold"],
    "tasks.json": ["--prefix", "https://host/"],
}


@pytest.fixture
def place(own_features: tuple[Path, np.ndarray], tmp_path: Path) -> Path:
    """A folder of features, some of them too wide, and of the run whose model they are for."""
    run, features = own_features
    shutil.copytree(run, tmp_path / "run")
    drawn = np.random.default_rng(1).standard_normal((IMAGES, features.shape[1]), np.float32)
    np.save(tmp_path / "features.npy", drawn)
    np.save(tmp_path / "wide.npy", np.concatenate([drawn, drawn], axis=1))
    return tmp_path


@pytest.fixture
def predict(call: Run, place: Path) -> Callable[..., str]:
    """`alasl predict` of the run's model there: what it prints, or says of what goes wrong."""

    def predict(*arguments: str, code: int = 0) -> str:
        done = call("predict", "run", *arguments, "--quiet", cwd=place)
        assert done.returncode == code, done.stderr
        return done.stderr if code else done.stdout

    return predict


def test_two_processes_write_the_same(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    for name, options in WAYS.items():
        words = ["predict", "run", "features.npy", "--quiet", *options, "--out"]
        assert exit_code([*words, f"one-{name}"]) == 0
        assert exit_code([*words, f"two-{name}", "--workers", "2"]) == 0
        # Not by ==, whose report of a difference takes minutes.
        assert cmp(f"one-{name}", f"two-{name}", shallow=False), name


def check(predict: Callable[..., str], *engine: str) -> None:
    """A cluster writes what one process writes, and tells the same of what goes wrong there."""
    same = predict("features.npy") == predict("features.npy", *engine)
    assert same
    assert predict("wide.npy", code=3).strip() in predict("wide.npy", *engine, code=3)


def test_dask_writes_the_same(predict: Callable[..., str]) -> None:
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    check(predict, "--engine", "dask", "--workers", "2")


def test_two_ray_nodes_write_the_same(predict: Callable[..., str], ray_cluster: str) -> None:
    check(predict, "--engine", "ray", "--address", ray_cluster, "--workers", "2")


def test_images_that_one_of_many_cannot_read_are_left_out(
    trained: Callable[[str], tuple[Path, dict[str, np.ndarray]]],
    scenes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model, _ = trained("logistic")
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    files = sorted((scenes / "images").iterdir())
    for number in range(1100):
        (tmp_path / "photos" / f"{number:04}.jpg").hardlink_to(files[number % len(files)])
    bad = [f"photos/{number:04}.jpg" for number in (3, 600, 1099)]
    for name in bad:
        Path(name).unlink()
        Path(name).write_text("no image", encoding="utf-8")
    words = ["predict", str(model), "photos", "--quiet", "--json"]
    told = []
    for out, workers in (("one.csv", []), ("two.csv", ["--workers", "2"])):
        assert exit_code([*words, "--out", out, *workers]) == 3
        told.append(json.loads(capsys.readouterr().out) | {"out": ""})
    assert cmp("one.csv", "two.csv", shallow=False)
    assert told[0] == told[1]
    assert [each["image"] for each in told[1]["left_out"]] == bad
    shutil.rmtree("photos")
    Path("photos").mkdir()
    Path(bad[0]).write_text("no image", encoding="utf-8")
    Path("two.csv").write_text("what was there", encoding="utf-8")
    assert exit_code([*words, "--out", "two.csv", "--workers", "2"]) == 3
    assert "none of the images can be read" in capsys.readouterr().err
    assert Path("two.csv").read_text(encoding="utf-8") == "what was there"

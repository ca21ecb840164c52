"""`alasl features`: into the cache, by shares too, and to a file."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from alasl.cli import exit_code
from alasl.data.formats import read
from alasl.data.scenes import make_scenes
from alasl.models.features import features_of
from warm import Python

pytestmark = pytest.mark.slow
Features = Callable[..., tuple[int, dict[str, object], str]]

# The default, which looks at small squares here: a batch takes no second.
SMALL = "lite0@64"


@pytest.fixture
def features(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Features:
    """`alasl features ... --json` with a cache of its own: exit code, what it says, and stderr."""
    monkeypatch.setenv("ALASL_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)

    def call(*args: object) -> tuple[int, dict[str, object], str]:
        capsys.readouterr()
        words = ["features", "--backbone", SMALL, *map(str, args), "--json", "--quiet"]
        code = exit_code(words)
        out, err = capsys.readouterr()
        return code, json.loads(out or "{}"), err

    return call


def test_shares_together_do_all_and_are_done_once(tmp_path: Path, features: Features) -> None:
    make_scenes(tmp_path / "scenes", 9)
    told = [features("scenes", "--shard", f"{share}/2")[1] for share in (1, 2)]
    assert [each["extracted"] for each in told] == [5, 4]
    assert features("scenes", "--shard", "1/2")[1]["extracted"] == 0
    code, told_all, _ = features("scenes", "--out", "all.npy")
    assert (code, told_all["extracted"], told_all["images"]) == (0, 0, 9)
    np.testing.assert_array_equal(
        np.load(tmp_path / "all.npy"), features_of(read(tmp_path / "scenes"), SMALL)
    )


def test_shares_done_at_the_same_time_leave_a_whole_cache(
    tmp_path: Path, python: Python, features: Features
) -> None:
    make_scenes(tmp_path / "scenes", 70)
    words = ["-m", "alasl", "features", "scenes", "--backbone", SMALL, "--quiet", "--shard"]
    both = [python.start(*words, f"{n}/2") for n in (1, 2)]
    for process in both:
        process.communicate()
    assert [process.returncode for process in both] == [0, 0]
    assert features("scenes", "--out", "all.npy")[1]["extracted"] == 0
    together = np.load(tmp_path / "all.npy")
    os.environ["ALASL_CACHE"] = str(tmp_path / "other")
    np.testing.assert_array_equal(together, features_of(read(tmp_path / "scenes"), SMALL))


def test_workers_leave_the_cache_that_one_process_leaves(
    tmp_path: Path, features: Features, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_scenes(tmp_path / "scenes", 9)
    images = tmp_path / "scenes" / "images"
    shutil.copy(images / "00003.jpg", images / "00004.jpg")
    (images / "00001.jpg").write_text("no image")
    code, told, said = features("scenes/images", "--workers", 2)
    assert (code, told["extracted"], told["images"]) == (3, 7, 9)
    assert [Path(one["image"]).name for one in told["left_out"]] == ["00001.jpg"]  # type: ignore[attr-defined]
    assert "00001.jpg" in said
    (images / "00001.jpg").unlink()
    assert features("scenes/images", "--out", "by-two.npy")[1]["extracted"] == 0
    monkeypatch.setenv("ALASL_CACHE", str(tmp_path / "other"))
    assert features("scenes/images", "--out", "by-one.npy")[1]["extracted"] == 7
    by_two, by_one = (np.load(tmp_path / f"by-{name}.npy") for name in ("two", "one"))
    np.testing.assert_array_equal(by_two, by_one)


def test_rows_follow_the_table(tmp_path: Path, features: Features) -> None:
    make_scenes(tmp_path / "scenes", 4)
    table = tmp_path / "scenes" / "labels.csv"
    head, *rows = table.read_text().splitlines()
    table.write_text("\n".join([head, *rows[::-1], ""]))
    features("scenes", "--out", "a.npy")
    features("scenes/labels.csv", "--out", "b.npy")
    features("scenes/images", "--out", "c.npy")
    first, second, sorted_ = (np.load(tmp_path / f"{name}.npy") for name in "abc")
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first[::-1], sorted_)


def test_bad_images_are_named_and_the_others_kept(tmp_path: Path, features: Features) -> None:
    make_scenes(tmp_path / "scenes", 3)
    (tmp_path / "scenes" / "images" / "00001.jpg").write_text("no image")
    code, told, said = features("scenes/images", "--out", "all.npy")
    assert (code, told["extracted"], len(told["left_out"])) == (3, 2, 1)  # type: ignore[arg-type]
    assert "00001.jpg" in said
    assert "all.npy is not written" in said
    assert not (tmp_path / "all.npy").exists()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--shard", "0/2"], "no share such as"),
        (["--shard", "3/2"], "no share such as"),
        (["--shard", "half"], "no share such as"),
        (["--shard", "1/2", "--out", "x.npy"], "a share has no row for each image"),
        (["--out", "x.csv"], "must end in .npy"),
        (["--backbone", "no-such"], "no-such"),
    ],
)
def test_what_goes_not_is_refused(
    tmp_path: Path, features: Features, given: list[str], told: str
) -> None:
    make_scenes(tmp_path / "scenes", 2)
    code, _, said = features("scenes", *given)
    assert code == 2
    assert told in said
    assert "Traceback" not in said


def test_features_alone_are_refused(tmp_path: Path, features: Features) -> None:
    np.save(tmp_path / "own.npy", np.zeros((3, 4), np.float32))
    code, _, said = features("own.npy")
    assert code == 3
    assert "only features" in said

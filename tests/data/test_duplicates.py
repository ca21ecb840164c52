"""Images that are the same, by content and by features, against plain loops."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from alasl.data import duplicates
from alasl.data.dataset import Dataset
from alasl.data.duplicates import (
    digest,
    digests,
    groups_of,
    joined,
    near_pairs,
    same_content,
    same_rows,
)
from alasl.data.formats import read
from alasl.data.opening import make_split
from alasl.labels import Labels
from alasl.settings import RunSettings


def plain_pairs(features, within):
    units = [row / np.linalg.norm(row) if row.any() else row for row in features.astype(float)]
    return [
        [i, j]
        for i in range(len(units))
        for j in range(i + 1, len(units))
        if units[i].any() and units[j].any() and 1 - units[i] @ units[j] <= within
    ]


@pytest.mark.parametrize("dim", [2, 16, 64, 65, 200])
@pytest.mark.parametrize("within", [0.0001, 0.01, 0.1])
def test_near_pairs_are_those_of_plain_loops(dim, within):
    rng = np.random.default_rng(dim)
    base = np.abs(rng.standard_normal((90, dim))) ** 3
    near = base[rng.integers(0, 90, 60)] * rng.uniform(0.5, 2, (60, 1))
    near += (
        near.mean()
        * rng.choice([0, 0.003, 0.03, 0.3, 1], (60, 1))
        * rng.standard_normal(near.shape)
    )
    features = rng.permutation(np.concatenate([base, near, np.zeros((2, dim))])).astype(np.float32)
    expected = plain_pairs(features, within)
    assert near_pairs(features, within).tolist() == expected
    assert 0 < len(expected) < 150 * 149 / 2
    assert near_pairs(features.astype(np.float16), within).shape[1] == 2
    for since in (1, 20, len(features) - 1, len(features)):
        new = [pair for pair in expected if pair[1] >= since]
        assert near_pairs(features, within, since).tolist() == new


def test_near_pairs_over_more_images_than_are_compared_at_once():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((2500, 80)).astype(np.float32)
    twins = rng.permutation(2500)[:200].reshape(100, 2)
    features[twins[:, 1]] = features[twins[:, 0]] * 3
    expected = sorted(sorted(pair) for pair in twins.tolist())
    assert near_pairs(features, 0.001).tolist() == expected
    assert near_pairs(features[:1]).shape == (0, 2)
    assert near_pairs(features[:0]).shape == (0, 2)


@given(
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=12),
    st.lists(st.integers(0, 12), min_size=12, max_size=12),
)
def test_joined_is_what_repeated_renaming_gives(pairs, groups):
    name = [("group", group) for group in groups]
    for one, other in pairs:
        name = [name[other] if each == name[one] else each for each in name]
    first: dict[object, int] = {}
    expected = [first.setdefault(each, len(first)) for each in name]
    assert joined(12, np.array(groups), pairs=pairs).tolist() == expected


def test_equal_contents_are_one_group_and_what_cannot_be_read_is_like_no_other():
    assert same_content([b"a", b"b", b"", b"a", b""]).tolist() == [0, 1, 2, 0, 3]


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
@given(
    st.lists(
        st.lists(st.sampled_from([0.0, -0.0, 1.0, np.nan]), min_size=3, max_size=3), max_size=9
    )
)
def test_rows_are_the_same_where_all_their_bits_are(kind, rows):
    features = np.array(rows, kind).reshape(-1, 3)
    bits = [row.tobytes() for row in features]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(duplicates, "_WORDS", 6)
        groups = same_rows(features)
    assert groups.shape == (len(rows),)
    assert [[a == b for b in bits] for a in bits] == (groups[:, None] == groups).tolist()


@pytest.mark.posix
def test_a_digest_is_that_of_the_file_as_it_is_now(tmp_path: Path):
    path = tmp_path / "a"
    path.write_bytes(b"one")
    first = digest(path)
    os.utime(path, ns=(1, 1))
    assert digest(path) == first
    path.write_bytes(b"two")
    os.utime(path, ns=(2, 2))
    assert digest(path) != first
    os.mkfifo(tmp_path / "pipe")
    found, bad = digests([path, tmp_path / "none", tmp_path / "pipe", path])
    assert (found[0], found[1:3], found[3]) == (digest(path), [b"", b""], digest(path))
    assert sorted(bad) == [1, 2]
    assert "named pipe" in bad[2].what


def test_a_file_that_stands_as_it_was_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ALASL_CACHE", str(tmp_path / "cache"))
    read: list[Path] = []

    def counted(path: Path) -> bytes:
        read.append(path)
        return digest(path)

    monkeypatch.setattr("alasl.data.duplicates.digest", counted)
    one, two = tmp_path / "one", tmp_path / "two"
    for path in (one, two):
        path.write_bytes(path.name.encode())
    fresh = digests([one, two])
    assert digests([one, two]) == fresh
    assert len(read) == 4, "what changed just now may change again"
    for path in (one, two):
        os.utime(path, (1, 1))
    for _ in range(3):
        assert digests([one, two]) == fresh
    assert len(read) == 6, "once more, and then never"
    # Another file in its place, of the same size and time, is another inode.
    other = tmp_path / "other"
    other.write_bytes(b"six")
    os.utime(other, (1, 1))
    other.replace(two)
    found, _ = digests([one, two])
    assert found == [digest(one), digest(two)]
    assert found[1] != fresh[0][1]
    assert read[6:] == [two]
    two.write_bytes(b"longer")
    assert digests([two])[0] == [digest(two)]


@pytest.mark.parametrize("wrong", ["damaged", "a folder", "no folder"])
def test_without_what_was_read_before_files_are_read(
    wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    cache = tmp_path / "cache"
    monkeypatch.setenv("ALASL_CACHE", str(cache))
    if wrong == "no folder":
        cache.write_text("in the way")
    elif wrong == "a folder":
        (cache / "digests.sqlite").mkdir(parents=True)
    else:
        cache.mkdir()
        (cache / "digests.sqlite").write_bytes(b"no database at all" * 100)
    path = tmp_path / "one"
    path.write_bytes(b"one")
    os.utime(path, (1, 1))
    for _ in range(2):
        assert digests([path]) == ([digest(path)], {})


def test_no_content_is_on_both_sides_of_a_split(tmp_path: Path):
    """Every picture under three names, as a collection that was merged twice has them."""
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    rows = []
    for number in range(40):
        pixels = rng.integers(0, 256, (9, 9, 3), np.uint8)
        for copy in "abc":
            Image.fromarray(pixels).save(tmp_path / "images" / f"{copy}_{number}.png")
            rows.append(f"{copy}_{number}.png,{number % 2},{number % 3 // 2}")
    (tmp_path / "labels.csv").write_text("image,dog,cat\n" + "\n".join(rows) + "\n")
    dataset = read(tmp_path)
    split = make_split(dataset, RunSettings(data=str(tmp_path)))
    assert split.groups is not None
    content = [path.read_bytes() for path in dataset.paths or ()]
    sides = [{content[row] for row in part} for part in (split.clean, split.pool, split.test)]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 40
    assert (len(split.clean), len(split.test)) == (12, 24)


def test_features_group_as_content_does(make_dataset):
    plain = make_dataset(images=30)
    assert groups_of(plain) is None
    features = np.array(plain.features)
    features[7] = features[3]
    twice = Dataset(plain.labels, features=features)
    groups = groups_of(twice)
    assert groups is not None
    assert [row for row in range(30) if groups[row] == groups[3]] == [3, 7]
    # A backbone's features also join what is nearly the same, along chains.
    seen = np.eye(30, 5000, dtype=np.float32)
    seen[10] = seen[9] + 0.1 * seen[10]
    seen[11] = seen[10] + 0.1 * seen[11]
    groups = groups_of(twice, seen)
    assert groups is not None
    assert [row for row in range(30) if groups[row] == groups[9]] == [9, 10, 11]
    assert [row for row in range(30) if groups[row] == groups[3]] == [3, 7]


def test_images_without_files_or_features_are_not_grouped():
    labels = Labels(np.ones((2, 1)), ("dog",), ("a", "b"))
    assert groups_of(Dataset(labels)) is None

"""Stratified splits against their definition and the PyPI package, and split files."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from iterstrat.ml_stratifiers import MultilabelStratifiedShuffleSplit

from alasl.data.split import (
    MOST_AUDITED,
    Split,
    audited_split,
    read_split,
    stratified_split,
    stratify,
)
from alasl.errors import DataError, UsageError
from alasl.labels import Labels


def table(entries) -> Labels:
    entries = np.asarray(entries, np.int8)
    images = tuple(f"{i}.jpg" for i in range(entries.shape[0]))
    return Labels(entries, tuple(f"label {j}" for j in range(entries.shape[1])), images)


def imbalanced(seed, images=400, labels=20):
    rng = np.random.default_rng(seed)
    return (rng.random((images, labels)) < 0.5 * rng.random(labels) ** 3).astype(np.int8)


def deviation(entries, parts, shares):
    """Mean over labels and parts of how far a part's share of positives lies from its own."""
    total = entries.sum(axis=0)
    seen = total > 0
    return np.mean(
        [
            np.abs(entries[rows].sum(axis=0)[seen] / total[seen] - share)
            for rows, share in zip(parts, shares, strict=True)
        ]
    )


def parts_of(split):
    return split.clean, split.test, split.pool


@pytest.mark.parametrize(("clean", "test"), [(0.1, 0.2), (0.013, 0.5), (0.25, 0.333)])
@pytest.mark.parametrize("images", [40, 333, 1000])
def test_sizes_are_exact_and_every_image_is_somewhere(images, clean, test):
    labels = table(imbalanced(0, images))
    split = stratified_split(labels, 0, clean, test)
    assert len(split.clean) == round(clean * images)
    assert len(split.test) == round(test * images)
    assert sorted(np.concatenate(parts_of(split)).tolist()) == list(range(images))
    for part in parts_of(split):
        assert (np.diff(part) > 0).all()


def test_the_seed_decides():
    labels = table(imbalanced(0))
    first, again, other = (stratified_split(labels, seed) for seed in (0, 0, 1))
    assert all((a == b).all() for a, b in zip(parts_of(first), parts_of(again), strict=True))
    assert (first.test != other.test).any()


def test_one_label_is_shared_out_to_the_image():
    """With a single label each part gets its share of positives, to the nearest image."""
    for positives in (3, 10, 57, 100):
        present = np.arange(100)[:, None] < positives
        part = stratify(present, (10, 20, 70), np.random.default_rng(positives))
        got = np.bincount(part[:positives], minlength=3)
        assert (np.abs(got - positives * np.array([0.1, 0.2, 0.7])) <= 1).all()
        assert np.bincount(part).tolist() == [10, 20, 70]


def test_between_equals_room_decides_then_chance():
    """Two positives of four images: the part of three takes both, though both want the second."""
    for seed in range(20):
        present = np.array([[True], [True], [False], [False]])
        assert (stratify(present, (1, 3), np.random.default_rng(seed))[:2] == 1).all()
    first = [stratify(present[1:3], (1, 1), np.random.default_rng(seed))[0] for seed in range(400)]
    assert abs(np.mean(first) - 0.5) < 4 * (0.25 / 400) ** 0.5


def test_rare_labels_reach_the_test_set():
    """Of 5 images of a rare label one is tested and none is crowded out by common labels."""
    entries = (np.random.default_rng(0).random((1000, 30)) < 0.2).astype(np.int8)
    entries[:, 20:] = 0
    for label in range(20, 30):
        entries[(label - 20) * 5 : (label - 19) * 5, label] = 1
    for seed in range(5):
        split = stratified_split(table(entries), seed)
        assert (entries[split.test][:, 20:].sum(axis=0) == 1).all()


@pytest.mark.slow
def test_no_worse_than_the_pypi_package():
    shares = (0.1, 0.2, 0.7)
    ours, theirs, blind = [], [], []
    for seed in range(8):
        entries = imbalanced(seed, 800, 60)
        rows = np.arange(len(entries))
        ours.append(deviation(entries, parts_of(stratified_split(table(entries), seed)), shares))
        draw = MultilabelStratifiedShuffleSplit(1, test_size=0.2, random_state=seed)
        rest, test = next(draw.split(rows, entries))
        draw = MultilabelStratifiedShuffleSplit(1, test_size=0.1 / 0.8, random_state=seed)
        pool, clean = next(draw.split(rest, entries[rest]))
        theirs.append(deviation(entries, (rest[clean], test, rest[pool]), shares))
        shuffled = np.random.default_rng(seed).permutation(rows)
        blind.append(deviation(entries, np.split(shuffled, (80, 240)), shares))
    assert np.mean(ours) <= np.mean(theirs)
    assert np.mean(ours) < np.mean(blind) / 2


def test_fully_known_images_go_to_clean_and_test():
    entries = imbalanced(0)
    entries[::2, 3] = -1
    split = stratified_split(table(entries), 0)
    for part in (split.clean, split.test):
        assert (entries[part] >= 0).all()
    assert len(split.clean) == 40
    assert len(split.test) == 80
    full = entries[1::2]
    assert deviation(full, [split.test // 2], [0.4]) < 0.1


def test_where_too_few_are_fully_known_the_best_known_go():
    entries = imbalanced(0)
    entries[10:, 0] = -1
    entries[200:, 1:4] = -1
    split = stratified_split(table(entries), 0)
    chosen = np.concatenate([split.clean, split.test])
    assert chosen.max() < 200
    blank = table(np.full((50, 4), -1))
    assert len(stratified_split(blank, 0).test) == 10


def test_unknown_entries_count_for_no_label():
    """A label known in 40 images is shared out by these, whatever the others may hold."""
    entries = np.zeros((400, 2), np.int8)
    entries[:, 1] = -1
    entries[:40, 1] = 1
    part = stratify(entries == 1, (40, 80, 280), np.random.default_rng(0))
    assert np.bincount(part[:40]).tolist() == [4, 8, 28]


@pytest.mark.parametrize(("clean", "test"), [(0, 0.2), (0.1, 0), (0.5, 0.5), (-0.1, 0.2)])
def test_shares_that_leave_nothing_are_refused(clean, test):
    with pytest.raises(UsageError, match="leave a pool"):
        stratified_split(table(imbalanced(0)), 0, clean, test)


def test_an_empty_part_is_refused():
    with pytest.raises(DataError, match="clean set of the split is empty"):
        stratified_split(table(np.ones((4, 2))), 0)
    with pytest.raises(DataError, match="pool set of the split is empty"):
        Split(np.array([0]), np.array([], int), np.array([1]))


def grouped(seed, images=400, largest=5):
    """Groups by chance: most of one image, some of up to `largest`."""
    rng = np.random.default_rng(seed)
    sizes = rng.choice([1, 1, 1, 2, 3, largest], images)
    return rng.permutation(np.repeat(np.arange(images), sizes)[:images])


@pytest.mark.parametrize("seed", range(6))
def test_a_group_falls_into_one_part_and_shares_stay_as_near_as_can_be(seed):
    entries, groups = imbalanced(seed), grouped(seed)
    split = stratified_split(table(entries), seed, groups=groups)
    parts = parts_of(split)
    assert sorted(np.concatenate(parts).tolist()) == list(range(400))
    for group in np.unique(groups):
        assert sum(group in groups[part] for part in parts) == 1
    assert [abs(len(p) - size) <= 4 for p, size in zip(parts, (40, 80, 280), strict=True)]
    assert deviation(entries, parts, (0.1, 0.2, 0.7)) < 0.1
    assert split.shared() == 0
    # By chance, groups would be torn apart, and what is tested would have been trained on.
    blind = stratified_split(table(entries), seed)
    torn = Split(blind.clean, blind.pool, blind.test, groups)
    seen = set(groups[torn.seen].tolist())
    assert torn.shared() == sum(int(groups[row]) in seen for row in torn.test.tolist()) > 0


def test_groups_of_one_image_change_nothing():
    labels = table(imbalanced(3))
    alone = stratified_split(labels, 3, groups=np.arange(400))
    for ours, theirs in zip(parts_of(alone), parts_of(stratified_split(labels, 3)), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_group_is_known_as_well_as_its_worst_known_image():
    entries = imbalanced(0)
    groups = np.repeat(np.arange(200), 2)
    entries[::4, 3] = -1  # one of two images in every second group
    split = stratified_split(table(entries), 0, groups=groups)
    for part in (split.clean, split.test):
        assert (entries[part] >= 0).all()
        assert (np.bincount(groups[part])[np.unique(groups[part])] == 2).all()


def test_a_group_larger_than_any_part_goes_where_most_room_is():
    groups = np.where(np.arange(100) < 75, 0, np.arange(100))
    split = stratified_split(table(np.zeros((100, 1))), 0, groups=groups)
    assert (groups[split.pool] == 0).sum() == 75
    assert (len(split.clean), len(split.test)) == (10, 15)


def written(folder, lines, header="image,split"):
    path = folder / "split.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def test_clean_pool_and_test_are_taken_as_they_stand(tmp_path):
    words = ["pool", "test", "clean", "pool", "test"]
    path = written(tmp_path, [f"{i}.jpg,{words[i]}" for i in (3, 1, 4, 0, 2)])
    split = read_split(path, table(np.ones((5, 2))), 0)
    assert split.clean.tolist() == [2]
    assert split.pool.tolist() == [0, 3]
    assert split.test.tolist() == [1, 4]


@pytest.mark.parametrize(
    ("train", "val", "test"), [("train", "val", "test"), ("train2017", "val2017", "validation")]
)
def test_train_is_divided_and_val_is_test(tmp_path, train, val, test):
    entries = imbalanced(0)
    words = [train] * 300 + [val] * 60 + [test] * 40
    path = written(tmp_path, [f"{i}.jpg,{word}" for i, word in enumerate(words)])
    split = read_split(path, table(entries), 0)
    assert split.test.tolist() == list(range(300, 400))
    assert len(split.clean) == 40
    assert len(split.pool) == 260
    assert max(split.clean.max(), split.pool.max()) < 300
    shares = (40 / 300, 260 / 300)
    assert deviation(entries[:300], (split.clean, split.pool), shares) < 0.05
    assert (read_split(path, table(entries), 0).clean == split.clean).all()
    assert (read_split(path, table(entries), 1).clean != split.clean).any()
    for clean in (0, 0.75, 0.9):
        with pytest.raises(UsageError, match="leave a pool"):
            read_split(path, table(entries), 0, clean)


@pytest.mark.parametrize("word", ["train", "pool"])
def test_with_an_audit_no_image_that_is_partly_unknown_becomes_clean(tmp_path, word):
    entries = np.where(np.random.default_rng(0).random((40, 3)) < 0.9, -1, 1)
    lines = [f"{n}.jpg,{'test' if n % 4 == 0 else word}" for n in range(40)]
    labels = Labels(entries, ("a", "b", "c"), tuple(f"{n}.jpg" for n in range(40)))
    path = written(tmp_path, lines)
    split = read_split(path, labels, 0, audited=True)
    assert [len(split.clean), len(split.pool), len(split.test)] == [0, 30, 10]
    full = Labels(abs(entries), labels.names, labels.images)
    assert len(read_split(path, full, 0, audited=True).clean) == (4 if word == "train" else 0)
    if word == "pool":
        with pytest.raises(DataError, match="the clean set of the split is empty"):
            read_split(path, labels, 0)


def test_a_split_file_that_tears_groups_apart_is_warned_of(tmp_path, caplog):
    words = ["train"] * 7 + ["val"] * 3
    path = written(tmp_path, [f"{i}.jpg,{word}" for i, word in enumerate(words)])
    groups = np.array([0, 1, 1, 1, 2, 3, 4, 0, 5, 6])
    split = read_split(path, table(np.ones((10, 2))), 0, 0.2, groups)
    assert "1 of 3 test images are the same as, or nearly, images of the other parts" in caplog.text
    assert len({row in split.clean for row in (1, 2, 3)}) == 1


def test_split_files_of_spreadsheets_name_images_as_well_as_they_can(tmp_path):
    lines = "Image;Split\r\nimages\\0.JPG;clean\r\n;\r\n 1.jpg;pool\r\n2.jpg ; test\r\n"
    (tmp_path / "split.csv").write_bytes(lines.encode("utf-16"))
    split = read_split(tmp_path / "split.csv", table(np.ones((3, 2))), 0)
    assert [part.tolist() for part in (split.clean, split.pool, split.test)] == [[0], [1], [2]]


GOOD = ["0.jpg,clean", "1.jpg,pool", "2.jpg,test"]


@pytest.mark.parametrize(
    ("lines", "header", "message"),
    [
        (GOOD, "file,part", r"split.csv:1: .*image,split.*file,part"),
        ([], "", r"split.csv:1"),
        ([*GOOD[:2], "2.jpg,tset"], "image,split", r"split.csv:4: split 'tset'"),
        ([*GOOD[:2], "2.jpg,pools"], "image,split", r"split.csv:4: split 'pools'"),
        ([*GOOD, "3.jpg,test"], "image,split", r"split.csv:5: image '3.jpg' is not in the table"),
        ([*GOOD, "1.jpg,pool"], "image,split", r"split.csv:5: image '1.jpg' stood in line 3"),
        (GOOD[:2], "image,split", r"image '2.jpg' is missing"),
        ([*GOOD[:2], "2.jpg"], "image,split", r"split.csv:4: 1 cells, expected 2"),
        ([*GOOD[:2], '"2.jpg,test'], "image,split", "not valid CSV"),
        (["0.jpg,train", *GOOD[1:]], "image,split", "either train, or clean and pool"),
        (["0.jpg,pool", *GOOD[1:]], "image,split", r"split.csv: the clean set .* is empty"),
        (["0.jpg,train", "1.jpg,train", "2.jpg,train"], "image,split", "the test set .* is empty"),
    ],
)
def test_bad_split_files_name_the_line(tmp_path, lines, header, message):
    with pytest.raises(DataError, match=message):
        read_split(written(tmp_path, lines, header), table(np.ones((3, 2))), 0, 0.34)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    labels = table(np.ones((3, 2)))
    with pytest.raises(DataError, match="cannot be read"):
        read_split(tmp_path / "none.csv", labels, 0)
    (tmp_path / "bytes.csv").write_bytes(b"image,split\n\xff\xfe,test\n")
    with pytest.raises(DataError, match=r"bytes.csv:2: the file is not UTF-8"):
        read_split(tmp_path / "bytes.csv", labels, 0)


@pytest.mark.parametrize(
    ("name", "file", "sizes"),
    [
        ("corel5k", "labels_top80.csv", (500, 499, 4000)),
        ("coco256", "labels.csv", (26, 128, 102)),
    ],
)
def test_real_split_files(shared_data, name, file, sizes):
    with (shared_data / name / file).open(newline="") as lines:
        rows = list(csv.reader(lines))
    entries = np.array([row[1:] for row in rows[1:]], np.int8)
    labels = Labels(entries, tuple(rows[0][1:]), tuple(row[0] for row in rows[1:]))
    split = read_split(shared_data / name / "split.csv", labels, 0)
    assert tuple(len(part) for part in parts_of(split)) == sizes
    train = np.concatenate([split.clean, split.pool])
    share = len(split.clean) / len(train)
    total = entries[train].sum(axis=0)
    common = total >= 20
    got = entries[split.clean].sum(axis=0)[common] / total[common]
    assert np.abs(got - share).mean() < 0.02


@pytest.mark.parametrize("seed", range(5))
def test_an_audited_test_set_is_drawn_whatever_is_known(seed):
    rng = np.random.default_rng(seed)
    entries = np.where(rng.random((400, 3)) < np.linspace(0, 1, 400)[:, None], 0, -1)
    labels = table(entries)
    split = audited_split(labels, seed, 0.25)
    assert len(split.clean) == 0
    assert len(split.test) == 100
    assert sorted(np.concatenate(parts_of(split)).tolist()) == list(range(400))
    assert abs((entries[split.test] >= 0).mean() - 0.5) < 0.12
    blank = audited_split(table(np.full((400, 3), -1)), seed, 0.25)
    np.testing.assert_array_equal(blank.test, split.test)
    assert not np.array_equal(audited_split(labels, seed + 1, 0.25).test, split.test)


def test_an_audited_test_set_keeps_groups_whole_and_is_no_larger_than_it_helps():
    labels = table(np.full((90, 2), -1))
    groups = np.arange(90) // 3
    split = audited_split(labels, 0, 0.2, groups)
    assert split.shared() == 0
    assert 16 <= len(split.test) <= 18
    many = table(np.full((30_000, 1), -1))
    assert len(audited_split(many, 0, 0.2).test) == MOST_AUDITED


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_an_audited_test_set_leaves_a_pool(share):
    with pytest.raises(UsageError, match="leave a pool"):
        audited_split(table(np.full((10, 1), -1)), 0, share)
    with pytest.raises(DataError, match="test set of the split is empty"):
        audited_split(table(np.full((10, 1), -1)), 0, 0.01)

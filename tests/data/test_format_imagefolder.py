"""Hugging Face metadata.jsonl: present and absent lists, null, and what one list alone means."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from alasl.data.formats import read_table, write
from alasl.errors import DataError, UsageError
from alasl.labels import Labels
from alasl.project import exchange


def read(tmp_path: Path, *records, **options):
    path = tmp_path / "metadata.jsonl"
    lines = (r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) for r in records)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_table(path, **options)[0].labels


def test_what_is_in_neither_list_is_unknown(tmp_path: Path) -> None:
    labels = read(
        tmp_path,
        {"file_name": "a.jpg", "labels": ["dog"], "absent": ["cat"], "width": 5},
        {"file_name": "b/b.jpg", "labels": None, "absent": ["dog"]},
        "",
        {"file_name": "c.jpg", "labels": None},
        {"file_name": "d\u2028.jpg", "labels": ["boat\u2028"], "absent": []},
    )
    assert labels.images == ("a.jpg", "b/b.jpg", "c.jpg", "d\u2028.jpg")
    assert labels.names == ("dog", "cat", "boat\u2028")
    assert labels.entries.tolist() == [[1, 0, -1], [0, -1, -1], [-1, -1, -1], [-1, -1, 1]]


def test_one_list_alone_needs_a_word_on_the_rest(tmp_path: Path) -> None:
    records = (
        {"file_name": "a.jpg", "labels": ["dog"]},
        {"file_name": "b.jpg", "labels": ["cat"], "absent": None},
        {"file_name": "c.jpg", "labels": [], "absent": []},
    )
    with pytest.raises(UsageError, match="2 images have 'labels' without 'absent'") as error:
        read(tmp_path, *records)
    assert error.value.where == f"{tmp_path / 'metadata.jsonl'}:1"
    unknown = read(tmp_path, *records, empty="unknown").entries.tolist()
    assert unknown == [[1, -1], [-1, 1], [-1, -1]]
    absent = read(tmp_path, *records, empty="absent").entries.tolist()
    assert absent == [[1, 0], [0, 1], [-1, -1]]


def test_lines_with_other_keys_are_refused_one_by_one(tmp_path: Path) -> None:
    records = (
        {"file_name": "a.jpg", "labels": ["dog"], "absent": ["cat"]},
        {"file_name": "b.jpg", "label": "dog"},
        {"file_name": "c.jpg", "Labels": ["cat"], "absent": None},
        {"file_name": "d.jpg", "tags": ["dog"], "Labels": []},
        {"file_name": "e.jpg", "labels": None},
    )
    with pytest.raises(DataError, match="3 lines have neither 'labels' nor 'absent'") as error:
        read(tmp_path, *records)
    assert error.value.more == (
        "line 2 has 'file_name', 'label'",
        "line 3 has 'file_name', 'Labels', 'absent'",
        "line 4 has 'file_name', 'tags', 'Labels'",
    )
    assert "--format imagefolder:labels=KEY" in (error.value.do or "")


def test_the_key_of_the_labels_can_be_named(tmp_path: Path) -> None:
    records = ({"file_name": "a.jpg", "tags": ["dog", "cat"]}, {"file_name": "b.jpg", "tags": []})
    format = "imagefolder:labels=tags"
    labels = read(tmp_path, *records, format=format, empty="absent")
    assert (labels.names, labels.entries.tolist()) == (("dog", "cat"), [[1, 1], [0, 0]])
    path = tmp_path / "metadata.jsonl"
    told = exchange.read(path, format, labels.images, labels.names, empty="unknown")
    assert [(one.image, one.label, one.value) for one in told] == [(0, 0, 1), (0, 1, 1)]
    for wrong, says in (
        ("imagefolder:tags", "no such parameter"),
        ("imagefolder:labels=", "labels must be"),
        ("coco:labels=tags", "no such parameter"),
        ("image:labels=tags", "there is no format 'image'"),
    ):
        with pytest.raises(UsageError, match=says):
            read(tmp_path, *records, format=wrong)
    with pytest.raises(UsageError, match="cannot write the format"):
        write(labels, path, format)
    with pytest.raises(UsageError, match="cannot write answers"):
        exchange.write(path, format, labels.images, labels.names, told)
    with pytest.raises(UsageError, match="no such parameter; seen: labels=x"):
        exchange.write(path, "csv-long:labels=x", labels.images, labels.names, told)


def test_a_text_is_one_label(tmp_path: Path) -> None:
    records = ({"file_name": "a.jpg", "label": "dog"}, {"file_name": "b.jpg", "label": "cat"})
    labels = read(tmp_path, *records, format="imagefolder:labels=label", empty="absent")
    assert (labels.names, labels.entries.tolist()) == (("dog", "cat"), [[1, 0], [0, 1]])
    assert read(tmp_path, {"file_name": "a", "labels": "dog", "absent": "cat"}).names == (
        "dog",
        "cat",
    )


def test_the_table_may_lie_with_the_images_of_a_split(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    read(tmp_path / "train", {"file_name": "a.jpg", "labels": ["dog"], "absent": []})
    assert read_table(tmp_path)[1] == tmp_path / "train" / "metadata.jsonl"
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "test").mkdir()
    read(tmp_path / "test", {"file_name": "b.jpg", "labels": ["dog"], "absent": []})
    with pytest.raises(UsageError, match="several files may be the table") as error:
        read_table(tmp_path)
    assert {Path(name).parent.name for name in error.value.more} == {"train", "test"}


def test_lines_are_as_other_tools_read_them(tmp_path: Path) -> None:
    labels = Labels(np.array([[-1, 1, 0], [-1, -1, -1]]), ("z", "y", "x"), ("a.jpg", "b.jpg"))
    write(labels, tmp_path / "metadata.jsonl", "imagefolder")
    lines = (tmp_path / "metadata.jsonl").read_text().split("\n")[:-1]
    assert [json.loads(line) for line in lines] == [
        {"file_name": "a.jpg", "labels": ["y"], "absent": ["x"], "names": ["z", "y", "x"]},
        {"file_name": "b.jpg", "labels": None, "absent": None},
    ]


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ([1], "expected an object with 'file_name'"),
        ({"labels": ["dog"]}, "expected an object with 'file_name'"),
        ({"file_name": 5}, "expected an object with 'file_name'"),
        ({"file_name": "b", "labels": 1}, "'labels' must be null, a text or a list of texts"),
        ({"file_name": "b", "labels": [3]}, "'labels' must be null, a text or a list of texts"),
        ({"file_name": "b", "absent": {}}, "'absent' must be null, a text or a list of texts"),
        ({"file_name": "b", "labels": ["x"], "absent": ["x"]}, "both present and absent"),
        ('{"file_name": "b"', "not valid JSON"),
        ('{"file_name": "b"} x', "not valid JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("9" * 5000, "cannot be read"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, record, says) -> None:
    good = {"file_name": "a", "labels": ["x"], "absent": []}
    with pytest.raises(DataError, match=says) as error:
        read(tmp_path, good, record)
    assert error.value.where == f"{tmp_path / 'metadata.jsonl'}:2"

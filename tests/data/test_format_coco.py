"""COCO: ids with gaps, images without annotation, and LVIS's lists of what was checked."""

from __future__ import annotations

import copy
import json
import logging
from pathlib import Path

import pytest

from alasl.data.formats import read_table
from alasl.errors import DataError

PLAIN = {
    "images": [
        {"id": 7, "file_name": "b.jpg"},
        {"id": 3, "file_name": "a.jpg"},
        {"id": 9, "file_name": "c.jpg"},
    ],
    "categories": [{"id": 90, "name": "toothbrush"}, {"id": 1, "name": "person"}],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 1, "bbox": [0, 0, 1, 1]},
        {"id": 2, "image_id": 7, "category_id": 1, "iscrowd": 1},
        {"id": 3, "image_id": 3, "category_id": 90},
    ],
}


def read(tmp_path: Path, content, **options):
    path = tmp_path / "instances.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_table(path, **options)[0].labels


def test_any_annotation_is_present_and_the_rest_absent(tmp_path: Path, caplog):
    with caplog.at_level(logging.WARNING, "alasl"):
        labels = read(tmp_path, PLAIN)
    assert labels.images == ("b.jpg", "a.jpg", "c.jpg")
    assert labels.names == ("toothbrush", "person")
    assert labels.entries.tolist() == [[0, 1], [1, 0], [0, 0]]
    assert "1 of 3 images have no annotation: kept" in caplog.text


def test_images_without_annotation_can_be_dropped(tmp_path: Path, caplog):
    with caplog.at_level(logging.WARNING, "alasl"):
        labels = read(tmp_path, PLAIN, keep_unannotated=False)
    assert labels.images == ("b.jpg", "a.jpg")
    assert "1 of 3 images have no annotation: left out" in caplog.text


def test_a_list_of_negatives_makes_the_rest_unknown(tmp_path: Path):
    content = copy.deepcopy(PLAIN)
    content["categories"].append({"id": 5, "name": "dog"})
    content["images"][0]["neg_category_ids"] = [90]
    content["images"][1]["not_exhaustive_category_ids"] = [90]
    content["images"][2]["neg_category_ids"] = []
    labels = read(tmp_path, content, keep_unannotated=False)
    assert labels.entries.tolist() == [[0, 1, -1], [1, -1, -1], [-1, -1, -1]]


def test_images_with_and_without_the_list_may_be_mixed(tmp_path: Path):
    content = copy.deepcopy(PLAIN)
    content["images"][0]["neg_category_ids"] = []
    assert read(tmp_path, content).entries.tolist() == [[-1, 1], [1, 0], [0, 0]]


def test_an_lvis_image_is_named_by_its_address(tmp_path: Path):
    content = copy.deepcopy(PLAIN)
    del content["images"][0]["file_name"]
    content["images"][0]["coco_url"] = "http://images.cocodataset.org/val2017/000000397133.jpg"
    assert read(tmp_path, content).images[0] == "000000397133.jpg"


@pytest.mark.parametrize("write", [str, float, lambda i: f"{i}.0", lambda i: f"{i:06}"])
@pytest.mark.parametrize("where", ["images", "annotations", "both"])
def test_ids_may_be_texts_or_floats(tmp_path: Path, write, where):
    content = copy.deepcopy(PLAIN)
    content["images"][2]["neg_category_ids"] = [90]
    if where != "annotations":
        for record in [*content["images"], *content["categories"]]:
            record["id"] = write(record["id"])
    if where != "images":
        for record in content["annotations"]:
            record |= {key: write(record[key]) for key in ("image_id", "category_id")}
        content["images"][2]["neg_category_ids"] = [write(90)]
    labels = read(tmp_path, content)
    assert labels.entries.tolist() == [[0, 1], [1, 0], [0, -1]]


def test_other_texts_are_ids_too(tmp_path: Path):
    content = copy.deepcopy(PLAIN)
    for record in content["images"]:
        record["id"] = f"photo {record['id']}"
    for record in content["annotations"]:
        record["image_id"] = f"photo {record['image_id']}"
    assert read(tmp_path, content).entries.tolist() == [[0, 1], [1, 0], [0, 0]]


def test_a_list_that_pandas_had_not_is_an_empty_one(tmp_path: Path):
    content = copy.deepcopy(PLAIN)
    content["images"][0]["neg_category_ids"] = [90]
    content["images"][1]["neg_category_ids"] = float("nan")
    content["images"][2]["neg_category_ids"] = None
    assert read(tmp_path, content).entries.tolist() == [[0, 1], [1, -1], [-1, -1]]


def changed(path: str, value):
    content = copy.deepcopy(PLAIN)
    *way, last = path.split(".")
    at = content
    for step in way:
        at = at[int(step)] if step.isdigit() else at[step]
    if value is None:
        del at[last]
    else:
        at[int(last) if last.isdigit() else last] = value
    return content


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[1]", "JSON object"),
        ('{"images":\n[}', "json:2: this is not valid JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"images": []}', "'categories' must be a list"),
        (changed("images", {"a": 1}), "'images' must be a list"),
        (changed("annotations.0", 5), "'annotations' must be a list of objects"),
        (changed("annotations.0.image_id", 99), "1 references"),
        (changed("annotations.0.category_id", [1]), "1 references"),
        (changed("annotations.0.category_id", None), "1 references"),
        (changed("images.0.neg_category_ids", [2]), r"images\[0\].neg_category_ids: no category 2"),
        (changed("images.0.neg_category_ids", 5), "must be a list"),
        (changed("images.0.neg_category_ids", [1]), "annotated and listed as absent"),
        (changed("images.0.file_name", 5), "'file_name' must be a text"),
        (changed("images.0.file_name", "a.jpg"), "1 image name is there more than once"),
        (changed("images.0.id", 3), r"images\[1\]: its id stands twice"),
        (changed("images.0.id", None), "its id is missing"),
        (changed("images.0.id", True), "its id is missing or no number; seen: True"),
        (changed("images.0.id", 0.5), "its id is missing or no number; seen: 0.5"),
        (changed("images.0.id", "3.0"), r"images\[1\]: its id stands twice"),
        (changed("annotations.0.image_id", float("nan")), "1 references"),
        (changed("categories.0.name", "person"), "1 label name is there more than once"),
        ('{"images": [], "annotations": [], "categories": []}', "no images or no labels"),
    ],
)
def test_a_malformed_file_is_named_by_place(tmp_path: Path, content, says):
    with pytest.raises(DataError, match=says) as error:
        read(tmp_path, content, format="coco")
    assert "instances.json" in str(error.value)

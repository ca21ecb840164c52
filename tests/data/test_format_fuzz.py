"""Files of nonsense: every reader says what is wrong, and none of them fails in another way.

What is written here is not a damaged file of ours (test_format_all.py) but JSON and CSV that is
well formed and means nothing, right names with wrong kinds of values, and the encodings that other
programs use.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alasl.data.formats import FORMATS, read_table
from alasl.errors import AlaslError
from alasl.labels import Labels
from alasl.project import exchange

# The keys and values that readers look for, so that nonsense gets past the first check.
KEYS = [
    *["images", "annotations", "categories", "id", "file_name", "image_id", "category_id", "name"],
    *["neg_category_ids", "not_exhaustive_category_ids", "coco_url", "labels", "absent", "names"],
    *["data", "asked", "uid", "value", "result", "from_name", "choices", "completed_by", "email"],
    *["was_cancelled", "lead_time", "updated_at", "created_at", "meta", "predictions", "image"],
]
VALUES = ["dog", "present", "unsure", "a.jpg", "../a", "", "\0", "\ud800", "2026-03-02T09:30:00Z"]
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-1, 3)
    | st.sampled_from([10**400, -(10**30), 1e308, float("inf"), float("nan"), 0.5])
    | st.sampled_from(VALUES)
)
nonsense = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=25,
)
HEADERS = [
    "image,label,value,annotator,time,seconds",
    "image,dog,cat",
    "image,label,probability,priority,answer",
    "ImageID,Source,LabelName,Confidence",
    "image;label;answer",
]
CELLS = ["", "a.jpg", "dog", "1", "0", "?", "-1", "1e400", "nan", "9" * 5000, '"', "\0", "=1", "ä"]
cells = st.sampled_from([*CELLS, "verification"])


def never_a_bug(content: bytes, suffix: str, formats: list[str | None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"table{suffix}"
        path.write_bytes(content)
        for format in formats:
            if format is None or format in FORMATS:
                with contextlib.suppress(AlaslError):
                    read_table(path, format=format, empty="unknown")
            with contextlib.suppress(AlaslError):
                exchange.read(path, format, ("a.jpg",), ("dog",), empty="absent")


TASK = {
    "data": {"image": "x", "uid": "a.jpg", "asked": [{"value": "dog"}, {"value": "cat"}]},
    "annotations": [
        {
            "id": 1,
            "completed_by": {"id": 1, "email": "a@x"},
            "result": [{"type": "choices", "from_name": "present", "value": {"choices": ["dog"]}}],
            "was_cancelled": False,
            "lead_time": 2.0,
            "created_at": "2026-03-02T09:30:00Z",
            "updated_at": "2026-03-02T09:30:00Z",
        }
    ],
    "meta": {"labels": ["dog", "cat"]},
}
INSTANCES = {
    "images": [{"id": 1, "file_name": "a.jpg", "neg_category_ids": [2]}],
    "categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1}],
}
LINE = {"file_name": "a.jpg", "labels": ["dog"], "absent": ["cat"], "names": ["dog", "cat"]}


def places(content, at=()):
    """The way to every value inside `content`."""
    yield at
    if isinstance(content, dict | list):
        for key, inner in content.items() if isinstance(content, dict) else enumerate(content):
            yield from places(inner, (*at, key))


def put(content, at, value):
    """A copy of `content` with another value at one place."""
    if not at:
        return value
    copy = content.copy()
    copy[at[0]] = put(content[at[0]], at[1:], value)
    return copy


@pytest.mark.parametrize(
    ("format", "suffix", "content"),
    [
        ("label-studio", ".json", [TASK, TASK]),
        ("coco", ".json", INSTANCES),
        ("imagefolder", ".jsonl", LINE),
    ],
)
@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), nonsense)
def test_json_with_nonsense_at_any_place(format, suffix, content, data, value) -> None:
    changed = put(content, data.draw(st.sampled_from(list(places(content)))), value)
    never_a_bug(json.dumps(changed).encode(), suffix, [format])


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(nonsense)
def test_json_that_means_nothing(content) -> None:
    never_a_bug(json.dumps(content).encode(), ".json", ["coco", "label-studio", None])
    never_a_bug(json.dumps(content).encode(), ".jsonl", ["imagefolder", None])


@pytest.mark.slow
@settings(max_examples=80)
@given(st.sampled_from(HEADERS), st.lists(st.lists(cells, max_size=7), max_size=4))
def test_csv_that_means_nothing(header: str, rows: list[list[str]]) -> None:
    text = "\n".join([header, *(",".join(row) for row in rows)])
    formats = ["csv-wide", "csv-long", "openimages", "queue", None]
    never_a_bug(text.encode(), ".csv", formats)


GOOD = {
    "csv-wide": (".csv", "image,dög\na.jpg,1\n"),
    "csv-long": (".csv", "image,label,value\na.jpg,dög,1\n"),
    "openimages": (".csv", "ImageID,Source,LabelName,Confidence\na,verification,dög,1\n"),
    "queue": (".csv", "image,label,answer\na.jpg,dög,1\n"),
    "coco": (".json", '{"images": [], "categories": [{"id": 1, "name": "dög"}]}'),
    "label-studio": (".json", '[{"data": {"uid": "dög", "asked": []}}]'),
    "imagefolder": (".jsonl", '{"file_name": "dög", "labels": [], "absent": []}\n'),
}


@pytest.mark.parametrize("format", GOOD)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "cp1252", "utf-8"])
@pytest.mark.parametrize("end", [None, 1, 7, -2])
def test_encodings_of_other_programs_and_files_cut_short(format, encoding, end) -> None:
    suffix, text = GOOD[format]
    never_a_bug(text.encode(encoding)[:end], suffix, [format, None])


@pytest.mark.parametrize("format", [name for name in GOOD if name != "queue"])
@pytest.mark.parametrize("text", ["9" * 10_000, "[" * 50_000, '{"a":' * 50_000, "NaN", '"\\ud800"'])
def test_numbers_and_nesting_without_end(format, text) -> None:
    for start in ("", "[", '{"images": ', "image,dog\na.jpg,"):
        never_a_bug((start + text).encode(), GOOD[format][0], [format, None])


@pytest.mark.parametrize("format", [None, *exchange.formats()])
def test_what_is_no_file(tmp_path: Path, format) -> None:
    for path in (tmp_path, tmp_path / "none", tmp_path / "a\0b"):
        with pytest.raises(AlaslError):
            exchange.read(path, format, ("a.jpg",), ("dog",))


def test_a_table_with_pickles_is_never_loaded(tmp_path: Path) -> None:
    labels = Labels(np.array([[1]]), ("dog",), ("a.jpg",))
    evil = np.array([object()], object)
    np.savez(tmp_path / "t.npz", labels=labels.entries, names=evil, images=evil)
    with pytest.raises(AlaslError, match="not a plain npz"):
        exchange.read(tmp_path / "t.npz", "npz", labels.images, labels.names)

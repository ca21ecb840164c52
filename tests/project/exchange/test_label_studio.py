"""Label Studio: an export as its documentation has it, what is absent, unsure and not asked."""

from __future__ import annotations

import copy
import json
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from alasl.data.formats import read_table, write
from alasl.errors import DataError, UsageError
from alasl.labels import Labels
from alasl.project import exchange
from alasl.project.exchange import Asked
from alasl.project.exchange.label_studio import CONFIG
from alasl.project.records import Answer


def said(image, label, value, person, seconds=None, at=None, **more) -> Answer:
    """An answer as a file has it."""
    return Answer(image, label, value, seconds, person=person, at=at, **more)


EXPORT = Path(__file__).with_name("label_studio_export.json")
# Exported by Label Studio 1.23.2, as it is.
WRITTEN = Path(__file__).with_name("label_studio_1.23.json")
IMAGES, NAMES = ("a.jpg", "b.jpg", "s/c.jpg"), ("dog", "cat", "boat", "car")


def at(*moment: int) -> float:
    return datetime(2026, 3, 2, *moment, tzinfo=UTC).timestamp()


def read(path: Path) -> list[Answer]:
    return exchange.read(path, "label-studio", IMAGES, NAMES)


def test_a_full_export_is_read_as_people_meant_it() -> None:
    first, second, third = at(9, 15, 21, 100_000), at(9, 30), at(10)
    assert read(EXPORT) == [
        # absent = asked - present - unsure; the time of a task is shared by its answers
        said(0, 0, 1, "user 7", 2.0, first),
        said(0, 1, 0, "user 7", 2.0, first),
        said(0, 2, -1, "user 7", 2.0, first),
        # the last annotation that was not cancelled, however the file orders them
        said(1, 1, 1, "user 7", 2.0, second),
        said(1, 0, 0, "user 7", 2.0, second),
        # no choice at all: everything asked is absent; a skipped task says nothing
        said(0, 0, 0, "ben@example.org", None, third),
        said(0, 1, 0, "ben@example.org", None, third),
        said(0, 2, 0, "ben@example.org", None, third),
    ]


def test_what_label_studio_itself_wrote_is_read() -> None:
    """Five tasks of ours, four of them answered there: bird, nothing, cannot tell, skipped."""
    names = ("bird", "house", "person", "table", "bicycle", "boat", "cup")
    images = ("00040.jpg", "00477.jpg", "00425.jpg", "00462.jpg", "00345.jpg")
    told = exchange.read(WRITTEN, "label-studio", images, names)
    assert {(images[t.image], names[t.label]): t.value for t in told} == {
        ("00040.jpg", "bird"): 1,
        ("00040.jpg", "house"): 0,
        ("00477.jpg", "person"): 0,
        ("00477.jpg", "table"): 0,
        ("00425.jpg", "bicycle"): -1,
    }
    assert {t.person for t in told} == {"user 1"}
    assert sum(t.seconds or 0 for t in told) == pytest.approx(7.547 + 3.261 + 3.824)


def changed(way: str, value: object) -> list:
    """The export with one place changed, or removed where the value is `...`."""
    content = json.loads(EXPORT.read_text())
    *steps, last = (int(step) if step.isdigit() else step for step in way.split("."))
    place = content
    for step in steps:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return content


def written(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "export.json"
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("way", "value", "says"),
    [
        ("0.data", ..., "task 1: 'data' is missing.*as JSON, not as JSON-MIN"),
        ("1.data.uid", ..., "task 2: 'uid' is missing"),
        ("0.data.uid", "", "'uid' is missing or not a text"),
        ("0.data.asked", ..., "'asked' is missing"),
        ("0.data.asked", ["dog"], "data.asked: 'value' is missing"),
        ("0.data.asked.1", {"value": "dog"}, "asked twice"),
        ("0.annotations", {}, "'annotations' is missing or not a list"),
        ("0.completions", [], "before 1.0"),
        ("0.annotations.0", 5, r"annotation \?: 'result' is missing"),
        ("0.annotations.0.result", ..., "annotation 9001: 'result' is missing"),
        ("0.annotations.0.result.0.value", {"text": "x"}, "present: 'choices' is missing"),
        ("0.annotations.0.result.0.value.choices", [1], "choices must be texts"),
        ("0.annotations.0.result.0.value.choices", ["car"], "annotation 9001: 'car' was not asked"),
        ("0.annotations.0.result.1.value.choices", ["dog"], "'dog' is both present and unsure"),
        ("0.annotations.0.lead_time", "6", "'lead_time' must be seconds"),
        ("0.annotations.0.lead_time", -1, "'lead_time' must be seconds"),
        ("0.annotations.0.lead_time", 10**400, "'lead_time' must be seconds"),
        ("0.annotations.0.lead_time", float("nan"), "'lead_time' must be seconds"),
        ("0.annotations.0.lead_time", True, "'lead_time' must be seconds"),
        ("0.annotations.0.completed_by", [7], "names nobody"),
        ("0.annotations.0.completed_by", True, "names nobody"),
        ("0.annotations.0.updated_at", "yesterday", "must be in ISO 8601"),
        ("0.annotations.0.updated_at", 5, "must be in ISO 8601"),
        ("0.meta", {"labels": "dog"}, "'meta.labels' must be a list"),
    ],
)
def test_what_cannot_be_understood_is_named_by_task(tmp_path: Path, way, value, says) -> None:
    path = written(tmp_path, changed(way, value))
    with pytest.raises(DataError, match=f"(?s){says}") as error:
        read(path)
    assert str(path) in str(error.value)


def test_faults_of_people_are_counted_and_all_listed(tmp_path: Path) -> None:
    content = changed("0.annotations.0.result.0.value.choices", ["car", "boat"])
    with pytest.raises(DataError, match="2 choices cannot be understood") as error:
        read(written(tmp_path, content))
    assert len(error.value.more) == 2


def test_who_is_not_known_is_who_imports_and_undated_comes_first(tmp_path: Path) -> None:
    content = changed("0.annotations.1.completed_by", None)
    content[0]["annotations"][1]["updated_at"] = None
    del content[0]["annotations"][1]["created_at"]
    told = exchange.read(written(tmp_path, content), "label-studio", IMAGES, NAMES, person="me")
    assert [(t.person, t.at) for t in told[:3]] == [("me", None)] * 3


def test_without_times_the_later_in_the_file_is_the_last(tmp_path: Path) -> None:
    content = json.loads(EXPORT.read_text())
    for annotation in content[1]["annotations"]:
        annotation["updated_at"] = annotation["created_at"] = None
    told = read(written(tmp_path, content))
    assert [(t.image, t.label, t.value) for t in told[:2]] == [(1, 1, 0), (1, 0, 0)]


def test_results_of_other_controls_and_tasks_nobody_opened_are_passed_over(tmp_path: Path) -> None:
    content = json.loads(EXPORT.read_text())
    content[0]["annotations"][0]["result"] += [
        {"from_name": "note", "type": "textarea", "value": {"text": ["blurred"]}},
        "strange",
    ]
    content.append({"data": {"image": "x", "uid": "b.jpg", "asked": [{"value": "car"}]}})
    assert read(written(tmp_path, content)) == read(EXPORT)


@pytest.mark.parametrize("content", [{"a": 1}, 5, "x", None])
def test_another_kind_of_json_is_no_export(tmp_path: Path, content) -> None:
    with pytest.raises(DataError, match="expected a list of tasks"):
        read(written(tmp_path, content))


def test_a_query_is_tasks_with_predictions(tmp_path: Path) -> None:
    path = tmp_path / "tasks.json"
    asked = [Asked(1, 0, 0.9, 1.0), Asked(0, 1, 0.2, 0.75), Asked(1, 2, None, 0.5)]
    exchange.write_query(
        path, "label-studio", ("a.jpg", "s/b 1.jpg"), NAMES, asked,
        model="round 3", prefix="/data/local-files/?d=photos/",
    )  # fmt: skip
    first, second = json.loads(path.read_text())
    # Label Studio shows the lowest score first.
    assert [task["predictions"][0]["score"] for task in (first, second)] == [0.0, 0.25]
    (result,) = first["predictions"][0].pop("result")
    assert first == {
        "data": {
            "image": "/data/local-files/?d=photos/s/b%201.jpg",
            "asked": [{"value": "dog"}, {"value": "boat"}],
            "uid": "s/b 1.jpg",
        },
        "predictions": [{"model_version": "round 3", "score": 0.0}],
    }
    assert len(result.pop("id")) == 10
    assert result == {
        "type": "choices",
        "from_name": "present",
        "to_name": "image",
        "value": {"choices": ["dog"]},
    }
    assert second["predictions"][0]["result"][0]["value"] == {"choices": []}


def test_the_interface_has_the_two_groups_that_tasks_and_answers_name() -> None:
    root = ElementTree.fromstring(CONFIG)
    (image,) = root.iter("Image")
    assert image.attrib["value"] == "$image"
    groups = [dict(group.attrib) for group in root.iter("Choices")]
    assert groups == [
        {"name": name, "toName": image.attrib["name"], "choice": "multiple", "value": "$asked"}
        for name in ("present", "unsure")
    ]


def test_answers_to_different_labels_are_different_tasks(tmp_path: Path) -> None:
    # In one task, who answered fewer labels would have called the rest absent.
    told = [
        said(0, 0, 1, "a@x"),
        said(0, 0, 0, "b@x"),
        said(0, 1, -1, "b@x"),
        said(0, 0, 0, "c@x"),
    ]
    path = tmp_path / "tasks.json"
    exchange.write(path, "label-studio", IMAGES, NAMES, told)
    tasks = json.loads(path.read_text())
    assert [[one["value"] for one in task["data"]["asked"]] for task in tasks] == [
        ["dog"],
        ["cat", "dog"],
    ]
    people = [[a["completed_by"]["email"] for a in task["annotations"]] for task in tasks]
    assert people == [["a@x", "c@x"], ["b@x"]]


def foreign(*tasks: tuple[dict, list[dict]]) -> list[dict]:
    """Tasks as a project has them that ALASL did not make; annotations of person 1, 2, ..."""
    return [
        {
            "data": data,
            "annotations": [
                {"id": n, "completed_by": n, "was_cancelled": False, "lead_time": 6.0, "result": r}
                for n, r in enumerate(results, 1)
            ],
        }
        for data, results in tasks
    ]


def ticked(*names: str, kind: str = "choices") -> dict:
    return {"from_name": "any", "to_name": "img", "type": kind, "value": {kind: list(names)}}


FOREIGN = foreign(
    ({"image": "/data/upload/4/0f3a9c2e-a.jpg"}, [[ticked("dog"), ticked("car")]]),
    ({"photo": "/data/local-files/?d=pics/b%20c.jpg", "note": "x"}, [[], [ticked("cat")]]),
    (
        {"url": "https://example.org/s/c.jpg?w=3"},
        [
            [
                ticked("dog", kind="rectanglelabels"),
                ticked("dog", kind="polygonlabels"),
                {"from_name": "note", "type": "textarea", "value": {"text": ["blurred"]}},
                {"type": "relation", "from_id": "a", "to_id": "b"},
            ]
        ],
    ),
    ({"image": "d.jpg"}, []),
)


def test_a_project_that_we_did_not_make_needs_a_word_on_the_rest(tmp_path: Path) -> None:
    path = written(tmp_path, FOREIGN)
    with pytest.raises(UsageError, match="4 annotations do not say which labels were asked"):
        read_table(path)
    labels = read_table(path, empty="unknown")[0].labels
    assert labels.images == (
        "0f3a9c2e-a.jpg",
        "pics/b c.jpg",
        "https://example.org/s/c.jpg?w=3",
        "d.jpg",
    )
    assert labels.names == ("car", "dog", "cat")
    none = [-1, -1, -1]
    assert labels.entries.tolist() == [[1, 1, -1], [-1, -1, 1], [-1, 1, -1], none]
    agreed = copy.deepcopy(FOREIGN)
    del agreed[1]["annotations"][0]
    labels = read_table(written(tmp_path, agreed), empty="absent")[0].labels
    assert labels.entries.tolist() == [[1, 1, 0], [0, 0, 1], [0, 1, 0], none]


def test_answers_of_such_a_project_find_their_images(tmp_path: Path) -> None:
    path = written(tmp_path, FOREIGN[:1] + FOREIGN[2:])
    assert exchange.read(path, None, IMAGES, NAMES, empty="unknown") == [
        said(0, 3, 1, "user 1", 3.0),
        said(0, 0, 1, "user 1", 3.0),
        said(2, 0, 1, "user 1", 6.0),
    ]
    told = exchange.read(path, None, IMAGES, NAMES, empty="absent")
    assert [(t.image, t.label, t.value, t.seconds) for t in told] == [
        *[(0, 3, 1, 3.0), (0, 0, 1, 3.0)],
        *[(2, 3, 0, 3.0), (2, 0, 1, 3.0)],
    ]


@pytest.mark.parametrize(
    ("data", "result", "says"),
    [
        ({"a": "x", "b": "y"}, [], "not clear which field of 'data' is the image; seen: 'a', 'b'"),
        ({"a": 5}, [], "not clear which field"),
        ({}, [], "not clear which field of 'data' is the image; seen: nothing"),
        ({"a": "x"}, [{"type": "choices", "value": {"choices": [1]}}], "'choices' must be a list"),
        ({"a": "x"}, [{"type": "brushlabels", "value": 3}], "'brushlabels' must be a list"),
    ],
)
def test_what_such_a_project_lacks_is_named_by_task(tmp_path: Path, data, result, says) -> None:
    path = written(tmp_path, foreign((data, [result])))
    with pytest.raises(DataError, match=says) as error:
        read_table(path, empty="unknown")
    assert "task 1" in str(error.value)


def test_as_a_table_people_must_not_contradict_each_other(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="1 answers contradict another person's") as error:
        read_table(EXPORT)
    assert "image 'a.jpg', label 'dog'" in error.value.more[0]
    content = json.loads(EXPORT.read_text())
    del content[0]["annotations"][1]
    labels = read_table(written(tmp_path, content))[0].labels
    assert labels.images == IMAGES
    assert labels.names == ("dog", "cat", "boat")
    assert labels.entries.tolist() == [[1, 0, -1], [0, 1, -1], [-1, -1, -1]]
    assert labels.sources[labels.source[0, 0]] == "user 7"


def test_a_persons_later_answer_corrects_the_earlier_in_a_table(tmp_path: Path) -> None:
    content = json.loads(EXPORT.read_text())[:1]
    del content[0]["annotations"][1]
    again = copy.deepcopy(content[0])
    again["data"]["asked"] = [{"value": "dog"}]
    again["annotations"][0] |= {"result": [], "updated_at": "2026-03-03T00:00:00Z"}
    labels = read_table(written(tmp_path, [again, *content]))[0].labels
    assert labels.entries.tolist() == [[0, 0, -1]]


def test_labels_keep_their_order_and_bare_ones_their_place(tmp_path: Path) -> None:
    labels = Labels(np.array([[-1, -1, -1], [-1, 1, 0]]), ("z", "y", "x"), ("b", "a"))
    write(labels, tmp_path / "t.json", "label-studio")
    assert json.loads((tmp_path / "t.json").read_text())[0]["meta"] == {"labels": ["z", "y", "x"]}
    back = read_table(tmp_path / "t.json")[0].labels
    assert (back.names, back.images) == (labels.names, labels.images)


def test_the_interface_stands_in_the_docs() -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "formats.md"
    assert f"```xml\n{CONFIG}```" in page.read_text(encoding="utf-8")


def timed(path: Path, *times: object) -> list[float | None]:
    """The times of one answer each of an image a person, as they are taken."""
    tasks = [
        {
            "data": {"uid": "a.jpg", "asked": [{"value": "dog"}]},
            "annotations": [{"id": n, "completed_by": n, "result": [], "lead_time": time}],
        }
        for n, time in enumerate(times)
    ]
    path.write_text(json.dumps(tasks), encoding="utf-8")
    return [one.seconds for one in read(path)]


@pytest.mark.parametrize(
    "times",
    [[4200, 2100.0, 900, None, 1200, *range(500, 3500, 500), 9000], [900, 4200, 1400], [150] * 10],
)
def test_times_in_milliseconds_are_not_taken_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, times: list[float | None]
) -> None:
    assert timed(tmp_path / "a.json", *times) == [None] * len(times)
    told = [one for one in times if one is not None]
    assert f"the times of {len(told)} of {len(told)} annotations are not taken" in caplog.text
    assert f"the longest {max(told):g}" in caplog.text
    assert "a.json" in caplog.text


def test_a_few_slow_answers_keep_their_times(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for times in ([3500] * 2, [3500] * 5 + [9] * 6, [3500] * 3 + [9], [120] * 10):
        assert timed(tmp_path / "a.json", *times) == times
    assert not caplog.records


def test_the_choices_of_many_labels_take_longer_than_one(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    asked = [{"value": name} for name in ("dog", "cat", "boat")]

    def tasks(seconds: float) -> list[float | None]:
        content = [
            {
                "data": {"uid": "a.jpg", "asked": asked},
                "annotations": [{"id": n, "completed_by": n, "result": [], "lead_time": seconds}],
            }
            for n in range(4)
        ]
        path.write_text(json.dumps(content), encoding="utf-8")
        return [one.seconds for one in read(path)]

    assert set(tasks(300)) == {100.0}
    assert set(tasks(361)) == {None}


def test_a_page_that_stood_open_for_hours_has_no_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert timed(tmp_path / "a.json", 4.2, 86_401, 3500) == [4.2, None, 3500]
    assert "1 of 3 annotations are not taken" in caplog.text
    assert "the longest 86401" in caplog.text

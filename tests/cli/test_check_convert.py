"""`alasl check` and `alasl convert` as a shell sees them: streams, exit codes, files left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alasl.cli import exit_code
from alasl.data.formats import FORMATS, read_table, write
from alasl.labels import Labels

LABELS = Labels(
    np.array([[1, 0], [-1, 1], [0, 0]]), ("dog", "=cat,\u202e"), ("a.png", "b.png", "c.png")
)


@pytest.fixture
def data(tmp_path: Path, monkeypatch) -> Path:
    """A sound data set beside the folder where the command is run."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for place, image in enumerate(LABELS.images):
        (tmp_path / "data" / "images").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20), (place, 0, 0)).save(tmp_path / "data" / "images" / image)
    write(LABELS, tmp_path / "data" / "labels.csv", "csv-wide")
    return tmp_path / "data"


def test_a_sound_data_set_is_reported_on_stdout(data: Path, capsys):
    assert exit_code(["check", str(data), "--empty", "unknown"]) == 0
    out, _ = capsys.readouterr()
    assert "3 images x 2 labels = 6 entries" in out
    assert "unknown  1 (16.7%)" in out
    assert "image files: 3, 0 bad" in out
    assert "\u202e" not in out
    assert list(Path.cwd().iterdir()) == []


def test_json_is_one_object(data: Path, capsys):
    assert exit_code(["check", str(data), "--empty", "unknown", "--json", "--quiet"]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert err == ""
    assert (report["schema_version"], report["images"], report["unknown"]) == (1, 3, 1)
    assert report["per_label"][1] == {
        "name": LABELS.names[1], "present": 1, "absent": 2, "unknown": 0,
    }  # fmt: skip


def test_tags_are_told_as_what_they_are(tmp_path: Path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    entries = np.full((60, 2), -1, np.int8)
    entries[:40, 0] = entries[30:, 1] = 1
    data = tmp_path / "tags.npz"
    write(Labels(entries, ("dog", "cat"), tuple(map(str, range(60)))), data, "npz",
          features=np.random.default_rng(0).random((60, 3), np.float32))  # fmt: skip
    assert exit_code(["check", str(data)]) == 0
    out, _ = capsys.readouterr()
    assert "known by presence: all 2 labels: hardly any absent entry of them is known" in out
    assert exit_code(["check", str(data), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["labels_known_by_presence"] == ["dog", "cat"]
    assert exit_code(["init", "project", str(data), "--quiet"]) == 0
    assert "known by presence: all 2 labels" in capsys.readouterr().out
    assert exit_code(["status", "project"]) == 0
    assert "known by presence: all 2 labels" in capsys.readouterr().out
    # Answers do not change what the table was: training still goes by it.
    rows = "".join(f"{image},dog,0\n{image},cat,0\n" for image in range(40, 60))
    (tmp_path / "told.csv").write_text(f"image,label,value\n{rows}")
    vote = ["--on-conflict", "keep", "--quiet"]
    assert exit_code(["import", "project", "told.csv", *vote]) == 0
    capsys.readouterr()
    assert exit_code(["check", "project"]) == 0
    assert "known by presence: all 2 labels" in capsys.readouterr().out
    entries[:30, 1] = 0
    write(Labels(entries, ("dog", "cat"), tuple(map(str, range(60)))), data, "npz")
    assert exit_code(["check", str(data)]) == 0
    out, _ = capsys.readouterr()
    assert "known by presence: 1 of 2 labels" in out
    assert "\n  dog\n  where what is not marked" in out


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_bad_files_are_listed_and_the_exit_is_3(data: Path, capsys, flags):
    (data / "images" / "a.png").write_bytes(b"<html>")
    (data / "images" / "c.png").unlink()
    assert exit_code(["check", str(data), "--empty", "unknown", *flags]) == 3
    out, err = capsys.readouterr()
    assert "error: 2 of 3 image files cannot be used" in err
    assert "a.png: the file holds HTML" in err
    found = [
        json.loads(line) for line in Path("check.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [(one["kind"], one["image"]) for one in found] == [("bad", "a.png"), ("bad", "c.png")]
    if flags:
        assert len(json.loads(out)["bad"]) == 2
    else:
        assert "image files: 3, 2 bad" in out


def test_a_bad_table_is_listed_whole(data: Path, capsys):
    rows = "".join(f"{i}.png,yes\n" for i in range(20))
    (data / "labels.csv").write_text("image,dog\n" + rows)
    assert exit_code(["check", str(data), "--out", "list.jsonl"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert "labels.csv:2: column 'dog' holds 'yes'; expected 1, 0 or empty" in err
    assert "list.jsonl" in err
    assert len(Path("list.jsonl").read_text(encoding="utf-8").splitlines()) == 20


def test_empty_cells_must_be_explained(data: Path, capsys):
    for command in (["check", str(data)], ["convert", str(data), "o.npz", "--to", "npz"]):
        assert exit_code(command) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert "--empty unknown" in err
    assert list(Path.cwd().iterdir()) == []


def test_a_table_without_images_can_be_checked(data: Path, capsys):
    (data / "labels.csv").rename("table.csv")
    assert exit_code(["check", "table.csv", "--empty", "unknown"]) == 0
    assert "image files: none found" in capsys.readouterr().out
    images = str(data / "images")
    assert exit_code(["check", "table.csv", "--empty", "unknown", "--image-folder", images]) == 0
    assert "image files: 3, 0 bad" in capsys.readouterr().out


@pytest.mark.parametrize("format", [name for name, each in FORMATS.items() if each.write])
def test_convert_there_and_back(data: Path, capsys, format):
    there, back = Path("there.json" if format == "coco" else "there"), Path("back.csv")
    assert exit_code(["convert", str(data), str(there), "--to", format, "--empty", "unknown"]) == 0
    arguments = ["--from", format, "--to", "csv-wide", "--empty", "unknown", "--json"]
    capsys.readouterr()
    assert exit_code(["convert", str(there), str(back), *arguments]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "schema_version": 1, "from": "there.json" if format == "coco" else "there",
        "out": "back.csv", "format": "csv-wide", "images": 3, "labels": 2, "known": 5,
    }  # fmt: skip
    assert back.read_text(encoding="utf-8") == (data / "labels.csv").read_text()


def test_features_are_carried_or_their_loss_is_said(data: Path, capsys):
    write(LABELS, data / "f.npz", "npz", features=np.eye(3, dtype=np.float32))
    assert exit_code(["convert", str(data / "f.npz"), "o.npz", "--to", "npz"]) == 0
    assert capsys.readouterr().err == ""
    np.testing.assert_array_equal(read_table("o.npz")[0].features, np.eye(3))
    assert exit_code(["convert", str(data / "f.npz"), "o.csv", "--to", "csv-wide"]) == 0
    assert "no place for features" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["o.x", "--to", "voc"], "cannot write the format 'voc'"),
        (["o.x", "--to", "xml"], "csv-wide"),
        (["o.x", "--to", "npz", "--from", "xml"], "there is no format 'xml'"),
        ([".", "--to", "npz"], "OUT must be a file"),
        (["o.x"], "--to"),
    ],
)
def test_wrong_use_of_convert_is_told(data: Path, capsys, arguments, says):
    assert exit_code(["convert", str(data), *arguments, "--empty", "absent"]) == 2
    assert says in capsys.readouterr().err
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize("command", ["check", "convert"])
def test_help_lists_every_format(capsys, command):
    assert exit_code([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in FORMATS)


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["cp1252", "gbk", "utf-8"])
def test_any_name_is_printed_on_any_code_page(tmp_path: Path, encoding):
    names = ("狗", "tämä", "🐕")
    write(Labels(np.array([[1, 0, -1]]), names, ("猫.jpg",)), tmp_path / "t.csv", "csv-long")
    (tmp_path / "bad.csv").write_text("image,狗\n猫,yes\n", encoding="utf-8")
    env = {**os.environ, "PYTHONIOENCODING": encoding}

    def run(*args: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "alasl", *args]
        return subprocess.run(command, capture_output=True, cwd=tmp_path, env=env)

    plain = run("check", "t.csv", "-q")
    assert (plain.returncode, plain.stderr) == (0, b"")
    shown = plain.stdout.decode(encoding)
    assert "狗" in shown or r"\u72d7" in shown
    done = run("check", "t.csv", "--json", "-q")
    told = json.loads(done.stdout.decode(encoding))
    assert [label["name"] for label in told["per_label"]] == list(names)
    wrong = run("check", "bad.csv")
    assert wrong.returncode == 3
    assert "bug" not in wrong.stderr.decode(encoding)
    assert "holds 'yes'" in wrong.stderr.decode(encoding)

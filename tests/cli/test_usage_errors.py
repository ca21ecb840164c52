"""What a person types wrongly: one form of error, which says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from alasl.cli import exit_code


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("measures", "It is called 'strategies' now."),
        ("anotate", "Did you mean 'annotate'?"),
        ("xyzzy", "There are: init, "),
    ],
)
def test_a_command_that_is_none_is_told_the_one_that_is_meant(
    name: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code([name]) == 2
    assert f"error: no such command {name!r}. {hint.rstrip('.')}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (("run",), "error: name the data set: alasl run DATA"),
        (("run", "x", "--answers", "y"), "error: invalid value for '--answers': 'y' is not"),
        (("check",), "error: missing argument 'DATA'\n"),
        (
            ("check", "x", "--formt", "y"),
            "error: no such option '--formt'. ",
        ),
    ],
)
def test_clicks_errors_read_as_our_own(
    given: tuple[str, ...], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(list(given)) == 2
    said = capsys.readouterr().err
    assert said.startswith(what)
    assert said.endswith(f" {given[0]} --help\n")
    assert said.splitlines()[-1].startswith("  see: ")


def test_a_folder_is_never_named_by_a_dot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "table.csv").write_text("image,dog\na.png,1\nb.png,0\n")
    monkeypatch.chdir(tmp_path)
    assert exit_code(["run", "."]) == 3
    assert f"error: {tmp_path}: 2 of 2 image files are missing" in capsys.readouterr().err


def test_photos_without_a_table_want_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    assert exit_code(["init", str(tmp_path / "mine"), str(tmp_path)]) == 3
    assert "alasl init PROJECT IMAGES --label NAME" in capsys.readouterr().err


def test_a_table_that_leaves_nothing_to_ask_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"{number}.png,{number % 2}" for number in range(20)]
    (tmp_path / "images").mkdir()
    for number in range(20):
        Image.new("RGB", (9, 9), (number, 0, 0)).save(tmp_path / "images" / f"{number}.png")
    (tmp_path / "table.csv").write_text("\n".join(["image,dog", *lines]))
    assert exit_code(["init", str(tmp_path / "mine"), str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "nothing to ask: every entry of the pool is known" in said
    assert "next:" not in said

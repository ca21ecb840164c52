"""A project from a stranger: nothing in it names a file outside, or has code of its own run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
import torch

import alasl
from alasl.cli import exit_code
from alasl.errors import DataError, UsageError
from alasl.models.checkpoint import read_tensors, write_tensors
from alasl.project.checks import check_model_name
from alasl.project.driver import Driver
from alasl.project.folder import Project
from warm import Python

MakeProject = Callable[..., Project]


@pytest.fixture
def working_folder(tmp_path: Path) -> Path:
    """A folder with files that are called as modules of Python are, and note that they ran."""
    folder = tmp_path / "working"
    folder.mkdir()
    for name in ("random", "queue", "numpy", "alasl"):
        code = f"open({str(folder / 'executed')!r}, 'a').write({name!r})\nraise SystemExit('no')\n"
        (folder / f"{name}.py").write_text(code)
    return folder


@pytest.mark.parametrize("name", ["", "logistic-12", "finetune-0", "a.b+c_D-9", "x" * 100])
def test_names_of_models(name: str) -> None:
    assert check_model_name(name, "about.json") == name


@pytest.mark.parametrize(
    "name",
    [
        *("../kept", "/kept", "a/b", "a\\b", "..", ".", ".hidden", "a\0b", "a\n", "C:kept", "~"),
        *("-x", "x" * 101, "modèle", " ", None, 3, ["a"]),
    ],
)
def test_what_is_no_name_of_a_model(name: object) -> None:
    with pytest.raises(DataError, match=r"about\.json: not the name of a model"):
        check_model_name(name, "about.json")


@pytest.mark.parametrize("outside", ["relative", "absolute", "below"])
def test_a_model_cannot_name_files_outside(
    make_project: MakeProject, tmp_path: Path, outside: str
) -> None:
    project = make_project(60)
    assert Driver(project).train() is not None
    about = project.model / "about.json"
    below = project.model / "below"
    below.mkdir()
    folder = below if outside == "below" else tmp_path
    kept = [folder / f"kept.{kind}" for kind in ("npy", "safetensors")]
    for file in kept:
        file.write_bytes(b"of somebody")
    names = {"relative": "../../kept", "absolute": str(tmp_path / "kept"), "below": "below/kept"}
    about.write_text(json.dumps({**json.loads(about.read_text()), "model": names[outside]}))
    for act in (Driver(project).train, Driver(project).suggest, Driver(project).renew):
        with pytest.raises(DataError, match="not the name of a model"):
            act()
    assert all(file.exists() for file in kept)


CODE = """
open("executed", "a").write("x")
from alasl.strategies import strategy

@strategy("theirs", paper="none")
def theirs(pool):
    "Somebody's."
    return pool.ties
"""


@pytest.fixture
def theirs(make_project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trained project whose settings name a file of the folder that we are in."""
    monkeypatch.chdir(tmp_path)
    Path("evil.py").write_text(CODE, encoding="utf-8")
    project = make_project(60, strategy="evil.py:theirs")
    project.store.close()
    folder = tmp_path / "theirs"
    project.folder.rename(folder)
    return folder


def executed() -> bool:
    return Path("executed").exists()


@pytest.mark.parametrize(
    "command",
    [
        ["status"],
        ["status", "--json"],
        ["report"],
        ["check"],
        ["resolve", "--out", "open.csv"],
        ["export", "out.csv", "--to", "csv-wide"],
        ["export", "out.json", "--to", "label-studio", "--what", "queue"],
        ["export", "out.csv", "--to", "csv-long", "--what", "answers"],
    ],
    ids=" ".join,
)
def test_looking_at_a_project_executes_nothing_of_it(theirs: Path, command: list[str]) -> None:
    assert exit_code([command[0], str(theirs), *command[1:]]) in (0, 4)
    assert not executed()


class Bomb:
    """What a pickle may hold: something that is executed when it is read."""

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return open, ("executed", "w")


@pytest.mark.parametrize("command", ["status", "report", "check", "train", "suggest"])
def test_features_with_a_pickle_are_not_unpickled(
    make_project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    project = make_project(60)
    np.save(project.folder / "features.npy", np.array([Bomb()] * 60))
    exit_code([command, str(project.folder)])
    assert not executed()


@pytest.mark.parametrize("command", ["train", "suggest", "annotate"])
def test_working_on_a_project_that_names_code_is_refused(
    theirs: Path,
    command: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("alasl.annotate.serve", lambda *_, **__: None)
    assert exit_code([command, str(theirs)]) == 2
    said = capsys.readouterr().err
    assert f"error: {theirs / 'project.toml'}: these settings run Python code" in said
    assert f"{str(Path('evil.py').resolve())!r}, {len(CODE)} bytes, SHA-256 " in said
    assert f"if you trust it: alasl {command} {theirs} --trust\n" in said
    assert not executed()


def test_from_python_a_project_that_names_code_is_refused(theirs: Path) -> None:
    project = alasl.Project.open(theirs)
    for act in (project.train, project.suggest, project.model):
        with pytest.raises(UsageError, match=r"run Python code(.|\n)*evil\.py(.|\n)*trust=True"):
            act()
    project.close()
    assert not executed()


def test_a_model_that_names_code_is_not_taken(
    make_project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("evil.py").write_text(CODE, encoding="utf-8")
    project = make_project(60)
    assert Driver(project).train() is not None
    (file,) = project.model.glob("*.safetensors")
    tensors, card = read_tensors(file)
    write_tensors(file, tensors, {**card, "model": "evil.py:theirs"})
    looked = (["status"], ["report"], ["check"], ["suggest", "--no-train"])
    codes = [exit_code([command, str(project.folder), *more]) for command, *more in looked]
    assert (codes, executed()) == ([0, 0, 0, 2], False)
    assert "this model would run code that comes from elsewhere" in capsys.readouterr().err
    assert exit_code(["train", str(project.folder)]) == 0
    assert not executed()


def test_a_model_with_types_of_elsewhere_is_not_taken(
    make_project: MakeProject, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_project(60, model="sklearn.linear_model:LogisticRegression")
    assert Driver(project).train() is not None
    (file,) = project.model.glob("*.safetensors")
    tensors, card = read_tensors(file)
    labels = len(project.store.names)
    data = bytearray(skops.io.dumps([partial(open, "executed", "w")] * labels))
    (key,) = (name for name in tensors if name.endswith("skops"))
    write_tensors(file, {**tensors, key: torch.frombuffer(data, dtype=torch.uint8)}, card)
    assert exit_code(["suggest", str(project.folder), "--no-train"]) == 2
    assert "the model holds types whose code it would run" in capsys.readouterr().err


@pytest.mark.slow
def test_the_trust_goes_on_to_the_background_training(
    theirs: Path, python: Python, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {}
    monkeypatch.setattr("alasl.annotate.serve", lambda *_, **given: seen.update(given))
    assert exit_code(["annotate", str(theirs), "--no-train"]) == 0
    assert seen["train"] is None
    assert exit_code(["annotate", str(theirs), "--trust"]) == 0
    program, *arguments = seen["train"]
    assert program == sys.executable
    done = python(*arguments)
    assert (done.returncode, executed()) == (0, True), done.stderr


@pytest.mark.slow
def test_the_background_training_takes_no_module_from_the_working_folder(
    make_project: MakeProject,
    working_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = make_project(60)
    seen = {}
    monkeypatch.setattr("alasl.annotate.serve", lambda *_, **given: seen.update(given))
    assert exit_code(["annotate", str(project.folder)]) == 0
    done = subprocess.run(
        seen["train"], cwd=working_folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not (working_folder / "executed").exists()
    assert len(project.store.queue()) > 0


@pytest.mark.slow
def test_workers_take_no_module_from_the_working_folder(working_folder: Path) -> None:
    code = (
        "import alasl.data.scenes.folder as folder; folder.processors = lambda: 2\n"
        "from alasl.cli import main; main(['scenes', 'made', '--count', '400', '--quiet'])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=working_folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not (working_folder / "executed").exists()

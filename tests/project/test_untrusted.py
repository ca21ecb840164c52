"""A project from a stranger: nothing in it names a file outside, or has code of its own run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from alasl.project.learner import Learner

from alasl.cli import exit_code
from alasl.errors import DataError
from alasl.project.checks import check_model_name
from alasl.project.folder import Project

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
    assert Learner(project).train() is not None
    about = project.model / "about.json"
    below = project.model / "below"
    below.mkdir()
    folder = below if outside == "below" else tmp_path
    kept = [folder / f"kept.{kind}" for kind in ("npy", "safetensors")]
    for file in kept:
        file.write_bytes(b"of somebody")
    names = {"relative": "../../kept", "absolute": str(tmp_path / "kept"), "below": "below/kept"}
    about.write_text(json.dumps({**json.loads(about.read_text()), "model": names[outside]}))
    for act in (Learner(project).train, Learner(project).suggest, Learner(project).renew):
        with pytest.raises(DataError, match="not the name of a model"):
            act()
    assert all(file.exists() for file in kept)


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


def test_workers_take_no_module_from_the_working_folder(working_folder: Path) -> None:
    code = (
        "import os; os.cpu_count = lambda: 2\n"
        "from alasl.cli import main; main(['scenes', 'made', '--count', '400', '--quiet'])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=working_folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not (working_folder / "executed").exists()

"""`alasl annotate`: where the token comes from, and what it serves with."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from alasl.cli import app
from alasl.project.settings import ProjectSettings, write

from .conftest import MakeProject


@pytest.fixture
def folder(make_project: MakeProject) -> Path:
    """The folder of a project on a few images."""
    project = make_project()
    settings = ProjectSettings(data="images", root="images")
    write(settings, project.folder / "project.toml")
    return project.folder


@pytest.fixture
def served(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """What a command line would serve with."""
    found: dict[str, Any] = {}
    monkeypatch.setattr("alasl.annotate.serve", lambda *_, **options: found.update(options))

    def run(*args: str, **environment: str) -> dict[str, Any]:
        result = CliRunner(env=environment).invoke(app, ["annotate", str(folder), *args])
        assert not result.exception, result.output
        return found

    return run


def test_the_token_comes_from_a_file_or_the_environment(
    served: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    assert served()["token"] is None
    assert served(ALASL_TOKEN="fromtheenvironment")["token"] == "fromtheenvironment"
    (tmp_path / "secret").write_text("fromafileofmyown1\n")
    assert served("--token-file", str(tmp_path / "secret"))["token"] == "fromafileofmyown1"


@pytest.mark.posix
def test_a_file_of_the_token_that_others_may_read_is_said(
    served: Callable[..., dict[str, Any]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("fromafileofmyown1\n")
    for mode, said in ((0o600, 0), (0o640, 1), (0o604, 1)):
        secret.chmod(mode)
        caplog.clear()
        served("--token-file", str(secret))
        assert sum("others on this machine may read" in r.message for r in caplog.records) == said


def test_two_tokens_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("fromafileofmyown1\n")
    command = ["annotate", str(folder), "--token-file", str(tmp_path / "secret")]
    result = CliRunner(env={"ALASL_TOKEN": "fromtheenvironment"}).invoke(app, command)
    assert "the token is given twice" in str(result.exception)


def test_images_that_are_elsewhere_are_said_before_it_serves(folder: Path, tmp_path: Path) -> None:
    images = folder / "images"
    images.rename(tmp_path / "away")
    try:
        result = CliRunner().invoke(app, ["annotate", str(folder)])
    finally:
        (tmp_path / "away").rename(images)
    assert "the images are not where the project looks for them" in str(result.exception)


@pytest.mark.posix
def test_its_store_and_its_model_are_their_owners_alone(folder: Path) -> None:
    from alasl.project.folder import load

    before = os.umask(0o022)
    try:
        project = load(folder)
        with project.training():
            pass
        project.store.skip("ann", 0, request="request-1")
        files = [path for path in folder.iterdir() if path.name.startswith("store.sqlite")]
        assert len(files) == 3, "the store, and what SQLite keeps beside it"
        for path in [*files, project.model]:
            assert path.stat().st_mode & 0o077 == 0, path
    finally:
        os.umask(before)
        project.store.close()

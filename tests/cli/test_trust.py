"""Python code that a file of settings names: looked at, it is not executed; run, it is asked for.

The files are a stranger's: a run's config.toml, a study's study.toml.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alasl.cli import exit_code
from alasl.data.dataset import Dataset
from alasl.data.formats import write
from alasl.models.checkpoint import read_tensors, write_tensors
from warm import Python

CODE = """
open("executed", "a").write("x")
from alasl.strategies import strategy

@strategy("theirs", paper="none")
def theirs(pool):
    "Somebody's."
    return pool.ties
"""
SPECS = ("evil.py:theirs", "albl:of=random,(evil.py:theirs)", "diverse:of=evil.py")
QUICK = ("--rounds", 1, "--images", 2, "--answers", 9, "--missing", 0.4, "--quiet")
Call = Callable[..., Any]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Call:
    """Calls the command line in a folder with somebody's `evil.py`: exit code, and what it said."""
    monkeypatch.chdir(tmp_path)
    Path("evil.py").write_text(CODE, encoding="utf-8")

    def called(*arguments: object) -> tuple[int, str]:
        capsys.readouterr()
        code = exit_code([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out + err

    return called


def write_data(folder: Path, dataset: Dataset) -> str:
    write(dataset.labels, folder / "made.npz", "npz", features=dataset.features)
    return "made.npz"


@pytest.fixture
def data(tmp_path: Path, make_dataset: Callable[..., Dataset]) -> str:
    return write_data(tmp_path, make_dataset(60))


@pytest.fixture(scope="module")
def run_once(
    tmp_path_factory: pytest.TempPathFactory, make_dataset: Callable[..., Dataset]
) -> Path:
    """The folder of a run, for tests to copy."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        data = write_data(folder, make_dataset(60))
        assert exit_code([*map(str, ("run", data, *QUICK, "--out", "theirs"))]) == 0
    return folder / "theirs"


@pytest.fixture
def alone(python: Python) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command line in a process of its own, which may register what it likes."""
    return lambda *arguments: python("-P", "-m", "alasl", *arguments)


def executed() -> bool:
    return Path("executed").exists()


def name_in(file: Path, key: str, spec: str) -> None:
    """Have a file of settings name `spec`, as whoever made it could."""
    text = re.sub(rf"^{key} = .*\n", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    file.write_text(
        text.replace("[run]\n", f"[run]\n{key} = {json.dumps(spec)}\n"), encoding="utf-8"
    )


def refused(said: str, where: str, again: str) -> None:
    """What a refusal has to say: where code is named, which, and how to run it all the same."""
    assert f"error: {where}: these settings run Python code" in said
    digest = hashlib.sha256(CODE.encode()).hexdigest()
    assert f"'{Path('evil.py').resolve()}', {len(CODE)} bytes, SHA-256 {digest}" in said
    assert f"if you trust it: {again}\n" in said
    assert not executed()


@pytest.mark.slow
# A strategy alone names others inside.
@pytest.mark.parametrize(
    ("key", "spec"),
    [
        *(("strategy", spec) for spec in SPECS),
        *((key, SPECS[0]) for key in ("loss", "model", "format", "mechanism")),
        ("model", "probe:loss=(evil.py:theirs)"),
    ],
)
def test_a_report_executes_nothing_of_a_run(
    call: Call, run_once: Path, key: str, spec: str
) -> None:
    shutil.copytree(run_once, "theirs")
    name_in(Path("theirs/config.toml"), key, spec)
    code, said = call("report", "theirs", "--figures", "figures")
    assert not executed()
    if key == "strategy":
        assert code == 0, said
        assert spec in Path("theirs/report.html").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS)
def test_a_configuration_that_names_code_is_refused(call: Call, data: str, spec: str) -> None:
    Path("c.toml").write_text(f'[run]\ndata = "{data}"\n', encoding="utf-8")
    name_in(Path("c.toml"), "strategy", spec)
    code, said = call("run", "--config", "c.toml", *QUICK, "--out", "a b")
    assert code == 2
    refused(said, "c.toml", f"alasl run --config c.toml {' '.join(map(str, QUICK))} --out 'a b' "
                            "--trust")  # fmt: skip
    assert not Path("a b").exists()
    assert call("run", "--config", "c.toml", "--strategy", "random", *QUICK)[0] == 0
    assert not executed()


@pytest.mark.parametrize(
    ("model", "named"),
    [
        ("evil.py:theirs", "{here}/evil.py"),
        ("evil.py:theirs:x=1", "{here}/evil.py"),
        ("sklearn.py:theirs", "{here}/sklearn.py"),
        ("probe:loss=evil.py:theirs", "{here}/evil.py"),
        ("probe:loss=(evil.py:theirs)", "{here}/evil.py"),
        ("json.decoder:JSONDecoder", "json.decoder:JSONDecoder"),
    ],
)
def test_a_configuration_that_names_a_model_of_elsewhere_is_refused(
    call: Call, data: str, model: str, named: str
) -> None:
    Path("sklearn.py").write_text(CODE, encoding="utf-8")
    Path("c.toml").write_text(f'data = "{data}"\nmodel = "{model}"\n', encoding="utf-8")
    code, said = call("run", "--config", "c.toml", *QUICK)
    assert (code, executed()) == (2, False)
    assert f"model = '{model}': '{named.format(here=Path.cwd())}'" in said


@pytest.mark.slow
@pytest.mark.usefixtures("call")
def test_code_that_is_trusted_is_run(
    data: str, alone: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    Path("c.toml").write_text(f'data = "{data}"\nstrategy = "evil.py:theirs"\n', encoding="utf-8")
    done = alone("run", "--config", "c.toml", *QUICK, "--out", "trusted", "--trust")
    assert (done.returncode, executed()) == (0, True), done.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("call")
def test_code_named_on_the_command_line_is_run(
    data: str, alone: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = alone("run", data, *QUICK, "--strategy", "evil.py:theirs", "--out", "own")
    assert (done.returncode, executed()) == (0, True), done.stderr


def test_a_file_that_is_not_there_is_said(call: Call, data: str) -> None:
    Path("c.toml").write_text(
        f'data = "{data}"\nstrategy = "no\\u001b[2Jwhere.py:f"\n', encoding="utf-8"
    )
    code, said = call("run", "--config", "c.toml", *QUICK)
    assert code == 2
    assert "where.py', which is no file" in said
    assert "\x1b" not in said


@pytest.mark.slow
@pytest.mark.parametrize(
    "named",
    [
        {"model": "evil.py:theirs"},
        {"model": "probe", "parameters": {"loss": "evil.py:theirs"}},
        {"model": "probe", "parameters": {"loss": "(evil.py:theirs)"}},
    ],
)
def test_a_model_of_a_run_that_names_code_is_not_taken(
    call: Call, data: str, named: dict[str, Any]
) -> None:
    begun = (data, "--rounds", 1, "--answers", 9, "--quiet", "--out", "theirs")
    longer = (data, "--rounds", 2, "--answers", 9, "--quiet", "--out")
    assert call("run", *begun)[0] == 0
    config = Path("theirs/config.toml")
    config.write_text(
        config.read_text(encoding="utf-8").replace("rounds = 1", "rounds = 2"), encoding="utf-8"
    )
    shutil.copytree("theirs", "untouched")
    code, said = call("run", *longer, "untouched")
    assert code == 0, said
    (file,) = Path("theirs").glob("*.safetensors")
    tensors, card = read_tensors(file)
    write_tensors(file, tensors, {**card, **named})
    code, said = call("run", *longer, "theirs")
    assert (code, executed()) == (2, False)
    assert "this model would run code that comes from elsewhere" in said


STUDY = """
name = "theirs"
{claims}

[run]
data = "made.npz"
rounds = 1
images = 2
strategy = "{base}"

[[grid]]
name = "all"
missing = [0.3]
{grid}

[[figure]]
file = "one"
kind = "{kind}"
grid = "all"
"""
PLACES = {
    "base": {"base": "evil.py:theirs"},
    "grid": {"grid": 'strategy = ["random", "albl:of=random,(evil.py:theirs)"]'},
    "kind": {"kind": "evil.py:theirs"},
    "claims": {"claims": 'claims = "evil.py:theirs"'},
}


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("place", PLACES)
def test_a_study_that_names_code_is_refused(call: Call, place: str) -> None:
    plain = {"claims": "", "base": "random", "grid": "", "kind": "map-per-round"}
    Path("s.toml").write_text(STUDY.format(**{**plain, **PLACES[place]}), encoding="utf-8")
    code, said = call("study", "run", "s.toml", "--seeds", "1")
    assert code == 2
    refused(said, "s.toml", "alasl study run s.toml --seeds 1 --trust")
    Path("got").mkdir()
    Path("s.toml").rename("got/study.toml")
    code, said = call("study", "resume", "got")
    assert code == 2
    refused(said, "got/study.toml", "alasl study resume got --trust")


@pytest.mark.slow
@pytest.mark.usefixtures("data")
def test_a_study_that_is_trusted_is_run(
    call: Call, alone: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    text = STUDY.format(claims="", base="evil.py:theirs", grid="", kind="map-per-round")
    Path("s.toml").write_text(text, encoding="utf-8")
    new = ("study", "run", "s.toml", "--seeds", "1", "--workers", "1", "--quiet")
    assert call(*new, "--strategy", "random", "--out", "other")[0] == 0
    assert not executed()
    done = alone(*new, "--out", "trusted", "--trust")
    assert (done.returncode, executed()) == (0, True), done.stderr
    Path("executed").unlink()
    next(Path("trusted/units").iterdir()).unlink()
    code, said = call("study", "resume", "trusted", "--quiet")
    assert code == 2
    refused(said, "trusted/study.toml", "alasl study resume trusted --quiet --trust")
    done = alone("study", "resume", "trusted", "--quiet", "--workers", "1", "--trust")
    assert (done.returncode, executed()) == (0, True), done.stderr


def test_a_shipped_study_with_a_configuration_that_names_code(call: Call, data: str) -> None:
    Path("c.toml").write_text('loss = "evil.py:theirs"\n', encoding="utf-8")
    code, said = call("study", "paper", data, "--config", "c.toml")
    assert code == 2
    refused(said, "c.toml", f"alasl study paper {data} --config c.toml --trust")


@pytest.mark.slow
def test_what_fails_in_a_file_of_the_users_is_not_called_a_bug(
    make_dataset: Callable[..., Dataset], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = make_dataset(images=40)
    write(data.labels, tmp_path / "t.npz", "npz", features=data.features)
    file = tmp_path / "boom.py"
    file.write_text(
        'from alasl.strategies import strategy\n\n\n@strategy("boom", paper="none")\n'
        'def boom(pool):\n    """Fails."""\n    return [][3]\n'
    )
    command = ["run", tmp_path / "t.npz", "--strategy", f"{file}:boom", "--out", tmp_path / "out"]
    assert exit_code([*map(str, command), "--rounds", "1", "--images", "2"]) == 2
    said = capsys.readouterr().err
    assert f"error: {file}:7: IndexError: list index out of range" in said
    assert "bug" not in said

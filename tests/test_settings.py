"""Settings: ranges, unknown keys, and the way to TOML and back."""

import dataclasses
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from alasl.cli import exit_code
from alasl.cli.setting_options import setting_options
from alasl.config import RENAMED, from_dict, read_toml, to_toml
from alasl.errors import DataError, UsageError
from alasl.project.settings import read as read_project
from alasl.settings import RunSettings


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("missing", 1.0, "--missing must be at least 0 and below 1; seen: 1.0"),
        ("missing", -0.1, "--missing must be"),
        ("missing", "half", "--missing must be a number"),
        ("missing", float("nan"), "--missing must be"),
        ("clean", 0.0, "--clean must be between"),
        ("clean", 0.9, "leave no image for the pool"),
        ("rounds", -1, "--rounds must be 0 or more"),
        ("images", 0, "--images must be more than 0"),
        ("rate", 0.0, "--rate must be more than 0"),
        ("train", "all", "--train must be one of clean, known"),
        ("epochs", True, "--epochs must be a number"),
        ("rounds", 2.5, "--rounds must be a whole number"),
        ("oracle_error", 1.0, "--oracle-error must be"),
    ],
)
def test_a_value_out_of_range_is_named(name: str, value: object, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        RunSettings(**{name: value})  # type: ignore[arg-type]
    assert says in str(caught.value)


def test_a_value_in_a_file_is_called_as_it_is_there() -> None:
    with pytest.raises(UsageError) as caught:
        from_dict({"oracle_error": 1.0}, where="a.toml")
    assert str(caught.value) == "a.toml: oracle_error must be at least 0 and below 1; seen: 1.0"


def test_tags_go_by_image() -> None:
    with pytest.raises(UsageError, match=r"--ask tags .* by image; seen: --by label"):
        RunSettings(ask="tags", by="label")


def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'missing'"):
        from_dict({"misisng": 0.4}, where="a.toml")


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_an_old_name_is_answered_with_the_new(tmp_path: Path, old: str, new: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(f"[{'project' if new == 'gold' else 'run'}]\n{old} = 1\n")
    read = read_project if new == "gold" else lambda file: from_dict(read_toml(file), str(file))
    with pytest.raises(UsageError, match=f"unknown setting '{old}'\n  it is called '{new}' now"):
        read(file)


@pytest.mark.parametrize(("old", "new"), [("measure", "strategy"), ("auto-doubt", "auto-delta")])
def test_an_old_option_is_answered_with_the_new(
    capsys: pytest.CaptureFixture[str], old: str, new: str
) -> None:
    assert exit_code(["run", "DATA", f"--{old}", "1"]) == UsageError.exit_code
    assert f"--{old} is called --{new} now" in capsys.readouterr().err
    assert exit_code(["check", "DATA", f"--{old}", "1"]) == UsageError.exit_code
    assert "is called" not in capsys.readouterr().err


def test_a_truth_value_is_a_flag_and_true_or_false_in_toml(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--warm-start must be true or false; seen: 1"):
        RunSettings(warm_start=1)  # type: ignore[arg-type]
    (tmp_path / "c.toml").write_text(to_toml(RunSettings(data="d", warm_start=True), {}))
    assert from_dict(read_toml(tmp_path / "c.toml")).warm_start

    @click.command()
    @setting_options(RunSettings)
    def command(warm_start: bool | None, **_: object) -> None:
        click.echo(str(warm_start))

    for given, says in (([], "None"), (["--warm-start"], "True"), (["--no-warm-start"], "False")):
        assert CliRunner().invoke(command, given).output.strip() == says


def test_toml_and_back_is_the_same(tmp_path: Path) -> None:
    settings = RunSettings(data='a "b" \\ c', missing=0.25, split="s.csv", rate=1e-4)
    (tmp_path / "c.toml").write_text(to_toml(settings, {"alasl": "1"}))
    assert from_dict(read_toml(tmp_path / "c.toml")) == settings


def test_a_file_says_what_each_setting_is_and_names_those_that_are_not_set(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(to_toml(RunSettings(data="d"), {}))
    text = file.read_text()
    for item in dataclasses.fields(RunSettings):
        value = getattr(RunSettings(data="d"), item.name)
        line = f"# {item.name} =\n" if value in (None, ()) else f"\n{item.name} = "
        assert line in text
        assert item.metadata["about"].split()[0] in text
    assert max(map(len, text.splitlines())) <= 100
    # What is not set is set where it stands.
    file.write_text(text.replace("# ask =", 'ask = "tags"'))
    assert from_dict(read_toml(file)).ask == "tags"


@pytest.mark.parametrize("content", [b"a = ", b"\xff\xfe", b"run = 3"])
def test_a_broken_configuration_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.toml").write_bytes(content)
    with pytest.raises(DataError, match=r"c\.toml"):
        read_toml(tmp_path / "c.toml")


def test_every_setting_says_what_it_is() -> None:
    for item in dataclasses.fields(RunSettings):
        assert item.metadata["about"], item.name

"""Settings: ranges, unknown keys, and the way to TOML and back."""

import dataclasses
from pathlib import Path

import pytest

from alasl.errors import DataError, UsageError
from alasl.settings import RunSettings, from_dict, read_toml, to_toml


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("noise", 1.0, "--noise must be at least 0 and below 1; seen: 1.0"),
        ("noise", -0.1, "--noise must be"),
        ("noise", "half", "--noise must be a number"),
        ("noise", float("nan"), "--noise must be"),
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


def test_logistic_regression_takes_no_loss_but_its_own() -> None:
    for loss in (None, "bce"):
        assert RunSettings(model="logistic", loss=loss).loss == loss
    with pytest.raises(UsageError, match=r"bce alone; seen: --loss asl(.|\n)*--model head"):
        RunSettings(model="logistic", loss="asl")
    assert "loss" not in RunSettings().training()
    assert RunSettings(model="head", loss="hill:margin=0.5").training()["loss"] == "hill:margin=0.5"


def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'noise'"):
        from_dict({"niose": 0.4}, where="a.toml")


def test_toml_and_back_is_the_same(tmp_path: Path) -> None:
    settings = RunSettings(data='a "b" \\ c', noise=0.25, split="s.csv", rate=1e-4)
    (tmp_path / "c.toml").write_text(to_toml(settings, {"alasl": "1"}))
    assert from_dict(read_toml(tmp_path / "c.toml")) == settings


@pytest.mark.parametrize("content", [b"a = ", b"\xff\xfe", b"run = 3"])
def test_a_broken_configuration_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.toml").write_bytes(content)
    with pytest.raises(DataError, match=r"c\.toml"):
        read_toml(tmp_path / "c.toml")


def test_every_setting_says_what_it_is() -> None:
    for item in dataclasses.fields(RunSettings):
        assert item.metadata["about"], item.name

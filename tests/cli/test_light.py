"""What answers and looks at tables needs no torch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from alasl.cli import exit_code
from alasl.data.dataset import Dataset
from alasl.data.formats import write

CODE = """
import sys
import alasl.annotate
from alasl.cli import exit_code
alasl.annotate.serve = lambda *_, **__: None
code = exit_code(sys.argv[1:])
heavy = sorted({'torch', 'timm', 'torchvision'} & set(sys.modules))
sys.exit(f'imported: {heavy}' if heavy else code)
"""
COMMANDS = [
    "check made.npz",
    "convert made.npz made.csv --to csv-long",
    "report run",
    "report mine",
    "status mine",
    "annotate mine --no-train",
    "annotate mine",
    "export mine table.csv --what table --to csv-wide",
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, make_dataset: Callable[..., Dataset]) -> Path:
    place = tmp_path_factory.mktemp("light")
    data = make_dataset()
    write(data.labels, place / "made.npz", "npz", features=data.features)
    table = str(place / "made.npz")
    run = ["run", table, "--rounds", "1", "--answers", "20", "--quiet"]
    assert exit_code([*run, "--out", str(place / "run")]) == 0
    assert exit_code(["init", str(place / "mine"), table]) == 0
    return place


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_trains_nothing_does_not_wait_for_torch(place: Path, command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, *command.split()],
        cwd=place, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr

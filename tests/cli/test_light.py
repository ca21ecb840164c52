"""What answers and looks at tables needs no torch; what lists models needs no timm."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from alasl.cli import exit_code
from alasl.data.dataset import Dataset
from alasl.data.formats import write

# One after the other in one process: the first that imports one of these is told.
CODE = """
import sys
import alasl.annotate
from alasl.cli import exit_code
alasl.annotate.serve = lambda *_, **__: None
for command in sys.argv[1:]:
    code = exit_code(command.split())
    listing = command == 'models'
    heavy = {'timm', 'torchvision', 'torch._dynamo'} if listing else {'torch', 'scipy.stats'}
    heavy = sorted(heavy & set(sys.modules))
    if code or heavy:
        sys.exit(f'{command}: exit code {code}, imported: {heavy}')
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
    "models",
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
def test_commands_that_train_nothing_do_not_wait_for_torch(place: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, *COMMANDS],
        cwd=place, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr

"""The notebooks run, each in an empty folder, and show what they show on the page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from warm import Python

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "docs" / "examples").glob("*.ipynb"))


def kinds(file: Path) -> Iterator[tuple[str, list[list[str]]]]:
    """Each cell's code, and the kinds of what it shows."""
    for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            shown = [sorted(output.get("data", ["stream"])) for output in cell["outputs"]]
            yield "".join(cell["source"]), shown


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_runs_and_shows_what_is_kept(
    notebook: Path, tmp_path: Path, python: Python
) -> None:
    again = tmp_path / notebook.name
    content: dict[str, Any] = json.loads(notebook.read_text(encoding="utf-8"))
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = []
    again.write_text(json.dumps(content), encoding="utf-8")
    done = python(ROOT / "scripts" / "notebooks.py", again)
    assert done.returncode == 0, done.stderr
    assert [*kinds(again)] == [*kinds(notebook)]
    assert any(shown for _, shown in kinds(notebook))


def test_there_are_three_and_what_they_show_is_short() -> None:
    assert [file.stem for file in NOTEBOOKS] == ["label", "own", "paper"]
    for file in NOTEBOOKS:
        for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
            for output in cell.get("outputs", ()):
                text = "".join(output.get("data", {}).get("text/plain", ()))
                assert len(text) < 500, f"{file.name}: {text[:80]}"

"""Run notebooks, each in an empty folder, and keep what their cells show: docs/examples.

python scripts/notebooks.py NOTEBOOK...

The cells are plain Python, so that no Jupyter is needed: the last expression of a cell is shown as
text, or as the picture that it makes of itself.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any


def run(notebook: dict[str, Any]) -> None:
    """Run the cells in order, here; what each shows stands in its `outputs`."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(code_of(notebook), 1):
        tree = ast.parse("".join(cell["source"]))
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        said, shown = io.StringIO(), None
        with contextlib.redirect_stdout(said):
            exec(compile(tree, f"cell {number}", "exec"), names)
            if isinstance(last, ast.Expr):
                shown = eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), names)
        cell["execution_count"] = number
        cell["outputs"] = [*printed(said.getvalue()), *displayed(shown, number)]


def code_of(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """The cells that hold code."""
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def printed(text: str) -> list[dict[str, Any]]:
    """What a cell printed, as a notebook keeps it."""
    return [{"name": "stdout", "output_type": "stream", "text": lines(text)}] if text else []


def displayed(shown: object, number: int) -> list[dict[str, Any]]:
    """The value of a cell's last expression, as a notebook keeps it."""
    if shown is None:
        return []
    data: dict[str, Any] = {"text/plain": lines(repr(shown))}
    if hasattr(shown, "_repr_svg_"):
        data = {"image/svg+xml": lines(shown._repr_svg_()), "text/plain": ["<Figure>"]}
    kept = {"data": data, "metadata": {}, "output_type": "execute_result"}
    return [{**kept, "execution_count": number}]


def lines(text: str) -> list[str]:
    """A text as a notebook keeps it."""
    return text.splitlines(keepends=True)


def main() -> None:
    """See the module."""
    for name in sys.argv[1:]:
        file = Path(name).resolve()
        notebook = json.loads(file.read_text(encoding="utf-8"))
        with tempfile.TemporaryDirectory() as empty, contextlib.chdir(empty):
            run(notebook)
        text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True)
        file.write_text(text + "\n", encoding="utf-8")
        print(f"{os.path.relpath(file)}: {len(code_of(notebook))} cells")


if __name__ == "__main__":
    main()

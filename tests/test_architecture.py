"""Imports in the package point one way only, as the table in docs/architecture.md says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "alasl"
HEAVY = {"torch", "torchvision", "timm", "safetensors"}
HEAVY_ROOMS = {"losses", "models", "study"}
# The package's face and `python -m alasl` stand above all rooms.
FACE = {"__init__", "__main__"}


def module_name(path: Path) -> str:
    parts = ("alasl", *path.relative_to(SOURCE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(SOURCE.rglob("*.py"))}


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def imports(node: ast.AST, lazy: bool) -> Iterator[str]:
    """Full names of what is imported; with `lazy`, also in functions and for type checking."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            for alias in child.names:
                inner = f"{child.module}.{alias.name}"
                yield inner if inner in MODULES else str(child.module)
        later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) or (
            isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        )
        if lazy or not later:
            yield from imports(child, lazy)


def imports_of(module: str, lazy: bool) -> list[str]:
    return list(imports(ast.parse(MODULES[module].read_text(encoding="utf-8")), lazy))


def rooms() -> dict[str, list[str]]:
    """Each room of the page's table, from the ground up, and the rooms it may import."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.split("<!-- rooms: begin -->")[1].split("<!-- rooms: end -->")[0]
    found = re.findall(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", table, re.MULTILINE)
    return {room: [] if may == "-" else may.split(", ") for room, may in found}


def test_the_table_names_every_room_and_points_one_way() -> None:
    table = rooms()
    assert set(table) == {room_of(module) for module in MODULES} - FACE
    above: set[str] = set()
    for room, may in table.items():
        assert set(may) <= above, f"{room} may import a room that does not stand above it"
        above.add(room)


def test_no_module_is_too_long_to_be_read_in_one_go() -> None:
    lines = {
        name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()
    }
    assert {name: many for name, many in lines.items() if many > 400} == {}


@pytest.mark.parametrize("module", [m for m in MODULES if room_of(m) not in FACE])
def test_a_module_imports_only_what_its_room_may(module: str) -> None:
    room = room_of(module)
    seen = {room_of(name) for name in imports_of(module, lazy=True) if name.startswith("alasl")}
    assert seen <= {room, *rooms()[room]}


@pytest.mark.parametrize("module", [m for m in MODULES if room_of(m) not in HEAVY_ROOMS])
def test_torch_is_not_imported_here(module: str) -> None:
    seen = {name.split(".")[0] for name in imports_of(module, lazy=True)}
    assert not seen & HEAVY


@pytest.mark.slow
def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {m: [i for i in imports_of(m, lazy=False) if i in MODULES and i != m] for m in MODULES}
    TopologicalSorter(graph).prepare()  # raises a CycleError that names the circle


@pytest.mark.parametrize("module", MODULES)
def test_no_check_stands_in_an_assert(module: str) -> None:
    """`python -O` leaves asserts out."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    lines = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    assert lines == []

"""Code of others, a user's Python file or a plugin; what fails in it is told in plain words."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from alasl.errors import AlaslError, UsageError


def load_file(file: Path, what: str) -> None:
    """Run a Python file, once however often it is named; it registers what it defines.

    what: what it is to hold, as an error says it. Raises `UsageError` where it fails.
    """
    path = file.resolve()
    name = f"alasl_file_{path}"
    if name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise UsageError(f"there is no such file of {what}", seen=str(file))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        guarded(partial(spec.loader.exec_module, module), str(file), what)
    except AlaslError:
        del sys.modules[name]
        raise


def guarded(load: Callable[[], object], where: str, what: str) -> None:
    """Call what runs code of others. Raises `UsageError`, at `where`, for whatever fails in it."""
    try:
        load()
    except AlaslError:
        raise
    except Exception as error:
        raise UsageError(
            f"the {what} cannot be loaded",
            where=where,
            seen=f"{type(error).__name__}: {error}",
            do="repair it, or take it away",
        ) from error

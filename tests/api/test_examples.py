"""Every example in a docstring of the public interface runs and says what it says."""

from __future__ import annotations

import doctest
import importlib

import pytest

import alasl

MODULES = sorted({importlib.import_module(m).__name__ for m, _ in alasl._HOMES.values()})


@pytest.mark.parametrize("name", [*MODULES, "alasl.data.inputs", "alasl.data.named_images"])
def test_examples_run(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name))
    assert found.failed == 0


def test_the_new_public_names_have_examples() -> None:
    finder = doctest.DocTestFinder()
    for name in ("ask", "LabelClassifier", "Project", "Model"):
        tests = finder.find(getattr(alasl, name), name)
        assert any(test.examples for test in tests), name


def test_dir_lists_what_there_is() -> None:
    assert set(alasl.__all__) == {name for name in dir(alasl) if not name.startswith("_")}
    for name in alasl.__all__:
        assert getattr(alasl, name) is not None

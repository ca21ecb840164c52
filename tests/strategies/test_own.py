"""Strategies of one's own: their parameters, and scores that do not fit."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alasl.errors import AlaslError, DataError, UsageError
from alasl.registry import Registry, files_of
from alasl.strategies import resolve, strategy
from alasl.strategies.base import STRATEGIES, Between

PLUGIN = """
from alasl.strategies import strategy

@strategy({name!r}, paper="none")
def mine(pool, *, times: int = 2):
    "Most present entries."
    return times * (pool.entries == 1).sum(axis=1)
"""


@pytest.fixture(autouse=True)
def scratch(monkeypatch):
    """A registry of this test's own, so that its strategies are gone afterwards."""
    len(STRATEGIES)
    for name in ("_parts", "_origins"):
        monkeypatch.setattr(STRATEGIES, name, dict(getattr(STRATEGIES, name)))


def test_settings_are_parsed_by_the_type_of_their_default():
    @strategy("typed", paper="none")
    def typed(
        pool,
        *,
        whole: int = 1,
        real: Annotated[float, Between(0, 2)] = 0.5,
        flag: bool = False,
        word: Literal["a", "b"] = "a",
    ):
        """Nothing of use."""

    assert resolve("typed").spec == "typed"
    found = resolve("typed:flag=true:word=b:real=1e-1:whole=-3")
    assert found.settings == {"flag": True, "word": "b", "real": 0.1, "whole": -3}
    assert found.spec == "typed:whole=-3:real=0.1:flag=True:word=b"
    assert resolve(found.spec).settings == found.settings
    for bad in ("whole=1.5", "real=2.1", "real=nan", "real=x", "flag=1", "word=c", "word="):
        with pytest.raises(UsageError, match=f"{bad.split('=')[0]} must be"):
            resolve(f"typed:{bad}")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("hrad", "did you mean 'hard'"),
        ("entropy+hard", "did you mean"),
        ("hard+medium:shares=0.1", r"share=0.1 \(float from 0 to 1\)"),
        ("hard+medium:share", "no such parameter"),
        ("hard+medium:share=0.1:share=0.2", "stands twice"),
        ("hard:share=0.1", r"strategy 'hard:share=0.1'(.|\n)*it has no parameters"),
        ("hard+entropy:combine=sum", "product or ranks or ties"),
    ],
)
def test_bad_spec_says_what_would_do(spec, message):
    with pytest.raises(UsageError, match=message):
        resolve(spec)


@pytest.mark.parametrize(
    "answer", [np.zeros(3), np.full(12, np.nan), np.full(12, np.inf), np.zeros((12, 2))]
)
def test_scores_that_do_not_fit_are_refused(answer, make_pool):
    @strategy("broken", paper="none")
    def broken(_):
        """Broken."""
        return answer

    with pytest.raises(DataError, match="one finite score for each image"):
        resolve("broken")(make_pool())


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_score_of_an_entry_to_ask_must_be_finite(wrong, make_pool):
    pool = make_pool()

    @strategy("by-entry", paper="none", unit="entry")
    def by_entry(shown, *, known: bool = True):
        """Broken where something is known, or where it can be asked."""
        return np.where(shown.askable ^ known, wrong, 1.0)

    scores = resolve("by-entry")(pool)
    assert (scores[pool.askable] == 1).all()
    with pytest.raises(DataError, match="one finite score for each entry"):
        resolve("by-entry:known=false")(pool)


@pytest.mark.parametrize("part", [lambda p: p, lambda p: p[:]], ids=["itself", "a view"])
def test_a_strategy_may_return_what_it_was_given(part, make_pool):
    pool = make_pool()
    # All images have something to ask, so that the strategy sees the pool itself.
    pool = pool.take(np.flatnonzero(pool.askable.any(axis=1)))
    before = pool.probabilities.copy()

    @strategy("as-given", paper="none", unit="entry")
    def as_given(shown):
        """As it is."""
        return part(shown.probabilities)

    scores = resolve("as-given")(pool)
    np.testing.assert_array_equal(scores, np.where(pool.askable, before, -np.inf))
    np.testing.assert_array_equal(pool.probabilities, before)


def test_a_file_of_the_users(tmp_path, make_pool):
    file = tmp_path / "mine.py"
    file.write_text(PLUGIN.format(name="mine"))
    found = resolve(f"{file}:mine:times=3")
    assert found.spec == f"{file}:mine:times=3"
    pool = make_pool()
    askable = pool.unknown_per_image > 0
    assert (found(pool)[askable] == 3 * (pool.entries == 1).sum(axis=1)[askable]).all()


@pytest.mark.slow
def test_strategies_import_no_torch():
    code = "import sys, alasl.query; from alasl.strategies import available; available()"
    code += "; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("spec", "files"),
    [
        ("hard+medium:share=0.25", []),
        ("entry-entropy.pyx", []),
        ("a/b.py:mine:power=2", ["a/b.py"]),
        ("albl:of=random,(one.py:f:x=1),two.py", ["one.py", "two.py"]),
        ("diverse:of=(diverse:of=(albl:of=(deep.py:f)))", ["deep.py"]),
    ],
)
def test_files_that_a_spec_names(spec, files):
    assert list(files_of(spec)) == [Path(file) for file in files]


PARTS = ("albl", "diverse", "of", "by", "random", "x.py", "y.py", "f", ":", ",", "(", ")", "=")


@given(st.lists(st.sampled_from(PARTS), max_size=14).map("".join))
@example("albl:of=(diverse:of=x.py:by=random),y.py")
@example("diverse:of=((x.py:f))")
def test_no_file_is_executed_that_a_spec_is_not_said_to_name(spec):
    executed = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Registry,
            "_load",
            lambda self, file, name: executed.append(file),  # noqa: ARG005
        )
        with suppress(AlaslError):
            resolve(spec)
    assert set(executed) <= set(files_of(spec))

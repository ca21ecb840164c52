"""Curriculum labelling: what the model is sure of is learned from, step by step."""

from __future__ import annotations

import numpy as np
import pytest

from alasl.data.inputs import Inputs
from alasl.errors import UsageError
from alasl.models.estimators.curriculum import Curriculum, CurriculumSettings
from alasl.models.estimators.logistic import Logistic, LogisticSettings

IMAGES, LABELS = 400, 3


@pytest.fixture
def problem() -> tuple[Inputs, np.ndarray]:
    """Images of two clear kinds for each label, of which one entry in twenty is known."""
    rng = np.random.default_rng(0)
    truth = (rng.random((IMAGES, LABELS)) < 0.4).astype(np.int8)
    features = 2.0 * truth @ np.eye(LABELS, 8) + 0.5 * rng.standard_normal((IMAGES, 8))
    targets = np.where(rng.random(truth.shape) < 0.05, truth, np.int8(-1))
    return Inputs(features.astype(np.float32)), targets


def by_loops(inputs: Inputs, targets: np.ndarray, settings: CurriculumSettings) -> np.ndarray:
    """The published steps, with a logistic regression trained anew in each."""
    filled = targets.copy()
    for step in range(settings.steps + 1):
        model = Logistic(LABELS, LogisticSettings(spread=settings.spread, smooth=settings.smooth))
        model.fit(inputs, filled)
        scores = model.logits(inputs)
        if step == settings.steps:
            return scores
        filled = targets.copy()
        for row in range(IMAGES):
            for label in range(LABELS):
                if targets[row, label] < 0:
                    if scores[row, label] >= settings.threshold:
                        filled[row, label] = 1
                    elif scores[row, label] <= -settings.threshold and not settings.present:
                        filled[row, label] = 0
    raise AssertionError


@pytest.mark.parametrize("present", [False, True])
@pytest.mark.parametrize("steps", [0, 1, 3])
def test_it_is_the_published_loop(
    problem: tuple[Inputs, np.ndarray], steps: int, present: bool
) -> None:
    inputs, targets = problem
    settings = CurriculumSettings(3.6, 0.0, steps=steps, threshold=1.0, present=present)
    model = Curriculum(LABELS, settings)
    model.fit(inputs, targets)
    np.testing.assert_allclose(model.logits(inputs), by_loops(inputs, targets, settings), atol=0.05)
    assert model.learns_from_unknown == (steps > 0)


def test_weights_of_unknown_entries_do_not_count_against_what_is_labelled(
    problem: tuple[Inputs, np.ndarray],
) -> None:
    inputs, targets = problem
    settings = CurriculumSettings(3.6, 0.0, threshold=1.0)
    with_weights, without = Curriculum(LABELS, settings), Curriculum(LABELS, settings)
    with_weights.fit(inputs, targets, (targets >= 0).astype(np.float32))
    without.fit(inputs, targets)
    np.testing.assert_allclose(with_weights.logits(inputs), without.logits(inputs), atol=0.02)


def test_members_learn_from_what_they_labelled(problem: tuple[Inputs, np.ndarray]) -> None:
    inputs, targets = problem
    sure = Curriculum(LABELS, CurriculumSettings(3.6, 0.0, threshold=1.0))
    sure.fit(inputs, targets)
    sure.fit_members(inputs, targets, seed=0, members=4)
    plain = Logistic(LABELS, LogisticSettings(3.6, 0.0))
    plain.fit(inputs, targets)
    plain.fit_members(inputs, targets, seed=0, members=4)
    # Bootstraps of a hundred known entries differ more than those of a thousand.
    assert sure.members_proba(inputs).std(0).mean() < plain.members_proba(inputs).std(0).mean()


def test_settings_that_make_no_sense_are_refused() -> None:
    for wrong in ({"threshold": -1.0}, {"threshold": float("nan")}, {"steps": -1}):
        with pytest.raises(UsageError, match="must be 0 or more"):
            CurriculumSettings(**wrong)

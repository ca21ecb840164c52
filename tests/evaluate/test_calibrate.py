"""The calibration's credible draws have the mean that they should."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit

from alasl.evaluate.calibrate import _newton, _skew


@pytest.mark.parametrize(("presents", "answers"), [(1, 30), (2, 50), (5, 60), (0, 20)])
def test_the_mean_of_the_coefficients_is_that_of_the_whole_distribution(
    presents: int, answers: int
) -> None:
    """Of one level, against sums over a fine grid; the top alone lies much further off."""
    y = np.zeros(answers)
    y[:presents] = 1
    x, offset, precision = sparse.csr_matrix(np.ones((answers, 1))), np.full(answers, -2.0), 1.0
    theta, root = _newton(x, y, offset, np.array([precision]))
    grid = np.linspace(-8, 6, 20001)
    told = presents * (offset[0] + grid) - answers * np.logaddexp(0, offset[0] + grid)
    weight = np.exp(told - precision * grid**2 / 2 - told.max())
    mean = (grid * weight).sum() / weight.sum()
    found = theta[0] + _skew(x, offset, theta, root)[0]
    assert abs(theta[0] - mean) > 0.05
    assert abs(found - mean) < 0.35 * abs(theta[0] - mean)


def test_nothing_moves_where_presents_and_absents_are_as_many() -> None:
    y = np.array([1.0, 0.0] * 10)
    x, offset = sparse.csr_matrix(np.ones((20, 1))), np.zeros(20)
    theta, root = _newton(x, y, offset, np.array([1.0]))
    assert _skew(x, offset, theta, root) == pytest.approx(0, abs=1e-9)
    assert expit(theta[0]) == pytest.approx(0.5)

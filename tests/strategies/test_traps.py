"""What other libraries get wrong, on every strategy that it could befall."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from alasl.query import Budget, Price, select
from alasl.strategies import Labelled, Pool, available, resolve

UNSURE = [
    "entropy",
    "entropy:form=binary",
    "entry-entropy",
    "entry-entropy:within=all",
    "entry-margin",
    "entry-margin:within=all",
    "conditional-entropy",
    "conditional-entropy:within=all",
    "bald",
    "bald:within=all",
    "brier-gain",
    "brier-gain:within=all",
    "margin+cardinality:b=1",
    "mmc",
]
BY_ENTRY = [m.name for m in available() if m.unit == "entry" and "probabilities" in m.needs]


def entropy(p):
    return -p * np.log(p) - (1 - p) * np.log(1 - p)


@pytest.fixture
def sharp():
    """200 images of which some are surer than others; members differ where the model is unsure."""
    rng = np.random.default_rng(0)
    p = 1 / (1 + np.exp(-rng.normal(-2, 1, (200, 10)) * rng.uniform(0.3, 3, (200, 1))))
    members = np.clip(p + p * (1 - p) * rng.normal(0, 1, (8, 200, 10)), 0.001, 0.999)
    known = (rng.random((50, 10)) < 0.15).astype(np.int8)
    labelled = Labelled(known, np.clip(known + 0.3 * rng.random((50, 10)), 0, 1))
    entries = np.full(p.shape, -1, np.int8)
    return Pool(entries, rng.random(200), p, members=members, labelled=labelled, batch=20)


@pytest.mark.parametrize("spec", UNSURE)
def test_unsure_means_unsure(spec, sharp):
    """modAL: most strategies for many labels pick images of lower entropy than the pool's mean."""
    scores = resolve(spec)(sharp)
    entropies = entropy(sharp.probabilities)
    if scores.ndim == 1:
        query = select(sharp.askable, scores, sharp.ties, "images", Budget(images=20))
        assert entropies.sum(axis=1)[query.images].mean() > 1.1 * entropies.sum(axis=1).mean()
    else:
        query = select(sharp.askable, scores, sharp.ties, "entries", Budget(answers=200))
        assert entropies[query.rows, query.cols].mean() > 1.1 * entropies.mean()


@pytest.mark.parametrize("name", ["entry-entropy", "entry-margin", "entry-positive"])
def test_probabilities_are_taken_as_they_are(name, sharp):
    """pyRelational: rows that do not sum to 1 go through a softmax, which ruins sigmoids."""
    other = sharp.probabilities.copy()
    other[:, 1:] = 0.999
    one, two = (
        resolve(f"{name}:within=all")(replace(sharp, probabilities=p))[:, 0]
        for p in (sharp.probabilities, other)
    )
    assert (one == two).all()


@pytest.mark.parametrize("name", BY_ENTRY)
def test_labels_are_told_from_images(name, make_pool):
    """ALiPy's cost query looks rows up by a label's number: here a dear label is asked less."""
    pool = make_pool("wide")
    scores = resolve(name)(pool)
    dear = np.ones(83)
    dear[70:] = 1000
    query = select(
        pool.askable, scores, pool.ties, "entries", Budget(seconds=50), Price(answer=dear)
    )
    assert len(query) == 50
    assert (query.cols < 70).all()

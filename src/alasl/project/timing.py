"""What people take for an answer, as the page measured it, and how a queue takes them least.

A step of the page is an image whose labels are answered, or a grid of images of one label. All of
its time is in its answers; which of them came first is not told. So a step of an image with n
answers took open + n * answer, and many such steps tell the two apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from alasl.project.records import Questions, Timed
from alasl.project.store import Store
from alasl.seconds import Seconds, Way
from alasl.settings import LearnerSettings

# Answers, of grids or of images, that must have been timed before they tell what people take, and
# steps of images with several answers before openings can be told from answers.
LEAST, LEAST_STEPS = 50, 20
# An answer takes some time at least.
_SHORTEST = 0.05


def measured(store: Store) -> Seconds:
    """What people take, by the page's own clock where enough was timed, else by default."""
    return of_steps(store.steps())


def of_steps(steps: Sequence[Timed]) -> Seconds:
    """What people take, from steps; a default where too few tell."""
    told = Seconds()
    grids = [one for one in steps if one.images > 1]
    if sum(one.answers for one in grids) >= LEAST:
        told = replace(told, grid=_mean(grids))
    single = [one for one in steps if one.images == 1]
    if sum(one.answers for one in single) >= LEAST:
        told = replace(told, **_of_images(single))
    return told


def _mean(steps: Sequence[Timed]) -> float:
    took, answers = sum(one.seconds for one in steps), sum(one.answers for one in steps)
    return max(_SHORTEST, took / answers)


def _of_images(steps: Sequence[Timed]) -> dict[str, float]:
    """What opening and an answer take, by least squares; neither is below 0.

    Where steps hardly differ in their answers, both are the defaults' share of what a step took.
    """
    n = np.array([one.answers for one in steps], np.float64)
    took = np.array([one.seconds for one in steps])
    if np.count_nonzero(n > 1) < LEAST_STEPS or np.count_nonzero(n != np.median(n)) < LEAST_STEPS:
        default = Seconds()
        scale = took.mean() / default.by_image(1, n.mean())
        return {"open": scale * default.open, "answer": max(_SHORTEST, scale * default.answer)}
    apart = n - n.mean()
    slope = float(apart @ took / (apart @ apart))
    answer = min(max(slope, _SHORTEST), max(_SHORTEST, float(took.mean() / n.mean())))
    return {"open": max(0.0, float(took.mean() - answer * n.mean())), "answer": answer}


def quickest(seconds: Seconds, questions: Questions, settings: LearnerSettings) -> Way:
    """The way that takes less time for a queue, unless settings say which; tags are of images."""
    if settings.ask == "tags":
        return "image"
    rows = np.asarray(questions.rows)
    return seconds.way(settings.by, len(np.unique(rows)), len(rows))

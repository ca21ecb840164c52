"""Runs in turn: those that share one classifier, trained for each; common trainings done once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from alasl.experiment import ask, evaluate
from alasl.loop import Loop
from alasl.models.classifier import Classifier
from alasl.runs import Evaluation


def run_in_turn(loops: Sequence[Loop], classifier: Classifier) -> list[list[Evaluation]]:
    """Every run's evaluations; the runs share data, split, seed and the settings of training.

    classifier: one that restarts with each fit. A training that several runs have in common, as all
    have the first of a seed, is done once. Each run's outcome is what it would have been alone.
    """
    outcome: dict[int, list[Evaluation]] = {id(loop): [] for loop in loops}
    active = list(loops)
    while active:
        for alike in _alike(active, classifier.learns_from_unknown):
            first = evaluate(alike[0], classifier)
            for loop in alike:
                outcome[id(loop)].append(
                    replace(first, images=loop.images, cost=loop.cost, time=loop.time, seconds=0.0)
                )
                if loop.round < loop.settings.rounds:
                    ask(loop, classifier)
        active = [loop for loop in active if len(outcome[id(loop)]) <= loop.settings.rounds]
    return [outcome[id(loop)] for loop in loops]


def _alike(loops: Sequence[Loop], learns_from_unknown: bool) -> list[list[Loop]]:
    """The runs, which are at the same round, by what they are to train on now."""
    found: dict[bytes, list[Loop]] = {}
    for loop in loops:
        rows, targets = loop.training_set(learns_from_unknown)
        key = hashlib.sha256(rows.tobytes() + targets.tobytes()).digest()
        found.setdefault(key, []).append(loop)
    return list(found.values())

"""Many runs in step: trainings that are the same are done once, others side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from alasl.learner.judging import Judge, Judged
from alasl.learner.learner import ActiveLearner
from alasl.models.base import Estimator, Job
from alasl.record import Evaluation
from alasl.simulation.simulation import Simulation


@dataclass
class _Training:
    """One training, and the runs that have it in common."""

    learner: ActiveLearner
    job: Job
    judge: Judge
    runs: list[Simulation] = field(default_factory=list)


def run_together(simulations: Sequence[Simulation]) -> list[list[Evaluation]]:
    """Every run's evaluations; the runs share data, split, inputs and seed, and begin anew.

    A training that several runs have in common, as all have the first of a seed, is done once, and
    those that can be are done in one product. Each run's outcome is what it would have been alone.
    """
    outcomes: dict[int, list[Evaluation]] = {id(each): [] for each in simulations}
    active = list(simulations)
    while active:
        for training, judged in _train(active):
            for run in training.runs:
                run.learner.estimator = training.learner.estimator
                outcomes[id(run)].append(run.evaluation(judged))
        active = [run for run in active if run.round < run.settings.rounds]
        for run in active:
            run.ask()
    return [outcomes[id(each)] for each in simulations]


def _train(runs: Sequence[Simulation]) -> list[tuple[_Training, Judged]]:
    """Do what the runs are to train now; each training with its outcome."""
    found: dict[tuple[str, bytes], _Training] = {}
    for run in runs:
        learner = run.learner
        job = learner.job(run.known)
        key = learner.recipe, job.key()
        if key not in found:
            # A new one, since runs that had a training in common may part.
            learner.estimator = learner.new_estimator()
            found[key] = _Training(learner, job, Judge(learner.test_entries))
        found[key].runs.append(run)
    trainings = list(found.values())
    alike: dict[type[Estimator], list[_Training]] = {}
    for training in trainings:
        alike.setdefault(type(training.learner.estimator), []).append(training)
    for kind, group in alike.items():
        first = group[0].learner

        def evaluate(
            place: int,
            epoch: int,
            logits: NDArray[np.float32],
            group: Sequence[_Training] = group,
        ) -> None:
            group[place].judge(epoch, logits)

        kind.fit_many(
            [training.learner.estimator for training in group],
            first.inputs,
            [training.job for training in group],
            eval_on=first.inputs.take(first.split.test),
            on_epoch=evaluate,
        )
    return [(training, training.judge.outcome()) for training in trainings]

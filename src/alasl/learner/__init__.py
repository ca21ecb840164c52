"""One round of active learning: train, evaluate, score, select; whoever answers is elsewhere."""

from alasl.learner.asking import Query
from alasl.learner.judging import Judged
from alasl.learner.known import Known, NotGiven
from alasl.learner.learner import ActiveLearner

__all__ = ["ActiveLearner", "Judged", "Known", "NotGiven", "Query"]

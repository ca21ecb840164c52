"""One round of active learning: train, evaluate, score, select; whoever answers is elsewhere."""

from alasl.learner.judging import Judged
from alasl.learner.known import Known
from alasl.learner.learner import ActiveLearner, Query

__all__ = ["ActiveLearner", "Judged", "Known", "Query"]

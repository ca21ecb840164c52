"""Automatic answers in a project: what calibrates them, and when they are decided anew.

An audit calibrates them unless the settings say otherwise. Its answers must reach no model that is
judged or that asks, so such automatic answers teach nothing, and what is asked does not hang on
them.
"""

from __future__ import annotations

import numpy as np

from alasl.data.split import Split
from alasl.labeller import Bound, audited
from alasl.labels import UNKNOWN
from alasl.learner import Known
from alasl.models.base import Probabilities
from alasl.project.auditing import ProjectAudit
from alasl.project.looks import Look
from alasl.project.settings import ProjectSettings
from alasl.project.store import Store
from alasl.project.targets import answered_by_machine
from alasl.sparse import Sparse

# The audit is looked at again once it has so many times the answers of the last look.
_GROWN = 1.25


def due(store: Store, audit: ProjectAudit, settings: ProjectSettings) -> bool:
    """Whether the audit has grown enough since the last look, or the bound is another."""
    look, answers = store.look(), int(audit.audit.audited.sum())
    if look is None:
        return answers > 0
    bound = _bound(settings)
    same = (look.wrong, look.delta, look.share) == (bound.wrong, bound.delta, bound.share)
    return not same or answers >= _GROWN * look.answers


def decide(
    store: Store,
    split: Split,
    known: Known,
    audit: ProjectAudit,
    probabilities: Probabilities,
    settings: ProjectSettings,
) -> tuple[Sparse, Look | None]:
    """Automatic answers (N, L), -1 where there is none, and the look at the audit that it took.

    probabilities: (N, L), of the test set too, by models that did not see the image. Where the
    audit is too small for a look, what stands goes on standing.
    """
    look, bound = store.look(), _bound(settings)
    number = look.number if look else 0
    test, pool = split.test, split.pool
    sample = audited.Sample(
        audit.entries,
        (store.initial_and_labels()[0][test] == UNKNOWN) & ~known.closed[test],
        np.where(audit.certain, 1.0, audit.reached),
        np.asarray(probabilities[test], np.float64),
    )
    found = audited.answer(
        sample,
        known.human_labels.of(pool),
        np.asarray(probabilities[pool], np.float64),
        known.initially_unknown[pool],
        bound.after(number),
        known.closed[pool] | known.asked[pool],
    )
    if found is None:
        return standing(store), None
    said = Sparse.of(found.entries)
    said = Sparse.at_places(known.sparse.shape, pool[said.rows], said.cols, said.values)
    answers = int(audit.audit.audited.sum())
    return said, Look(number + 1, answers, bound.wrong, bound.delta, bound.share)


def _bound(settings: ProjectSettings) -> Bound:
    return Bound(settings.auto or 0.0, settings.auto_delta, settings.auto_share)  # type: ignore[arg-type]  # the settings checked it


def standing(store: Store) -> Sparse:
    """int8 (N, L): the automatic answers that stand; -1 elsewhere."""
    labels = store.labels()
    return labels.sparse.only(answered_by_machine(labels))

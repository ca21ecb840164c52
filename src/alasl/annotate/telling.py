"""What people are told of labels: the guide, and images that show what a label means."""

from __future__ import annotations

import time
from collections.abc import Callable

from alasl.annotate.messages import Guide, LabelGuide, Meaning
from alasl.annotate.tasks import NotThere, printable
from alasl.labels import ABSENT, PRESENT
from alasl.project.guide import keys_of
from alasl.project.store import Store

# Images that show that a label is there, and as many that it is not.
SHOWN = 6
# Known images that were chosen are kept for so many seconds, as finding them may take one.
_FRESH = 600.0


class Telling:
    """Tells what labels mean; one thread at a time may call it."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._found: dict[int, tuple[float, int, Meaning]] = {}

    def guide(self) -> Guide:
        """What is told of all labels there ever were."""
        now = self._store.everything()
        parents: dict[int, list[int]] = {}
        for child, parent in (*now.rules.implies, *now.rules.parts):
            parents.setdefault(child, []).append(parent)
        return Guide(
            event=now.event,
            instructions=printable(now.instructions),
            labels=[
                LabelGuide(
                    about=printable(label.about),
                    colour=label.colour,
                    key=key,
                    parents=parents.get(number, []),
                    examples=list(label.examples),
                    counter_examples=list(label.counter_examples),
                )
                for number, (label, key) in enumerate(
                    zip(now.labels, keys_of(now.labels), strict=True)
                )
            ],
        )

    def meaning(self, label: int) -> Meaning:
        """Images that have a label, and that have not. Raises `NotThere` for no label."""
        now = self._store.everything()
        if label >= len(now.labels):
            raise NotThere("there is no such label", seen=str(label))
        kept = self._found.get(label)
        if kept and kept[1] == now.event and self._clock() - kept[0] < _FRESH:
            return kept[2]
        found = Meaning(
            examples=self._store.examples(label, PRESENT, SHOWN),
            counter_examples=self._store.examples(label, ABSENT, SHOWN),
        )
        self._found[label] = self._clock(), now.event, found
        return found

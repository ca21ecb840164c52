"""A project from Python: create, train, suggest, tell, predict."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from alasl.api.changing import Changing
from alasl.config import made
from alasl.errors import UsageError
from alasl.frames import data_frame
from alasl.labels import UNKNOWN, Labels
from alasl.project import folder as folders
from alasl.project.overview import Overview, overview
from alasl.project.records import Answer, Training
from alasl.project.settings import ProjectSettings

if TYPE_CHECKING:
    from alasl.data.predictions import Given
    from alasl.models.model import Model
    from alasl.project.driver import Driver


class Project(Changing):
    """A table with unknown entries, and people who answer them; see `alasl init`.

    `create` makes one, `open` opens one. What changes its images or labels (`add`, `drop`,
    `merge_labels` and the like) is an event in its log, which names `person`; `undo` takes back
    the last, and `dry_run=True` only counts.

    >>> import tempfile, numpy as np, alasl
    >>> from pathlib import Path
    >>> rng = np.random.default_rng(0)
    >>> features = rng.standard_normal((60, 6), dtype=np.float32)
    >>> entries = (features[:, :2] > 0).astype(np.int8)
    >>> entries[30:] = -1                             # nobody looked
    >>> names = tuple(f"{i}.jpg" for i in range(60))
    >>> labels = alasl.Labels(entries, ("dog", "cat"), names)
    >>> data = Path(tempfile.mkdtemp())
    >>> alasl.write(labels, data / "table.npz", "npz", features=features)
    >>> project = alasl.Project.create(data / "mine", data / "table.npz", answers=4, gold=0.0)
    >>> training = project.train()
    >>> sorted(project.status().labels[0].figures)
    ['calibration', 'f1', 'precision', 'prevalence', 'recall']
    >>> asked = project.suggest()
    >>> project.tell((image, label, 1) for image, label, _ in asked)
    >>> project.predict(features[:3]).shape
    (3, 2)
    >>> project
    <Project: 60 images, 2 labels, 64 of 120 entries known>
    >>> project.merge_labels(["dog", "cat"], into="pet").says
    "labels merged: 'dog', 'cat' into 'pet'"
    >>> project.undo().after.labels
    2
    """

    def __init__(self, opened: folders.Project, *, trust: bool = False) -> None:
        self._opened = opened
        self._trust = trust

    @classmethod
    def create(
        cls, folder: str | Path, data: str | Path, names: Sequence[str] = (), **settings: Any
    ) -> Self:
        """A new project in `folder` on `data`: a folder with a table and images, or a file.

        names: of labels of which nothing is known; `data` is then a folder of images.
        settings: as `alasl init` takes them. Raises `ConflictError` where the folder holds
        anything, `UsageError` for a setting that a project does not read.
        """
        for name in ("label", "labels_list"):
            if name in settings:
                raise UsageError("there is no such setting", seen=name, do='names=["dog", "car"]')
        if not isinstance(settings.get("labels", ""), str | Path):
            raise UsageError(
                "labels is the file with the table of entries",
                seen=repr(settings["labels"]),
                do='labels by name alone: names=["dog", "car"]',
            )
        values = made(ProjectSettings, {**settings, "data": str(data)})
        return cls(folders.init(Path(folder), values, names), trust=True)

    @classmethod
    def open(cls, folder: str | Path, *, trust: bool = False) -> Self:
        """The project in a folder. Raises `DataError` without one.

        trust: whether Python code that the project names may run: without, training and asking
        raise `UsageError` where its settings name any.
        """
        return cls(folders.load(Path(folder)), trust=trust)

    def __repr__(self) -> str:
        return f"<Project: {self.labels().counts}>"

    def close(self) -> None:
        """Close the project's files."""
        self._opened.store.close()

    def train(self) -> Training | None:
        """Train on all that is known, judge, and keep the model; None where nothing is known."""
        self._opened.store.refresh()
        with self._opened.training():
            return self._driver().train()

    def suggest(self) -> list[tuple[str, str, float | None]]:
        """Which entries to ask next, best first: image, label, and the model's probability.

        Gold questions are among them.

        Raises `NothingToDo` where none is left.
        """
        self._opened.store.refresh()
        with self._opened.training():
            self._driver().suggest()
        store = self._opened.store
        queue = (q for q in store.queue() if not q.done)
        return [(store.images[q.image], store.names[q.label], q.probability) for q in queue]

    def tell(
        self,
        answers: Iterable[tuple[str, str, int]],
        *,
        person: str = "python",
        seconds: float = 0.0,
    ) -> None:
        """Take answers of a person: image, label, and 1 present, 0 absent or -1 cannot tell.

        All of them or none. seconds: what each took. Raises `DataError` for an image or a label
        that the project does not have, `UsageError` for an answer that is not three things.
        """
        answers = list(answers)
        for answer in answers:
            if len(answer) != 3:
                raise UsageError(
                    "an answer is an image, a label, and 1, 0 or -1", seen=repr(answer)
                )
        store = self._opened.store
        taken = [
            Answer(*store.numbers(image, label), int(value), seconds)
            for image, label, value in answers
        ]
        store.answer(person, taken, request=str(uuid.uuid4()))

    def model(self) -> Model:
        """The model of the last training. Raises `DataError` before it."""
        return self._driver().model()

    def predict(
        self,
        images: NDArray[np.floating] | Sequence[str | Path] | str | Path,
        *,
        predictions: Given | None = None,
    ) -> NDArray[np.float32]:
        """(n, L): the probability of each label for new images; see `Model.predict_proba`."""
        return self.model().predict_proba(images, predictions=predictions)

    def status(self) -> Overview:
        """Where it stands, as `alasl status` tells: answers, people, what the model is worth.

        Of each label by the last training: `ap` and `interval`, and in `figures` precision, recall,
        f1, prevalence and calibration, each (value, low, high) in per cent; `lacks` says why one is
        missing.
        """
        self._opened.store.refresh()
        return overview(self._opened)

    def labels(self) -> Labels:
        """The table as it is now."""
        self._opened.store.refresh()
        return self._opened.store.labels()

    def table(self) -> Any:
        """The table as a pandas DataFrame, an image a row, missing where unknown.

        Raises `ResourceError` where pandas is not installed.
        """
        labels = self.labels()
        values = labels.entries.astype(np.float64)
        values[labels.entries == UNKNOWN] = np.nan
        return data_frame(values, index=list(labels.images), columns=list(labels.names))

    def _driver(self) -> Driver:
        from alasl.project.driver import Driver

        return Driver(self._opened, trust=self._trust)

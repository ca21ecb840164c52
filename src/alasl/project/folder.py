"""A project's folder: what was given, how it is asked, everything that people said.

project.toml holds the settings, store.sqlite the table and all answers, predictions/ what other
models say; model/ can be made again from these at any time, and so can report.html.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from alasl.data import tars
from alasl.data.dataset import Dataset
from alasl.data.evidence import Predictions
from alasl.data.opening import data_of_names, make_split, read_data, refuse_bad
from alasl.data.prediction_arrays import is_kept, names_nothing, read_kept, write_kept
from alasl.data.predictions import named, read_predictions
from alasl.data.split import Split
from alasl.errors import ConflictError, DataError, UsageError
from alasl.files import resource_errors
from alasl.labels import Labels
from alasl.models.nearness import grouped
from alasl.models.weights import require_packaged
from alasl.project import settings as files
from alasl.project.arrays import RESTORE, load_array, save_array
from alasl.project.calibration import require_ground
from alasl.project.records import ROLES
from alasl.project.settings import ProjectSettings
from alasl.project.shares import refuse_share
from alasl.project.store import Store
from alasl.project.taxonomy import take_taxonomy

SETTINGS, STORE, MODEL, FEATURES = "project.toml", "store.sqlite", "model", "features.npy"
PREDICTIONS = "predictions"

Ints = NDArray[np.intp]

# Files that are looked for before all are taken to be elsewhere.
_TRIED = 100


@dataclass(frozen=True, eq=False)
class Project:
    """An open project: its folder, settings and store. Made by `init` or `load`.

    root: the folder below which the images lie; files of the store are relative to it. Where the
    settings have it relative, it is so to the project's folder.
    """

    folder: Path
    settings: ProjectSettings
    store: Store
    root: Path

    def require_images(self) -> None:
        """Raise a `DataError` that names the setting, where the images are not below the root."""
        tried = (self.store.files[row] for row in range(min(_TRIED, len(self.store.files))))
        files = (self.root / file for file in tried if file is not None)
        first = next(files, None)
        if first and not (tars.is_file(first) or any(map(tars.is_file, files))):
            raise DataError(
                "the images are not where the project looks for them",
                where=str(self.folder / SETTINGS),
                seen=f"root = {self.settings.root!r}; no {first}",
                do="say there where they are: root, in the table [project], from the project's "
                "folder or from /",
            )

    def lost(self) -> NDArray[np.bool_]:
        """(N,): the images whose files are not there; none where the project has no files."""
        paths = self.paths()
        if paths is None:
            return np.zeros(len(self.store.images), np.bool_)
        return np.array([not tars.is_file(path) for path in paths], np.bool_)

    @property
    def model(self) -> Path:
        """The folder of what training made."""
        return self.folder / MODEL

    def split(self) -> Split:
        """The rows of the clean set, the pool and the test set."""
        parts = self.store.parts
        return Split(*(np.flatnonzero(parts == part) for part in range(len(ROLES))))

    def predictions(self) -> tuple[Predictions, ...]:
        """What other models say of the entries, in the order of their names."""
        files = sorted((self.folder / PREDICTIONS).glob("*.npz"))
        scheme = self.store.scheme
        return tuple(
            read_kept(file.stem, file, scheme.rows, scheme.cols)
            if is_kept(file)
            else self.read_predictions(f"{file.stem}={file}")
            for file in files
        )

    def read_predictions(self, spec: str) -> Predictions:
        """What a file of predictions says of the table, whatever its labels were once called."""
        scheme = self.store.scheme
        if names_nothing(named(spec)[1]):
            return read_predictions(spec, self.store.images, self.store.names)
        source = read_predictions(spec, scheme.image_numbers, scheme.label_numbers)
        # There may be no name for the last numbers.
        rows, cols = (
            np.where(numbers < many, numbers, -1)
            for numbers, many in zip((scheme.rows, scheme.cols), source.shape, strict=True)
        )
        return Predictions(source.name, source.table.take(rows).take_cols(cols))

    def dataset(self, labels: Labels | None = None) -> Dataset:
        """The images with the table as it is now (or with `labels`)."""
        labels = labels or self.store.labels()
        parts = self.paths(), self.features(), self.settings.name, self.predictions()
        return Dataset(labels, *parts)

    def paths(self) -> tuple[Path, ...] | None:
        """The image files, in the table's order; None where there are none."""
        if self.store.files[0] is None or None in self.store.files:
            return None
        return tuple(self.root / str(file) for file in self.store.files)

    def features(self) -> NDArray[np.floating] | None:
        """(N, D): the features that the data came with. Raises `DataError` for a damaged file."""
        path = self.folder / FEATURES
        if not path.exists():
            return None
        found = load_array(path, RESTORE)
        return found[self.store.scheme.rows] if len(found) > len(self.store.images) else found

    @contextmanager
    def training(self) -> Iterator[None]:
        """Keep others from training meanwhile. Raises `ConflictError` where one does."""
        lock = FileLock(self.folder / ".training.lock")
        with resource_errors(self.folder):
            try:
                lock.acquire(timeout=0)
            except Timeout:
                raise ConflictError(
                    "another process is training on this project",
                    where=str(self.folder),
                    do="wait for it",
                ) from None
        try:
            with resource_errors(self.model):
                # A model tells much of what it learned from, as does the store.
                self.model.mkdir(mode=0o700, exist_ok=True)
            yield
        finally:
            lock.release()


def is_project(folder: Path) -> bool:
    """Whether a folder is a project's."""
    return (folder / SETTINGS).is_file()


def refuse_taken(folder: Path) -> None:
    """Raise where no project can be made: `ConflictError` where the folder holds anything.

    `ResourceError` where it is on a network share.
    """
    refuse_share(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConflictError(
            "there is a project here already"
            if is_project(folder)
            else "the folder is not empty, so no project is made in it",
            where=str(folder),
            do="name another folder",
        )


def init(
    folder: Path,
    settings: ProjectSettings,
    names: Sequence[str] = (),
    *,
    taxonomy: Path | None = None,
    skip_bad: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Project:
    """A new project in `folder` on the data that the settings name; whole or not at all.

    names: of labels of which nothing is known yet, where the data are a folder of images and there
    is no table. taxonomy: a file of rules between labels, whose parents become labels where they
    are none. skip_bad: leave out images whose files cannot be used, as `read_data` does.
    progress(done, of): called as images are looked at. Images are not copied.
    Raises as `refuse_taken` does.
    """
    refuse_taken(folder)
    if settings.training() or settings.model != ProjectSettings.model:
        # Only then, as it takes seconds to import.
        from alasl.models.prepare import refuse_evidence
        from alasl.models.registry import resolve

        kind = resolve(settings.model, settings.training())
        if settings.predictions:
            refuse_evidence(kind)
    if names:
        dataset = data_of_names(Path(settings.data), names, skip_bad=skip_bad)
    else:
        dataset = read_data(settings, skip_bad=skip_bad)
    if dataset.features is None:
        require_packaged(settings.backbone, settings.weights)
    if not settings.near and not skip_bad:
        refuse_bad(dataset, progress)
    dataset = grouped(dataset, settings, progress)
    split = make_split(dataset, settings, audited=settings.audit > 0)
    require_ground(settings, split, dataset.labels.sparse)
    roles = np.empty(len(dataset), dtype=object)
    for role in ROLES:
        roles[getattr(split, role)] = role
    root = _root(dataset, settings)
    paths: tuple[str | None, ...] = (None,) * len(dataset)
    if dataset.paths is not None:
        paths = tuple(os.path.relpath(path.absolute(), root) for path in dataset.paths)
    # Images named relative stay so, that a project can be moved with them.
    named = settings.root or settings.image_folder or settings.data
    settings = replace(
        settings,
        name=settings.name or folder.resolve().name,
        root=str(root) if Path(named).is_absolute() else os.path.relpath(root, folder.absolute()),
        data=str(Path(settings.data).absolute()),
        predictions=(),
    )
    with whole(folder) as beside:
        store = Store.create(beside / STORE, dataset.labels, paths, list(roles))
        try:
            if taxonomy:
                take_taxonomy(store, taxonomy, "init", add=True)
        finally:
            store.close()
        if dataset.features is not None:
            save_array(beside / FEATURES, dataset.features)
        for source in dataset.predictions:
            images, labels = map(np.arange, dataset.labels.shape)
            keep(source, images, labels, beside)
        files.write(settings, beside / SETTINGS)
    return load(folder)


def load(folder: Path) -> Project:
    """The project in a folder. Raises `DataError` without one."""
    if not is_project(folder):
        raise DataError(
            "there is no project here", where=str(folder), do="make one: alasl init PROJECT DATA"
        )
    settings = files.read(folder / SETTINGS)
    if settings.predictions:
        raise UsageError(
            "a project keeps predictions in its own folder, not by name in its settings",
            where=str(folder / SETTINGS),
            seen=f"predictions = {list(settings.predictions)}",
            do=f"take the line out, then: alasl import {folder} FILE --as predictions NAME",
        )
    root = Path(os.path.normpath(folder.resolve() / settings.root))
    return Project(folder, settings, Store.open(folder / STORE), root)


def keep(source: Predictions, images: Ints, labels: Ints, folder: Path) -> Path:
    """Keep another model's predictions in a project's folder, in the place of any of that name.

    images, labels: the numbers of those of the source.
    """
    path = folder / PREDICTIONS / f"{source.name}.npz"
    write_kept(source, images, labels, path)
    return path


def _root(dataset: Dataset, settings: ProjectSettings) -> Path:
    """The folder that holds all image files, or the data's where there are none."""
    if settings.root:
        return Path(settings.root).absolute()
    if dataset.paths:
        return Path(
            os.path.commonpath([*{tars.holder(p).absolute().parent for p in dataset.paths}])
        )
    return Path(settings.data).absolute()


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """A folder to fill beside `folder`; it takes its place once the block is done."""
    with resource_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = folder.parent / f".{folder.name}.{uuid.uuid4().hex[:12]}"
        beside.mkdir()
        try:
            yield beside
            if folder.exists():
                folder.rmdir()  # empty, or this fails
            beside.rename(folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)

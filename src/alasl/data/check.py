"""A data set read whole once: what it holds, and every image file that cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alasl.data.dataset import Dataset
from alasl.data.duplicates import Groups, digest, joined, near_pairs, same_content
from alasl.data.images import EXTENSIONS, each, look
from alasl.data.presence import known_by_presence
from alasl.errors import DataError
from alasl.labels import ABSENT, PRESENT, Labels
from alasl.sparse import Sparse

_TINY = 16
_PAIRS = 10
# Counting pairs takes a square of the labels; beyond this many only the commonest are counted.
_PAIRED_LABELS = 1000
# Images of which pairs are counted at a time.
_BLOCK = 2**14


@dataclass(frozen=True)
class LabelCount:
    """How often one label is present, absent and unknown."""

    name: str
    present: int
    absent: int
    unknown: int


@dataclass(frozen=True)
class Pair:
    """Two labels and the number of images that have both."""

    labels: tuple[str, str]
    images: int


@dataclass(frozen=True)
class FileNote:
    """One image file and what is wrong with it, or worth knowing."""

    image: str
    path: str
    reason: str


@dataclass(frozen=True)
class Duplicate:
    """Images whose files are the same byte for byte, and the labels on which they disagree."""

    images: tuple[str, ...]
    contradictions: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """What `check` found. Counts are of entries unless they say images or labels.

    unknown_per_image, present_per_image: minimum, quartiles and maximum over the images.
    files: image files that were looked at, or None where the data set names none.
    near: groups of images that are nearly the same by features, and not all equal.
    labels_known_by_presence: of which absents are hardly or never recorded; see `data.presence`.
    bad: files that cannot be used. notes: files that can, with something worth knowing.
    """

    name: str
    images: int
    labels: int
    files: int | None
    features: int | None
    known: int
    unknown: int
    present: int
    per_label: tuple[LabelCount, ...]
    pairs: tuple[Pair, ...]
    unknown_per_image: tuple[float, ...]
    present_per_image: tuple[float, ...]
    labels_never_present: tuple[str, ...]
    labels_all_unknown: tuple[str, ...]
    labels_known_by_presence: tuple[str, ...]
    images_all_unknown: tuple[str, ...]
    duplicates: tuple[Duplicate, ...]
    near: tuple[Duplicate, ...]
    bad: tuple[FileNote, ...]
    notes: tuple[FileNote, ...]

    def to_dict(self) -> dict[str, Any]:
        """The report as plain lists and numbers, for JSON."""
        return asdict(self)

    def findings(self) -> Iterator[dict[str, Any]]:
        """Every bad file, note and duplicate, one object each."""
        for kind, found in (("bad", self.bad), ("note", self.notes)):
            for note in found:
                yield {"kind": kind, **asdict(note)}
        for kind, groups in (("duplicate", self.duplicates), ("near duplicate", self.near)):
            for group in groups:
                yield {"kind": kind, **asdict(group)}


def check(
    dataset: Dataset,
    *,
    workers: int | None = None,
    features: NDArray[np.floating] | None = None,
    given: Sparse | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Count the table's entries and decode every image file once.

    features: (N, D) of a backbone, by which images that are nearly the same are found.
    given: what was known at first, which tells what is known by presence; by default the table.
    on_progress: called with (files done, files in all).
    """
    labels = dataset.labels
    present, first = labels.present_per_label(), labels.sparse if given is None else given
    presents = labels.sparse.where(lambda values: values == PRESENT)
    counts = zip(labels.names, present, labels.known_per_label(), strict=True)
    files = each(_inspect, dataset.paths or (), workers, on_progress)
    same = same_content([file.digest for file in files])
    named = list(zip(labels.images, dataset.paths or (), files, strict=False))
    return Report(
        name=dataset.name,
        images=len(dataset),
        labels=len(labels.names),
        files=None if dataset.paths is None else len(files),
        features=None if dataset.features is None else dataset.features.shape[1],
        known=labels.filled,
        unknown=len(dataset) * len(labels.names) - labels.filled,
        present=int(present.sum()),
        per_label=tuple(
            LabelCount(name, int(p), int(k - p), len(dataset) - int(k)) for name, p, k in counts
        ),
        pairs=_pairs(labels),
        unknown_per_image=_quartiles(labels.unknown_per_image()),
        present_per_image=_quartiles(presents.per_row()),
        labels_never_present=_named(labels.names, present == 0),
        labels_all_unknown=_named(labels.names, labels.known_per_label() == 0),
        labels_known_by_presence=_named(labels.names, known_by_presence(first)),
        images_all_unknown=_named(labels.images, labels.known_per_image() == 0),
        duplicates=tuple(_duplicate(labels, rows) for rows in _together(same)),
        near=_near(labels, same, features),
        bad=tuple(FileNote(i, str(p), f.bad) for i, p, f in named if f.bad),
        notes=tuple(FileNote(i, str(p), note) for i, p, f in named for note in f.notes),
    )


@dataclass(frozen=True)
class _File:
    digest: bytes = b""
    bad: str = ""
    notes: tuple[str, ...] = ()


def _inspect(path: Path) -> _File:
    try:
        # A JPEG is decoded at 1/8, for which the whole file is still read.
        seen = look(path, 8)
        notes = list(seen.notes)
        if path.suffix.lower() not in EXTENSIONS.get(seen.kind, ()):
            notes.append(f"the file is a {seen.kind}, which its extension does not say")
        if min(seen.size) < _TINY:
            notes.append(f"the image is only {seen.size[0]} x {seen.size[1]} pixels")
        if seen.animated:
            notes.append("the image is animated; its first frame is used")
        return _File(digest(path), notes=tuple(notes))
    except DataError as error:
        return _File(bad=error.what + (f"; seen: {error.seen}" if error.seen else ""))


def _pairs(labels: Labels) -> tuple[Pair, ...]:
    common = np.argsort(-labels.present_per_label(), kind="stable")[:_PAIRED_LABELS]
    few = labels.sparse.where(lambda values: values == PRESENT).take_cols(common)
    together = np.zeros((len(common), len(common)))
    some = np.unique(few.rows)
    for rows in np.array_split(some, max(1, len(some) // _BLOCK)):
        has = (few[rows] == PRESENT).astype(np.float32)
        together += has.T @ has
    together = np.triu(together, k=1)
    best = np.argsort(-together, axis=None, kind="stable")[:_PAIRS]
    rows, cols = np.unravel_index(best, together.shape)
    return tuple(
        Pair((labels.names[common[a]], labels.names[common[b]]), int(together[a, b]))
        for a, b in zip(rows, cols, strict=True)
        if together[a, b] > 0
    )


def _near(
    labels: Labels, same: Groups, features: NDArray[np.floating] | None
) -> tuple[Duplicate, ...]:
    if features is None:
        return ()
    found = [same] if len(same) else []
    groups = joined(len(labels.images), *found, pairs=near_pairs(features))
    return tuple(
        _duplicate(labels, rows)
        for rows in _together(groups)
        if not len(same) or len(np.unique(same[rows])) > 1
    )


def _together(groups: Groups) -> list[NDArray[np.intp]]:
    """The rows of each group of more than one."""
    order = np.argsort(groups, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    return [rows for rows in parts if len(rows) > 1]


def _duplicate(labels: Labels, rows: NDArray[np.intp]) -> Duplicate:
    return Duplicate(
        tuple(labels.images[row] for row in rows),
        _named(labels.names, _disagree(labels.of(rows))),
    )


def _disagree(entries: NDArray[np.int8]) -> NDArray[np.bool_]:
    """(L,): labels of which some known entries of the images (n, L) are 1 and some 0."""
    return np.asarray((entries == PRESENT).any(axis=0) & (entries == ABSENT).any(axis=0))


def _quartiles(counts: NDArray[np.integer]) -> tuple[float, ...]:
    return tuple(float(q) for q in np.quantile(counts, (0, 0.25, 0.5, 0.75, 1)))


def _named(names: Sequence[str], chosen: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(names[i] for i in np.flatnonzero(chosen).tolist())

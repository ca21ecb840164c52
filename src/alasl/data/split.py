"""Clean, pool and test set: divided so that every label has its share in each."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alasl.data.alike import Paths, path_parts
from alasl.data.formats.rows import is_split_header, read_rows
from alasl.errors import DataError, UsageError
from alasl.labels import PRESENT, Labels
from alasl.seeds import stream

_log = logging.getLogger(__name__)

Rows = NDArray[np.intp]

# Images that an audit judges at most: more would not be judged better by as many answers.
MOST_AUDITED = 4000

# What a word of a split file begins with, and the part that it means.
WORDS = {"clean": "clean", "pool": "pool", "train": "train", "val": "test", "test": "test"}


@dataclass(frozen=True, eq=False)
class Split:
    """The rows of a table that are clean, pool and test: ascending and disjoint.

    groups: (N,), equal for images that are the same or nearly so; None where they were not looked
    for. Only the clean set may be empty; raises `DataError` where another part is.
    """

    clean: Rows
    pool: Rows
    test: Rows
    groups: Rows | None = None

    def __post_init__(self) -> None:
        for part in ("clean", "pool", "test"):
            # Stable sorts pass over what is sorted.
            rows = np.sort(np.asarray(getattr(self, part), np.intp), kind="stable")
            if len(rows) == 0 and part != "clean":
                raise DataError(
                    f"the {part} set of the split is empty",
                    seen=f"clean {len(self.clean)}, pool {len(self.pool)}, test {len(self.test)}",
                )
            object.__setattr__(self, part, rows)

    def shared(self) -> int:
        """How many test images are in a group with images of the clean set or the pool."""
        if self.groups is None:
            return 0
        return int(np.isin(self.groups[self.test], self.groups[self.seen]).sum())

    @property
    def seen(self) -> Rows:
        """The rows that training may look at: clean and pool, ascending."""
        return np.sort(np.concatenate([self.clean, self.pool]), kind="stable")


def stratified_split(
    labels: Labels, seed: int, clean: float = 0.1, test: float = 0.2, groups: Rows | None = None
) -> Split:
    """Clean and test sets of round(share N) images, stratified; the rest is the pool.

    By iterative stratification (Sechidis et al. 2011): every label has, as nearly as can be, its
    share of positives in each part; unknown entries count for no label. Clean and test sets are
    to be fully known, so they are drawn from the images with the fewest unknown entries: in a
    complete table these are all images, else the fully known ones if there are enough.
    groups: (N,), images of one group fall into one part; sizes then are as near as can be, else
    exact. Raises `UsageError` for shares that leave no pool, `DataError` where a part would be
    empty.
    """
    if min(clean, test) <= 0 or clean + test >= 1:
        raise UsageError(
            "the shares of the clean and the test set must be above 0 and leave a pool",
            seen=f"clean {clean}, test {test}",
        )
    images = len(labels.images)
    sizes = (round(clean * images), round(test * images))
    drawn = _draw(labels, np.arange(images), sizes, stream(seed, "split"), groups)
    return _with_clean(Split(clean=drawn[0], test=drawn[1], pool=drawn[2], groups=groups))


def audited_split(
    labels: Labels, seed: int, test: float = 0.2, groups: Rows | None = None
) -> Split:
    """A test set for an audit: round(test N) images, `MOST_AUDITED` at most, drawn by chance.

    What is known of an image plays no part, so that the test set is like the whole collection. The
    rest is the pool, and no image is clean. groups: (N,), images of one group fall into one part.
    Raises `UsageError` for a share that leaves no pool, `DataError` where a part would be empty.
    """
    if not 0 < test < 1:
        raise UsageError(
            "the share of the test set must be above 0 and leave a pool", seen=f"test {test}"
        )
    images = len(labels.images)
    size = min(round(test * images), MOST_AUDITED)
    unit = np.arange(images) if groups is None else np.unique(groups, return_inverse=True)[1]
    many = np.bincount(unit)
    order = stream(seed, "audited split").permutation(len(many))
    # Whole groups, each that fits.
    drawn, room = np.zeros(len(many), np.bool_), size
    for group, count in zip(order, many[order], strict=True):
        if not room:
            break
        if count <= room:
            drawn[group] = True
            room -= int(count)
    taken = drawn[unit]
    nobody = np.zeros(0, np.intp)
    return Split(
        clean=nobody, pool=np.flatnonzero(~taken), test=np.flatnonzero(taken), groups=groups
    )


def read_split(
    path: Path,
    labels: Labels,
    seed: int,
    clean: float = 0.1,
    groups: Rows | None = None,
    *,
    audited: bool = False,
) -> Split:
    """The split that a CSV file `image,split` names, one line for each image of the table.

    Words: clean, pool and test; or train*, val* and test* (e.g. train2017): val and test are the
    test set, train is divided by stratification into pool and round(clean N) clean images, N
    being all images of the table. groups: (N,), as for `stratified_split`; those that the file
    itself divides are counted in a warning. audited: an audit judges, so that no image has to be
    clean, and none is drawn where too few of train are fully known: what is unknown of clean images
    is never asked. Raises `DataError` with file and line.
    """
    words = _read_words(path, labels)
    rows = {word: np.flatnonzero(words == word) for word in ("clean", "pool", "train", "test")}
    if len(rows["train"]) and len(rows["clean"]) + len(rows["pool"]):
        raise DataError(
            "a split names either train, or clean and pool",
            where=str(path),
            seen=", ".join(word for word in rows if len(rows[word])),
        )
    if len(rows["train"]):
        size = round(clean * len(words))
        if not 0 < size < len(rows["train"]):
            raise UsageError(
                "the share of the clean set must be above 0 and leave a pool",
                where=str(path),
                seen=f"{clean}: {size} of {len(rows['train'])} images of train",
            )
        complete = int((labels.unknown_per_image()[rows["train"]] == 0).sum())
        size = 0 if audited and complete < size else size
        drawn = _draw(labels, rows["train"], (size,), stream(seed, "split"), groups)
        rows["clean"], rows["pool"] = drawn
    try:
        split = Split(clean=rows["clean"], pool=rows["pool"], test=rows["test"], groups=groups)
        split = split if audited else _with_clean(split)
    except DataError as error:
        raise DataError(error.what, where=str(path), seen=error.seen) from None
    if shared := split.shared():
        _log.warning(
            "%s: %d of %d test images are the same as, or nearly, images of the other parts; mAP "
            "is then too good",
            *(path, shared, len(split.test)),
        )
    return split


def _with_clean(split: Split) -> Split:
    if not len(split.clean):
        raise DataError(
            "the clean set of the split is empty",
            seen=f"clean 0, pool {len(split.pool)}, test {len(split.test)}",
        )
    return split


def _read_words(path: Path, labels: Labels) -> NDArray[np.str_]:
    """(N,): the part of each image of the table: clean, pool, train or test."""
    row_of = {image: row for row, image in enumerate(labels.images)}
    words = np.full(len(row_of), "", dtype="<U5")
    line_of: dict[str, int] = {}
    bad: list[str] = []
    alike = Paths((path_parts(image) or [image], image) for image in row_of)
    rows = read_rows(path)
    _, header = next(rows, (1, []))
    if not is_split_header(header):
        raise DataError(
            "a split file begins with the line image,split",
            where=f"{path}:1",
            seen=",".join(header),
        )
    for line, cells in rows:
        if len(cells) != 2:
            bad.append(f"{path}:{line}: {len(cells)} cells, expected 2")
            continue
        image, word = cells
        if image not in row_of and len(fits := alike.fits(image)) == 1:
            (image,) = fits
        part = next((WORDS[start] for start in WORDS if word.startswith(start)), None)
        if part is None or (part in ("clean", "pool") and word != part):
            bad.append(f"{path}:{line}: split {word!r}")
        elif image not in row_of:
            bad.append(f"{path}:{line}: image {image!r} is not in the table")
        elif image in line_of:
            bad.append(f"{path}:{line}: image {image!r} stood in line {line_of[image]}")
        else:
            words[row_of[image]] = part
        line_of.setdefault(image, line)
    bad += [f"{path}: image {image!r} is missing" for image in row_of if image not in line_of]
    if bad:
        raise DataError(
            f"{len(bad)} images of the split do not fit the table of labels",
            where=str(path),
            more=bad,
            do="name every image of the table once, as clean, pool or test, "
            "or as train..., val... or test...",
        )
    return words


def _draw(
    labels: Labels,
    rows: Rows,
    sizes: tuple[int, ...],
    rng: np.random.Generator,
    groups: Rows | None,
) -> list[Rows]:
    """Parts of `rows` of these sizes, from the images with fewest unknown entries, and the rest."""
    unit = np.arange(len(rows))
    if groups is not None:
        unit = np.unique(groups[rows], return_inverse=True)[1]
    many = np.bincount(unit)
    # A group is known as well as its worst known image.
    unknown = np.zeros(len(many), np.int64)
    np.maximum.at(unknown, unit, labels.unknown_per_image()[rows])
    order = np.argsort(unknown, kind="stable")
    enough = np.searchsorted(np.cumsum(many[order]), sum(sizes))
    may = np.flatnonzero(unknown <= unknown[order[enough]])
    place = np.full(len(many), -1)
    place[may] = np.arange(len(may))
    present = np.zeros((len(may), len(labels.names)), np.int64)
    chosen = place[unit] >= 0
    np.add.at(present, place[unit][chosen], labels.of(rows[chosen]) == PRESENT)
    left = int(many[may].sum()) - sum(sizes)
    part = stratify(present, (*sizes, left), rng, many[may])
    of_row = np.where(chosen, part[place[unit]], len(sizes))
    parts = [rows[of_row == k] for k in range(len(sizes))]
    return [*parts, rows[of_row == len(sizes)]]


def stratify(
    present: NDArray[np.integer] | NDArray[np.bool_],
    sizes: tuple[int, ...],
    rng: np.random.Generator,
    many: NDArray[np.integer] | None = None,
) -> NDArray[np.intp]:
    """(n,): the part of each unit, such that part k has sizes[k] images.

    present: (n, L), how many images of a unit have each label. many: (n,), images of each unit;
    None where each is one, and sizes are then met exactly. Iterative stratification (Sechidis et
    al. 2011, algorithm 1): the rarest label among the units left is dealt first, each of its units
    to the part that wants that label most; between equals, to the one that wants the unit's labels
    most in sum (an addition to the paper's), then to the one with most room, then by chance. A
    unit goes where there is room for it, if there is any. Sums to all images: sizes.
    """
    n = len(present)
    weight = [1] * n if many is None else many.tolist()
    images = sum(weight)
    order = rng.permutation(n)
    chance = rng.random(n).tolist()
    weight = [weight[unit] for unit in order.tolist()]
    # Plain lists: each step touches a handful of numbers, where arrays would cost tenfold.
    labels_of: list[list[tuple[int, int]]] = [[] for _ in range(n)]
    units_of: list[list[int]] = [[] for _ in range(present.shape[1])]
    counts = np.asarray(present, np.int64)[order]
    for position, label in zip(*(axis.tolist() for axis in np.nonzero(counts)), strict=True):
        labels_of[position].append((label, int(counts[position, label])))
        units_of[label].append(position)
    left = [len(units) for units in units_of]
    # In units of 1 / images, so that they are whole numbers and tie exactly.
    wants = [[int(total) * size for size in sizes] for total in counts.sum(axis=0)]
    room = list(sizes)
    part = [-1] * n

    def fitting(unit: int) -> list[int]:
        return [k for k in range(len(room)) if room[k] >= weight[unit]] or [
            max(range(len(room)), key=room.__getitem__)
        ]

    dealt = [label for label in rng.permutation(len(left)).tolist() if left[label]]
    while dealt:
        label = min(dealt, key=left.__getitem__)
        want = wants[label]
        for unit in units_of[label]:
            if part[unit] >= 0:
                continue
            others = labels_of[unit]
            claims = {
                k: (want[k], sum(wants[other][k] for other, _ in others), room[k])
                for k in fitting(unit)
            }
            best = max(claims.values())
            ties = [k for k, claim in claims.items() if claim == best]
            k = part[unit] = ties[int(chance[unit] * len(ties))]
            room[k] -= weight[unit]
            for other, has in others:
                wants[other][k] -= has * images
                left[other] -= 1
        dealt = [label for label in dealt if left[label]]

    # What has no positive fills up the parts, large units first; the order is already by chance.
    rest = sorted((unit for unit in range(n) if part[unit] < 0), key=lambda unit: -weight[unit])
    for unit in rest:
        k = part[unit] = fitting(unit)[0]
        room[k] -= weight[unit]
    found = np.empty(n, np.intp)
    found[order] = part
    return found

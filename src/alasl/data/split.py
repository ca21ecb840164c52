"""Clean, pool and test set: divided so that every label has its share in each."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alasl.errors import DataError, UsageError
from alasl.labels import PRESENT, Labels
from alasl.seeds import stream

Rows = NDArray[np.intp]

# What a word of a split file begins with, and the part that it means.
WORDS = {"clean": "clean", "pool": "pool", "train": "train", "val": "test", "test": "test"}


@dataclass(frozen=True, eq=False)
class Split:
    """The rows of a table that are clean, pool and test: ascending and disjoint.

    Raises `DataError` where a part is empty.
    """

    clean: Rows
    pool: Rows
    test: Rows

    def __post_init__(self) -> None:
        for part in ("clean", "pool", "test"):
            rows = np.sort(np.asarray(getattr(self, part), np.intp))
            if len(rows) == 0:
                raise DataError(
                    f"the {part} set of the split is empty",
                    seen=f"clean {len(self.clean)}, pool {len(self.pool)}, test {len(self.test)}",
                )
            object.__setattr__(self, part, rows)

    @property
    def seen(self) -> Rows:
        """The rows that training may look at: clean and pool, ascending."""
        return np.sort(np.concatenate([self.clean, self.pool]))


def stratified_split(labels: Labels, seed: int, clean: float = 0.1, test: float = 0.2) -> Split:
    """Clean and test sets of exactly round(share N) images, stratified; the rest is the pool.

    By iterative stratification (Sechidis et al. 2011): every label has, as nearly as can be, its
    share of positives in each part; unknown entries count for no label. Clean and test sets are
    to be fully known, so they are drawn from the images with the fewest unknown entries: in a
    complete table these are all images, else the fully known ones if there are enough.
    Raises `UsageError` for shares that leave no pool, `DataError` where a part would be empty.
    """
    if min(clean, test) <= 0 or clean + test >= 1:
        raise UsageError(
            "the shares of the clean and the test set must be above 0 and leave a pool",
            seen=f"clean {clean}, test {test}",
        )
    images = len(labels.images)
    sizes = (round(clean * images), round(test * images))
    drawn = _draw(labels, np.arange(images), sizes, stream(seed, "split"))
    return Split(clean=drawn[0], test=drawn[1], pool=drawn[2])


def read_split(path: Path, labels: Labels, seed: int, clean: float = 0.1) -> Split:
    """The split that a CSV file `image,split` names, one line for each image of the table.

    Words: clean, pool and test; or train*, val* and test* (e.g. train2017): val and test are the
    test set, train is divided by stratification into pool and round(clean N) clean images, N
    being all images of the table. Raises `DataError` with file and line.
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
        drawn = _draw(labels, rows["train"], (size,), stream(seed, "split"))
        rows["clean"], rows["pool"] = drawn
    try:
        return Split(clean=rows["clean"], pool=rows["pool"], test=rows["test"])
    except DataError as error:
        raise DataError(error.what, where=str(path), seen=error.seen) from None


def _read_words(path: Path, labels: Labels) -> NDArray[np.str_]:
    """(N,): the part of each image of the table: clean, pool, train or test."""
    row_of = {image: row for row, image in enumerate(labels.images)}
    words = np.full(len(row_of), "", dtype="<U5")
    line_of: dict[str, int] = {}
    bad: list[str] = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            header = [cell.strip() for cell in next(reader, [])]
            if header != ["image", "split"]:
                raise DataError(
                    "a split file begins with the line image,split",
                    where=f"{path}:1",
                    seen=",".join(header),
                )
            for cells in reader:
                line = reader.line_num
                if not cells:
                    continue
                if len(cells) != 2:
                    bad.append(f"{path}:{line}: {len(cells)} cells, expected 2")
                    continue
                image, word = cells[0], cells[1].strip()
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
    except OSError as error:
        raise DataError("the split file cannot be read", where=str(path), seen=str(error)) from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(
            "the split file is not a CSV file", where=str(path), seen=str(error)
        ) from None
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
    labels: Labels, rows: Rows, sizes: tuple[int, ...], rng: np.random.Generator
) -> list[Rows]:
    """Parts of `rows` of these sizes, from the images with fewest unknown entries, and the rest."""
    unknown = labels.unknown_per_image()[rows]
    most = np.partition(unknown, sum(sizes) - 1)[sum(sizes) - 1]
    may = rows[unknown <= most]
    part = stratify(labels.entries[may] == PRESENT, (*sizes, len(may) - sum(sizes)), rng)
    parts = [may[part == k] for k in range(len(sizes))]
    return [*parts, np.setdiff1d(rows, np.concatenate(parts))]


def stratify(
    present: NDArray[np.bool_], sizes: tuple[int, ...], rng: np.random.Generator
) -> NDArray[np.intp]:
    """(n,): the part of each image, such that part k has exactly sizes[k] of them.

    present: (n, L). Iterative stratification (Sechidis et al. 2011, algorithm 1): the rarest
    label among the images left is dealt first, each of its images to the part that wants that
    label most; between equals, to the one that wants the image's labels most in sum (an addition
    to the paper's), then to the one with most room, then by chance. Sums to n: sizes.
    """
    n = len(present)
    order = rng.permutation(n)
    chance = rng.random(n).tolist()
    # Plain lists: each step touches a handful of numbers, where arrays would cost tenfold.
    labels_of: list[list[int]] = [[] for _ in range(n)]
    images_of: list[list[int]] = [[] for _ in range(present.shape[1])]
    for position, label in zip(
        *(axis.tolist() for axis in np.nonzero(present[order])), strict=True
    ):
        labels_of[position].append(label)
        images_of[label].append(position)
    left = [len(images) for images in images_of]
    # In units of 1 / n image, so that they are whole numbers and tie exactly.
    wants = [[len(images) * size for size in sizes] for images in images_of]
    room = list(sizes)
    part = [-1] * n

    dealt = [label for label in rng.permutation(len(left)).tolist() if left[label]]
    while dealt:
        label = min(dealt, key=left.__getitem__)
        want = wants[label]
        for image in images_of[label]:
            if part[image] >= 0:
                continue
            others = [wants[other] for other in labels_of[image]]
            claims = {
                k: (want[k], sum(other[k] for other in others), room[k])
                for k in range(len(room))
                if room[k]
            }
            best = max(claims.values())
            ties = [k for k, claim in claims.items() if claim == best]
            k = part[image] = ties[int(chance[image] * len(ties))]
            room[k] -= 1
            for other in labels_of[image]:
                wants[other][k] -= n
                left[other] -= 1
        dealt = [label for label in dealt if left[label]]

    found = np.array(part)
    # What has no positive fills up the parts; the order is already by chance.
    found[found < 0] = np.repeat(np.arange(len(room)), room)
    answer = np.empty(n, np.intp)
    answer[order] = found
    return answer

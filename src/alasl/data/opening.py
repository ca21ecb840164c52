"""The data set and the split that settings name."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from alasl.data import tars
from alasl.data.alike import spelled
from alasl.data.dataset import Dataset
from alasl.data.duplicates import Groups, groups_of
from alasl.data.formats import FORMATS, read
from alasl.data.images import readable_images
from alasl.data.named_images import named_images
from alasl.data.predictions import read_all
from alasl.data.split import MOST_AUDITED, Split, audited_split, read_split, stratified_split
from alasl.errors import DataError, UsageError
from alasl.labels import UNKNOWN, Labels
from alasl.settings import DataSettings

_log = logging.getLogger(__name__)

_SHOWN = 5


def read_data(
    settings: DataSettings,
    *,
    trust: bool = True,
    skip_bad: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """The data set that the settings name, with the predictions that they name.

    skip_bad: leave out images whose files are missing or cannot be decoded, with a warning that
    counts them; progress(done, of) is then called as they are looked at. trust: whether a format
    that is a Python file may run; `UsageError` is raised where it may not.
    """
    if settings.format and not trust:
        FORMATS.resolve(settings.format, trust=False)
    dataset = read(
        Path(settings.data),
        labels=settings.labels,
        format=settings.format,
        empty=settings.empty,  # type: ignore[arg-type]  # the settings checked it
        images=settings.image_folder,
        features=settings.features,
        require_images=not skip_bad,
    )
    if skip_bad:
        dataset = _whole(dataset, progress)
    if not settings.predictions:
        return dataset
    labels = dataset.labels
    return replace(dataset, predictions=read_all(settings.predictions, labels.images, labels.names))


def refuse_bad(dataset: Dataset, progress: Callable[[int, int], None] | None = None) -> None:
    """Raise one `DataError` that names every image file that cannot be decoded."""
    if dataset.paths is None:
        return
    _, bad = readable_images(dataset.paths, on_progress=progress)
    if bad:
        raise DataError(
            f"{len(bad)} of {len(dataset)} image files cannot be used",
            more=[f"{path}: {why}" for path, why in bad],
            do="mend them, or leave them out: --skip-bad",
        )


def _whole(dataset: Dataset, progress: Callable[[int, int], None] | None) -> Dataset:
    good, bad = dataset.readable(progress)
    for path, why in bad[:_SHOWN]:
        _log.warning("left out: %s: %s", path, why)
    if bad:
        _log.warning("%d of %d images are left out", len(bad), len(dataset))
    return good


def make_split(dataset: Dataset, settings: DataSettings, *, audited: bool = False) -> Split:
    """Clean set, pool and test set: from the named file, else stratified by seed.

    Images whose files have the same content fall into one part, as do those that are nearly the
    same, where the data set has its groups and the settings have `near`; with a warning they do
    not where that would leave a part with less than half its images. audited: an audit judges
    where the test set would not be complete; it is then drawn by chance, and nothing is clean.
    """
    if settings.near and dataset.groups is not None:
        try:
            split = _split(dataset, settings, _some_alike(dataset.groups), audited)
            why = _too_small(split, dataset, settings)
        except DataError as error:
            why = f"{error.what} ({error.seen})"
        if not why:
            return split
        _log.warning(
            "%s where images that are nearly the same stay in one part: only images whose files "
            "are equal do",
            why,
        )
    return _split(dataset, settings, groups_of(dataset), audited)


def _too_small(split: Split, dataset: Dataset, settings: DataSettings) -> str:
    """What part of a drawn split has less than half of the images that it is to have, in words."""
    if settings.split:
        return ""
    wanted = {"clean": settings.clean if len(split.clean) else 0.0, "test": settings.test}
    small = [
        f"the {part} set of the split has {len(getattr(split, part))} images in place of {size}"
        for part, share in wanted.items()
        if 2 * len(getattr(split, part)) < (size := min(round(share * len(dataset)), MOST_AUDITED))
    ]
    return " and ".join(small)


def _some_alike(groups: Groups) -> Groups | None:
    return groups if len(np.unique(groups)) < len(groups) else None


def _split(dataset: Dataset, settings: DataSettings, groups: Groups | None, audited: bool) -> Split:
    if settings.split:
        path = Path(settings.split)
        labels, seed, clean = dataset.labels, settings.seed, settings.clean
        return read_split(path, labels, seed, clean, groups, audited=audited)
    labels, seed = dataset.labels, settings.seed
    shares = (settings.clean, settings.test)
    complete = int((labels.unknown_per_image() == 0).sum())
    if audited and complete < sum(round(share * len(dataset)) for share in shares):
        return audited_split(labels, seed, settings.test, groups)
    split = stratified_split(labels, seed, *shares, groups)
    # Whole groups may not fit into the complete images.
    if audited and (labels.of(split.test) == UNKNOWN).any():
        return audited_split(labels, seed, settings.test, groups)
    return split


def data_of_names(folder: Path, names: Sequence[str], *, skip_bad: bool = False) -> Dataset:
    """The images below a folder, or in a tar, of which nothing is known of the labels `names`.

    skip_bad: leave out images whose files cannot be decoded, as `read_data` does.
    Raises `DataError` where there is no folder or no image, `UsageError` for a name that is empty
    or comes twice and for what is no folder.
    """
    if not folder.exists():
        raise DataError("there is no such file or folder", where=str(folder))
    if not (folder.is_dir() or tars.is_tar(folder)):
        raise UsageError(
            "labels by name alone need a folder of images, or a tar of them",
            where=str(folder),
            do="name such",
        )
    alike = [spelled(name) for name in names]
    if not names or "" in alike or len({*alike}) < len(names):
        twice = [name for name, one in zip(names, alike, strict=True) if alike.count(one) > 1]
        raise UsageError(
            "labels need names, each once, whatever its case",
            seen=", ".join(repr(name) for name in twice) or f"{len(names)} names, one is empty",
        )
    found = named_images(folder)
    entries = np.full((len(found.ids), len(names)), UNKNOWN, np.int8)
    labels = Labels(entries, tuple(names), found.ids)
    dataset = Dataset(labels, found.inputs.paths, name=folder.resolve().name)
    return _whole(dataset, None) if skip_bad else dataset


def read_names(path: Path) -> list[str]:
    """The names of labels in a text file, one a line; blank lines are passed over.

    Raises `DataError` where it cannot be read or names none.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError("cannot read the names", where=str(path), seen=str(error)) from error
    names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise DataError("the file names no label", where=str(path), do="write one name a line")
    return names

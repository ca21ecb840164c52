"""Images that come into a project, and images that leave it.

What was judged stays judged: images that are there keep their part, and new ones go into the pool,
unless they are to be dealt out by the project's shares.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alasl.data import tars
from alasl.data.dataset import Dataset
from alasl.data.duplicates import digests, groups_of, near_rows, same_content
from alasl.data.formats import has_table, read
from alasl.data.formats.base import Empty
from alasl.data.named_images import named_images
from alasl.data.names import Names
from alasl.data.split import audited_split, stratified_split
from alasl.errors import ConflictError, DataError, NothingToDo, UsageError
from alasl.labels import UNKNOWN, Labels
from alasl.models.nearness import looked_at
from alasl.project.arrays import RESTORE, load_array, save_array
from alasl.project.changes import Changed, Dropped, NewImages
from alasl.project.folder import FEATURES, Project
from alasl.project.records import ROLES
from alasl.project.scheme import Scheme
from alasl.sparse import Sparse

_log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]

# Where new images go: all into the pool, or by the shares that the project began with.
Deal = Literal["pool", "shares"]


@dataclass(frozen=True)
class Added:
    """Images that came in. known: ids that the project has already. copies: files that it has
    already under another id, or that came under two. bad: files that cannot be used. All these are
    left out.
    """

    change: Changed
    roles: dict[str, int]
    near: int
    known: tuple[str, ...]
    copies: tuple[tuple[str, str], ...]
    bad: tuple[tuple[Path, str], ...]


def add(
    project: Project,
    source: Path,
    person: str,
    *,
    labels: str | None = None,
    format: str | None = None,
    empty: Empty | None = None,
    image_folder: Path | None = None,
    features: str | None = None,
    deal: Deal = "pool",
    skip_bad: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Added:
    """Take the images of a folder, or of a table with what it knows of them, into a project.

    source: a folder of images, a tar, or a data set as for `init`. deal: the part of the new
    images. An image that is nearly the same as one of the project's goes where that one is.
    skip_bad: leave out files that cannot be decoded, instead of refusing them all.
    progress(done, of): called as images are looked at.
    Raises `DataError` for bad files and for labels that the project does not have.
    """
    if tars.is_tar(source) or (source.is_dir() and labels is None and not has_table(source)):
        found = _folder(source)
    else:
        found = read(
            source,
            labels=labels,
            format=format,
            empty=empty,
            images=image_folder,
            features=features,
        )
    store = project.store
    store.refresh()
    now = store.scheme
    entries = _entries(found.labels, now, source)
    _refuse_other_kind(project, found)
    back, known, fresh = _known(project, found, now)
    same, fresh = _copies(project, found, fresh)
    bad, fresh = _bad(found, fresh, skip_bad)
    if not len(fresh) and not back:
        raise NothingToDo(
            "there is no new image",
            where=str(source),
            seen=f"{len(known)} are there by name, {len(same)} have the content of one that is, "
            f"{len(bad)} cannot be used",
        )
    new = found.take(fresh)
    files, outside = _files(project, new, source)
    near = _near(project, new, progress)
    roles = [near.get(row, role) for row, role in enumerate(_dealt(project, new, deal))]
    request = NewImages(new.labels.images, files, roles, entries.take(fresh), tuple(back), outside)
    if new.features is not None and not dry_run:
        with project.training():
            _keep_features(project, new.features, now)
            change = store.change(person, request)
    else:
        change = store.change(person, request, dry_run=dry_run)
    counts = {role: roles.count(role) for role in ROLES if role in roles}
    return Added(change, counts, len(near), tuple(known), tuple(same), tuple(bad))


def drop(project: Project, images: Sequence[str], person: str, *, dry_run: bool = False) -> Changed:
    """Take images out of a project; what was said of them is kept in its log.

    Raises `DataError` for ids that it does not have.
    """
    store = project.store
    store.refresh()
    known = Names(store.images, store.names, "names")
    places = [known.row(image, image) for image in images]
    known.refuse_lost(project.folder)
    numbers = {int(store.scheme.rows[place]) for place in places if place is not None}
    return store.change(person, Dropped(tuple(sorted(numbers))), dry_run=dry_run)


def drop_bad(project: Project, person: str) -> list[tuple[str, str]]:
    """Drop the images whose files cannot be used; which, and why. The last of a part cannot go."""
    bad = bad_images(project)
    if bad:
        drop(project, [image for image, _ in bad], person)
    return bad


def bad_images(project: Project) -> list[tuple[str, str]]:
    """The images of which the file cannot be decoded, each with why."""
    dataset = project.dataset()
    if dataset.paths is None:
        return []
    project.require_images()
    of = dict(zip(dataset.paths, dataset.labels.images, strict=True))
    try:
        _, bad = dataset.readable()
    except DataError as error:
        raise DataError(error.what, where=str(project.root), more=error.more) from error
    return [(of[path], why) for path, why in bad]


def _folder(folder: Path) -> Dataset:
    """Image files of which nothing is known."""
    found = named_images(folder)
    # A table has one label at least; it is taken for none of the project's.
    unknown = Labels(np.full((len(found.ids), 1), UNKNOWN, np.int8), ("",), found.ids)
    return Dataset(unknown, found.inputs.paths, None, folder.name)


def _entries(labels: Labels, now: Scheme, source: Path) -> Sparse:
    """(n, all): what is known of the new images, by the numbers of the project's labels."""
    shape = len(labels.images), len(now.labels)
    if labels.names == ("",):
        return Sparse.at_places(shape, [], [], np.zeros(0, np.int8))
    known = Names((), now.label_numbers, "labels")
    cols = [known.column(name, str(source)) for name in labels.names]
    try:
        known.refuse_lost(source)
    except DataError as error:
        raise DataError(
            f"{cols.count(None)} labels of the table are not the project's",
            where=error.where,
            more=error.more,
            do="add them first, or rename them: alasl labels PROJECT add NAME...",
        ) from None
    known.note_taken(source)
    few, to = labels.sparse, np.array(cols, np.int64)
    # Backwards: of two columns of one label the first counts.
    rows, places, values = (each[::-1] for each in (few.rows, few.cols, few.values))
    return Sparse.at_places(shape, rows, to[places], values)


def _refuse_other_kind(project: Project, found: Dataset) -> None:
    own = project.folder / FEATURES
    if own.exists():
        width = load_array(own, RESTORE).shape[1]
        if found.features is None or found.features.shape[1] != width:
            raise DataError(
                f"the project has features of its own, {width} of each image, and new images need "
                "theirs",
                seen="none" if found.features is None else str(found.features.shape[1]),
                do="bring them: --features FILE.npy, in the table's order",
            )
    elif found.paths is None:
        raise DataError("the new images have no files", do="name their folder: --image-folder")


def _known(
    project: Project, found: Dataset, now: Scheme
) -> tuple[list[int], list[str], NDArray[np.intp]]:
    """Numbers of images that come back; ids that are there; rows of the new images."""
    here = {now.images[n] for n in now.rows.tolist()}
    left = {now.images[n]: n for n in np.flatnonzero(~now.here).tolist()}
    back, known, fresh = [], [], []
    for row, image in enumerate(found.labels.images):
        if image in here:
            known.append(image)
        elif image in left and _same_file(project, now.files[left[image]], found, row):
            back.append(left[image])
        else:
            fresh.append(row)
    if found.paths is not None and known and project.store.files[0] is not None:
        of = dict(zip(project.store.images, project.dataset().paths or (), strict=True))
        rows = {image: row for row, image in enumerate(found.labels.images)}
        pairs = [(found.paths[rows[image]], of[image]) for image in known]
        others = [image for image, pair in zip(known, pairs, strict=True) if _differ(*pair)]
        if others:
            raise ConflictError(
                f"{len(others)} new images are called like others that the project has",
                more=others,
                do="give the folder above, so that their ids begin with the folder's name, or "
                "rename them",
            )
    return back, known, np.array(fresh, np.intp)


def _differ(one: Path, other: Path) -> bool:
    """Whether two files hold other things; not where one is away, as it cannot be told."""
    if one.resolve() == other.resolve() or not (tars.is_file(one) and tars.is_file(other)):
        return False
    found, bad = digests([one, other])
    return not bad and found[0] != found[1]


def _same_file(project: Project, file: str | None, found: Dataset, row: int) -> bool:
    if found.paths is None or file is None:
        return found.paths is None and file is None
    return (project.root / file).resolve() == found.paths[row].resolve()


def _copies(
    project: Project, found: Dataset, fresh: NDArray[np.intp]
) -> tuple[list[tuple[str, str]], NDArray[np.intp]]:
    """Of the new images those that the project has under another id, or that came twice, and the
    others; each copy with the id of the image that it is."""
    store = project.store
    own = project.dataset()
    if found.paths is not None and own.paths is not None:
        old_sizes, new_sizes = (
            [tars.size(path) for path in paths]
            for paths in (own.paths, (found.paths[row] for row in fresh.tolist()))
        )
        many, there = Counter(new_sizes), {*old_sizes}
        wanted = {*new_sizes} - {-1}
        old = [row for row, size in enumerate(old_sizes) if size in wanted]
        new = [
            row
            for row, size in zip(fresh.tolist(), new_sizes, strict=True)
            if size >= 0 and (size in there or many[size] > 1)
        ]
        contents, _ = digests(
            [*(own.paths[row] for row in old), *(found.paths[row] for row in new)]
        )
    elif found.features is not None and own.features is not None:
        old, new = list(range(len(own))), fresh.tolist()
        contents = [np.asarray(own.features[row], np.float32).tobytes() for row in old]
        contents += [np.asarray(found.features[row], np.float32).tobytes() for row in new]
    else:
        return [], fresh
    groups = same_content(contents).tolist()
    names = [store.images[row] for row in old] + [found.labels.images[row] for row in new]
    first: dict[int, str] = {}
    same: dict[int, str] = {}
    for place, (group, name) in enumerate(zip(groups, names, strict=True)):
        of = first.setdefault(group, name)
        if place >= len(old) and of != name:
            same[new[place - len(old)]] = of
    ids = [(found.labels.images[row], of) for row, of in same.items()]
    return ids, np.array([row for row in fresh.tolist() if row not in same], np.intp)


def _bad(
    found: Dataset, fresh: NDArray[np.intp], skip: bool
) -> tuple[list[tuple[Path, str]], NDArray[np.intp]]:
    """Of the new images the files that cannot be used, and the others."""
    if found.paths is None or not len(fresh):
        return [], fresh
    from alasl.data.images import readable_images

    paths = [found.paths[row] for row in fresh]
    good, bad = readable_images(paths)
    if bad and not skip:
        raise DataError(
            f"{len(bad)} of {len(paths)} new image files cannot be used; nothing was taken",
            more=[f"{path}: {why}" for path, why in bad],
            do="mend them, or leave them out: --skip-bad",
        )
    return bad, fresh[good]


def _files(project: Project, new: Dataset, source: Path) -> tuple[list[str | None], str]:
    """The new files below the project's root, and the folder they lie in where that is outside."""
    if new.paths is None or None in project.store.files:
        return [None] * len(new), ""
    # Without following links, which may lead elsewhere.
    root, *paths = (Path(os.path.normpath(p.absolute())) for p in (project.root, *new.paths))
    files: list[str | None] = [os.path.relpath(path, root) for path in paths]
    outside = {tars.holder(path).parent for path in paths if not path.is_relative_to(root)}
    if not outside:
        return files, ""
    folder = os.path.relpath(os.path.commonpath([*outside]), root)
    _log.warning("%s: the page will also show images of this folder", source)
    return files, folder


def _dealt(project: Project, new: Dataset, deal: Deal) -> list[str]:
    """The part of each new image."""
    if deal == "pool":
        return ["pool"] * len(new)
    settings = project.settings
    if settings.split:
        raise UsageError(
            "the project's parts are those of a file, so there are no shares to deal by",
            seen=f"split = {settings.split!r}",
        )
    labels, seed, groups = new.labels, settings.seed, groups_of(new)
    if "clean" in project.store.roles:
        split = stratified_split(labels, seed, settings.clean, settings.test, groups)
    else:
        split = audited_split(labels, seed, settings.test, groups)
    roles = np.empty(len(new), dtype=object)
    for role in ROLES:
        roles[getattr(split, role)] = role
    return list(roles)


def _near(project: Project, new: Dataset, progress: Progress | None) -> dict[int, str]:
    """By row, the part of the image of the project that a new image is nearly the same as."""
    own = project.dataset()
    if own.paths is None or not len(new):
        return {}
    there = np.flatnonzero([tars.is_file(path) for path in own.paths])
    before = looked_at(own.take(there), project.settings, progress)
    found = looked_at(new, project.settings, progress)
    if before is None or found is None:
        return {}
    roles = project.store.roles
    return {row: roles[int(there[old])] for row, old in near_rows(before, found).items()}


def _keep_features(project: Project, new: NDArray[np.floating], now: Scheme) -> None:
    """Put the features of the new images below those that the project has, by number."""
    path = project.folder / FEATURES
    before = load_array(path, RESTORE)[: len(now.images)]
    save_array(path, np.concatenate([before, np.asarray(new, before.dtype)]))

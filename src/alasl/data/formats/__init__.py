"""Data sets from and to files: one file of this folder a format, found by itself."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from alasl.data.alike import spelled
from alasl.data.dataset import Dataset, check_features
from alasl.data.feature_files import features_for
from alasl.data.formats.base import (
    FORMATS,
    Empty,
    Features,
    Format,
    Options,
    Table,
    table_format,
)
from alasl.data.formats.locate import IMAGE_FOLDERS, any_image, check_ids, locate_images
from alasl.data.formats.rows import head_row, is_split_header
from alasl.data.formats.strangers import strange_folder, stranger
from alasl.errors import DataError, UsageError
from alasl.files import readable, replacing
from alasl.labels import MACHINE, Labels

__all__ = ["FORMATS", "Format", "Table", "has_table", "read", "read_table", "table_format", "write"]

_log = logging.getLogger(__name__)

_HEAD = 65536


def read(
    path: str | Path,
    *,
    labels: str | Path | None = None,
    format: str | None = None,
    empty: Empty | None = None,
    images: str | Path | None = None,
    features: str | Path | None = None,
    keep_unannotated: bool = True,
    require_images: bool = True,
) -> Dataset:
    """A data set from a folder (a table and `images/`) or from a table's file.

    labels: the table in the folder, where there are several. format: a name of `FORMATS`, where
    the table does not tell. empty: what an empty CSV cell means. images: the folder of the image
    files. features: a file or folder of features (N, D); see `feature_files`. keep_unannotated:
    whether COCO images without annotation stay, as all absent. require_images: whether a missing
    image file is an error; if not, its expected path is given, and `paths` is None where no image
    file is there.
    Raises `UsageError` for what must be said, `DataError` for what is wrong in the files.
    """
    root = Path(path)
    table, file = read_table(
        root, labels=labels, format=format, empty=empty, keep_unannotated=keep_unannotated
    )
    ids = table.labels.images
    brought = table.features
    if features is not None:
        beside = root / features
        brought = features_for(beside if beside.exists() else Path(features), ids)
    if brought is not None:
        check_features(brought, len(ids), where=str(features or file))
    own = None if images is None else Path(images)
    paths = _find_images(ids, root, file, own, brought is not None, require_images)
    name = root.resolve().name if root.is_dir() else root.stem
    return Dataset(table.labels, paths, brought, name)


def read_table(
    path: str | Path,
    *,
    labels: str | Path | None = None,
    format: str | None = None,
    empty: Empty | None = None,
    keep_unannotated: bool = True,
) -> tuple[Table, Path]:
    """Only the table of a data set, and the path it is at; its remarks are logged as warnings."""
    named = FORMATS.resolve(format) if format else None
    if empty not in (None, "unknown", "absent"):
        raise UsageError("empty cells mean unknown or absent", seen=repr(empty))
    file = _find_table(Path(path), labels, named.part if named else None)
    found, sure = (named.part, True) if named else _recognise(file)
    given = named.values if named else {}
    try:
        table = found.read(file, Options(empty, keep_unannotated), **given)
        if 0 in table.labels.shape:
            raise DataError("the table has no images or no labels")
        if "" in table.labels.names:
            raise DataError("a label has no name")
        check_ids(table.labels.images)
    except DataError as error:
        others = f"read as {found.name}; --format names another: {', '.join(FORMATS)}"
        do = error.do if sure else "\n  ".join(filter(None, (error.do, others)))
        where = error.where or str(file)
        raise DataError(error.what, where=where, seen=error.seen, do=do, more=error.more) from error
    merged, notes = _by_people(table.labels)
    for note in (*table.notes, *notes, *_twins(merged.names)):
        _log.warning("%s: %s", file, note)
    return replace(table, labels=merged), file


def has_table(folder: Path) -> bool:
    """Whether there is a table of entries in a folder, or it is one, be it readable or not."""
    try:
        _find_table(folder, None, None)
    except UsageError:  # several
        return True
    except DataError:
        return False
    return True


def write(
    labels: Labels, path: str | Path, format: str, *, features: Features | None = None
) -> None:
    """Write a table whole or not at all; `read` gives back the same.

    Raises a `DataError`, leaving `path` as it was, for what the format cannot carry.
    """
    writers = [name for name, known in FORMATS.items() if known.write]
    found = FORMATS.resolve(format)
    put = found.part.write
    if put is None or found.values:
        raise UsageError(
            f"cannot write the format {format!r}", do=f"there are: {', '.join(writers)}"
        )
    if 0 in labels.shape:
        raise DataError("the table has no images or no labels, so there is nothing to write")
    if "" in labels.names:
        raise DataError("a label has no name")
    if features is not None and not found.part.carries_features:
        raise UsageError(f"{format} cannot carry features", do="write npz, or leave them out")
    check_ids(labels.images)
    try:
        with replacing(Path(path)) as beside:
            put(labels, beside, features)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise UsageError(
            "no file can be written here", where=str(path), seen=error.strerror
        ) from error


def _find_table(path: Path, labels: str | Path | None, format: Format | None) -> Path:
    if not path.exists():
        raise DataError("there is no such file or folder", where=str(path))
    if labels is not None:
        for file in (path / labels, Path(labels)):
            if file.exists():
                return file
        raise DataError(
            "the file with the table of entries does not exist",
            where=str(path / labels),
            do="name a file in this folder, or by its whole path",
        )
    if not path.is_dir() or (format and not format.suffixes):
        return path
    if known := strange_folder(path):
        raise DataError(f"this is {known[0]}, not a table of entries", where=str(path), do=known[1])
    files = _candidates(path)
    if len(files) == 1:
        return files[0]
    if _fits(path):
        return path
    files = [file for file in files if _fits(file)] or files
    if len(files) == 1:
        return files[0]
    if files:
        raise _several(path, [file.name for file in files])
    below = [table for folder in _folders(path) for table in _tables(folder)]
    if len(below) == 1:
        return below[0]
    if below:
        raise _several(path, [str(table.relative_to(path)) for table in below])
    odd = {
        file.name: stranger(file, _head(file)) for file in sorted(path.iterdir()) if file.is_file()
    }
    raise DataError(
        f"no table of entries here: no {', '.join(_suffixes())}, and no folder that is a table",
        where=str(path),
        more=[f"{name} is {known[0]}: {known[1]}" for name, known in odd.items() if known],
        do="put it into this folder or one of its folders, or name it with --labels; to label "
        "images without a table, name each label: alasl init PROJECT IMAGES --label NAME",
    )


def _several(path: Path, names: list[str]) -> UsageError:
    return UsageError(
        "several files may be the table of entries; name one with --labels",
        where=str(path),
        more=names,
    )


def _candidates(folder: Path) -> list[Path]:
    """The files of a folder that may be tables, by their names."""
    known = _suffixes()
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in known
        and not file.name.startswith(".")
        and file.is_file()
        and not _beside(file)
    )


def _suffixes() -> list[str]:
    """The endings of files that may be tables."""
    return sorted({suffix for each in FORMATS.values() for suffix in each.suffixes})


def _tables(folder: Path) -> list[Path]:
    """A folder that is a table, or the tables in it."""
    return [folder] if _fits(folder) else [file for file in _candidates(folder) if _fits(file)]


def _folders(path: Path) -> list[Path]:
    return sorted(
        folder for folder in path.iterdir() if folder.is_dir() and not folder.name.startswith(".")
    )


def _beside(file: Path) -> bool:
    """Whether a file belongs to a table or images without being one: a split, or class names.

    Beside each tar or folder img2dataset writes how the download went: `00000_stats.json`.
    """
    shard = file.with_name(file.name.removesuffix("_stats.json"))
    if shard != file and (shard.is_dir() or shard.with_name(f"{shard.name}.tar").exists()):
        return True
    return "class-descriptions" in file.name or is_split_header(head_row(_head(file)))


def _recognise(file: Path) -> tuple[Format, bool]:
    """The format of a file or folder; False where it is only the one that tells best what is wrong.

    Raises a `DataError` for what is none, a `UsageError` for what may be several.
    """
    head = _head(file)
    known = None if file.is_dir() else stranger(file, head)
    if known:
        raise DataError(f"this is {known[0]}, not a table of entries", where=str(file), do=known[1])
    fitting = [each for each in FORMATS.values() if each.holds(file, head)]
    if len(fitting) == 1:
        return fitting[0], True
    if fitting:
        raise UsageError(
            "this fits several formats; name one with --format",
            where=str(file),
            seen=", ".join(each.name for each in fitting),
        )
    suffix = file.suffix.lower()
    near = [each for each in FORMATS.values() if suffix in each.broken and not file.is_dir()]
    if near:
        return near[0], False
    raise DataError(
        "this is in no format known here",
        where=str(file),
        seen="a folder" if file.is_dir() else repr(head[:40]),
        more=[f"{name}: {each.about}" for name, each in FORMATS.items()],
    )


def _by_people(labels: Labels) -> tuple[Labels, list[str]]:
    """The table with what a model answered made unknown, and a note of how many entries that is."""
    if MACHINE not in labels.sources:
        return labels, []
    theirs = labels.origin == labels.sources.index(MACHINE)
    note = f"{int(theirs.sum())} automatic answers are left out: they are a model's, no person's"
    return labels.only(~theirs), [note] if theirs.any() else []


def _twins(names: tuple[str, ...]) -> list[str]:
    """A note where labels differ only in case or blanks."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(spelled(name), []).append(name)
    twins = [", ".join(map(repr, group)) for group in alike.values() if len(group) > 1]
    return [f"labels that differ only in case or blanks: {'; '.join(twins)}"] if twins else []


def _fits(path: Path) -> list[Format]:
    head = _head(path)
    return [each for each in FORMATS.values() if each.holds(path, head)]


def _head(path: Path) -> bytes:
    if path.is_dir():
        return b""
    with readable(path), path.open("rb") as file:
        return file.read(_HEAD)


def _find_images(
    ids: Sequence[str],
    root: Path,
    table: Path,
    images: Path | None,
    features: bool,
    require: bool,
) -> tuple[Path, ...] | None:
    if images is not None and not images.is_dir():
        raise DataError("the folder of images does not exist", where=str(images))
    folders = _image_folders(root, table)
    own = [folder / name for folder in folders for name in IMAGE_FOLDERS]
    own = [images] if images else [folder for folder in own if folder.is_dir()]
    if features and not own and not any_image(ids, folders):
        return None
    # Where no folder of images is named or found, files beside the table are tried, but need
    # not be images.
    located = locate_images(ids, [images] if images else [*own, *folders])
    missing = located.missing
    none_meant = not own and len(missing) == len(ids)
    if not missing or not (require or none_meant):
        for note in located.notes:
            _log.warning("%s: %s", table, note)
        return located.paths
    if none_meant and (features or not require):
        return None
    where = str(own[0] if own else folders[0])
    if features:
        _log.warning(
            "%s: %d of %d image files are missing: none used", where, len(missing), len(ids)
        )
        return None
    raise DataError(
        f"{len(missing)} of {len(ids)} image files are missing",
        where=where,
        more=list(missing.values()),
        do="put them there, or name another folder (--image-folder, or images= in Python)",
    )


def _image_folders(root: Path, table: Path) -> list[Path]:
    """The folders that a table's image ids may start from: the data set's, and the table's own."""
    own = table if table.is_dir() else table.parent
    folders = [root if root.is_dir() else root.parent, own]
    if own.name.casefold() == "annotations":  # as COCO is laid out
        folders.append(own.parent)
    return list(dict.fromkeys(folders))

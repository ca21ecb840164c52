"""Scenes as a data set in a folder: drawn on every core, whole or not at all."""

from __future__ import annotations

import csv
import json
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from alasl.data.scenes.scene import NAMES, draw
from alasl.errors import ConflictError, UsageError
from alasl.files import resource_errors
from alasl.threads import processors

Progress = Callable[[int, int], None]

VERSION = 1  # raised with every change of what a seed draws
NOTE = ".scenes.json"  # hidden, so that it is not taken for a table of entries
# Scenes that a process draws at a time, and for which no other is begun.
_CHUNK, _FEW = 20, 200


def make_scenes(
    folder: Path,
    count: int = 2000,
    seed: int = 0,
    workers: int | None = None,
    on_progress: Progress | None = None,
) -> Path:
    """Draw `count` scenes of a seed into a folder: images/00000.jpg ... and labels.csv (wide, 1/0).

    workers: processes, by default one for each core where there is enough to draw; any number draws
    the same. on_progress(done, of) is called as scenes are done. A folder that holds exactly these
    scenes is left as it is. Raises a `ConflictError` where the folder holds anything else.
    """
    if count < 1 or seed < 0 or (workers is not None and workers < 1):
        raise UsageError(
            "count and workers must be at least 1, and the seed at least 0",
            seen=f"count {count}, workers {workers}, seed {seed}",
        )
    folder = Path(folder)
    note = {"version": VERSION, "seed": seed, "count": count}
    if _is_there(folder, note):
        return folder
    with resource_errors(folder), _beside(folder) as beside:
        (beside / "images").mkdir()
        files = [f"{i:05d}.jpg" for i in range(count)]
        with (beside / "labels.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["image", *NAMES])
            for done, row in enumerate(_rows(beside / "images", files, seed, workers), start=1):
                table.writerow([files[done - 1], *row])
                if on_progress:
                    on_progress(done, count)
        (beside / NOTE).write_text(json.dumps(note) + "\n", encoding="utf-8")
        try:
            if folder.exists():
                folder.rmdir()  # empty, or this fails
            beside.rename(folder)
        except OSError:
            # Another process may have made the same scenes meanwhile; anything else is an error.
            if not _is_there(folder, note):
                raise
    return folder


def _is_there(folder: Path, note: dict[str, int]) -> bool:
    """Whether the folder holds these scenes; a `ConflictError` where it holds anything else."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    try:
        seen = json.loads((folder / NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        seen = None
    images = folder / "images"
    if seen == note and (folder / "labels.csv").is_file() and images.is_dir():
        found = sum(1 for _ in images.glob("*.jpg"))
        if found == note["count"]:
            return True
        seen = f"{note} with {found} images"
    raise ConflictError(
        "the folder holds something else than the scenes asked for",
        where=str(folder),
        seen="no scenes" if seen is None else str(seen),
        do="name another folder, or remove this one",
    )


def _rows(images: Path, files: list[str], seed: int, workers: int | None) -> Iterator[list[int]]:
    """Each scene's labels, in order, its image written."""
    one = partial(_draw_file, images, seed)
    # Few are drawn before another process has begun.
    workers = workers or min(processors(), max(len(files) // _FEW, 1))
    workers = min(workers, -(-len(files) // _CHUNK))
    if workers == 1:
        yield from map(one, range(len(files)), files)
        return
    import joblib

    # Its workers are begun anew, not forked: a fork of a program with threads may crash. They run
    # no caller's script again, so one without a main guard may call this.
    run = joblib.Parallel(workers, batch_size=_CHUNK, return_as="generator")
    yield from run(joblib.delayed(one)(index, file) for index, file in enumerate(files))


def _draw_file(images: Path, seed: int, index: int, file: str) -> list[int]:
    image, labels = draw(seed, index)
    image.save(images / file, "JPEG", quality=90)
    return [int(value) for value in labels]


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """A folder to fill beside the one meant; removed unless it was renamed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.parent / f".{folder.name}.{uuid.uuid4().hex[:12]}"
    beside.mkdir()
    try:
        yield beside
    finally:
        shutil.rmtree(beside, ignore_errors=True)

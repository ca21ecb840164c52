"""MIRFLICKR, the folder of its annotations: a file a label, with the numbers of its images.

Huiskes and Lew, "The MIR Flickr retrieval evaluation", MIR 2008. `LABEL.txt` names the images that
show something of the label, `LABEL_r1.txt` those where it is salient; image 7 is `im7.jpg`. What is
not named is absent.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np

from alasl.data.formats.base import Options, Table, table_format
from alasl.data.formats.text_file import lines
from alasl.errors import DataError
from alasl.labels import ABSENT, PRESENT, Labels
from alasl.parameters import Between

_SALIENT = "_r1"
# The smaller of the two collections; the larger one has a million.
_IMAGES = 25_000


def _holds(path: Path, head: bytes) -> bool:  # noqa: ARG001
    return path.is_dir() and any(path.glob(f"[!.]*{_SALIENT}.txt"))


def _read(
    path: Path,
    options: Options,  # noqa: ARG001
    *,
    images: Annotated[int, Between(1, 1_000_000)] = _IMAGES,
    salient: bool = False,
) -> Table:
    """salient: where a label stands out in the image, not all images that show something of it."""
    files = [file for file in sorted(path.glob("[!.]*.txt")) if file.stem.lower() != "readme"]
    files = [file for file in files if file.stem.endswith(_SALIENT) == salient]
    if not files:
        raise DataError(
            "no annotations of MIRFLICKR here: no LABEL.txt with numbers of images",
            where=str(path),
        )
    names = [file.stem.removesuffix(_SALIENT) for file in files]
    entries = np.full((images, len(files)), ABSENT, np.int8)
    for column, file in enumerate(files):
        entries[_numbers(file, images), column] = PRESENT
    ids = tuple(f"im{number}.jpg" for number in range(1, images + 1))
    return Table(Labels(entries, tuple(names), ids))


def _numbers(file: Path, images: int) -> list[int]:
    """The rows of the images that a file names."""
    rows = []
    for number, line in lines(file):
        if not line.strip().isdecimal() or not 1 <= int(line) <= images:
            raise DataError(
                f"expected the number of an image, 1 to {images}",
                where=f"{file}:{number}",
                seen=repr(line),
                do="--format mirflickr:images=N says how many there are",
            )
        rows.append(int(line) - 1)
    return rows


table_format(
    "mirflickr",
    "MIRFLICKR's annotations: a file a label, with the numbers of its images",
    holds=_holds,
)(_read)

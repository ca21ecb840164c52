"""CSV with a row for each answer: `image,label,value,annotator,time,seconds,why,pi`.

The same as the table format of this name, which keeps one answer an entry; here each person's
answer counts. A row with an annotator and an empty value says "cannot tell". Times are ISO 8601.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from alasl.data.formats.base import NamedAnswer, Options
from alasl.data.formats.csv_long import COLUMNS, holds, read_long
from alasl.data.formats.json_file import iso, moment
from alasl.data.formats.rows import entry, row, write_lines
from alasl.data.formats.times import no_seconds
from alasl.errors import DataError
from alasl.labels import UNKNOWN
from alasl.project.exchange.base import exchange


def _read(path: Path, options: Options) -> Iterator[NamedAnswer]:  # noqa: ARG001
    rows, _ = read_long(path)
    faults: list[str] = []
    found: list[NamedAnswer] = []
    for line, cells in rows:
        try:
            answers = _answer(cells, f"{path}:{line}")
        except DataError as error:
            faults.append(str(error))
            continue
        if answers.value != UNKNOWN or answers.person:  # else it only names an image and a label
            found.append(answers)
    if faults:
        raise DataError(f"{len(faults)} rows hold no answer", where=str(path), more=faults)
    timed = [one for one in found if one.seconds is not None]
    if odd := no_seconds([(one.seconds or 0.0, 1) for one in timed]):
        raise DataError(
            f"{len(odd)} of {len(timed)} times cannot be the seconds of an answer",
            where=str(path),
            more=[f"{timed[at].where}: {timed[at].seconds:g}" for at in odd],
            do="divide them by 1000 where they are milliseconds; leave a cell empty where nobody "
            "knows",
        )
    return iter(found)


def _answer(cells: list[str], where: str) -> NamedAnswer:
    image, label, cell, person, time, seconds, why, pi = cells
    value = entry(cell)
    if value is None:
        raise DataError(f"column 'value' holds {cell!r}; expected 1, 0 or empty", where=where)
    took = _number("seconds", seconds, where)
    chance = _number("pi", pi, where, most=1.0)
    return NamedAnswer(where, image, label, value, person, took, moment(time, where), why, chance)


def _number(name: str, cell: str, where: str, most: float = math.inf) -> float | None:
    if not cell:
        return None
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not (0 <= number <= most and math.isfinite(number)):
        up = f" to {most:g}" if math.isfinite(most) else " or more"
        raise DataError(f"column {name!r} holds {cell!r}; expected a number, 0{up}", where=where)
    return number


def _write(path: Path, answers: Sequence[NamedAnswer]) -> None:
    values = ("0", "1", "")  # -1 takes the last
    lines = (
        row(
            one.image,
            one.label,
            values[one.value],
            one.person,
            "" if one.at is None else iso(one.at),
            "" if one.seconds is None else repr(float(one.seconds)),
            one.why,
            "" if one.pi is None else repr(float(one.pi)),
        )
        for one in answers
    )
    write_lines(path, [row(*COLUMNS), *lines])


exchange("csv-long", f"CSV {','.join(COLUMNS)}; a row an answer", holds=holds, write=_write)(_read)

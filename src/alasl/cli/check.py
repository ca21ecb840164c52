"""`alasl check`: what a data set holds, and every image file that cannot be used."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alasl.cli import options
from alasl.cli.table_options import WithFormats, table_options
from alasl.errors import DataError

if TYPE_CHECKING:
    from alasl.data.check import LabelCount, Report
    from alasl.data.dataset import Dataset
    from alasl.data.formats.base import Empty
    from alasl.project.folder import Project

_SHOWN = 5
_LABELS_SHOWN = 20


@click.command("check", cls=WithFormats)
@click.argument("data", type=options.PATH)
@table_options("--format", "DATA")
@click.option(
    "--features", help="your own: .npy (N, D) in the table's order, .parquet, or a folder of either"
)
@click.option(
    "--image-folder", "images", type=options.PATH, help="where the image files are [DATA/images]"
)
@click.option(
    "--near",
    is_flag=True,
    help="also find images that are nearly the same, by features of lite0, kept for later",
)
@click.option(
    "--out",
    type=options.FILE,
    default=Path("check.jsonl"),
    show_default=True,
    help="where every finding is listed, if there is any",
)
@options.json_option
@options.quiet_option
def command(
    data: Path,
    labels: str | None,
    empty: Empty | None,
    format: str | None,
    drop_unannotated: bool,
    features: str | None,
    images: Path | None,
    near: bool,
    out: Path,
    as_json: bool,
) -> None:
    """Read DATA and all its image files once; report counts and every bad file.

    DATA is a folder with a table of entries and images/, or a file; or a project, whose store is
    then checked as well. Exits with 3 if a file is bad.
    """
    from alasl.data.check import check
    from alasl.project.folder import is_project

    given = None
    if is_project(data):
        project = _project(data)
        dataset = project.dataset()
        given = project.store.initial_and_labels()[0].take(project.split().pool)
    else:
        dataset = _read(
            data,
            out,
            labels=labels,
            format=format,
            empty=empty,
            images=images,
            features=features,
            keep_unannotated=not drop_unannotated,
            require_images=False,
        )
    seen = None
    if near:
        from alasl.models.features import features_of

        seen = features_of(replace(dataset, features=None), progress=options.Bar("look", "image"))
    report = check(dataset, features=seen, given=given, on_progress=options.Bar("check", "image"))
    found = list(report.findings())
    if found:
        _write(out, found)
    if as_json:
        options.print_json(report.to_dict())
    else:
        for line in _lines(report):
            click.echo(line)
    if found and not report.bad:
        click.echo(f"notes on files: {out}", err=True)
    if report.bad:
        raise DataError(
            f"{len(report.bad)} of {report.files} image files cannot be used",
            more=[f"{bad.path}: {bad.reason}" for bad in report.bad],
            do=f"the whole list: {out}",
        )


def _read(data: Path, out: Path, **options: Any) -> Dataset:
    """A data set; where it cannot be read for many reasons, all are listed in the file `out`."""
    from alasl.data.formats import read

    try:
        return read(data, **options)
    except DataError as error:
        if len(error.more) > _SHOWN:
            cases = [error.what, *error.more]
            _write(out, ({"kind": "table", "reason": case} for case in cases))
            click.echo(f"the whole list: {out}", err=True)
        raise


def _project(folder: Path) -> Project:
    """A project whose images are there, and whose store is as it was written."""
    from alasl.project.folder import STORE, load
    from alasl.project.integrity import refuse_damaged

    # Before it is opened, as a damaged one may not even be that; after, as an older one has its
    # checksums only then.
    refuse_damaged(folder / STORE)
    project = load(folder)
    refuse_damaged(folder / STORE)
    project.require_images()
    return project


def _write(path: Path, findings: Iterable[dict[str, Any]]) -> None:
    from alasl.files import write_text

    write_text(path, "".join(json.dumps(one, ensure_ascii=True) + "\n" for one in findings))


def _lines(report: Report) -> Iterator[str]:
    entries = report.known + report.unknown
    yield f"{report.name}: {report.images} images x {report.labels} labels = {entries} entries"
    yield f"  known    {_share(report.known, entries)}"
    yield f"  unknown  {_share(report.unknown, entries)}"
    yield f"  present  {_share(report.present, report.known)} of the known"
    files = "none found" if report.files is None else f"{report.files}, {len(report.bad)} bad"
    yield f"  image files: {files}"
    if report.features is not None:
        yield f"  features: {report.features} numbers an image"
    yield f"present labels an image: {_spread(report.present_per_image)}"
    yield f"unknown labels an image: {_spread(report.unknown_per_image)}"
    yield from _label_lines(report)
    if report.pairs:
        yield "labels most often together"
        yield from (f"  {p.images:>8}  {' + '.join(map(_plain, p.labels))}" for p in report.pairs)
    yield from _named("labels that are never present", report.labels_never_present)
    yield from _named("labels that are unknown everywhere", report.labels_all_unknown)
    yield from _named("images of which every label is unknown", report.images_all_unknown)
    yield from _by_presence(report)
    same = [" = ".join(map(_plain, group.images)) for group in report.duplicates]
    yield from _named("groups of files that are the same byte for byte", same)
    if same:
        count = sum(len(group.images) for group in report.duplicates)
        yield f"  {count} images in all; a split by chance keeps each group on one side"
    near = [" = ".join(map(_plain, group.images)) for group in report.near]
    yield from _named("groups of images that are nearly the same", near)
    clash = [
        f"{' = '.join(map(_plain, group.images))}: {', '.join(map(_plain, group.contradictions))}"
        for group in (*report.duplicates, *report.near)
        if group.contradictions
    ]
    yield from _named("of these with labels that contradict each other", clash)
    yield from _named("notes on files", [f"{n.path}: {n.reason}" for n in report.notes])


def _label_lines(report: Report) -> Iterator[str]:
    by_count = sorted(report.per_label, key=lambda label: -label.present)
    width = max(len(_plain(label.name)) for label in by_count)
    yield f"  {'present':>8}  {'absent':>8}  {'unknown':>14}  label"

    def line(label: LabelCount) -> str:
        unknown = f"{label.unknown} ({label.unknown / report.images:.0%})"
        name = _plain(label.name).ljust(width)
        return f"  {label.present:>8}  {label.absent:>8}  {unknown:>14}  {name}".rstrip()

    if len(by_count) <= _LABELS_SHOWN:
        yield from map(line, by_count)
        return
    half = _LABELS_SHOWN // 2
    yield from map(line, by_count[:half])
    yield f"  {'...':>8}  {len(by_count) - 2 * half} more labels; --json gives all"
    yield from map(line, by_count[-half:])


def _by_presence(report: Report) -> Iterator[str]:
    """Which labels are known by presence, and what that means."""
    from alasl.data.presence import in_words

    labels = report.labels_known_by_presence
    if labels:
        yield in_words(labels, report.labels)
        if len(labels) < report.labels:
            yield from _first(labels, "; --json gives all")
        yield "  where what is not marked is certainly absent: --assume absent, or --empty absent"


def _named(what: str, names: Iterable[str]) -> Iterator[str]:
    names = list(names)
    if names:
        yield f"{what}: {len(names)}"
        yield from _first(names)


def _first(names: Sequence[str], all_where: str = "") -> Iterator[str]:
    """The first names, a line each, and how many more there are."""
    yield from (f"  {_plain(name)}" for name in names[:_SHOWN])
    if len(names) > _SHOWN:
        yield f"  and {len(names) - _SHOWN} more{all_where}"


def _plain(name: str) -> str:
    """A name on one line: what would move the cursor or turn the text round is escaped."""
    return name if name.isprintable() else name.encode("unicode_escape").decode("ascii")


def _share(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.1%})" if whole else str(part)


def _spread(quartiles: tuple[float, ...]) -> str:
    low, q1, median, q3, high = quartiles
    return f"median {median:g} (half of the images {q1:g} to {q3:g}; all {low:g} to {high:g})"

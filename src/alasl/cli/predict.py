"""`alasl predict`: a model's probabilities for images it may never have seen."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from alasl.cli import options
from alasl.cli.engine_options import asked_for, engine_options
from alasl.counting import counted
from alasl.errors import DataError, UsageError

if TYPE_CHECKING:
    from alasl.models.model import Model
    from alasl.prediction.formats import Predicted, Predictions


@click.command("predict")
@click.argument("model", type=options.PATH)
@click.argument("images", nargs=-1, required=True, type=options.PATH)
@click.option("--out", type=options.FILE, help="the file to write; without it, CSV on stdout")
@click.option(
    "--format",
    "format",
    help="csv-wide, csv-long, jsonl, npz or label-studio [by the ending of --out: .csv csv-wide, "
    ".jsonl, .npz, .json label-studio]",
)
@click.option(
    "--threshold",
    is_flag=True,
    help="also write which labels are called present, by the model's own thresholds",
)
@click.option(
    "--predictions",
    "others",
    multiple=True,
    metavar="NAME=FILE",
    help="what another model, with whose predictions MODEL learned, predicts of IMAGES; may be "
    "repeated",
)
@click.option(
    "--at-least",
    "least",
    type=click.FloatRange(0, 1),
    default=0.0,
    help="leave out lower probabilities, as csv-long or jsonl [0]",
)
@click.option("--label", "labels", multiple=True, help="write this label only; may be repeated")
@click.option(
    "--image-folder",
    type=options.PATH,
    help="where a table's image files are [images/ beside it]",
)
@click.option("--prefix", default="", help="what makes an image's address out of its name")
@engine_options("processes at once, each on a GPU where there are any [one, on all processors]")
@options.trust_option
@options.download_option
@options.json_option
@options.quiet_option
def command(
    model: Path,
    images: tuple[Path, ...],
    out: Path | None,
    format: str | None,
    threshold: bool,
    others: tuple[str, ...],
    least: float,
    labels: tuple[str, ...],
    image_folder: Path | None,
    prefix: str,
    engine: str,
    workers: int | None,
    address: str | None,
    trust: bool,
    as_json: bool,
) -> None:
    """Write the probability of each label of MODEL for each of IMAGES.

    MODEL is a project, the folder of a run, or a model's file. IMAGES are a folder, whose images
    are taken however deep they lie, image files, tars, one table (its image ids), or features
    (.npy, .npz). Images that cannot be read are named, left out and counted; the exit code is then
    3. A model that learned with other models' predictions needs those of IMAGES: --predictions.
    With --engine or --workers, processes divide the images, and what is written is the same.
    """
    from alasl.data.predictions import read_all
    from alasl.models.model import Model
    from alasl.prediction.formats import Predictions
    from alasl.prediction.images import find_images
    from alasl.prediction.opening import find_model
    from alasl.prediction.predict import predict
    from alasl.prediction.shares import predict_by

    kind = _kind(out, format, least, as_json)
    file = find_model(model)
    opened = Model.load(file, trust=trust)
    columns = _columns(opened, labels)
    if threshold and opened.thresholds is None:
        raise UsageError(
            "this model has no thresholds",
            where=str(model),
            do="leave out --threshold, or train the model anew",
        )
    found = find_images(images, own_features=opened.source is None, images=image_folder)
    sources = read_all(others, found.ids, opened.names, of_more=True)
    broken: list[tuple[Path, str]] = []

    def skip(path: Path, why: str) -> None:
        broken.append((path, why))
        click.echo(f"left out: {path}: {why}", err=True)

    predictions = Predictions(
        tuple(opened.names[column] for column in columns),
        np.full(len(columns), np.nan, np.float32)
        if opened.thresholds is None
        else opened.thresholds[columns],
        calls=threshold,
        model=opened.kind.spec,
        prefix=prefix,
        least=least,
    )
    of, bar = partial(_piece, predictions, kind, columns), options.Bar("predict", "image")
    with asked_for(engine, workers, address) as by:
        if by is None:
            blocks = predict(opened, found, sources, progress=bar, on_broken=skip)
            pieces: Iterator[Any] = map(of, blocks)
        else:
            given = by, opened, file, found, of, sources
            pieces = predict_by(*given, trust=trust, progress=bar, on_broken=skip)
        _write(predictions, pieces, out, kind)
    total = len(found.ids)
    if as_json:
        options.print_json(
            {
                "out": str(out),
                "format": kind,
                "images": total - len(broken),
                "labels": list(predictions.names),
                "predictions": [{"name": each.name, **each.counts()} for each in sources],
                "left_out": [{"image": str(path), "why": why} for path, why in broken],
            }
        )
    elif out is not None:
        click.echo(
            f"{out}: {counted(total - len(broken), 'image')}, {counted(len(columns), 'label')}"
        )
    if broken:
        raise DataError(
            f"{len(broken)} of {total} images could not be read and were left out; "
            "all others are written"
        )


def _kind(out: Path | None, format: str | None, least: float, as_json: bool) -> str:
    """The format to write. Raises `UsageError` where it cannot do what is asked."""
    from alasl.prediction.formats import FORMATS, format_of

    if as_json and out is None:
        raise UsageError("--json needs a file for the predictions", do="name one with --out")
    kind = format_of(out, format)
    if least and not FORMATS[kind].leaves_out:
        raise UsageError(
            f"{kind} has a place for every probability, so --at-least can leave none out",
            do="take --format csv-long or jsonl",
        )
    return kind


def _write(predictions: Predictions, pieces: Iterator[Any], out: Path | None, kind: str) -> None:
    """Write predictions to a file, or print them."""
    from alasl.prediction.formats import text, write

    if out is not None:
        write(predictions, pieces, out, kind)
        return
    for lines in text(predictions, pieces, kind) or ():
        click.echo(lines)


def _piece(predictions: Predictions, format: str, columns: list[int], block: Predicted) -> Any:
    """What is written of a block of images, of the labels asked for."""
    from alasl.prediction.formats import piece

    return piece(predictions, format, block.take(columns))


def _columns(model: Model, labels: tuple[str, ...]) -> list[int]:
    """The columns of the labels that are asked for; all where none is."""
    from alasl.config import unknown

    for label in labels:
        if label not in model.names:
            raise unknown(label, model.names, what="label")
    return [model.names.index(label) for label in labels] or list(range(len(model.names)))

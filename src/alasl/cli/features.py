"""`alasl features`: a backbone's features of images, into the cache, before they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from alasl.cli import options
from alasl.cli.engine_options import asked_for, engine_options
from alasl.counting import counted
from alasl.errors import DataError, UsageError
from alasl.files import replacing


class Shard(click.ParamType[tuple[int, int]]):
    """K/N: the Kth of N shares, as (K, N)."""

    name = "K/N"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """See `click.ParamType`."""
        number, slash, of = value.partition("/")
        if not (slash and number.isdigit() and of.isdigit() and 1 <= int(number) <= int(of)):
            self.fail(f"{value!r} is no share such as 3/16", param, ctx)
        return int(number), int(of)


@click.command("features")
@click.argument("images", nargs=-1, required=True, type=options.PATH)
@click.option("--backbone", default="lite0", show_default=True, help="as for alasl run")
@click.option("--weights", type=options.PATH, help="a file of its weights")
@click.option(
    "--shard",
    type=Shard(),
    help="only the Kth of N equal shares; each may be done by another process or machine at once",
)
@click.option(
    "--out",
    type=options.FILE,
    help="also write them to this .npy file, a row for each image in its order",
)
@click.option(
    "--image-folder",
    type=options.PATH,
    help="where a table's image files are [images/ beside it]",
)
@engine_options("processes at once, each on a GPU where there are any [one, on all processors]")
@options.download_option
@options.json_option
@options.quiet_option
def command(
    images: tuple[Path, ...],
    backbone: str,
    weights: Path | None,
    shard: tuple[int, int] | None,
    out: Path | None,
    image_folder: Path | None,
    engine: str,
    workers: int | None,
    address: str | None,
    as_json: bool,
) -> None:
    """Extract a backbone's features of IMAGES into the cache, where all commands find them.

    IMAGES are a folder, image files, tars, or one table, whose order the rows of --out follow. What
    the cache has is not extracted again, so a command that was cut short goes on. With --shard,
    machines that share the cache's folder ($ALASL_CACHE) divide the work by hand, with --engine
    or --workers by themselves. Images that cannot be read are named and left out; the exit code
    is then 3.
    """
    from alasl.models.features import keep
    from alasl.models.shares import keep_by

    if out is not None and out.suffix != ".npy":
        raise UsageError("the file of features must end in .npy", seen=str(out))
    if out is not None and shard is not None:
        raise UsageError(
            "a share has no row for each image",
            do="do all shares with --shard, then call it without --shard and with --out",
        )
    files = _files(images, image_folder)
    number, of = shard or (1, 1)
    mine = files[number - 1 :: of]
    bar = options.Bar("features", "image")
    by_others = 0
    with asked_for(engine, workers, address) as found:
        if found is not None:
            by_others = keep_by(found, mine, backbone, weights, bar)
    kept = keep(mine, backbone, weights, bar)
    new = by_others + kept.new
    for place, why in sorted(kept.bad.items()):
        click.echo(f"left out: {mine[place]}: {why.what}", err=True)
    told = {
        "backbone": kept.source.name,
        "width": kept.source.width,
        "images": len(mine),
        "extracted": new,
        "left_out": [{"image": str(mine[i]), "why": e.what} for i, e in sorted(kept.bad.items())],
        "cache": str(kept.store.folder),
        "out": None if out is None else str(out),
    }
    if not kept.bad and not kept.infinite and out is not None:
        with replacing(out) as path, path.open("wb") as file:
            np.save(file, kept.features(files, weights))
    if as_json:
        options.print_json(told)
    else:
        click.echo(
            f"{kept.source.name}: {kept.source.width} features each of "
            f"{counted(len(mine) - len(kept.bad), 'image')}, {new} extracted now, in "
            f"{kept.store.folder if out is None else out}"
        )
    if kept.infinite:
        kept.features(mine, weights)
    if kept.bad:
        raise DataError(
            f"{len(kept.bad)} of {len(mine)} images could not be read and were left out",
            more=[] if out is None else [f"{out} is not written, as it would lack their rows"],
        )


def _files(given: Sequence[Path], image_folder: Path | None) -> Sequence[Path]:
    """The image files, in the order of the table where there is one."""
    from alasl.data.formats import has_table, read
    from alasl.prediction.images import find_images

    if len(given) == 1 and given[0].is_dir() and has_table(given[0]):
        found = read(given[0], empty="unknown", images=image_folder).paths
    else:
        found = find_images(given, images=image_folder).inputs.paths
    if found is None:
        raise DataError(
            "there are no images here, only features", where=", ".join(str(path) for path in given)
        )
    return found

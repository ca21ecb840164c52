"""`alasl demo`: the main job on the drawn scenes: beside other ways, or to answer oneself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from alasl.cli import options
from alasl.cli.run import run_and_show
from alasl.settings import RunSettings

SCENES, UNKNOWN = 2000, 0.9
# What is shown: as we ask and train, by chance, and as the paper does.
WAYS: dict[str, dict[str, Any]] = {
    "variance": {"answers": 100, "growth": 1.5},
    "random-entry": {"answers": 100, "growth": 1.5, "strategy": "random-entry"},
    "paper": {"images": 20, "strategy": "hard+entropy", "train": "clean", "model": "probe"},
}
# For a project to answer by hand: enough to learn from, and drawn and seen through in seconds.
TO_ANNOTATE, HIDDEN = 600, 0.9


@click.command("demo")
@click.option("--out", type=options.PATH, default=Path("runs/demo"), show_default=True)
@click.option("--annotate", is_flag=True, help="Set up a project of 600 scenes to answer yourself.")
@click.option(
    "--answers",
    type=click.IntRange(0),
    default=0,
    help="With --annotate: so many answers are given for you, from the truth.",
)
@options.trust_option
@options.json_option
@options.quiet_option
def command(out: Path, annotate: bool, answers: int, trust: bool, as_json: bool) -> None:
    """Draw 2 000 scenes, hide 90 % of the entries, ask by Variance, by chance and as in the paper.

    With --annotate: draw 600 scenes, hide 90 % of the pool's entries, and make a project in which
    you answer what it asks.
    """
    if annotate:
        project(out / "annotate", answers, trust)
        return
    from alasl.data.scenes import make_scenes

    scenes = out / "scenes"
    make_scenes(scenes, SCENES, on_progress=options.Bar("scenes", "scene"))
    settings = [RunSettings(data=str(scenes), missing=UNKNOWN, **way) for way in WAYS.values()]
    run_and_show(settings, [out / name for name in WAYS], as_json=as_json)


def project(out: Path, answers: int, trust: bool) -> None:
    """A project on drawn scenes under `out`, its first queue filled; the same call goes on."""
    import numpy as np

    from alasl.cli.status import lines
    from alasl.data.formats import read, write
    from alasl.data.missingness import hide
    from alasl.data.scenes import make_scenes
    from alasl.data.split import stratified_split
    from alasl.project.driver import Driver
    from alasl.project.folder import init, is_project
    from alasl.project.overview import overview
    from alasl.project.settings import ProjectSettings
    from alasl.project.simulate import work

    scenes, folder, table = out / "scenes", out / "project", out / "partly.csv"
    make_scenes(scenes, TO_ANNOTATE, on_progress=options.Bar("scenes", "scene"))
    truth = read(scenes).labels
    if not is_project(folder):
        pool = stratified_split(truth, 0).pool
        hidden = np.zeros(truth.shape, np.bool_)
        hidden[pool] = hide(truth.entries[pool], "uniform", HIDDEN, 0)
        write(truth.forget(hidden), table, "csv-wide")
        settings = ProjectSettings(
            data=str(table),
            empty="unknown",
            image_folder=str(scenes / "images"),
            name="drawn scenes",
        )
        init(folder, settings)
    opened = options.open_to_work(folder, trust)
    with opened.training():
        work(
            Driver(opened, options.Bar("features", "image"), trust=trust),
            truth.entries,
            "demo",
            answers,
        )
    for text in lines(overview(opened)):
        click.echo(text)
    click.echo(f"next: alasl annotate {folder}, and open the address that it prints")
    click.echo(f"then: alasl report {folder}")

"""`alasl demo`: the main job on the drawn scenes, beside Random."""

from __future__ import annotations

from pathlib import Path

import click

from alasl.cli.options import Bar, json_option, quiet_option
from alasl.cli.run import run_and_show
from alasl.settings import RunSettings

SCENES = 2000


@click.command("demo")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("runs/demo"), show_default=True
)
@json_option
@quiet_option
def command(out: Path, as_json: bool, quiet: bool) -> None:
    """Draw 2 000 scenes, hide 40 % of the entries, ask by Hard with entropy and by Random."""
    from alasl.data.scenes import make_scenes

    scenes = out / "scenes"
    make_scenes(scenes, SCENES, on_progress=Bar("scenes", "scene", quiet))
    measures = ("hard+entropy", "random")
    settings = [RunSettings(data=str(scenes), measure=m, images=20) for m in measures]
    run_and_show(settings, [out / m for m in measures], as_json=as_json, quiet=quiet)

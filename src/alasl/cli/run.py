"""`alasl run`: one simulated experiment on a data set, from reading it to the report."""

from __future__ import annotations

import hashlib
import json
import logging
from functools import partial
from pathlib import Path
from typing import Any

import click

from alasl.cli import options
from alasl.cli.setting_options import ByHeading, run_options
from alasl.journal import is_first_process
from alasl.record import Record
from alasl.settings import RunSettings

log = logging.getLogger("alasl")


@click.command("run", cls=ByHeading)
@click.argument("data", required=False)
@run_options
@click.option("--out", type=options.PATH, help="the run's folder [runs/...]")
@options.skip_bad_option
@options.trust_option
@options.download_option
@options.json_option
@options.quiet_option
def command(
    data: str | None,
    config: Path | None,
    out: Path | None,
    skip_bad: bool,
    trust: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Simulate asking: hide entries of DATA, then ask for them round by round.

    DATA is a folder with a table of entries and images/, or a file. Train, evaluate, ask, and
    again; leave figures, tables and a report. The same command goes on with a run that was cut
    short.
    """
    settings = options.run_settings(data, config, given, trust)
    _warn_of_unread(settings, given)
    folder = out or default_folder(settings)
    run_and_show([settings], [folder], skip_bad=skip_bad, trust=trust, as_json=as_json)


def _warn_of_unread(settings: RunSettings, given: dict[str, Any]) -> None:
    """Say which of --images and --answers was given and is not read."""
    from alasl.strategies import resolve

    if (settings.ask or resolve(settings.strategy).asks) == "entries":
        unread, read, what = "images", "answers", "single entries"
    else:
        unread, read, what = "answers", "images", "whole images"
    if given.get(unread) is not None:
        each = f"{getattr(settings, read)} a round (--{read})"
        log.warning("--%s is not read: this run asks for %s, %s", unread, what, each)


def default_folder(settings: RunSettings) -> Path:
    """runs/DATA-STRATEGY-NOISE-sSEED-xxxx: equal settings, and only they, share a folder."""
    text = json.dumps(settings.to_dict(), sort_keys=True)
    mark = hashlib.sha256(text.encode()).hexdigest()[:4]
    data = Path(settings.data).resolve().stem
    strategy = "".join(c if c.isalnum() or c in "+-=." else "_" for c in settings.strategy)
    return Path("runs") / f"{data}-{strategy}-{settings.missing:g}-s{settings.seed}-{mark}"


def run_and_show(
    settings: list[RunSettings],
    folders: list[Path],
    *,
    skip_bad: bool = False,
    trust: bool = False,
    as_json: bool,
) -> None:
    """Make the runs on one data set, print the result table and where the report is."""
    from alasl.data.opening import read_data
    from alasl.report import (
        advice_lines,
        compared,
        difference_lines,
        limit_lines,
        table,
        write_report,
        write_run,
    )
    from alasl.simulation.run import simulate

    if not is_first_process():
        options.be_quiet(click.get_current_context(), True)
    records, summaries = [], []
    looked = options.Bar("look", "image")
    dataset = read_data(settings[0], skip_bad=skip_bad, progress=looked)
    paths = dict(zip(dataset.labels.images, dataset.paths or (), strict=False))
    for one, folder in zip(settings, folders, strict=True):
        if not as_json:
            options.remark(f"{one.strategy}, seed {one.seed} -> {folder}")
        rounds = options.Bar(one.strategy, "round")
        record = simulate(
            one,
            folder,
            dataset=dataset,
            progress=options.Bar("features", "image"),
            on_event=partial(_advance, rounds),
            trust=trust,
        )
        if not is_first_process():
            continue
        records.append(record)
        summaries.append(write_run(record, folder, paths))
    if not records:
        return
    report = folders[0] / "report.html"
    if len(records) > 1:
        report = folders[0].parent / "report.html"
        write_report(records, report)
    if as_json:
        options.print_json(
            summaries[0]
            if len(summaries) == 1
            else {"runs": summaries, "comparison": compared(records)}
        )
    else:
        click.echo(table(records))
        alone = [*limit_lines(records[0]), *advice_lines(records[0])]
        for line in alone if len(records) == 1 else ["", *difference_lines(records)]:
            click.echo(line)
        click.echo(f"report: {report}")


def _advance(bar: options.Bar, record: Record) -> None:
    done = len(record.evaluations)
    bar(done, done if record.done else record.settings.rounds + 1)

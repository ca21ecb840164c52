"""`alasl annotate`: the page where people answer, while the model follows."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import click

from alasl.cli import options
from alasl.errors import UsageError
from alasl.files import readable

PORT = 8765

_log = logging.getLogger(__name__)


@click.command("annotate")
@options.project_argument
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    help="of the page's address; 0 takes any free one",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="the address to listen at; one beyond this machine needs a token of your own",
)
@click.option(
    "--token",
    envvar="ALASL_TOKEN",
    show_envvar=True,
    help="what opens the page, instead of one made by chance; others of this machine can see it "
    "unless it is in a file or in the environment",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="a file that holds the token",
)
@click.option(
    "--public-url",
    metavar="URL",
    help="where people reach the page through a proxy, e.g. https://lab.example/alasl/",
)
@click.option(
    "--links",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="a folder elsewhere that links among the images may lead to; may be given again",
)
@click.option(
    "--train/--no-train",
    "train",
    default=True,
    show_default=True,
    help="train and ask anew in the background while people answer",
)
@click.option(
    "--label-studio",
    is_flag=True,
    help="be an ML backend of a Label Studio, too: predictions and the order go there, and what "
    "people annotate there comes back",
)
@options.trust_option
@options.quiet_option
def command(
    project: Path,
    port: int,
    host: str,
    token: str | None,
    token_file: Path | None,
    public_url: str | None,
    links: tuple[Path, ...],
    train: bool,
    label_studio: bool,
    trust: bool,
) -> None:
    """Serve the page on which people answer PROJECT's queue, until Ctrl-C.

    Open the address that it prints. Answers are on the disk before the page shows the next image.
    The second address is that of a page for whoever runs the project: give the first one only away.
    """
    from alasl.annotate import serve

    if token_file:
        if token:
            raise UsageError("the token is given twice", do="give --token or --token-file")
        with readable(token_file):
            token = token_file.read_text(encoding="utf-8", errors="replace").strip()
            if os.name == "posix" and token_file.stat().st_mode & 0o077:
                _log.warning("%s: others on this machine may read the token: chmod 600", token_file)
    # Without training nothing of its settings is executed.
    opened = options.open_to_work(project, trust or not train)
    opened.store.require_writable()
    opened.require_images()
    again = [sys.executable, "-P", "-m", "alasl", "suggest", str(project), "--quiet"]
    if trust:
        again.append("--trust")
    serve(
        opened,
        host=host,
        port=port,
        token=token,
        public=public_url,
        links=links,
        train=again if train else None,
        label_studio=label_studio,
        say=lambda text: click.echo(text),
    )

"""The command `alasl`: parses, calls, prints. One file a command."""

from __future__ import annotations

import difflib
import errno
import importlib
import io
import keyword
import os
import signal
import sys
import traceback
from typing import Any

import click

from alasl.errors import AlaslError, ResourceError, UsageError
from alasl.files import as_resource_error
from alasl.registry import RUN

# The commands by what somebody wants to do, as the help shows them.
JOBS = {
    "Label your own images": ("init", "plan", "suggest", "annotate", "status", "train", "report"),
    "Change a project": ("add", "drop", "labels", "undo", "history"),
    "Keep a project": ("backup", "restore"),
    "Look over the answers": ("resolve", "suspects"),
    "Answers from and to other tools": ("import", "export"),
    "Use a model": ("predict",),
    "Simulate on a complete table": ("run", "study"),
    "Get data ready": ("check", "convert", "features"),
    "Try it on drawn scenes": ("demo", "scenes"),
    "See what there is": ("strategies", "models", "losses"),
}
COMMANDS = tuple(name for names in JOBS.values() for name in names)

# What commands were called before, so that whoever types an old name is told the new one.
RENAMED_COMMANDS = {"measures": "strategies"}

INTERRUPTED = 130
# Commands that, called again after an interruption, go on from what they kept.
RESUMED = ("train", "suggest", "run", "study", "features", "demo")


class _ReaderGoneError(Exception):
    """What reads the output (head, less) has seen enough."""


class Commands(click.Group):
    """Imports a command's module only when it is needed, so that help and checks start fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See `click.Group`."""
        width = max(map(len, COMMANDS))
        for job, names in JOBS.items():
            found = [(name, self.get_command(ctx, name)) for name in names]
            with formatter.section(job):
                formatter.write_dl(
                    [(name.ljust(width), c.get_short_help_str(200)) for name, c in found if c]
                )

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        # A module cannot be called `import`.
        module = cmd_name + "_" * keyword.iskeyword(cmd_name)
        command: click.Command = importlib.import_module(f"alasl.cli.{module}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; where the reader is gone Click alone would end with exit code 1."""
        try:
            return super().invoke(ctx)
        except OSError as error:
            if _reader_is_gone(error):
                raise _ReaderGoneError from error
            raise

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """See `click.Group`.

        Raises `click.UsageError` for an unknown name: what it is called now, or the nearest.
        """
        name = args[0]
        if name in COMMANDS or name.startswith("-"):
            return super().resolve_command(ctx, args)
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        if name in RENAMED_COMMANDS:
            hint = f"It is called {RENAMED_COMMANDS[name]!r} now."
        else:
            hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(COMMANDS)}"
        raise click.UsageError(f"No such command {name!r}. {hint}", ctx)


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="alasl")
def app() -> None:
    """Which answers to get next, so that a multi-label classifier's mAP rises most per answer."""


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit; an error that a user can act on is one clear message."""
    # Workers that a command starts do not take modules from the working folder (`python -P`).
    os.environ["PYTHONSAFEPATH"] = "1"
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal has no letters for is written with escapes.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # As Ctrl-C does, it leaves no half-written file.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(exit_code(args))


def exit_code(args: list[str] | None = None) -> int:
    """The exit code of a command line: 0 done, 1 a bug, 2 to 6 as in `alasl.errors`, 130 Ctrl-C."""
    # What was called, so that a command can say how to call it again.
    called = sys.argv[1:] if args is None else args
    try:
        app.main(called, standalone_mode=False, obj=tuple(called))
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except _ReaderGoneError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except click.ClickException as error:
        click.echo(f"error: {_as_ours(error)}", err=True)
        return error.exit_code
    except AlaslError as error:
        click.echo(f"error: {error}", err=True)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        kept = "nothing is half done; the same command begins anew"
        if any(name in RESUMED for name in called[:1]):
            kept = "what was done is kept; the same command goes on from there"
        click.echo(f"interrupted: {kept}", err=True)
        return INTERRUPTED
    except MemoryError:
        click.echo("error: there is not enough memory for this", err=True)
        return ResourceError.exit_code
    except Exception as error:
        if type(error).__name__ == "OutOfMemoryError":  # torch's, which is not imported for it
            click.echo("error: there is not enough memory on the GPU for this", err=True)
            return ResourceError.exit_code
        if isinstance(error, OSError) and (resource := as_resource_error(error)):
            click.echo(f"error: {resource}", err=True)
            return resource.exit_code
        traceback.print_exc()
        if place := _in_own_file(error):
            click.echo(f"error: {place}: {type(error).__name__}: {error}", err=True)
            return UsageError.exit_code
        click.echo("error: this is a bug in alasl; please report it with the lines above", err=True)
        return 1
    return 0


def _reader_is_gone(error: Exception) -> bool:
    """Whether what reads the output (head, less) has seen enough; Windows calls it EINVAL."""
    if isinstance(error, BrokenPipeError):
        return True
    return os.name == "nt" and isinstance(error, OSError) and error.errno == errno.EINVAL


def _in_own_file(error: Exception) -> str:
    """Where it was raised, if that is within a Python file that the user named, else nothing."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename in RUN:
            return f"{frame.filename}:{frame.lineno}"
    return ""


def _as_ours(error: click.ClickException) -> str:
    """What Click refuses, in the form of `AlaslError`: what, and below it what to do."""
    what = error.format_message().strip().removesuffix(".")
    lines = [what[:1].lower() + what[1:]]
    if isinstance(error, click.NoSuchOption) and (now := _called_now(error)):
        lines.append(now)
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context:
        lines.append(f"see: {context.command_path} --help")
    return "\n  ".join(lines)


def _called_now(error: click.NoSuchOption) -> str:
    """A line on what an option is called now, where it had another name before, else nothing."""
    from alasl.config import RENAMED

    new = RENAMED.get(error.option_name.lstrip("-").replace("-", "_"), "")
    flag = "--" + new.replace("_", "-")
    options = [
        flag for given in (error.ctx.command.params if error.ctx else []) for flag in given.opts
    ]
    return f"{error.option_name} is called {flag} now" if flag in options else ""

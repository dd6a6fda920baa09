"""`envmgr exec`: a command from a throw-away environment; and the options that `tool install` has too."""

from __future__ import annotations

import sys

import click

from envmgr.cli import hot, options
from envmgr.cli.progress import reporter
from envmgr.cli.run_line import RunLine
from envmgr.workflows import throwaway
from envmgr.workflows.throwaway import Wanted

PIP = click.option("--pip", "pip", multiple=True, metavar="REQUIREMENT", help="From PyPI, as --pip 'ruff>=0.6'.")
WITH = click.option("--with", "others", multiple=True, metavar="SPEC", help="One more conda package beside it.")
CHANNEL = click.option("-c", "--channel", "channels", multiple=True, metavar="CHANNEL", help="Name, URL or path.")
OVERRIDE = click.option("--override-channels", is_flag=True, help="Use the -c channels only.")
OFFLINE = click.option("--offline", is_flag=True, help="Use only what is on this machine.")


@click.command(
    "exec",
    short_help="Run a command from a throw-away environment.",
    context_settings={"allow_interspersed_args": False},
    epilog=options.examples(
        "envmgr exec ruff check .",
        "envmgr exec python=3.12 numpy -- python -c 'import numpy'",
        "envmgr exec --pip 'black>=24' -- black --check .",
    ),
)
@WITH
@PIP
@CHANNEL
@OVERRIDE
@OFFLINE
@click.option("--refresh", is_flag=True, help="Solve again, for what is newest now.")
@click.option("-q", "--quiet", is_flag=True, help="Print only warnings and errors.")
@click.argument("arguments", nargs=-1, metavar="SPEC… -- COMMAND…", type=click.UNPROCESSED)
def execute(
    others: tuple[str, ...], pip: tuple[str, ...], channels: tuple[str, ...], override_channels: bool, offline: bool,
    refresh: bool, quiet: bool, arguments: tuple[str, ...],
) -> None:  # fmt: skip
    """Run a command from a throw-away environment: it is kept for the next time, until `envmgr clean`.

    Without --, the first word is the package and its command, and the rest are arguments.
    """
    settings = options.load_settings(offline=offline)
    specs, command = _split(arguments, pip)
    wanted = Wanted((*specs, *others), pip, channels, override_channels)
    report = reporter(sys.stderr, settings.environ, quiet=quiet)
    location = throwaway.throwaway(
        wanted, settings, report, command=options.command_line(), refresh=refresh, confirm=lambda _plan: True
    )
    sys.stdout.flush()
    sys.stderr.flush()
    hot.start(str(location.prefix), RunLine(command=command or (wanted.package[0],)), settings.environ)


def _split(arguments: tuple[str, ...], pip: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return specs and command; click takes away a `--` that nothing but options stands before."""
    if "--" in arguments:
        at = arguments.index("--")
        return arguments[:at], arguments[at + 1 :]
    if pip or not arguments:
        return (), arguments
    return arguments[:1], (Wanted(arguments[:1]).package[0], *arguments[1:])

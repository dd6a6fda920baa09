"""`envmgr export`: the file from which a colleague creates the same environment."""

from __future__ import annotations

import json
from pathlib import Path

import click

from envmgr.cli import options
from envmgr.cli.messages import say_json
from envmgr.settings import Settings
from envmgr.store import layout
from envmgr.workflows import export as workflow


@click.command(
    "export",
    short_help="Print the file that creates the same environment elsewhere.",
    epilog=options.examples("envmgr export -n science > environment.yml"),
)
@options.environment
@options.output
@click.option("-f", "--file", "path", metavar="PATH", help="Write to PATH instead of stdout.")
@click.option("--format", "form", type=click.Choice(["environment"]), default="environment", help="The file format.")
@click.option("--from-history", is_flag=True, hidden=True, help="Accepted: what was asked for is the default.")
@click.option("--no-builds", is_flag=True, hidden=True, help="Accepted: builds are never written.")
@click.option("--ignore-channels", is_flag=True, help="Leave out the channels.")
def export(
    name: str | None,
    prefix: str | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    path: str | None,
    form: str,
    from_history: bool,
    no_builds: bool,
    ignore_channels: bool,
) -> None:
    """Print what was asked for, both halves: portable, with neither builds nor paths of this machine."""
    options.one_of_name_and_prefix(name, prefix)
    location = layout.find(Settings.load(), name=name, prefix=prefix)
    exported = workflow.environment(location, with_channels=not ignore_channels)
    if path is None and as_json:
        say_json(exported.mapping)
    elif path is None:
        click.echo(exported.text, nl=False)
    else:
        text = json.dumps(exported.mapping, indent=2) + "\n" if as_json else exported.text
        Path(path).write_text(text, encoding="utf-8")

"""`envmgr channel`: the channels that channels.yaml describes."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from envmgr.cli import options
from envmgr.cli.messages import say, say_json
from envmgr.cli.progress import reporter
from envmgr.cli.tables import columns, plural
from envmgr.urls import redact
from envmgr.workflows import channels as workflow


@click.group("channel", invoke_without_command=True, epilog=options.examples("envmgr channel list"))
@click.pass_context
def channel(context: click.Context) -> None:
    """Build and list channels."""
    options.help_without_command(context)


@channel.command(
    "build",
    short_help="Build what is missing or changed.",
    epilog=options.examples("envmgr channel build", "envmgr channel build embedded"),
)
@click.argument("names", nargs=-1, metavar="[CHANNEL…]")
@click.option("--offline", is_flag=True, help="Use only what is on this machine.")
@options.output
def build(names: tuple[str, ...], offline: bool, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Build what is missing or changed in the channels that have recipes (all of them, or CHANNEL…)."""
    settings = options.load_settings(offline=offline)
    show = reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json)
    reports = workflow.build(names, settings, show, beside=Path.cwd())
    if as_json:
        channels = [
            {
                "name": built.name,
                "url": redact(built.url),
                "built": [done.artifact for done in report.built],
                "kept": list(report.kept),
                "seconds": round(report.seconds, 3),
            }
            for built, report in reports
        ]
        say_json({"success": True, "channels": channels})
        return
    for built, report in () if quiet else reports:
        say(
            f"{built.name}: {plural(len(report.built), 'package')} built in {report.seconds:.1f} s, "
            f"{len(report.kept)} kept: {redact(built.url)}"
        )
        if verbose and report.built:
            say(columns([(done.artifact, f"{done.seconds:.1f} s") for done in report.built], indent="  "))


@channel.command("list", epilog=options.examples("envmgr channel list"))
@options.output
def list_channels(as_json: bool, quiet: bool, verbose: bool) -> None:
    """List the channels that are known by name here."""
    rows = workflow.known(options.load_settings(), beside=Path.cwd())
    if as_json:
        say_json({name: list(urls) for name, urls in rows})
    else:
        say(columns([("# name", "from"), *((name, ", ".join(urls)) for name, urls in rows)]))

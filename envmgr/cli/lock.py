"""`envmgr lock`: the lock beside an environment file, written, checked, or moved on package by package."""

from __future__ import annotations

import functools
import sys
from typing import Any

import click

from envmgr.cli import options
from envmgr.cli.messages import say, say_json
from envmgr.cli.plan import counts, outdated_text, rows
from envmgr.cli.progress import reporter
from envmgr.cli.shapes import linked, pip_linked
from envmgr.cli.tables import plural
from envmgr.workflows import lock as workflow
from envmgr.workflows.lock import Locked, Report
from envmgr.workflows.request import CreateRequest, Wanted
from envmgr.workflows.sources import read_sources


@click.command(
    "lock",
    short_help="Write the lock beside an environment file, or check that it fits.",
    epilog=options.examples(
        "envmgr lock -f environment.yml",
        "envmgr lock -f environment.yml --check",
        "envmgr lock -f environment.yml --update numpy",
        "envmgr lock -f environment.yml --platform linux-64 --platform osx-arm64",
    ),
)
@click.option(
    "-f", "--file", "file", metavar="FILE", help="An environment file on this machine; by default environment.yml."
)
@functools.partial(options.channels, several_platforms=True)
@options.host_profile
@click.option(
    "--virtual-package",
    "virtual_packages",
    multiple=True,
    metavar="NAME=VERSION",
    help="Solve as if the machine had this, as __cuda=12.8.",
)
@click.option(
    "--exclude-newer", "--as-of", metavar="DATE", help="Ignore what was published after DATE, as 2026-01-31 or 14d."
)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if the lock does not fit FILE.")
@click.option(
    "--update",
    multiple=True,
    metavar="PACKAGE",
    help="As new as FILE allows; of the others only what that forces moves.",
)
@options.wanted
@click.option("-d", "--dry-run", is_flag=True, help="Show what would change, and write nothing.")
@options.output
@click.argument("packages", nargs=-1, metavar="[PACKAGE…]")
def lock(
    file: str | None,
    channels: tuple[str, ...],
    override_channels: bool,
    platforms: tuple[str, ...],
    channel_priority: str | None,
    solver: str | None,
    offline: bool,
    host_profile: str | None,
    virtual_packages: tuple[str, ...],
    exclude_newer: str | None,
    python: str | None,
    extras: tuple[str, ...],
    groups: tuple[str, ...],
    check: bool,
    update: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    packages: tuple[str, ...],
) -> None:
    """Write FILE's lock, environment.conda-lock.yml for environment.yml, where it is missing or does not fit.

    More names after `--update PACKAGE` are updated too. No environment is changed.
    """
    if packages and not update:
        raise click.UsageError(f"`{packages[0]}` is no option; to move it on, write --update {packages[0]}")
    if update and check:
        raise click.UsageError("--check writes nothing, --update does; give one of them")
    file = file or options.file_here("envmgr lock")
    settings = options.load_settings(offline=offline, channel_priority=channel_priority, solver=solver)
    request = CreateRequest(
        command=options.command_line(),
        files=read_sources((file,), settings),
        channels=channels,
        override_channels=override_channels,
        virtual_packages=virtual_packages,
        host_profile=host_profile,
        exclude_newer=exclude_newer,
        wanted=Wanted(python, extras, groups),
    )
    report = reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json)
    locked = workflow.lock(
        request, settings, report, platforms=platforms, update=(*update, *packages), check=check, dry_run=dry_run
    )
    if as_json:
        say_json(_as_json(locked, dry_run=dry_run))
    elif not quiet:
        say(_as_text(locked, file=file, dry_run=dry_run))


def _as_text(report: Report, *, file: str, dry_run: bool) -> str:
    if all(part.is_unchanged for part in report.parts):
        return f"{report.path} fits {file}"
    lines: list[str] = []
    for part in report.parts:
        total = f"{plural(len(part.lock.conda) + len(part.lock.pip), 'package')} for {part.lock.platform}"
        if part.outdated:
            lines.append(outdated_text(report.path, part.outdated))
        what = "nothing to do" if part.is_unchanged else counts(part.difference) or "the same packages"
        lines += [f"{report.path}: {what} ({total})", rows(part.difference)]
    if dry_run:
        lines.append("dry run: nothing was written")
    return "\n".join(line for line in lines if line)


def _as_json(report: Report, *, dry_run: bool) -> dict[str, Any]:
    return {
        "success": True,
        "path": str(report.path),
        "dry_run": dry_run,
        "up_to_date": all(part.is_unchanged for part in report.parts),
        "written": report.is_written,
        "platforms": {part.lock.platform: _part(part) for part in report.parts},
    }


def _part(part: Locked) -> dict[str, Any]:
    conda, pip = part.difference.conda, part.difference.pip
    return {
        "up_to_date": part.is_unchanged,
        "outdated": list(part.outdated),
        "actions": {
            "LINK": [linked(package) for package in conda.linked],
            "UNLINK": [linked(package) for package in conda.unlinked],
        },
        "pip": {
            "install": [pip_linked(package) for package in pip.linked],
            "remove": [pip_linked(package) for package in pip.unlinked],
        },
    }

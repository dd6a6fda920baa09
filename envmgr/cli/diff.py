"""`envmgr diff`: what is new, gone and changed between two environments, generations or lock files."""

from __future__ import annotations

import sys

import click

from envmgr.cli import differences, options
from envmgr.cli.messages import say, say_json
from envmgr.cli.progress import reporter
from envmgr.cli.tables import columns
from envmgr.settings import Settings
from envmgr.workflows.diff import compare


@click.command(
    "diff",
    short_help="Compare two environments, generations or locks.",
    epilog=options.examples(
        "envmgr diff science@1 science",
        "envmgr diff science ./other-environment --json",
        "envmgr diff science environment.conda-lock.yml",
    ),
)
@click.option("--platform", "--subdir", metavar="SUBDIR", help="From lock files of several platforms, as osx-arm64.")
@options.part_of_lock
@options.output
@click.argument("old", metavar="A")
@click.argument("new", metavar="B")
def diff(
    old: str,
    new: str,
    platform: str | None,
    environment: str | None,
    categories: tuple[str, ...],
    dev: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Show what is new, gone and changed from A to B, both halves.

    A and B are names or paths of environments, generations of them as NAME@N, lock files of any kind, or environment
    files that have a lock beside them.
    """
    settings = Settings.load()
    found = compare(old, new, settings, platform=platform, choice=options.choice(environment, categories, dev=dev))
    platforms = (found.old.lock.platform, found.new.lock.platform)
    if len(set(platforms) - {"noarch"}) > 1:
        report = reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json)
        report.notice(f"{old} is for {platforms[0]}, {new} for {platforms[1]}")
    if as_json:
        say_json(differences.as_json(found.difference))
        return
    rows = differences.rows(found.difference)
    if not quiet:
        say(f"{old} → {new}: {differences.summary(found.difference)}")
    if rows:
        say(columns(rows, indent="  "))

"""`envmgr list`: the packages of an environment, both halves."""

from __future__ import annotations

import json

import click

from envmgr.cli import options
from envmgr.cli.shapes import channel_name, listed, pip_listed
from envmgr.cli.tables import columns
from envmgr.settings import Settings
from envmgr.store import layout
from envmgr.workflows.reading import lock_of


@click.command("list", epilog="Example: envmgr list -n science 'num*'")
@options.environment
@options.output
@click.argument("patterns", nargs=-1, metavar="[NAME…]")
def list_packages(
    name: str | None, prefix: str | None, as_json: bool, quiet: bool, verbose: bool, patterns: tuple[str, ...]
) -> None:
    """List the packages of an environment, both halves; those that were asked for are marked with *.

    NAME… shows only these; * matches anything.
    """
    options.one_of_name_and_prefix(name, prefix)
    location = layout.find(Settings.load(), name=name, prefix=prefix)
    lock = lock_of(location)
    conda = [package for package in lock.conda if _matches(package.name, patterns)]
    pip = [package for package in lock.pip if _matches(package.name, patterns)]
    if as_json:
        entries = [*map(listed, conda), *map(pip_listed, pip)]
        click.echo(json.dumps(sorted(entries, key=lambda entry: str(entry["name"])), indent=2))
        return
    rows = [
        ("*" if package.requested else "", package.name, package.version, package.build, channel_name(package.channel))
        for package in conda
    ] + [("*" if package.requested else "", package.name, package.version, "", "pypi") for package in pip]
    if not quiet:
        click.echo(f"# packages in {location.label} ({location.prefix})")
    click.echo(columns([("", "name", "version", "build", "channel"), *sorted(rows, key=lambda row: row[1])]))
    if not rows and patterns:
        click.echo(f"no package is named {' or '.join(patterns)}", err=True)


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    from fnmatch import fnmatchcase  # only with patterns

    return not patterns or any(fnmatchcase(name, pattern.lower()) for pattern in patterns)

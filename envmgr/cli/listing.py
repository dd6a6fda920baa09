"""`envmgr list`: the packages of an environment, both halves."""

from __future__ import annotations

import click

from envmgr.cli import options
from envmgr.cli.messages import say, say_json
from envmgr.cli.shapes import channel_name, listed, pip_listed
from envmgr.cli.tables import columns
from envmgr.lock.model import PipPackage
from envmgr.settings import Settings
from envmgr.store import layout
from envmgr.store.installed import past_the_lock
from envmgr.store.ownership import normalised
from envmgr.workflows.reading import lock_of


@click.command("list", epilog=options.examples("envmgr list -n science", "envmgr list -n science 'num*' --json"))
@options.environment
@options.output
@click.argument("patterns", nargs=-1, metavar="[NAME…]")
def list_packages(
    name: str | None, prefix: str | None, as_json: bool, quiet: bool, verbose: bool, patterns: tuple[str, ...]
) -> None:
    """List the packages of an environment, both halves; those that were asked for are marked with *.

    What was installed with pip, and is not in the lock, is marked with !. NAME… shows only these; * matches anything.
    """
    options.one_of_name_and_prefix(name, prefix)
    location = layout.find(Settings.load(), name=name, prefix=prefix)
    lock = lock_of(location)
    conda = [package for package in lock.conda if _matches(package.name, patterns)]
    pip = [package for package in lock.pip if _matches(package.name, patterns)]
    others = [each for each in past_the_lock(location.prefix, lock) if _matches(normalised(each.name), patterns)]
    if as_json:
        entries = [*map(listed, conda), *map(pip_listed, pip)]
        entries += [pip_listed(PipPackage(each.name, each.version, "", "", "")) | {"foreign": True} for each in others]
        say_json(sorted(entries, key=lambda entry: str(entry["name"])))
        return
    rows = [
        ("*" if package.requested else "", package.name, package.version, package.build, channel_name(package.channel))
        for package in conda
    ] + [("*" if package.requested else "", package.name, package.version, "", "pypi") for package in pip]
    rows += [("!", each.name, each.version, "", "pypi") for each in others]
    if not quiet:
        where = f" ({location.prefix})" if location.name is not None else ""
        say(f"# packages in {location.label}{where}; * was asked for{', ! is not in the lock' if others else ''}")
    if rows:
        say(columns([("", "name", "version", "build", "channel"), *sorted(rows, key=lambda row: row[1])]))
    elif not quiet:
        click.echo(f"no package is named {' or '.join(patterns)}" if patterns else "no packages", err=True)


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    from fnmatch import fnmatchcase  # only with patterns

    return not patterns or any(fnmatchcase(name, pattern.lower()) for pattern in patterns)

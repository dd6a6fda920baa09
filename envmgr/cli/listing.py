"""`envmgr list`: the packages of an environment, both halves."""

from __future__ import annotations

from collections.abc import Sequence

import click

from envmgr.cli import conda_flags, options
from envmgr.cli.messages import say, say_json
from envmgr.cli.shapes import channel_name, listed, pip_listed
from envmgr.cli.tables import columns
from envmgr.errors import SpecError, UsageError
from envmgr.lock.model import CondaPackage, Lock, PipPackage
from envmgr.settings import Settings
from envmgr.store import layout, pinned
from envmgr.store.installed import gone_of_pip, of_conda_past_the_lock, past_the_lock
from envmgr.store.layout import Location
from envmgr.store.ownership import normalised
from envmgr.workflows.reading import lock_of

_SPECS_HEADER = """\
# This file may be used to create an environment using:
# $ conda create --name <env> --file <this file>
# platform: {}"""


@click.command("list", epilog=options.examples("envmgr list -n science", "envmgr list -n science 'num*' --json"))
@options.environment
@options.output
@click.option("--explicit", is_flag=True, help="As an explicit file, as `export --format explicit` prints it.")
@click.option("-e", "--export", "as_specs", is_flag=True, help="A line NAME=VERSION=BUILD a package.")
@click.option("-c", "--canonical", is_flag=True, help="A line NAME-VERSION-BUILD a package.")
@click.option("-r", "--revisions", is_flag=True, help="The generations instead, as `envmgr history`.")
@click.option("--no-pip", is_flag=True, help="Without the pip half.")
@click.option("--reverse", is_flag=True, help="From z to a.")
@click.option("--md5", "md5", is_flag=True, hidden=True, help="With --explicit: hashes are always there.")
@click.option("--sha256", "sha256", is_flag=True, hidden=True, help="With --explicit: hashes are always there.")
@click.option("-f", "--full-name", is_flag=True, hidden=True, help="Always so; `num*` is what matches more.")
@click.option("--show-channel-urls", is_flag=True, hidden=True, help="Channels are always shown.")
@conda_flags.of_list
@click.argument("patterns", nargs=-1, metavar="[NAME…]")
@click.pass_context
def list_packages(
    context: click.Context, name: str | None, prefix: str | None, as_json: bool, quiet: bool, verbose: bool,
    explicit: bool, as_specs: bool, canonical: bool, revisions: bool, no_pip: bool, reverse: bool,
    md5: bool, sha256: bool, full_name: bool, show_channel_urls: bool, patterns: tuple[str, ...],
) -> None:  # fmt: skip
    """List the packages of an environment, both halves; those that were asked for are marked with *.

    What pip or another conda tool installed, and is not in the lock, is marked with !; what they removed
    from the environment, with -. NAME… shows only these; * matches anything.
    """
    options.one_of_name_and_prefix(name, prefix)
    chosen = {"--explicit": explicit, "--export": as_specs, "--canonical": canonical, "--revisions": revisions}
    given = [flag for flag, is_given in chosen.items() if is_given]
    if len(given) > 1:
        raise UsageError(f"{given[0]} and {given[1]} are two ways to print the list", hint="leave one of them out")
    if revisions:
        from envmgr.cli.history import condas_revisions, history  # start-up time

        if as_json:
            say_json(condas_revisions(name, prefix))
            return
        context.invoke(history, name=name, prefix=prefix, as_json=as_json, quiet=quiet, verbose=verbose)
        return
    location = layout.find(Settings.load(), name=name, prefix=prefix)
    lock = lock_of(location)
    conda = [package for package in lock.conda if _matches(package.name, patterns)]
    pip = [package for package in lock.pip if not no_pip and _matches(package.name, patterns)]
    found = past_the_lock(location.prefix, lock) if not no_pip else ()
    others = [each for each in found if _matches(normalised(each.name), patterns)]
    added, gone = of_conda_past_the_lock(location.prefix, lock)
    lost = {name for name, _ in gone_of_pip(location.prefix, lock)} - {normalised(each.name) for each in found}
    added = tuple(package for package in added if _matches(package.name, patterns))
    if explicit:
        _print_explicit(lock._replace(conda=tuple(conda)), as_json=as_json, left_out=len(pip) + len(others))
        return
    if as_specs or canonical:
        parts = [(package.name, package.version, package.build) for package in (*conda, *added)]
        parts += [(package.name, package.version, "pypi_0") for package in pip]
        parts += [(each.name, each.version, "pypi_0") for each in others]
        lines = [("=" if as_specs else "-").join(each) for each in sorted(parts, reverse=reverse)]
        _print_lines(lines, (_SPECS_HEADER.format(lock.platform),) if as_specs else (), as_json=as_json)
        return
    if as_json:
        entries = [listed(each) | ({"missing": True} if each.dist_name in gone else {}) for each in conda]
        entries += [pip_listed(each) | ({"missing": True} if each.name in lost else {}) for each in pip]
        entries += [*(listed(package) | {"foreign": True} for package in added)]
        entries += [pip_listed(PipPackage(each.name, each.version, "", "", "")) | {"foreign": True} for each in others]
        say_json(sorted(entries, key=lambda entry: str(entry["name"]), reverse=reverse))
        return
    rows = [_row("-" if each.dist_name in gone else "*" if each.requested else "", each) for each in conda]
    rows += [_row("!", package) for package in added]
    rows += [
        ("-" if each.name in lost else "*" if each.requested else "", each.name, each.version, "", "pypi")
        for each in pip
    ]
    rows += [("!", each.name, each.version, "", "pypi") for each in others]
    if not quiet:
        where = f" ({location.prefix})" if location.name is not None else ""
        marks = f"{', ! is not in the lock' if others or added else ''}{', - is gone' if gone or lost else ''}"
        say(f"# packages in {location.label}{where}; * was asked for{marks}")
        _say_pins(location)
    if rows:
        rows.sort(key=lambda row: row[1], reverse=reverse)
        say(columns([("", "name", "version", "build", "channel"), *rows]))
    elif not quiet:
        click.echo(f"no package is named {' or '.join(patterns)}" if patterns else "no packages", err=True)


def _row(mark: str, package: CondaPackage) -> tuple[str, str, str, str, str]:
    return mark, package.name, package.version, package.build, channel_name(package.channel)


def _say_pins(location: Location) -> None:
    try:
        pins = pinned.lines(location.prefix)
    except SpecError as error:  # it keeps changes from being made, not the list from being read
        click.echo(f"warning: {error.message}", err=True)
        return
    if pins:
        say(f"# pinned by {pinned.FILE}: {', '.join(pin.text for pin in pins)}")


def _print_explicit(lock: Lock, *, as_json: bool, left_out: int) -> None:
    """Print the conda packages as CEP 23 has them; that pip packages are left out is said."""
    from envmgr.lock import explicit  # start-up time

    lines = explicit.dumps(lock).splitlines()
    first = lines.index("@EXPLICIT") + 1
    if left_out:
        click.echo(f"warning: an explicit file holds conda packages alone; left out from pip: {left_out}", err=True)
    _print_lines(lines[first:], lines[:first], as_json=as_json)


def _print_lines(lines: Sequence[str], header: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        say_json(list(lines))
    elif header or lines:
        say("\n".join((*header, *lines)))


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    from fnmatch import fnmatchcase  # only with patterns

    return not patterns or any(fnmatchcase(name, pattern.lower()) for pattern in patterns)

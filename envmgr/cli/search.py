"""`envmgr search`: what the channels have of a package."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from itertools import groupby
from typing import Any

import click

from envmgr.cli import options
from envmgr.cli.messages import say, say_json
from envmgr.cli.plan import rows
from envmgr.cli.progress import reporter
from envmgr.cli.shapes import channel_name, linked, pip_linked
from envmgr.cli.tables import columns, plural, size
from envmgr.errors import UsageError
from envmgr.lock.model import CondaPackage
from envmgr.urls import redact
from envmgr.workflows import environments_with
from envmgr.workflows import search as workflow
from envmgr.workflows.environments_with import Having
from envmgr.workflows.search import Found, Obstacle, SearchRequest

_LINES = 25  # versions that are shown unless all are asked for


@click.command(
    "search",
    short_help="Show what the channels have of a package.",
    epilog=options.examples(
        "envmgr search numpy",
        "envmgr search 'numpy>=2' -c conda-forge --platform osx-arm64",
        "envmgr search '*numpy*'",
        "envmgr search numpy --why-not -n science",
        "envmgr search numpy --envs",
    ),
)
@options.environment
@click.option("-i", "--info", "in_full", is_flag=True, help="Show each build in full, with what it depends on.")
@click.option("--why-not", is_flag=True, help="Show what keeps the newest out of the environment.")
@click.option("--envs", is_flag=True, help="Show which environments have it, instead of channels.")
@options.channels
@options.output
@click.argument("spec", metavar="SPEC")
def search(
    name: str | None,
    prefix: str | None,
    in_full: bool,
    why_not: bool,
    envs: bool,
    channels: tuple[str, ...],
    override_channels: bool,
    platform: str | None,
    channel_priority: str | None,
    solver: str | None,
    offline: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    spec: str,
    **others: Any,
) -> None:
    """Show the versions of a package, newest first, with their channel, date and size; --verbose: every build.

    SPEC is a match spec, or a name with *. With -n or -p the channels are those of the environment.
    """
    options.one_of_name_and_prefix(name, prefix)
    settings = options.load_settings(offline=offline, channel_priority=channel_priority, solver=solver)
    report = reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json)
    if envs:
        if why_not or channels or name is not None or prefix is not None:
            raise UsageError(
                "--envs looks into every environment, and into no channel", hint="leave the other options out"
            )
        _say_environments(spec, environments_with.find(spec, settings), as_json=as_json)
        return
    request = SearchRequest(spec, channels, override_channels, platform, name, prefix)
    if why_not:
        if name is None and prefix is None and not settings.environ.get("CONDA_PREFIX"):
            raise UsageError("--why-not is about an environment", hint=f"envmgr search {spec} --why-not -n NAME")
        prefix = prefix or (settings.environ.get("CONDA_PREFIX") if name is None else None)
        request = request._replace(prefix=prefix)
        obstacle = workflow.why_not(request, settings, report, command=options.command_line())
        _say_obstacle(obstacle, as_json=as_json)
        return
    found = workflow.search(request, settings, report)
    if as_json:
        by_name = groupby(found, key=lambda each: each.package.name)
        say_json({name: [_record(each) for each in reversed(list(group))] for name, group in by_name})
    elif in_full:
        say("\n\n".join(_in_full(each) for each in found))
    else:
        say(_table(found, every_build=verbose))


def _say_environments(spec: str, found: tuple[Having, ...], *, as_json: bool) -> None:
    """Print which environments have a package; with `--json` in conda's shape, wheels beside it."""
    if as_json:
        say_json(
            [
                {
                    "location": str(each.location.prefix),
                    "package_records": [*map(linked, each.conda), *map(pip_linked, each.pip)],
                }
                for each in found
            ]
        )
        return
    lines = [
        (package.name, package.version, channel_name(package.channel), each.location.label)
        for each in found
        for package in each.conda
    ]
    lines += [(wheel.name, wheel.version, "pypi", each.location.label) for each in found for wheel in each.pip]
    say(columns([("# name", "version", "channel", "environment"), *lines]) if lines else f"no environment has {spec}")


def _table(found: tuple[Found, ...], *, every_build: bool) -> str:
    """Return one line a version and channel, or one a build."""
    if every_build:
        lines = [
            (
                each.package.name,
                each.package.version,
                each.package.build,
                each.channel,
                _date(each.package),
                _size(each),
            )
            for each in found
        ]
        return columns([("# name", "version", "build", "channel", "built", "size"), *lines])
    versions: list[tuple[str, ...]] = []
    for (name, version, channel), group in groupby(
        found, key=lambda each: (each.package.name, each.package.version, each.channel)
    ):
        builds = list(group)
        newest = max(builds, key=lambda each: each.package.timestamp or 0)
        versions.append((name, version, channel, plural(len(builds), "build"), _date(newest.package), _size(newest)))
    shown = versions[:_LINES]
    text = columns([("# name", "version", "channel", "builds", "built", "size"), *shown])
    left = len(versions) - len(shown)
    return text + (f"\nand {left} more; --verbose shows every build of all of them" if left else "")


def _in_full(found: Found) -> str:
    package = found.package
    facts = [
        ("file", package.filename),
        ("channel", redact(package.channel)),
        ("subdir", package.subdir),
        ("built", _date(package) or "not said"),
        ("size", _size(found)),
        ("license", package.license or "not said"),
        ("sha256", package.sha256 or "none"),
        *(("depends", spec) for spec in package.depends),
        *(("constrains", spec) for spec in package.constrains),
    ]
    return f"{package.name} {package.version} {package.build}\n" + columns(
        [(f"{key}:", value) for key, value in facts], indent="  "
    )


def _record(found: Found) -> dict[str, Any]:
    """Return one artifact as `conda search --json` has it."""
    package = found.package
    return {
        "name": package.name,
        "version": package.version,
        "build": package.build,
        "build_number": package.build_number,
        "channel": redact(package.channel),
        "subdir": package.subdir,
        "fn": package.filename,
        "url": redact(package.url),
        "sha256": package.sha256,
        "md5": package.md5,
        "size": package.size,
        "timestamp": package.timestamp,
        "depends": list(package.depends),
        "constrains": list(package.constrains),
        "license": package.license,
        "noarch": package.noarch,
    }


def _say_obstacle(obstacle: Obstacle, *, as_json: bool) -> None:
    wanted = obstacle.wanted
    label = f"{wanted.name} {wanted.version} ({channel_name(wanted.channel)})"
    if as_json:
        error = obstacle.error
        document = {"name": wanted.name, "version": wanted.version, "fits": error is None}
        said = {"message": error.message, "hint": error.hint, "details": error.details} if error is not None else {}
        say_json(document | said)
    elif obstacle.error is not None:
        hint = f"\n\nhint: {obstacle.error.hint}" if obstacle.error.hint else ""
        say(f"{label} does not fit into the environment:\n{obstacle.error.message}{hint}")
    elif obstacle.plan is None:
        say(f"{label} is what the environment has")
    else:
        say(f"nothing keeps {label} out; with it this would change:\n{rows(obstacle.plan.difference)}")


def _date(package: CondaPackage) -> str:
    if package.timestamp is None:
        return ""
    return datetime.fromtimestamp(package.timestamp / 1000, timezone.utc).strftime("%Y-%m-%d")


def _size(found: Found) -> str:
    return size(found.package.size) if found.package.size is not None else ""

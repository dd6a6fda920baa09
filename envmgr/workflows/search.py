"""`search`: what the channels have of a package, and what keeps its newest version out of an environment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from rattler import Gateway, RepoDataRecord, Version

from envmgr.channels.gateway import gateway
from envmgr.channels.model import Channel
from envmgr.channels.table import ChannelTable
from envmgr.errors import ChannelError, PackagesNotFound, Unsatisfiable, UsageError
from envmgr.lock.model import CondaPackage
from envmgr.platforms.subdirs import current_subdir, validate_subdir
from envmgr.reporting import Reporter, SilentReporter
from envmgr.settings import Settings
from envmgr.solve.missing import nearest
from envmgr.solve.records import package_of_record
from envmgr.solve.repodata import Repodata
from envmgr.spec.command_line import parse_dependency
from envmgr.spec.model import COMMAND_LINE, Dependency
from envmgr.store import layout
from envmgr.urls import redact
from envmgr.workflows import change
from envmgr.workflows.asked_channels import channels_of
from envmgr.workflows.create import Plan
from envmgr.workflows.reading import lock_of
from envmgr.workflows.recipe_channels import build_recipe_channels
from envmgr.workflows.request import ChangeRequest

_LARGEST_GLOB = 500  # names: `*` of conda-forge would read every package there is


class SearchRequest(NamedTuple):
    """The arguments of `search`: a match spec (CEP 29) whose name may be a glob, as `*numpy*`, and where to look.

    With `name` or `prefix` the channels and the platform are those of an environment.
    """

    spec: str
    channels: tuple[str, ...] = ()
    override_channels: bool = False
    platform: str | None = None
    name: str | None = None
    prefix: str | None = None


class Found(NamedTuple):
    """One artifact, and the name of the channel that has it as the user wrote it."""

    package: CondaPackage
    channel: str


class Obstacle(NamedTuple):
    """What keeps a version out of an environment: `error` says it, or `plan` how it would come in."""

    wanted: CondaPackage
    error: Unsatisfiable | PackagesNotFound | None
    plan: Plan | None


def search(request: SearchRequest, settings: Settings, reporter: Reporter) -> tuple[Found, ...]:
    """Return every artifact that matches, by name, the newest first; of equal versions the highest build first.

    A channel that cannot be read is warned of where others have what is looked for. Raises SpecError, ChannelError,
    and PackagesNotFound with the nearest names.
    """
    channels, platform = _where(request, settings)
    build_recipe_channels(channels, settings, reporter)
    unread: tuple[ChannelError, ...] = ()
    with reporter.start("repodata", "reading channels"):
        source = gateway(channels, settings)
        repodata = Repodata(source, channels, platform)
        try:
            names, spec, records = _read(request.spec, repodata)
        except ChannelError:
            channels, unread = _readable(request.spec, source, channels, platform)
            if not channels:
                raise
            repodata = Repodata(source, channels, platform)
            names, spec, records = _read(request.spec, repodata)
            if not any(_fits(record, spec, _channel_url(spec, channels)) for record in records):
                raise  # it may be there
    for error in unread:
        reporter.warning(f"not everything was searched: {error.message}")
    url = _channel_url(spec, channels)
    fitting = [record for record in records if _fits(record, spec, url)]
    if not fitting:
        raise _not_found(request, spec, names if records else (), repodata, channels, platform)
    called = {channel.url: channel.name for channel in channels}
    packages = sorted(fitting, key=lambda record: (Version(str(record.version)), record.build_number), reverse=True)
    packages.sort(key=lambda record: record.name.normalized)
    return tuple(Found(package, called.get(package.channel, package.channel)) for package in map(_package, packages))


def why_not(request: SearchRequest, settings: Settings, reporter: Reporter, *, command: tuple[str, ...]) -> Obstacle:
    """Return what keeps the newest version that matches out of the environment that `request` names.

    It is tried: the environment's own specs are solved with it. Raises what `search` and `install` raise, except for
    the refusal that was asked for.
    """
    found = search(request, settings, reporter)
    names = {each.package.name for each in found}
    if len(names) > 1:
        raise UsageError(
            f"--why-not is about one package, and `{request.spec}` matches {len(names)}",
            hint=f"envmgr search {min(names)} --why-not -n NAME",
        )
    newest = found[0].package
    seen: list[Plan] = []

    def look(plan: Plan) -> bool:
        seen.append(plan)
        return True

    wanted = f"{newest.name}={newest.version}"
    asking = ChangeRequest(
        command=command,
        name=request.name,
        prefix=Path(request.prefix) if request.prefix is not None else None,
        specs=(wanted,),
        channels=request.channels,
        override_channels=request.override_channels,
    )
    try:
        change.change(asking, settings, SilentReporter(), confirm=look, dry_run=True)
    except (Unsatisfiable, PackagesNotFound) as error:
        return Obstacle(newest, error, None)
    return Obstacle(newest, None, seen[0] if seen and seen[0].difference else None)


def _where(request: SearchRequest, settings: Settings) -> tuple[tuple[Channel, ...], str]:
    table = ChannelTable.read(settings, beside=(Path.cwd(),))
    platform = validate_subdir(request.platform) if request.platform else None
    if request.override_channels and not request.channels:
        raise UsageError("--override-channels leaves no channel", hint="add -c CHANNEL")
    # As for `create`: the default channels are for those who name none
    names = () if request.channels else table.defaults or settings.channels
    if request.name is not None or request.prefix is not None:
        lock = lock_of(layout.find(settings, name=request.name, prefix=request.prefix))
        names = channels_of(lock, settings)
        platform = platform or (lock.platform if lock.platform != "noarch" else None)
    spec = None if _is_glob(request.spec) else parse_dependency(request.spec, COMMAND_LINE)
    of_spec = (spec.channel,) if spec is not None and spec.channel is not None else ()
    chosen = request.channels if request.override_channels else (*request.channels, *names)
    return table.resolve(tuple(dict.fromkeys((*of_spec, *chosen)))), platform or current_subdir()


def _read(text: str, repodata: Repodata) -> tuple[tuple[str, ...], Dependency | None, list[RepoDataRecord]]:
    """Return the names that a spec is about, the spec where it is more than a glob, and all records of these names."""
    names, spec = _names(text, repodata)
    return names, spec, [record for name in names for found in repodata.named(name) for record in found]


def _readable(
    text: str, source: Gateway, channels: Sequence[Channel], platform: str
) -> tuple[tuple[Channel, ...], tuple[ChannelError, ...]]:
    """Return the channels that can be read, and why the others cannot."""
    readable, errors = [], []
    for channel in channels:
        try:
            _read(text, Repodata(source, [channel], platform))
        except ChannelError as error:
            errors.append(error)
        else:
            readable.append(channel)
    return tuple(readable), tuple(errors)


def _names(text: str, repodata: Repodata) -> tuple[tuple[str, ...], Dependency | None]:
    """Return the package names that a spec is about, and the spec where it is more than a glob."""
    if _is_glob(text):
        pattern = text.strip().lower()
        found = sorted(name for name in repodata.names() if fnmatchcase(name, pattern))
        if len(found) > _LARGEST_GLOB:
            raise UsageError(f"`{text}` matches {len(found)} packages", hint="write more of the name, as `*numpy*`")
        return tuple(found), None
    spec = parse_dependency(text, COMMAND_LINE)
    return (spec.name,), spec


def _is_glob(text: str) -> bool:
    """Whether `*` stands in the name, and not in the version or build behind it."""
    return "*" in re.split(r"[\s=<>!~\[]", text.strip(), maxsplit=1)[0]


def _channel_url(spec: Dependency | None, channels: Sequence[Channel]) -> str | None:
    written = spec.channel.rstrip("/") if spec is not None and spec.channel is not None else None
    return next((each.url for each in channels if written in (each.name.rstrip("/"), each.url)), None)


def _fits(record: RepoDataRecord, spec: Dependency | None, url: str | None) -> bool:
    if spec is None:
        return True
    return spec.match_spec.matches(record) and (url is None or (record.channel or "").rstrip("/") == url)


def _package(record: RepoDataRecord) -> CondaPackage:
    return package_of_record(record)


def _not_found(
    request: SearchRequest,
    spec: Dependency | None,
    names: Iterable[str],
    repodata: Repodata,
    channels: Sequence[Channel],
    platform: str,
) -> PackagesNotFound:
    where = ", ".join(redact(channel.name) for channel in channels) or "no channel"
    name = spec.name if spec is not None else request.spec
    if any(names):
        versions = sorted(
            {str(record.version) for found in repodata.named(name) for record in found}, key=Version, reverse=True
        )
        return PackagesNotFound(
            f"no {name} matches `{redact(request.spec)}`; {where} has {', '.join(versions[:5])}"
            + (f" and {len(versions) - 5} more" if len(versions) > 5 else ""),
            hint=f"envmgr search {name}",
        )
    near = nearest(name.strip("*").lower(), repodata.names())
    hint = f"did you mean {' or '.join(f'`{each}`' for each in near)}?" if near else "name other channels with -c"
    return PackagesNotFound(f"{where} has no package `{redact(name)}` for {platform}", hint=hint)

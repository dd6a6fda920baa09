"""A recorded solve: the request, every record that it could use, and the answer, in a directory that needs no network.

    case.json                             the request and the answer, schema 1
    channels/0/noarch/repodata.json       the reachable records of the first channel, and so on

Channels are numbered in priority order; nothing in a case names a file of the machine or a credential.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from rattler import MatchSpec, RepoDataRecord

from envmgr.channels.model import Channel
from envmgr.errors import EnvmgrError, SolveError, UsageError
from envmgr.lock.model import CondaPackage
from envmgr.platforms.model import VirtualPackage
from envmgr.solve.base import Solution, SolveRequest
from envmgr.solve.repodata import Repodata
from envmgr.solve.specs import match_spec, without_virtual
from envmgr.spec.command_line import parse_dependency
from envmgr.spec.model import Origin
from envmgr.urls import file_url, redact

SCHEMA = 1
FILE = "case.json"
_LARGEST = 1 << 30  # bytes of a case.json
_NOT_OF_A_RECORD = ("url", "channel", "fn")


class Answer(NamedTuple):
    """How a solve ended: the packages as `name-version-build` with their channel's number, or the error."""

    packages: tuple[str, ...] = ()
    error: str = ""
    message: str = ""

    @property
    def label(self) -> str:
        """What a person calls it."""
        return f"{self.error}: {self.message}" if self.error else f"{len(self.packages)} packages"


class Case(NamedTuple):
    """A solve as it was recorded, its channels in the directory."""

    request: SolveRequest
    answer: Answer
    solver: str


def answer_of(request: SolveRequest, outcome: Solution | EnvmgrError) -> Answer:
    """Return an outcome as it is recorded and compared."""
    if isinstance(outcome, EnvmgrError):
        return Answer(error=outcome.kind, message=_without_places(redact(outcome.message), request))
    numbers = {channel.url: at for at, channel in enumerate(request.channels)}
    return Answer(tuple(f"{numbers.get(each.channel, '?')}::{each.dist_name}" for each in outcome.packages))


def write(directory: Path, request: SolveRequest, repodata: Repodata, outcome: Solution | EnvmgrError) -> None:
    """Write a case into a directory, which is made; raises UsageError where it holds something else, and OSError."""
    if directory.exists() and any(directory.iterdir()) and not (directory / FILE).is_file():
        raise UsageError(f"--solver-debug {directory}: the directory holds something else", hint="name a new directory")
    specs = [match_spec(each, request) for each in without_virtual((*request.specs, *request.constraints))]
    specs += [MatchSpec("pip")] if request.add_pip else []
    for number, records in enumerate(repodata.reachable(specs)):
        _write_channel(directory / "channels" / str(number), request.platform, records)
    solver = outcome.solver if isinstance(outcome, Solution) else ""
    document = {
        "schema": SCHEMA,
        "solver": solver,
        "request": _request(request),
        "answer": answer_of(request, outcome)._asdict(),
    }
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False)
    (directory / FILE).write_text(text + "\n", encoding="utf-8")


def read(directory: Path) -> Case:
    """Return the case in a directory, its channels where they lie now; raises SolveError for what is none."""
    path = directory / FILE
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(_LARGEST))
        if document["schema"] != SCHEMA:
            raise SolveError(f"{path} has schema {document['schema']}; expected {SCHEMA}", hint="update envmgr")
        request = _parsed(document["request"], directory)
        answer = document["answer"]
        return Case(
            request,
            Answer(tuple(map(str, answer["packages"])), str(answer["error"]), str(answer["message"])),
            str(document["solver"]),
        )
    except OSError as error:
        raise SolveError(f"{path} cannot be read: {error.strerror}", hint="name what --solver-debug wrote") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SolveError(f"{path} is no recorded solve: {error!r}", hint="name what --solver-debug wrote") from error


def _write_channel(directory: Path, platform: str, records: Sequence[RepoDataRecord]) -> None:
    subdirs: dict[str, dict[str, dict[str, Any]]] = {
        subdir: {"packages": {}, "packages.conda": {}} for subdir in ("noarch", platform)
    }
    for record in records:
        fields = {key: value for key, value in json.loads(record.to_json()).items() if key not in _NOT_OF_A_RECORD}
        subdir = str(fields.get("subdir") or platform)
        kind = "packages.conda" if record.file_name.endswith(".conda") else "packages"
        subdirs.setdefault(subdir, {"packages": {}, "packages.conda": {}})[kind][record.file_name] = fields
    for subdir, content in subdirs.items():
        path = directory / subdir
        path.mkdir(parents=True, exist_ok=True)
        document = {"info": {"subdir": subdir}, **content, "repodata_version": 1}
        (path / "repodata.json").write_text(json.dumps(document, sort_keys=True), encoding="utf-8")


def _short(origin: Origin) -> str:
    """Return an origin as it is known without this machine: the last part of a path."""
    head, _, tail = str(origin).rpartition("/")
    return f"conda-meta/{tail}" if head.endswith("/conda-meta") else tail


def _called(channel: Channel) -> str:
    return os.path.basename(channel.name.rstrip("/"))


def _without_places(text: str, request: SolveRequest) -> str:
    """Return words without the paths of this machine."""
    dated = [channel.dated.origin for channel in request.channels if channel.dated is not None]
    written = [each.origin for each in (*request.specs, *request.constraints)]
    places = {str(origin): _short(origin) for origin in (*written, request.exclude_newer_origin, *dated)}
    for channel in request.channels:
        places |= {redact(channel.url): _called(channel), redact(channel.name): _called(channel)}
    for place in sorted(places, key=len, reverse=True):
        text = text.replace(place, places[place])
    return text


def _request(request: SolveRequest) -> dict[str, Any]:
    numbers = {channel.url: at for at, channel in enumerate(request.channels)}

    def package(each: CondaPackage) -> dict[str, Any]:
        channel = numbers.get(each.channel)
        return each._asdict() | {"channel": channel, "url": "", "requested": ()}

    cutoff, limit = request.exclude_newer, request.time_limit
    return {
        "specs": [[redact(each.text), _short(each.origin)] for each in request.specs],
        "constraints": [[redact(each.text), _short(each.origin)] for each in request.constraints],
        "channels": [redact(_called(each)) for each in request.channels],
        "channel_urls": [[redact(name), numbers.get(url)] for name, url in request.channel_urls],
        "platform": request.platform,
        "virtual_packages": [list(each) for each in request.virtual_packages],
        "locked": [package(each) for each in request.locked if each.channel in numbers],
        "pinned": [package(each) for each in request.pinned if each.channel in numbers],
        "channel_priority": request.channel_priority,
        "exclude_newer": cutoff.isoformat() if cutoff is not None else None,
        "time_limit": limit.total_seconds() if limit is not None else None,
        "add_pip": request.add_pip,
    }


def _parsed(values: Mapping[str, Any], directory: Path) -> SolveRequest:
    places = [file_url((directory / "channels" / str(at)).absolute()) for at in range(len(values["channels"]))]

    def package(fields: Mapping[str, Any]) -> CondaPackage:
        plain: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()
        }
        channel = places[fields["channel"]]
        return CondaPackage(**plain)._replace(channel=channel, url=f"{channel}/{fields['subdir']}/{fields['filename']}")

    def dependencies(pairs: Sequence[Sequence[str]]) -> Any:
        return tuple(parse_dependency(text, _origin(origin)) for text, origin in pairs)

    cutoff, limit = values["exclude_newer"], values["time_limit"]
    return SolveRequest(
        specs=dependencies(values["specs"]),
        constraints=dependencies(values["constraints"]),
        channels=tuple(Channel(name=str(name), url=url) for name, url in zip(values["channels"], places, strict=True)),
        channel_urls=tuple((str(name), places[at]) for name, at in values["channel_urls"] if at is not None),
        platform=values["platform"],
        virtual_packages=tuple(VirtualPackage(*each) for each in values["virtual_packages"]),
        locked=tuple(map(package, values["locked"])),
        pinned=tuple(map(package, values["pinned"])),
        channel_priority=values["channel_priority"],
        exclude_newer=datetime.fromisoformat(cutoff) if cutoff is not None else None,
        time_limit=timedelta(seconds=limit) if limit is not None else None,
        add_pip=bool(values["add_pip"]),
    )


def _origin(text: str) -> Origin:
    source, colon, line = text.rpartition(":")
    return Origin(source=source, line=int(line)) if colon and line.isdecimal() else Origin(source=text)

"""Closure: everything that a lock's packages need is in the lock, once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from rattler import BuildString, MatchSpec, PackageRecord
from rattler.exceptions import InvalidMatchSpecError, InvalidVersionError

from envmgr.errors import LockTampered
from envmgr.lock.model import PIP_KINDS, CondaPackage, Lock, PipPackage
from envmgr.urls import redact

_SHA256 = re.compile(r"[0-9a-f]{64}")
_MD5 = re.compile(r"[0-9a-f]{32}")
_SCHEMES = re.compile(r"(?:https?|file|s3|gcs|oci|git\+(?:https?|ssh|git|file))://", re.IGNORECASE)
_LEADS_OUT = re.compile(r"(?:^|[/\\])\.\.(?:[/\\]|$)|\0")
_COMMIT = re.compile(r"@(?:[0-9a-f]{40}|[0-9a-f]{64})$")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


def check(lock: Lock, *, source: str) -> None:
    """Raise LockTampered, naming every fault, unless `lock` is closed.

    Closed: no package twice (also not once as conda and once as pip), every artifact hashed, safely named and from
    a channel or an index, every dependency met by version and build, no `constrains` broken. Virtual packages are the
    machine's business: only their presence in the lock is checked.
    """
    faults = [*_names(lock), *_hashes(lock), *_places(lock), *_records(lock)[1], *(each.fault for each in unmet(lock))]
    if lock.pip:
        from envmgr.lock import pip_closure  # start-up time: most locks have no pip half

        faults += pip_closure.faults(lock)
    if faults:
        raise LockTampered(
            f"{source}: the lock for {lock.platform} is not whole\n" + "\n".join(f"  {fault}" for fault in faults),
            hint="solve again instead of editing a lock by hand",
            details={"faults": faults},
        )


def _names(lock: Lock) -> Iterable[str]:
    for manager, names in (
        ("conda", [package.name for package in lock.conda]),
        ("pip", [package.name for package in lock.pip]),
    ):
        for name, times in Counter(names).items():
            if times > 1:
                yield f"{manager} package {name} is locked {times} times"
            if not _NAME.fullmatch(name):
                yield f"{manager} package name `{name}` is not one that CEP 26 or PEP 508 allows"


def _hashes(lock: Lock) -> Iterable[str]:
    for package in lock.conda:
        has_md5 = package.md5 is not None and _MD5.fullmatch(package.md5)
        if not _SHA256.fullmatch(package.sha256) and (package.sha256 or not has_md5):
            yield f"{package.dist_name} has no sha256 (found `{package.sha256}`)"
    for pip in lock.pip:
        if pip.kind not in PIP_KINDS:
            yield f"{pip.name} {pip.version} is of the unknown kind `{pip.kind}`"
        elif pip.is_repository:
            if not _COMMIT.search(pip.url.partition("#")[0]):
                yield f"{pip.name} {pip.version} has no commit (found `{redact(pip.url)}`)"
        elif not _SHA256.fullmatch(pip.sha256):
            yield f"{pip.name} {pip.version} has no sha256 (found `{pip.sha256}`)"


def _places(lock: Lock) -> Iterable[str]:
    """Yield what is taken from, or would be put into, a place that no channel and no index is."""
    directories = [f"{channel}/" for channel in lock.channels if channel.startswith("file:")]
    for url in lock.channels:
        if not _is_place(url):
            yield f"the channel `{redact(url)}` is no URL of a channel"
    packages: tuple[CondaPackage | PipPackage, ...] = (*lock.conda, *lock.pip)
    for package in packages:
        what = package.dist_name if isinstance(package, CondaPackage) else f"{package.name} {package.version}"
        if not _is_place(package.url):
            yield f"{what} comes from `{redact(package.url)}`, which is no URL of an artifact"
        elif (
            isinstance(package, CondaPackage)
            and package.url.lower().startswith("file:")
            and not package.url.startswith(tuple(directories))
        ):
            yield f"{what} comes from {package.url}, which is outside of every channel of the lock"
        if isinstance(package, PipPackage) and not package.has_file:
            continue
        if not package.filename or "/" in package.filename or "\\" in package.filename:
            yield f"{what} has the file name `{package.filename}`, which is a path"
        elif (last := _last_part(package.url)) != unquote(package.filename):
            yield f"{what} has the file name `{package.filename}`, and its URL ends in `{last}`"
        source = package.channel if isinstance(package, CondaPackage) else package.index_url
        if source is not None and not _is_place(source):
            yield f"{what} is from `{redact(source)}`, which is no URL of a channel or an index"
        for part in (package.version, package.build if isinstance(package, CondaPackage) else ""):
            if "/" in part or "\\" in part or _LEADS_OUT.search(part):
                yield f"{what} has the version or build `{part}`, which is a path"


def _last_part(url: str) -> str:
    """Return the file name in a URL that may be none: nothing is taken apart that could be refused."""
    return unquote(re.split("[?#]", url)[0].rpartition("/")[2])


def _is_place(url: str) -> bool:
    """Whether `url` has a scheme that packages come by, and leads nowhere else than it says."""
    try:
        urlsplit(url)
    except ValueError:
        return False
    return _SCHEMES.match(url) is not None and _LEADS_OUT.search(unquote(url)) is None


class Unmet(NamedTuple):
    """A dependency of a package, or with `is_constraint` a `constrains`, that is not met: `found` is what is locked
    instead (None: nothing of the name), `fault` the sentence about it."""

    package: CondaPackage
    text: str
    is_constraint: bool
    found: str | None
    fault: str


def unmet(lock: Lock) -> Iterator[Unmet]:
    """Yield every dependency and constraint of the conda half that is not met inside of the lock."""
    records, _ = _records(lock)
    virtual = {text.partition("=")[0] for text in lock.virtual_packages}
    for package in lock.conda:
        for text in package.depends:
            fault, found = _dependency_fault(text, records, virtual)
            if fault:
                yield Unmet(package, text, False, found, f"{package.dist_name} depends on {fault}")
        for text in package.constrains:
            try:
                spec = MatchSpec(text)
            except InvalidMatchSpecError:
                continue
            name = spec.name.normalized
            if name in records and not records[name].matches(spec):
                shown = _shown(records[name])
                fault = f"{package.dist_name} constrains {text}, but {shown} is locked"
                yield Unmet(package, text, True, shown, fault)


def _dependency_fault(
    text: str, records: Mapping[str, PackageRecord], virtual: Collection[str]
) -> tuple[str, str | None]:
    """Return what is wrong with a dependency (nothing: empty) and what is locked instead."""
    try:
        spec = MatchSpec(text)
    except InvalidMatchSpecError as error:
        return f"`{text}`, which is not a match spec: {error}", None
    name = spec.name.normalized
    if name.startswith("__"):
        return (f"{text}, and no such virtual package is locked" if virtual and name not in virtual else ""), None
    if name not in records:
        return f"{text}, which is not in the lock", None
    if not records[name].matches(spec):
        return f"{text}, but {_shown(records[name])} is locked", _shown(records[name])
    return "", None


def _records(lock: Lock) -> tuple[dict[str, PackageRecord], list[str]]:
    records: dict[str, PackageRecord] = {}
    faults = []
    for package in lock.conda:
        if _NAME.fullmatch(package.name):
            try:
                records[package.name] = _record(package)
            except (InvalidVersionError, OverflowError, ValueError) as error:
                faults.append(f"{package.dist_name} is no record of a package: {error}")
    return records, faults


def _record(package: CondaPackage) -> PackageRecord:
    record = PackageRecord(
        name=package.name,
        version=package.version,
        build=BuildString.new_unchecked(package.build),
        build_number=package.build_number,
        subdir=package.subdir,
    )
    record.track_features = list(package.track_features)
    return record


def _shown(record: PackageRecord) -> str:
    return f"{record.name.source} {record.version} {record.build}"

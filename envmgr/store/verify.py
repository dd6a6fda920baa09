"""Verify: a prefix held against its lock, every byte of both halves, and what nobody owns in it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from envmgr.lock.model import CondaPackage, Lock, PipPackage
from envmgr.reporting import Reporter
from envmgr.store import carried, contents, own_files, ownership, survey
from envmgr.store.carried import Carried
from envmgr.store.contents import Compared, is_shared
from envmgr.store.inventory import Entry, Inventory
from envmgr.store.layout import OWN_DIRECTORY, Location
from envmgr.store.owned import Distribution, Owned, Record, Unusable, distributions, read_record
from envmgr.store.problems import Findings, Kind, Problem

_RECORD = re.compile(r"conda-meta/([^/]+)\.json")
_INSTALLER = "uv"  # what installs the pip half of every generation


class Verified(NamedTuple):
    """The findings, with the changed files that have further hard links: their entries and who owns them."""

    findings: Findings
    linked: tuple[tuple[Owned, Entry], ...]


class _Half(NamedTuple):
    """One half of an environment: what is wrong with it as a whole, what of it is to be compared, and every path
    that is accounted for."""

    problems: list[Problem]
    owned: list[Owned]
    accounted: set[str]


def verify(location: Location, lock: Lock | None, reporter: Reporter, *, has_lock: bool = True) -> Verified:
    """Return what is wrong at the location, against `lock` or (None) the prefix records alone.

    `has_lock` is False where `lock` was itself read from the records of another tool. Nothing outside of the prefix
    is looked at, links are not followed out of it, and what cannot be read is a fault, not an error.
    """
    prefix = Path(os.path.realpath(location.prefix))
    inventory = Inventory.read(prefix)
    conda = _conda_half(inventory, lock.conda if lock is not None else None)
    manifest = carried.read(prefix)
    pip = _pip_half(inventory, lock.pip if lock is not None and has_lock else (), conda, manifest)
    compared = contents.compare(inventory, [*conda.owned, *pip.owned], reporter)
    problems = [
        *own_files.problems(location, lock if has_lock else None),
        *_redirected(inventory),
        *(Problem("fault", "unreadable", path, None, None, reason) for path, reason in inventory.unreadable.items()),
        *conda.problems,
        *pip.problems,
        *_told_who(compared, pip.problems, inventory),
        *_clobbered(conda.owned),
        *_loose(inventory, conda.accounted | pip.accounted, manifest),
    ]
    findings = Findings(
        problems=tuple(sorted(dict.fromkeys(problems), key=_order)),
        packages=len({each.package for each in (*conda.owned, *pip.owned)}),
        files=compared.files,
        bytes=compared.bytes,
        has_lock=has_lock,
    )
    return Verified(findings, tuple(_linked(inventory, compared.changed)))


def _conda_half(inventory: Inventory, packages: Sequence[CondaPackage] | None) -> _Half:
    half = _Half([], [], set())
    # Not by listing conda-meta: it may have become a link.
    names = frozenset(match[1] for path in inventory.entries if (match := _RECORD.fullmatch(path)))
    locked = {package.dist_name: package for package in packages or ()}
    records: dict[str, Record] = {}
    for name in sorted(names):
        path = f"conda-meta/{name}.json"
        half.accounted.add(path)
        try:
            records[name] = read_record(Path(inventory.root), name)
        except Unusable as error:
            package = locked[name].name if name in locked else None
            half.problems.append(Problem("fault", "unreadable", path, package, "a prefix record", str(error)))
            continue
        record = records[name]
        half.accounted.update(each.path for each in record.owned)
        half.problems.extend(
            Problem("fault", "outside", outside, record.name, "a path below the prefix", f"listed in {path}")
            for outside in record.outside
        )
        if packages is None or name in locked:
            half.owned.extend(record.owned)
    if packages is not None:
        half.problems.extend(_record_problems(locked, records, names))
    return half


def _record_problems(
    locked: dict[str, CondaPackage], records: dict[str, Record], names: frozenset[str]
) -> Iterator[Problem]:
    """Yield how the prefix records differ from the locked packages."""
    others: dict[str, list[str]] = {}
    for name, record in records.items():
        if name not in locked:
            others.setdefault(record.name, []).append(name)
    by_name = {package.name: package for package in locked.values()}
    for name, package in sorted(locked.items()):
        path = f"conda-meta/{name}.json"
        found = others.get(package.name, [])
        if name not in names:
            yield Problem(
                "fault", "changed" if found else "missing", path, package.name, name, ", ".join(found) or None
            )
        elif name in records:
            record = records[name]
            said = f"{record.name}-{record.version}-{record.build}"
            if said.lower() != name.lower():
                yield Problem("fault", "changed", path, package.name, name, said)
            elif record.sha256 and package.sha256 and record.sha256.lower() != package.sha256:
                expected = f"the artifact with sha256 {package.sha256}"
                yield Problem("fault", "changed", path, package.name, expected, f"that with sha256 {record.sha256}")
    for package_name, found in sorted(others.items()):
        is_double = package_name in by_name and by_name[package_name].dist_name in names
        for name in found:
            if is_double:
                expected = by_name[package_name].dist_name
                yield Problem("fault", "changed", f"conda-meta/{name}.json", package_name, expected, name)
            elif package_name not in by_name:
                yield Problem("notice", "foreign", f"conda-meta/{name}.json", package_name, None, name)


def _pip_half(inventory: Inventory, packages: Sequence[PipPackage], conda: _Half, manifest: Carried) -> _Half:
    half = _Half([], [], set())
    wanted = {ownership.normalised(package.name): package for package in packages}
    known = {(each.dist_info, each.version) for each in manifest.distributions}
    found: dict[str, list[Distribution]] = {}
    for distribution in distributions(inventory):
        own = (f"{distribution.dist_info}/METADATA", f"{distribution.dist_info}/RECORD")
        if conda.accounted.isdisjoint(own):
            found.setdefault(ownership.normalised(distribution.name), []).append(distribution)
    for name, package in sorted(wanted.items()):
        half.problems.extend(_locked_problems(Path(inventory.root), half, package, found.get(name, [])))
    for name, installed in sorted(found.items()):
        for distribution in installed:
            half.accounted.update(each.path for each in distribution.owned)
            half.accounted.update(path for path in inventory.entries if path.startswith(f"{distribution.dist_info}/"))
            if name not in wanted:
                what = f"{_described(distribution)}, {len(distribution.owned)} files"
                kind: Kind = "carried" if (distribution.dist_info, distribution.version) in known else "foreign"
                half.problems.append(Problem("notice", kind, distribution.dist_info, distribution.name, None, what))
    return half


def _locked_problems(root: Path, half: _Half, package: PipPackage, installed: list[Distribution]) -> Iterator[Problem]:
    """Yield what is wrong with a locked pip package as a whole; its files are added to those to compare.

    Another installer is told of where it came after the environment was made, or adopted.
    """
    expected = f"{package.name} {package.version}"
    if not installed:
        yield Problem("fault", "missing", f"{package.name}-{package.version}.dist-info", package.name, expected, None)
    for distribution in installed:
        if not ownership.is_same_version(distribution.version, package.version):
            yield Problem("fault", "changed", distribution.dist_info, package.name, expected, _described(distribution))
            continue
        record = f"{distribution.dist_info}/RECORD"
        if distribution.fault is not None:
            kind: Kind = "missing" if distribution.fault.is_missing else "unreadable"
            yield Problem("fault", kind, record, package.name, "a RECORD", str(distribution.fault))
            continue
        if all(each.path != record for each in distribution.owned):
            listed = f"{len(distribution.owned)} without itself"
            yield Problem("fault", "changed", record, package.name, "the files of the package", listed)
        by = f"{distribution.dist_info}/INSTALLER"
        if distribution.installer != _INSTALLER and not survey.is_from_before(root, by):
            yield Problem("notice", "changed", by, package.name, _INSTALLER, distribution.installer or "none")
        for path in distribution.outside:
            yield Problem("fault", "outside", path, package.name, "a path below the prefix", f"listed in {record}")
        half.owned.extend(each._replace(package=package.name) for each in distribution.owned)


def _told_who(compared: Compared, pip: Iterable[Problem], inventory: Inventory) -> Iterator[Problem]:
    """Yield the problems of files, and with those of conda packages which pip overwrote the distribution."""
    foreign = {problem.path for problem in pip if problem.kind == "foreign"}
    owners: dict[str, Distribution] = {}
    if foreign and compared.problems:
        for distribution in distributions(inventory):
            if distribution.dist_info in foreign:
                owners.update({each.path: distribution for each in distribution.owned})
    for problem in compared.problems:
        owner = owners.get(problem.path)
        told = owner is not None and problem.found is not None
        yield problem._replace(found=f"{problem.found}, of {_described(owner)}") if told and owner else problem


def _clobbered(owned: Iterable[Owned]) -> Iterator[Problem]:
    """Yield the paths that several packages own with different contents."""
    claims: dict[str, list[Owned]] = {}
    for each in owned:
        if each.kind != "directory":
            claims.setdefault(each.original or each.path, []).append(each)
    for path, claimed in claims.items():
        winner = next((each for each in reversed(claimed) if each.original is None), claimed[0])
        for each in claimed:
            if each.hashes and set(each.hashes).isdisjoint(winner.hashes) and each.package != winner.package:
                expected, found = f"that of {each.package}", f"that of {winner.package}"
                yield Problem("notice", "clobbered", path, each.package, expected, found)


def _loose(inventory: Inventory, accounted: set[str], manifest: Carried) -> Iterator[Problem]:
    """Yield what nobody owns, as carried where the manifest has it; bytecode does not count, nor do our own files."""
    came = set(manifest.files)
    saved = {each.path: f"saved beside {each.original}" for each in manifest.saved}
    owned = accounted | {real for path in accounted if (real := inventory.resolve(path)) is not None}
    for path, entry in inventory.entries.items():
        if entry.kind == "directory" or path in owned or path.startswith(f"{OWN_DIRECTORY}/"):
            continue
        if not ownership.is_ours(path) and "/__pycache__/" not in f"/{path}":
            kind: Kind = "carried" if path in came else "foreign"
            yield Problem("notice", kind, path, found=saved.get(path) if path in came else None)


def _redirected(inventory: Inventory) -> Iterator[Problem]:
    """Yield the directories of metadata that were replaced with links."""
    for path in ("conda-meta", OWN_DIRECTORY):
        entry = inventory.entries.get(path)
        if entry is not None and entry.kind != "directory":
            yield Problem("fault", "changed", path, None, "a directory", f"a link to {entry.target}")


def _linked(inventory: Inventory, changed: Iterable[Owned]) -> Iterator[tuple[Owned, Entry]]:
    for each in changed:
        real = inventory.resolve(each.path)
        if real is not None and is_shared(inventory.entries[real]):
            yield each._replace(path=real), inventory.entries[real]


def _described(distribution: Distribution) -> str:
    tool = distribution.installer or "a tool that does not say so"
    return f"{distribution.name} {distribution.version} installed by {tool}"


def _order(problem: Problem) -> tuple[bool, bool, str, str, str]:
    return problem.severity != "fault", problem.package is None, problem.package or "", problem.path, problem.kind

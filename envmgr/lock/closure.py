"""Closure: everything that a lock's packages need is in the lock, once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from rattler import BuildString, MatchSpec, PackageRecord
from rattler.exceptions import InvalidMatchSpecError

from envmgr.errors import LockTampered
from envmgr.lock.model import CondaPackage, Lock

_SHA256 = re.compile(r"[0-9a-f]{64}")
_MD5 = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


def check(lock: Lock, *, source: str) -> None:
    """Raise LockTampered, naming every fault, unless `lock` is closed.

    Closed: no package twice (also not once as conda and once as pip), every artifact hashed and safely named,
    every dependency met by version and build, no `constrains` broken. Virtual packages are the machine's
    business: only their presence in the lock is checked.
    """
    faults = [*_names(lock), *_hashes(lock), *_conda_dependencies(lock)]
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
        if not _SHA256.fullmatch(pip.sha256):
            yield f"{pip.name} {pip.version} has no sha256 (found `{pip.sha256}`)"


def _conda_dependencies(lock: Lock) -> Iterable[str]:
    records = {package.name: _record(package) for package in lock.conda if _NAME.fullmatch(package.name)}
    virtual = {text.partition("=")[0] for text in lock.virtual_packages}
    for package in lock.conda:
        for text in package.depends:
            try:
                spec = MatchSpec(text)
            except InvalidMatchSpecError as error:
                yield f"{package.dist_name} depends on `{text}`, which is not a match spec: {error}"
                continue
            name = spec.name.normalized
            if name.startswith("__"):
                if virtual and name not in virtual:
                    yield f"{package.dist_name} depends on {text}, and no such virtual package is locked"
            elif name not in records:
                yield f"{package.dist_name} depends on {text}, which is not in the lock"
            elif not records[name].matches(spec):
                yield f"{package.dist_name} depends on {text}, but {_shown(records[name])} is locked"
        for text in package.constrains:
            try:
                spec = MatchSpec(text)
            except InvalidMatchSpecError:
                continue
            name = spec.name.normalized
            if name in records and not records[name].matches(spec):
                yield f"{package.dist_name} constrains {text}, but {_shown(records[name])} is locked"


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

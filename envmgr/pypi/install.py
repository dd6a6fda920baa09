"""The pip half, installed into staging exactly as locked, naming only the final prefix."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from envmgr.errors import PipError, StoreError
from envmgr.lock.model import PipPackage
from envmgr.pypi import built_wheels, checkouts, direct_url, sources
from envmgr.pypi.built_wheels import BuiltWheel
from envmgr.pypi.checkouts import Checkout
from envmgr.pypi.indexes import Indexes
from envmgr.pypi.merge import merge
from envmgr.pypi.record import Record
from envmgr.pypi.relocate import relocate
from envmgr.pypi.unpacking import Place, place_with_credentials, unpack
from envmgr.pypi.uv import Uv
from envmgr.reporting import Reporter
from envmgr.settings import Settings

_WORK = ".envmgr-pip"
_CONDA_METADATA = "conda-meta"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledDistribution:
    """One distribution of the pip half and its files (paths relative to the prefix, sorted).

    `sha256` is that of its wheel, the locked or the built one; of what has none, that of its modules' hashes."""

    name: str
    version: str
    files: tuple[str, ...]
    sha256: str


def install(
    packages: Sequence[PipPackage],
    place: Place,
    *,
    settings: Settings,
    reporter: Reporter,
    indexes: Indexes | None = None,
) -> tuple[InstalledDistribution, ...]:
    """Install what is locked into staging and return what each one brought, sorted by name; what has no wheel is
    built with the staged python.

    They are unpacked into a tree of their own first; nothing reaches the conda half before every RECORD is met, no
    path has two owners, and nothing names staging. `indexes` tell how they are reached (None: what the machine
    says). Raises PipError (a wrong hash, a wheel that cannot be had or that
    would overwrite or leave the prefix), StoreError.
    """
    if not packages:
        return ()
    uv = Uv.find(settings, indexes, is_installation=True)
    _check_directories(packages, reporter)
    with reporter.start("pip", "installing the pip half", total=len(packages), unit="packages") as progress:
        try:
            with _tree(place.staging) as tree:
                built = built_wheels.find(packages, place.builder, settings)
                clones = _checkouts(packages, place, settings, uv, reporter)
                exact = [
                    clones[each.name].as_directory() if each.name in clones
                    else built[each.name].instead_of(each) if each.name in built
                    else each
                    for each in packages
                ]  # fmt: skip
                unpack(uv, exact, place, tree)
                records = _records(tree, packages, built)
                _check_files(tree, records)
                _check_owners(records, reporter)
                for record in records.values():
                    relocate(record, staging=place.staging, prefix=place.prefix)
                _check_built(packages, records, place)
                new = [package for package in packages if package.name not in built]
                built_wheels.keep(new, records, place.builder, settings, uv.cache)
                installed = tuple(_installed(package, records[package.name]) for package in exact)
                merge(tree, place.staging, owners=place.owners, records=records)
        except OSError as error:
            raise StoreError(
                f"the pip half cannot be written: {error.filename or place.staging}: {error.strerror}"
            ) from error
        progress.advance(len(packages))
    return installed


@contextmanager
def _tree(staging: Path) -> Iterator[Path]:
    """Give a directory on staging's own file system, so that its files move by rename."""
    work = staging / _WORK
    shutil.rmtree(work, ignore_errors=True)
    (work / "tree").mkdir(parents=True)
    try:
        yield work / "tree"
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _checkouts(
    packages: Sequence[PipPackage], place: Place, settings: Settings, uv: Uv, reporter: Reporter
) -> dict[str, Checkout]:
    """Return the checkouts of the environment by package; those that are not there are made, and said."""
    if place.checkouts is None:
        return {}
    found = checkouts.of(packages, place.checkouts)
    for each in found:
        source = place_with_credentials(each.package)
        if checkouts.make(each, settings, source=sources.expanded(source, uv.environ), like=place.checkouts_like):
            reporter.notice(f"{each.package.name} is checked out at {each.commit[:12]}, to be edited: {each.directory}")
        elif each.head() != each.commit:
            reporter.notice(f"{each.directory} is not at {each.commit[:12]}, which is locked, and stays as it is")
    return {each.package.name: each for each in found}


def _check_directories(packages: Sequence[PipPackage], reporter: Reporter) -> None:
    """Raise PipError for a directory that is not as it was locked; nothing pins an editable one, which is a notice."""
    for package in packages:
        for reason in sources.changed([package]):
            if package.kind != "editable" or reason.endswith("is not there"):
                raise PipError(
                    reason.removeprefix("pip: ").replace("has changed", "has changed since it was locked"),
                    hint="lock it as it is now: `envmgr create -f` of its file, or `envmgr update` of the environment",
                )
            reporter.notice(f"{reason.removeprefix('pip: ')} since it was locked")


def _check_built(packages: Sequence[PipPackage], records: Mapping[str, Record], place: Place) -> None:
    """Raise PipError where something that was built here names the place of its build, which will not exist."""
    staged = {os.fsencode(place.staging), os.fsencode(os.path.realpath(place.staging))}
    for package in packages:
        if not package.is_built:
            continue
        for path in sorted(records[package.name].files):
            data = (records[package.name].root / path).read_bytes()
            if any(name in data for name in staged):
                raise PipError(
                    f"the build of {package.name} {package.version} wrote the place of the build into {path}, "
                    "and that place will not exist",
                    hint="ask for a version that has a wheel for this platform, or for its conda package",
                )


def _records(tree: Path, packages: Sequence[PipPackage], built: Mapping[str, BuiltWheel]) -> dict[str, Record]:
    """Return the RECORD of each locked package, by name, with REQUESTED as the lock says (PEP 376, PEP 627)."""
    found: dict[str, Record] = {}
    for path in sorted(tree.glob("lib*/python*/site-packages/*.dist-info/RECORD")):
        record = Record.read(path, root=tree)
        found[canonicalize_name(record.dist_info.stem.rpartition("-")[0])] = record
    missing = [package.name for package in packages if package.name not in found]
    if missing:
        raise PipError(f"uv installed no distribution of these names: {', '.join(missing)}")
    for package in packages:
        record = found[package.name]
        record.drop("uv_cache.json")
        record.drop("uv_build.json")
        if package.requested:
            record.add("REQUESTED", b"")
        else:
            record.drop("REQUESTED")
        said = built[package.name].direct_url if package.name in built else None
        if said is not None:
            record.add(direct_url.NAME, said.encode())
        if package.kind == "archive" and package.sha256:
            direct_url.add_hash(record, package.sha256)
    return found


def _check_files(tree: Path, records: Mapping[str, Record]) -> None:
    """Refuse what the records and the tree do not agree on, links, and anything inside conda-meta."""
    present = set(_files(os.fspath(tree), ""))
    for name, record in sorted(records.items()):
        missing = sorted(record.files - present)
        if missing:
            raise PipError(
                f"the wheel of {name} is not whole: its RECORD lists {missing[0]}, which is not there"
                + (f" (and {len(missing) - 1} more)" if len(missing) > 1 else "")
            )
        record.complete()  # of a wheel whose own RECORD was short, uv lists the rest without hashes
        forged = [path for path in record.files if path.split("/", 1)[0].lower() == _CONDA_METADATA]
        if forged:
            raise PipError(f"the wheel of {name} would write {forged[0]}, where conda keeps its records")
    unowned = sorted(present.difference(*(record.files for record in records.values())))
    for path in unowned:
        owner = next((record for record in records.values() if path.startswith(record.dist_info_path + "/")), None)
        if owner is None:
            raise PipError(f"a wheel of the pip half brings {path}, which no RECORD lists")
        owner.include(path)  # signatures (RECORD.jws, RECORD.p7s) are not listed, by PEP 427


def _files(directory: str, relative: str) -> Iterator[str]:
    """Yield every file below a directory, relative to the tree; raises PipError for a link."""
    with os.scandir(directory) as entries:
        for entry in entries:
            path = relative + entry.name
            if entry.is_symlink():
                raise PipError(f"a wheel of the pip half brings the link {path}, and wheels have none")
            if entry.is_dir():
                yield from _files(entry.path, path + "/")
            else:
                yield path


def _check_owners(records: Mapping[str, Record], reporter: Reporter) -> None:
    owners: dict[str, str] = {}
    for name, record in sorted(records.items()):
        for path in sorted(record.files):
            first = owners.setdefault(path, name)
            if first == name:
                continue
            if not records[first].digest(path) or records[first].digest(path) != record.digest(path):
                raise PipError(
                    f"the pip packages {first} and {name} both bring {path}, with different contents",
                    hint=f"leave {first} or {name} out: only one of them can work",
                    details={"path": path, "packages": [first, name]},
                )
            reporter.notice(f"the pip packages {first} and {name} both bring {path}, with the same contents")


def _installed(package: PipPackage, record: Record) -> InstalledDistribution:
    sha256 = package.sha256 if package.filename.endswith(".whl") else record.modules_digest()
    files = tuple(sorted(record.files))
    return InstalledDistribution(name=package.name, version=package.version, files=files, sha256=sha256)

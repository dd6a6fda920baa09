"""The locks of other tools, whatever their format: read for one platform, as a lock whose records may be incomplete."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from envmgr.errors import ChannelError, LockError, LockTampered, PlatformNotLocked, UsageError
from envmgr.lock import conda_lock, explicit, foreign, foreign_conda_lock, foreign_pip, pixi_lock
from envmgr.lock.foreign import Foreign
from envmgr.lock.model import Lock, PipPackage
from envmgr.lock.pixi_lock import PypiEntry
from envmgr.pypi import directories
from envmgr.pypi.target import Target
from envmgr.settings import Settings
from envmgr.solve.records import package_of_record
from envmgr.spec.kinds import FileKind, kind_of
from envmgr.urls import file_name, file_url, is_url, redact, without_credentials
from envmgr.workflows.request import WHOLE, Choice

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # every scalar a text; neither copies nor merges
_DEEPEST = 40  # libyaml's time grows with the square of the depth of flow collections
_OWN = re.compile(r"^[ ]+[\"']?envmgr[\"']?:[ ]", re.MULTILINE)
_BRACKET = re.compile(r"[\[\]{}]")


def platforms(text: str, source: str, choice: Choice = WHOLE) -> tuple[str, ...]:
    """Return the subdirs that a lock file is for, none where it may be for any; raises as `read` does."""
    kind = kind_of(source, text)
    if kind is FileKind.EXPLICIT:
        return explicit.platforms(text)
    _check_depth(text, source)
    if kind is FileKind.PIXI_LOCK:
        return pixi_lock.Document(text, source=source).platforms(choice.environment or pixi_lock.DEFAULT)
    return _conda_lock(text, source).platforms


def read(text: str, source: str, *, platform: str, settings: Settings, choice: Choice = WHOLE) -> Foreign:
    """Return what a lock file of another tool has for `platform` (a subdir), both halves.

    Raises UsageError for a choice that the file does not have, PlatformNotLocked, LockError for what is no lock, and
    LockTampered that names every entry that cannot be installed.
    """
    label = "stdin" if source == "-" else redact(source)
    kind = kind_of(source, text)
    if kind is not FileKind.EXPLICIT:
        _check_depth(text, label)
    if choice.environment is not None and kind is not FileKind.PIXI_LOCK:
        raise UsageError(f"{label} is {kind.value}, which has no environments", hint="leave --environment out")
    if choice.categories and kind is not FileKind.CONDA_LOCK:
        raise UsageError(f"{label} is {kind.value}, which has no categories", hint="leave --category out")
    if is_own(text):
        if choice.categories not in ((), (foreign_conda_lock.MAIN,)):
            raise UsageError(f"{label} has no category but main", hint="leave --category out")
        return _own(text, source, label, platform)
    if kind is FileKind.EXPLICIT:
        found = explicit.read(text, source=label, platform=platform, environ=settings.environ, home=str(settings.home))
    elif kind is FileKind.PIXI_LOCK:
        found = _pixi(text, label, platform, choice.environment or pixi_lock.DEFAULT)
    else:
        categories = choice.categories or (foreign_conda_lock.MAIN,)
        found = _conda_lock(text, label).lock(platform, categories)
    if not found.lock.conda and not found.lock.pip:
        found = found._replace(warnings=(*found.warnings, f"{label} locks no package for {platform}"))
    return found


def is_own(text: str) -> bool:
    """Whether a conda-lock file has the records that envmgr writes beside its entries."""
    return _OWN.search(text) is not None


def _own(text: str, place: str, source: str, platform: str) -> Foreign:
    base = _base(place)
    locks = conda_lock.loads(text.encode(), source=source, sealed=True, base=str(base) if base is not None else None)
    if platform not in locks:
        raise PlatformNotLocked(
            f"{source} locks {', '.join(locks) or 'nothing'}, not {platform}",
            hint=f"choose one of them with --platform {next(iter(locks))}" if locks else None,
        )
    lock = locks[platform]
    return Foreign(lock=lock, places=tuple(dict.fromkeys(package.channel for package in lock.conda)))


def other_categories(text: str, source: str, chosen: tuple[str, ...]) -> tuple[str, ...]:
    """Return the categories of a conda-lock file beside those that were chosen; of another file there are none."""
    if kind_of(source, text) is not FileKind.CONDA_LOCK:
        return ()
    taken = chosen or (foreign_conda_lock.MAIN,)
    return tuple(name for name in _conda_lock(text, source).categories if name not in taken)


def _conda_lock(text: str, source: str) -> foreign_conda_lock.Document:
    return foreign_conda_lock.parse(_yaml(text, source), source=source)


def _yaml(text: str, source: str) -> Any:
    try:
        return yaml.load(text, Loader=_LOADER)  # noqa: S506 # makes texts, lists and mappings alone
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        message = " ".join(str(error).split())[:300]
        raise LockError(f"{source} is not YAML: {redact(message)}") from error


def _check_depth(text: str, source: str) -> None:
    """Raise LockError for flow collections (brackets in texts count too) that no lock nests as deeply."""
    depth = 0
    for match in _BRACKET.finditer(text):
        depth = max(0, depth + (1 if match[0] in "[{" else -1))
        if depth > _DEEPEST:
            raise LockError(f"{source} is nested too deeply for a lock")


def _pixi(text: str, source: str, platform: str, name: str) -> Foreign:
    environment = pixi_lock.Document(text, source=source).environment(platform, name)
    faults = foreign.Faults(source)
    for built in environment.built:
        faults.add(f"{name}, {platform}", f"{built} is built from source by pixi, and has no artifact to install")
    places: dict[str, None] = {}
    conda, entries = [], []
    for record in environment.records:
        entry = f"conda: {redact(record.url)}"
        try:
            foreign.place(record.url)
            artifact = foreign.artifact(record.url)
            package = package_of_record(record)._replace(channel=artifact.channel, url=artifact.url)
        except (foreign.EntryFault, ChannelError) as fault:
            faults.add(entry, fault)
            continue
        places.setdefault(artifact.place)
        conda.append(package)
        entries.append(entry)
    packages = foreign.once(conda, faults, entries)
    pip = _pixi_pip(environment.pypi, _base(source), faults)
    faults.raise_if_any()
    lock = Lock(
        platform=platform,
        conda=packages,
        pip=pip,
        channels=tuple(without_credentials(channel) for channel in environment.channels),
        virtual_packages=environment.virtual_packages,
        sources=(file_name(source) if is_url(source) else re.split(r"[/\\]", source)[-1],),
    )
    return Foreign(lock=_with_requirements(lock, environment.pypi), places=tuple(places))


def _base(source: str) -> Path | None:
    """Return the directory that relative paths of a lock file are relative to, None where there is none."""
    return None if source in ("-", "stdin") or is_url(source) else Path(source).expanduser().absolute().parent


def _pixi_pip(entries: tuple[PypiEntry, ...], base: Path | None, faults: foreign.Faults) -> tuple[PipPackage, ...]:
    found: dict[str, PipPackage] = {}
    for entry in entries:
        where = f"pypi: {entry.name} {entry.version}"
        try:
            if is_url(entry.location) or entry.location.startswith(("direct+", "git+")):
                package = foreign_pip.package(entry.name, entry.version, entry.location, entry.sha256)
            elif os.path.isabs(entry.location) and entry.sha256:  # of an index that is a directory: the hash pins it
                url = file_url(Path(os.path.normpath(entry.location)))
                package = foreign_pip.package(entry.name, entry.version, url, entry.sha256)
            else:
                package = _local(entry, base)
        except foreign.EntryFault as fault:
            faults.add(where, fault)
            continue
        if found.setdefault(package.name, package).url != package.url:
            faults.add(where, f"{package.name} is in it a second time")
    return tuple(found[name] for name in sorted(found))


def _local(entry: PypiEntry, base: Path | None) -> PipPackage:
    """Return what lies beside a lock file: a wheel, or the project that the lock belongs to."""
    if base is None:
        raise foreign.EntryFault(f"comes from {foreign.shown(entry.location)}, and the lock lies nowhere")
    path = Path(os.path.normpath(base / entry.location))
    if path != base and base not in path.parents:
        raise foreign.EntryFault(f"comes from {foreign.shown(entry.location)}, which is outside of {base}")
    name = foreign_pip.normalised(entry.name)
    if path.is_file() and path.suffix == ".whl":
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        if entry.sha256 not in ("", sha256):
            raise foreign.EntryFault(f"expected sha256 {entry.sha256} of {path}, found {sha256}")
        return PipPackage(name=name, version=entry.version, url=file_url(path), filename=path.name, sha256=sha256,
                          kind="archive")  # fmt: skip
    if not directories.is_project(path):
        raise foreign.EntryFault(f"comes from {foreign.shown(entry.location)}, and {path} is no Python project")
    digest = directories.metadata_digest(path) if entry.is_editable else directories.digest(path)
    version = directories.version_of(path) or entry.version.strip("<>")
    return PipPackage(name=name, version=version, url=file_url(path), filename="", sha256=digest,
                      kind="editable" if entry.is_editable else "directory")  # fmt: skip


def _with_requirements(lock: Lock, entries: tuple[PypiEntry, ...]) -> Lock:
    """Return the lock with what each wheel requires in it: the requirements whose markers hold there."""
    if not lock.pip:
        return lock
    from packaging.requirements import InvalidRequirement, Requirement  # start-up time: only for a pip half

    from envmgr.platforms.model import VirtualPackage

    virtual = tuple(VirtualPackage(*text.split("=")) for text in lock.virtual_packages if text.count("=") in (1, 2))
    target = Target.of(lock.conda, platform=lock.platform, virtual_packages=virtual)
    requires: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        held = []
        for text in entry.requires:
            try:
                requirement = Requirement(text)
            except InvalidRequirement as error:
                raise LockTampered(f"pypi: {entry.name} requires `{text}`, which is no requirement: {error}") from error
            if target.wants(requirement):
                held.append(text.partition(";")[0].strip())
        requires[foreign_pip.normalised(entry.name)] = tuple(held)
    return lock._replace(pip=tuple(package._replace(requires=requires[package.name]) for package in lock.pip))


def resolved(names: Mapping[str, tuple[str, ...]], lock: Lock) -> Lock:
    """Return the lock with the channels that `names` maps, and those of its packages, as URLs, each once."""
    listed = [url for name in lock.channels for url in names.get(name, ())]
    return lock._replace(channels=tuple(dict.fromkeys((*listed, *(package.channel for package in lock.conda)))))

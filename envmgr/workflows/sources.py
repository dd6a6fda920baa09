"""What `-f` names, read once: paths, `-`, https URLs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from envmgr.channels import location
from envmgr.errors import SpecError, UsageError
from envmgr.settings import Settings
from envmgr.spec.files import MAXIMUM_BYTES, read_text, too_big
from envmgr.spec.kinds import FileKind, kind_of
from envmgr.spec.model import EnvironmentSpec
from envmgr.workflows.request import NOTHING_MORE, SourceText, Wanted

_LARGEST_LOCK = 64 * 1024 * 1024  # bytes; six platforms of a thousand packages have 5 MiB


def directories(sources: Sequence[SourceText]) -> tuple[Path, ...]:
    """Return the directories of the local files among `sources`: where channels.yaml is looked for first."""
    found = []
    for source in sources:
        if source.source != "-" and "://" not in source.source:
            found.append(Path(source.source).expanduser().absolute().parent)
    return tuple(dict.fromkeys(found))


def read_sources(names: Sequence[str], settings: Settings) -> tuple[SourceText, ...]:
    """Return the texts of the environment files that were named, in order.

    A lock may be larger than an environment file. Raises SpecError for one that cannot be read, is too large, or is
    not UTF-8.
    """
    if names.count("-") > 1:
        raise UsageError("-f - is there twice, and stdin can be read once", hint="leave one of them out")
    sources = tuple(SourceText(name, _text(name, settings)) for name in names)
    for source in sources:
        if len(source.text) > MAXIMUM_BYTES and not source.is_lock:
            raise too_big(source.source, MAXIMUM_BYTES)
    return sources


def _text(name: str, settings: Settings) -> str:
    if not name.isascii():
        try:
            name.encode()
        except UnicodeEncodeError:
            raise SpecError(
                f"{name!r}: the name of the file is not UTF-8, as a lock that names it has to be",
                hint="rename the file, or give it by stdin: -f -",
            ) from None
    if os.path.isfile(os.path.join(name, "pyvenv.cfg")):
        from envmgr.spec import virtual_environment  # start-up time: who takes one over does it once

        return virtual_environment.text_of(Path(name))
    return read_text(name, offline=settings.offline, limit=_LARGEST_LOCK)


def parse_sources(
    sources: Sequence[SourceText], settings: Settings, *, platform: str, wanted: Wanted = NOTHING_MORE
) -> tuple[EnvironmentSpec, ...]:
    """Return what each environment file asks for on `platform` (a subdir), with the extras and groups of `wanted`.

    Raises SpecError for the faults of all files at once.
    """
    specs: list[EnvironmentSpec] = []
    errors: list[SpecError] = []
    for source in sources:
        try:
            specs.append(_read(source, settings, platform, wanted))
        except SpecError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        faults = [fault for error in errors for fault in error.details.get("faults", ())]
        text = "\n".join(error.message if error.hint is None else f"{error.message}; {error.hint}" for error in errors)
        raise SpecError(text, details={"faults": faults})
    return tuple(specs)


def _read(source: SourceText, settings: Settings, platform: str, wanted: Wanted) -> EnvironmentSpec:
    """Return what one file asks for, by the reader of its kind; raises SpecError."""
    from envmgr.spec import environment_file  # start-up time: rattler

    def load(location: str) -> str:
        return read_text(location, offline=settings.offline)

    kind = kind_of(source.source, source.text)
    if kind is FileKind.ENVIRONMENT:
        return environment_file.read(
            source.text, source=source.source, platform=platform, load=load, environ=settings.environ
        )
    from envmgr.spec import (  # start-up time: packaging, and readers of formats that are rare
        pip_files,
        project_locks,
        pylock_file,
        pyproject,
        text_specs,
        virtual_environment,
    )

    if kind is FileKind.TEXT_SPECS:
        return text_specs.read(source.text, source=source.source)
    if kind.is_conda_lock:
        raise SpecError(
            f"{source.source} is {kind.value}, which locks already; expected {FileKind.ENVIRONMENT.value}",
            hint=f"make an environment of it: envmgr create -n NAME -f {source.source}",
        )
    if kind is FileKind.REQUIREMENTS:
        return pip_files.read(source.text, source=source.source, load=load, environ=settings.environ)
    if kind is FileKind.PYPROJECT:
        return pyproject.read(source.text, source=source.source, extras=wanted.extras, groups=wanted.groups, load=load)
    if kind is FileKind.PYLOCK:
        return pylock_file.read(
            source.text,
            source=source.source,
            platform=platform,
            extras=wanted.extras,
            groups=wanted.groups or None,
        )
    if kind is FileKind.PIXI_MANIFEST:
        raise SpecError(
            f"{source.source} is {kind.value}, and envmgr reads the lock beside it",
            hint="envmgr create -n NAME -f pixi.lock (written by `pixi lock`); "
            "or the manifest as an environment file: pixi workspace export conda-environment environment.yml",
        )
    if kind is FileKind.VIRTUAL_ENVIRONMENT:
        return virtual_environment.read(source.text, source=source.source, with_python=wanted.python is None)
    return project_locks.read(
        source.text,
        source=source.source,
        kind=kind,
        platform=platform,
        extras=wanted.extras,
        groups=wanted.groups,
        load=load,
    )


def channel_files(sources: Sequence[SourceText], settings: Settings) -> tuple[Path, ...]:
    """Return the channels.yaml files that are in force for these environment files; raises ConfigError."""
    return location.files(settings, beside=directories(sources) or (Path.cwd(),))


def has_pip_files(sources: Sequence[SourceText]) -> bool:
    """Whether a file asks for packages of pip's world alone, so that they need a python that it does not name."""
    kinds = (kind_of(source.source, source.text) for source in sources)
    return any(kind.is_of_pip for kind in kinds)


def check_wanted(sources: Sequence[SourceText], wanted: Wanted) -> None:
    """Raise UsageError for extras and groups where no file can have any."""
    kinds = (kind_of(source.source, source.text) for source in sources)
    if (wanted.extras or wanted.groups) and not any(kind.has_groups for kind in kinds):
        option = f"--extra {wanted.extras[0]}" if wanted.extras else f"--group {wanted.groups[0]}"
        raise UsageError(
            f"{option} is of a pyproject.toml or a lock of pip's tools, and none is named",
            hint="add -f pyproject.toml; in an environment file write `- NAME[EXTRA]` below `pip:`",
        )

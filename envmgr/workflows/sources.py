"""What `-f` names, read once: paths, `-`, https URLs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from envmgr.channels import location
from envmgr.errors import SpecError
from envmgr.settings import Settings
from envmgr.spec.files import MAXIMUM_BYTES, read_text, too_big
from envmgr.spec.kinds import FileKind, kind_of
from envmgr.spec.model import EnvironmentSpec
from envmgr.workflows.request import SourceText

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
    sources = tuple(SourceText(name, read_text(name, offline=settings.offline, limit=_LARGEST_LOCK)) for name in names)
    for source in sources:
        if len(source.text) > MAXIMUM_BYTES and not source.is_lock:
            raise too_big(source.source, MAXIMUM_BYTES)
    return sources


def parse_sources(sources: Sequence[SourceText], settings: Settings, *, platform: str) -> tuple[EnvironmentSpec, ...]:
    """Return what each environment file asks for on `platform` (a subdir).

    Raises SpecError for the faults of all files at once.
    """
    specs: list[EnvironmentSpec] = []
    errors: list[SpecError] = []
    for source in sources:
        try:
            specs.append(_read(source, settings, platform))
        except SpecError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        faults = [fault for error in errors for fault in error.details.get("faults", ())]
        text = "\n".join(error.message if error.hint is None else f"{error.message}; {error.hint}" for error in errors)
        raise SpecError(text, details={"faults": faults})
    return tuple(specs)


def _read(source: SourceText, settings: Settings, platform: str) -> EnvironmentSpec:
    """Return what one file asks for, by the reader of its kind; raises SpecError."""
    from envmgr.spec import environment_file, text_specs  # start-up time: rattler parses the match specs

    def load(location: str) -> str:
        return read_text(location, offline=settings.offline)

    kind = kind_of(source.source, source.text)
    if kind is FileKind.TEXT_SPECS:
        return text_specs.read(source.text, source=source.source)
    if kind.is_conda_lock:
        raise SpecError(
            f"{source.source} is {kind.value}, which locks already; expected {FileKind.ENVIRONMENT.value}",
            hint=f"make an environment of it: envmgr create -n NAME -f {source.source}",
        )
    if kind in (FileKind.REQUIREMENTS, FileKind.PYPROJECT, FileKind.PYLOCK):
        raise SpecError(f"{source.source} is {kind.value}; expected {FileKind.ENVIRONMENT.value}")
    return environment_file.read(source.text, source=source.source, platform=platform, load=load)


def channel_files(sources: Sequence[SourceText], settings: Settings) -> tuple[Path, ...]:
    """Return the channels.yaml files that are in force for these environment files; raises ConfigError."""
    return location.files(settings, beside=directories(sources) or (Path.cwd(),))

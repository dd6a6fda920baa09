"""What `-f` names, read once: paths, `-`, https URLs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from envmgr.errors import SpecError
from envmgr.settings import Settings
from envmgr.workflows.request import SourceText


def directories(sources: Sequence[SourceText]) -> tuple[Path, ...]:
    """Return the directories of the local files among `sources`: where channels.yaml is looked for first."""
    found = []
    for source in sources:
        if source.source != "-" and "://" not in source.source:
            found.append(Path(source.source).expanduser().absolute().parent)
    return tuple(dict.fromkeys(found))


def read_sources(names: Sequence[str], settings: Settings) -> tuple[SourceText, ...]:
    """Return the texts of the environment files that were named, in order.

    Raises SpecError for one that cannot be read, is too large, or is not UTF-8.
    """
    return tuple(SourceText(name, _read(name, settings)) for name in names)


def _read(name: str, settings: Settings) -> str:
    from envmgr.spec import files  # start-up time: a `create` with nothing to do reads local files only

    if settings.offline and "://" in name:
        raise SpecError(f"{name} cannot be read: --offline is set", hint="download it first, and give its path")
    return files.read_text(name)

"""`exec`: a command from an environment that is kept for the next time, until `clean`.

The rooms that solve and realise are imported where it is not there yet.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from envmgr.errors import StoreError, UsageError
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store import generations, layout, toolbox
from envmgr.store.layout import Location
from envmgr.workflows.request import CreateRequest, SourceText

if TYPE_CHECKING:  # start-up time
    from envmgr.workflows.create import Plan

_CONDA = re.compile(r"\s*(?:[^\s]*::)?([A-Za-z0-9_][A-Za-z0-9._-]*)")
_PIP = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?=[\[<>=!~;@(]|$)")


class Wanted(NamedTuple):
    """What is to be in the environment: conda specs and pip requirements, of which the first names the tool."""

    specs: tuple[str, ...]
    pip: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    override_channels: bool = False

    @property
    def package(self) -> tuple[str, bool]:
        """The name of the package that is meant, and whether it is in the pip half; raises UsageError."""
        text, is_pip = (self.specs[0], False) if self.specs else (self.pip[0], True)
        found = (_PIP if is_pip else _CONDA).match(text)
        if found is None:
            option = "--pip " if is_pip else ""
            raise UsageError(f"`{option}{text}` does not name a package", hint=f"{option}NAME, as {option}ruff")
        return (re.sub(r"[-_.]+", "-", found[1]).lower() if is_pip else found[1].lower()), is_pip

    def request(self, prefix: Path, command: Sequence[str]) -> CreateRequest:
        """Return the request that realises it at `prefix`; a pip half brings a python."""
        specs, files = self.specs, tuple[SourceText, ...]()
        if self.pip:
            names = {found[1] for found in map(_CONDA.match, specs) if found is not None}
            specs = specs if "python" in names else (*specs, "python")
            text = json.dumps({"dependencies": [{"pip": list(self.pip)}]})
            files = (SourceText("command-line.yml", text),)
        return CreateRequest(
            command=tuple(command),
            prefix=prefix,
            files=files,
            specs=specs,
            channels=self.channels,
            override_channels=self.override_channels,
            no_lock=True,
        )


def throwaway(
    wanted: Wanted,
    settings: Settings,
    reporter: Reporter,
    *,
    command: Sequence[str],
    refresh: bool,
    confirm: Callable[[Plan], bool],
) -> Location:
    """Return the environment of an `exec`: the one of before where the same was asked for, unless `refresh`.

    Raises what `create` raises.
    """
    if not wanted.specs and not wanted.pip:
        raise UsageError("`exec` expects a package", hint="envmgr exec ruff check .")
    choices = [wanted, settings.channels, settings.channel_priority, str(settings.channels_file)]
    digest = hashlib.sha256(json.dumps(choices).encode()).hexdigest()[:16]
    prefix = toolbox.exec_prefix(settings, digest)
    location = layout.at_path(settings, prefix)
    present = _whole(location)
    if present and refresh:
        from envmgr.store import removal  # start-up time: only where it is asked for

        removal.remove(location, settings=settings, reporter=reporter)
    if not present or refresh:
        from envmgr.workflows.create import create  # start-up time: only where it is not there yet

        create(wanted.request(prefix, command), settings, reporter, confirm=confirm)
    return location


def _whole(location: Location) -> bool:
    try:
        generation = generations.current(location.prefix)
    except StoreError:
        return False
    return generation is not None and not generations.is_suspect(location.prefix, generation)

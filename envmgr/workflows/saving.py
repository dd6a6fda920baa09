"""`--save`: the edits of a change in the environment file too, written when the environment is changed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from envmgr.channels.credentials import as_written
from envmgr.channels.table import ChannelTable
from envmgr.errors import SpecError, UsageError
from envmgr.lock.model import Lock
from envmgr.replacing import replace_file
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.spec import text_edits
from envmgr.spec.digest import canonical_dependency, canonical_requirement
from envmgr.spec.edits import Edits
from envmgr.spec.files import read_text
from envmgr.spec.model import EnvironmentSpec
from envmgr.spec.peek import name_and_prefix
from envmgr.store.layout import Location
from envmgr.urls import is_url
from envmgr.workflows.asked_channels import plain
from envmgr.workflows.create import locate
from envmgr.workflows.request import CreateRequest
from envmgr.workflows.sources import read_sources


class EditedFile(NamedTuple):
    """An environment file as it was read and as it is to be, with what it asks for then.

    `source` is the file as named, `path` what it is without symlinks; `text` is `after` without a byte order mark.
    """

    source: str
    path: Path
    before: bytes
    after: bytes
    text: str
    spec: EnvironmentSpec

    @property
    def is_changed(self) -> bool:
        """Whether there is anything to write."""
        return self.before != self.after

    def agrees(self, spec: EnvironmentSpec, settings: Settings, reporter: Reporter, location: Location) -> bool:
        """Whether it asks for what the environment is to have; a notice says what differs."""
        differing = sorted(_meaning(self.spec) ^ _meaning(spec))
        table = ChannelTable.read(settings, beside=(self.path.parent,))
        file_channels = self.spec.channels or table.defaults or settings.channels
        if not differing:
            same = [each.url for each in table.resolve(file_channels)] == [
                each.url for each in table.resolve(spec.channels)
            ]
            if same:
                return True
            differing = ["channels"]
        reporter.notice(
            f"{self.source} and {location.label} differ in {', '.join(differing)}; "
            f"`envmgr create -f {self.source}` moves to the file"
        )
        return False

    def write(self) -> None:
        """Put the edited file in the place of the old one, whole, with the same permissions.

        Raises SpecError where somebody else has changed it since it was read, or it cannot be written.
        """
        try:
            if self.path.read_bytes() != self.before:
                raise SpecError(
                    f"{self.source} was changed by another program while this one ran; it was not written, "
                    "but the environment was changed",
                    hint="run the command again",
                )
            replace_file(self.path, self.after)
        except OSError as error:
            raise SpecError(
                f"{self.source} cannot be written: {error.strerror}; the environment was changed",
                hint="make room or give permission, and run the command again",
            ) from error


def edit(source: str, edits: Edits, settings: Settings, *, platform: str) -> EditedFile:
    """Return the environment file `source` with the edits made; nothing is written yet.

    Raises UsageError for what is no file of this machine, SpecError for one that is wrong, cannot be written, or
    cannot be edited by line.
    """
    if source == "-" or is_url(source):
        raise UsageError(f"--save cannot write {'stdin' if source == '-' else source}", hint="name a file with -f FILE")
    text = read_text(source)
    path = Path(os.path.realpath(source))
    if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        raise SpecError(f"{source} cannot be written", hint="leave --save out, or make it and its directory writable")

    def load(location: str) -> str:
        return read_text(location, offline=settings.offline)

    edited = text_edits.edited(text, edits, source=source, platform=platform, load=load)
    before = path.read_bytes()
    mark = b"\xef\xbb\xbf" if before.startswith(b"\xef\xbb\xbf") else b""
    return EditedFile(source, path, before, mark + edited.text.encode(), edited.text, edited.spec)


def with_added_channels(source: str, edits: Edits, added: Sequence[str], settings: Settings, *, platform: str) -> Edits:
    """Return the edits for a file: of the channels that the environment is to have, those that it has to name.

    A file without channels stands for the default ones: with one more, they have to be named too.
    """
    if not added:
        return replace(edits, channels=())
    file = edit(source, Edits(), settings, platform=platform)
    known = {plain(name) for name in file.spec.channels}
    named = [as_written(name) for name in (added if known else edits.channels)]
    return replace(edits, channels=tuple(name for name in named if plain(name) not in known))


def own_file(location: Location, lock: Lock, settings: Settings) -> str:
    """Return the file that the environment was made from, where it is in this directory and says so itself.

    Raises UsageError where it is not there, or there are several.
    """
    hint = "name it with -f FILE"
    if len(lock.sources) != 1:
        made = f"from {len(lock.sources)} files" if lock.sources else "without a file"
        raise UsageError(f"--save: {location.label} was made {made}; which one is to be edited?", hint=hint)
    (source,) = lock.sources
    if not Path(source).is_file():
        raise UsageError(f"--save: the file of {location.label}, {source}, is not in this directory", hint=hint)
    files = read_sources([source], settings)
    if any(name_and_prefix(files[0].text)) and locate(CreateRequest(command=(), files=files), settings) == location:
        return source
    raise UsageError(
        f"--save: the {source} of this directory does not name the environment {location.label}",
        hint=f"if it is meant: -f {source}",
    )


def _meaning(spec: EnvironmentSpec) -> set[str]:
    return {
        *(f"`{canonical_dependency(each)}`" for each in spec.dependencies),
        *(f"pip `{canonical_requirement(each)}`" for each in spec.pip),
        *(f"the variable {name}={value}" for name, value in spec.variables),
    }

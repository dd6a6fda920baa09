"""Publishing a channel of recipes: the next generation of its directory, switched in by one rename.

A channel's directory is a symlink to a generation beside it. The next one is made of hard links to what is kept and
of new artifacts, is indexed, and then a new symlink is renamed over the old one: whoever reads the channel finds the
old one or the new one, and so does whoever comes after a kill. Artifacts that the recipes no longer yield leave the
index; the last few of them stay as files, for the locks that name them.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rattler.index import index_fs

from envmgr.channels.built import home, read_state, write_state
from envmgr.errors import ChannelError

_SUPERSEDED = 3  # builds of a recipe that stay as files after a newer one took their place


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One recipe as built: `digest` is that of its inputs, `artifacts` are paths below the channel's directory."""

    recipe: str
    digest: str
    artifacts: tuple[str, ...]
    is_current: bool

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the state file."""
        return {
            "recipe": self.recipe,
            "digest": self.digest,
            "artifacts": list(self.artifacts),
            "current": self.is_current,
        }


def published(directory: Path) -> tuple[Build, ...]:
    """Return the builds in a channel's directory whose artifacts are all there, superseded ones included."""
    found = []
    for entry in read_state(directory).get("builds", ()):
        build = Build(
            recipe=str(entry["recipe"]),
            digest=str(entry["digest"]),
            artifacts=tuple(str(path) for path in entry["artifacts"]),
            is_current=bool(entry["current"]),
        )
        if all((directory / path).is_file() for path in build.artifacts):
            found.append(build)
    return tuple(found)


def sweep(directory: Path) -> None:
    """Remove what killed builds left of the channel in `directory`; for whoever holds its lease."""
    generations = home(directory)
    generations.mkdir(parents=True, exist_ok=True)
    current = os.path.basename(os.readlink(directory)) if directory.is_symlink() else None
    for entry in os.scandir(generations):
        if entry.name != current:
            shutil.rmtree(entry.path, ignore_errors=True)


class Generation:
    """The next generation of the channel in `directory`; nothing is seen of it before `publish`."""

    def __init__(self, directory: Path, subdirs: Sequence[str]) -> None:
        if directory.exists() and not directory.is_symlink():
            raise ChannelError(
                f"{directory} is in the way of a channel of recipes: it is no link of ours", hint=f"rm -r {directory}"
            )
        self.directory = directory
        self.subdirs = subdirs
        sweep(directory)
        self.path = home(directory) / os.urandom(6).hex()
        for subdir in subdirs:
            (self.path / subdir).mkdir(parents=True)

    def publish(self, new: Sequence[Build], kept: Sequence[Build], superseded: Sequence[Build], *, stamp: str) -> None:
        """Index what is new and kept, and switch the channel to it; `new` artifacts are in place already.

        Raises ChannelError when the index cannot be made.
        """
        self._discard_strays({path for build in new for path in build.artifacts})
        for build in kept:
            self._link(build)
        old = {path for build in kept for path in build.artifacts}
        for subdir in self.subdirs:
            _carry_index(self.directory / subdir, self.path / subdir, old)
        _index(self.path)
        write_state(self.path, stamp=stamp, builds=[b.to_json() for b in [*new, *kept, *self._keep(superseded)]])
        previous = os.path.realpath(self.directory) if self.directory.is_symlink() else None
        link = self.directory.with_name(f".{self.directory.name}.{os.getpid()}")
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.join(self.path.parent.name, self.path.name))
        os.replace(link, self.directory)
        if previous is not None:
            shutil.rmtree(previous, ignore_errors=True)

    def _keep(self, superseded: Sequence[Build]) -> list[Build]:
        chosen: list[Build] = []
        for build in superseded:
            of_recipe = [other for other in chosen if other.recipe == build.recipe]
            if len(of_recipe) < _SUPERSEDED and not any((self.path / path).exists() for path in build.artifacts):
                self._link(build)
                chosen.append(replace(build, is_current=False))
        return chosen

    def _link(self, build: Build) -> None:
        for path in build.artifacts:
            target = self.path / path
            target.parent.mkdir(exist_ok=True)
            try:
                os.link(self.directory / path, target)
            except OSError:  # a file system without hard links
                shutil.copy2(self.directory / path, target)

    def _discard_strays(self, wanted: set[str]) -> None:
        """Remove artifacts of recipes that failed halfway, so that the index does not name half a recipe."""
        for path in self.path.glob("*/*.conda"):
            if path.relative_to(self.path).as_posix() not in wanted:
                path.unlink()


def _carry_index(old: Path, new: Path, kept: set[str]) -> None:
    """Give the new index the old records of what is kept, so that only new artifacts are read and hashed."""
    try:
        document = json.loads((old / "repodata.json").read_bytes())
        records = document["packages.conda"]
        document["packages.conda"] = {n: records[n] for n in sorted(records) if f"{new.name}/{n}" in kept}
    except (OSError, ValueError, KeyError, TypeError):
        return  # everything is read again
    (new / "repodata.json").write_text(json.dumps(document), encoding="utf-8")


def _index(channel: Path) -> None:
    try:
        asyncio.run(index_fs(channel, write_zst=True, write_shards=True))
    except Exception as error:  # py-rattler raises whatever its indexer met, without a common base
        raise ChannelError(f"the channel cannot be indexed: {error}") from error
    shutil.rmtree(channel / ".tmp", ignore_errors=True)

"""Names of channels → URLs, mirrors and recipes: channels.yaml (see `table_file`), known names, URLs and paths.

A name is looked up in ENVMGR_CHANNELS if that is set, else in the nearest channels.yaml beside or above the
environment file, then the user's (beside config.yaml), then the system's (/etc/envmgr/channels.yaml), then among
the names known out of the box; any other name is conda's: https://conda.anaconda.org/NAME, or below `channel_alias`
where that is set, as are the known ones. `NAME/label/X` is
below what NAME means. `defaults` is Anaconda's pkgs/main and pkgs/r, used only when named; `nodefaults` is
nothing. A name one slip away from a known one is refused: somebody else may own it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from envmgr.channels import location, pypi_section, table_file
from envmgr.channels.credentials import access_of, as_written, expand
from envmgr.channels.model import Channel, Dated
from envmgr.channels.pypi_section import PypiSection
from envmgr.channels.table_file import CHANNEL_SCHEMES, NAME, Entry, TableFile
from envmgr.errors import ChannelError
from envmgr.settings import Settings
from envmgr.spec.cutoff import cutoff, is_duration
from envmgr.spec.faults import shown
from envmgr.spec.model import Origin
from envmgr.spec.selectors import known_platforms
from envmgr.urls import file_url, is_url, path_of_file_url, redact, without_credentials

ALIAS = "https://conda.anaconda.org"
ANACONDA = "https://repo.anaconda.com/pkgs"
KNOWN = ("conda-forge", "bioconda", "nvidia", "pytorch")
_SUBDIRS = frozenset({*known_platforms(), "noarch"})
_SLIP_FROM_LETTERS = 5  # shorter names are one slip away from too many others


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelTable:
    """The channels that have a name here, and where the pip half comes from (`pypi`). `files` are the channels.yaml
    in use, first one first; durations before a cutoff count from `now`."""

    entries: Mapping[str, Entry]
    defaults: tuple[str, ...]
    files: tuple[Path, ...]
    beside: tuple[Path, ...]
    environ: Mapping[str, str]
    home: Path
    cache: Path
    pypi: PypiSection
    alias: str
    now: datetime = field(default_factory=lambda: datetime.now(timezone.utc))

    @classmethod
    def read(cls, settings: Settings, *, beside: Sequence[Path], system: Path = location.SYSTEM_FILE) -> ChannelTable:
        """Return the table for environment files in the directories `beside`.

        Raises ConfigError that names every fault of a channels.yaml, or that ENVMGR_CHANNELS names none.
        """
        directories = tuple(Path(directory).absolute() for directory in beside)
        files = location.files(settings, beside=directories, system=system)
        tables = [table_file.read(path, home=settings.home) for path in files]
        alias = settings.channel_alias or ALIAS
        entries = {entry.name: entry for entry in _built_in(alias)}
        for table in reversed(tables):
            entries |= {entry.name: entry for entry in table.entries}
        order = [entry.name for table in tables for entry in table.entries]
        names = dict.fromkeys([*order, *entries])
        return cls(
            entries={name: entries[name] for name in names},
            defaults=_defaults(tables),
            files=tuple(table.path for table in tables),
            beside=directories,
            environ=settings.environ,
            home=settings.home,
            cache=settings.cache,
            pypi=pypi_section.merge(table.pypi for table in tables),
            alias=alias,
        )

    def names(self) -> tuple[str, ...]:
        """Return every name: those of channels.yaml first, then those known out of the box."""
        return tuple(self.entries)

    def with_recipes(self) -> tuple[Channel, ...]:
        """Return the channels that are built here; raises ChannelError where their recipes are missing."""
        return self.resolve([name for name, entry in self.entries.items() if entry.recipes is not None])

    def resolve(self, names: Sequence[str]) -> tuple[Channel, ...]:
        """Return the channels that `names` mean, in order, each once.

        Raises ChannelError for what is no channel, a directory that does not exist, a name that looks mistyped,
        and a variable that is not set.
        """
        found: dict[str, Channel] = {}
        for name in names:
            for channel in self._channels(name.strip()):
                found.setdefault(channel.url, channel)
        return tuple(found.values())

    def _channels(self, written: str) -> Iterator[Channel]:
        if written == "nodefaults":
            return
        if not written or not written.isprintable():
            raise ChannelError(f"{shown(written)} is no name of a channel", hint="write a name, a URL or a directory")
        if is_url(written):
            yield self._at_url(written)
        elif written.startswith((".", "/", "~", "\\")) or written[1:3] in (":\\", ":/"):
            yield self._at_path(written)
        else:
            yield from self._named(_without_subdir(written.rstrip("/")))

    def _at_url(self, written: str) -> Channel:
        if not written.startswith(tuple(f"{scheme}://" for scheme in CHANNEL_SCHEMES)):
            hint = f"use one of {', '.join(CHANNEL_SCHEMES)}"
            raise ChannelError(f"the channel {shown(written)} has a scheme that channels cannot have", hint=hint)
        full = _without_subdir(expand(written, self.environ).rstrip("/"))
        url = without_credentials(full)
        path = path_of_file_url(url)
        if path is not None:
            _check_directory(path, written)
        for entry in self.entries.values():
            if entry.mirrors and full == url and url == without_credentials(entry.urls[0]):
                return self._channel(as_written(written), entry.urls[0], entry.mirrors, entry.exclude_newer)
        dated = [
            entry.exclude_newer
            for entry in self.entries.values()
            if entry.exclude_newer and any(url == without_credentials(each) for each in entry.urls)
        ]
        return self._channel(as_written(written), full, (), dated[0] if dated else None)

    def _at_path(self, written: str) -> Channel:
        if written == "~" or written.startswith("~/"):
            path = self.home / written[2:]
        else:
            candidates = [directory / written for directory in (*self.beside, Path.cwd())]
            path = next((candidate for candidate in candidates if candidate.is_dir()), candidates[0])
        path = Path(os.path.abspath(path))
        if path.name in _SUBDIRS:
            path = path.parent
        _check_directory(path, written)
        return Channel(name=written, url=file_url(path))

    def _named(self, name: str) -> Iterator[Channel]:
        if not NAME.fullmatch(name):
            raise ChannelError(f"{shown(name)} is no name of a channel", hint="write a name, a URL or a directory")
        base, below = next(
            ((known, name[len(known) :]) for known in _prefixes(name) if known in self.entries), (name, None)
        )
        if below is None:
            self._check_slip(name)
            url = f"{ANACONDA}/{name[5:]}" if name.startswith("pkgs/") else f"{self.alias}/{name}"
            yield self._channel(name, url, ())
            return
        entry = self.entries[base]
        if entry.recipes is not None:
            yield self._with_recipes(entry, name, below)
        elif len(entry.urls) > 1:
            for url in entry.urls:
                yield self._channel(_shown_name(url + below), url + below, ())
        else:
            for url in entry.urls:
                yield self._channel(name, url + below, tuple(mirror + below for mirror in entry.mirrors),
                                    entry.exclude_newer)  # fmt: skip

    def _channel(self, name: str, url: str, mirrors: tuple[str, ...], dated: Dated | None = None) -> Channel:
        full = expand(url, self.environ)
        targets = tuple(expand(mirror, self.environ) for mirror in mirrors)
        path = path_of_file_url(full)
        if path is not None:
            _check_directory(path, name)
        return Channel(
            name=name,
            url=without_credentials(full).rstrip("/"),
            mirrors=tuple(without_credentials(target) for target in targets),
            exclude_newer=cutoff(dated.text, now=self.now) if dated is not None else None,
            is_moving=dated is not None and is_duration(dated.text),
            dated=dated,
            access=access_of(targets or (full,)),
        )

    def _with_recipes(self, entry: Entry, name: str, below: str) -> Channel:
        recipes = entry.recipes
        if recipes is None or below:
            raise ChannelError(f"the channel `{name}`: `{entry.name}` is built here and has no labels")
        if not recipes.is_dir():
            raise ChannelError(
                f"{entry.origin}: the channel `{name}` is built from recipes in {recipes}, which is no directory",
                hint=f"create it, or correct `recipes:` in {entry.origin}",
            )
        digest = hashlib.sha256(os.fsencode(recipes)).hexdigest()[:12]
        directory = self.cache / "channels" / digest / name.replace("/", "-")
        return Channel(name=name, url=file_url(directory.absolute()), recipes=recipes)

    def _check_slip(self, name: str) -> None:
        base = name.split("/", 1)[0]
        near = next((known for known in self.entries if _is_one_slip_away(base, known)), None)
        if near is not None:
            raise ChannelError(
                f"the channel `{name}` is unknown; `{near}` is known",
                hint=f"write `{near}`, or {redact(self.alias)}/{name} if that is meant",
            )


def _defaults(tables: Sequence[TableFile]) -> tuple[str, ...]:
    return next((table.default for table in tables if table.default is not None), ())


def _built_in(alias: str) -> Iterator[Entry]:
    origin = Origin(source="envmgr")
    for name in KNOWN:
        yield Entry(name=name, origin=origin, urls=(f"{alias}/{name}",))
    yield Entry(name="defaults", origin=origin, urls=(f"{ANACONDA}/main", f"{ANACONDA}/r"))


def _check_directory(path: Path, written: str) -> None:
    if not path.is_dir():
        raise ChannelError(
            f"the channel `{redact(written)}` is {path}, which is no directory",
            hint="a channel holds `noarch/repodata.json`; check the path",
        )


def _shown_name(url: str) -> str:
    return f"pkgs/{url.rpartition('/')[2]}" if url.startswith(f"{ANACONDA}/") else as_written(url)


def _without_subdir(text: str) -> str:
    base, _, last = text.rpartition("/")
    return base if base and last in _SUBDIRS else text


def _prefixes(name: str) -> Iterator[str]:
    """Yield `a/b/c`, `a/b`, `a`: the longest known name counts."""
    while name:
        yield name
        name = name.rpartition("/")[0]


def _is_one_slip_away(name: str, known: str) -> bool:
    """Whether one letter added, left out, changed or swapped with its neighbour makes `known` of `name`."""
    if len(known) < _SLIP_FROM_LETTERS or name == known or abs(len(name) - len(known)) > 1:
        return False
    start = _common(name, known)
    end = _common(name[start:][::-1], known[start:][::-1])
    left, right = name[start : len(name) - end], known[start : len(known) - end]
    return max(len(left), len(right)) <= 1 or (len(left) == 2 and left == right[::-1])


def _common(left: str, right: str) -> int:
    """Return how many letters both begin with."""
    return next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))

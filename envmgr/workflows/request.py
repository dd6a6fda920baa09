"""What `create` was asked for, and the digest that tells whether it was asked for before."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from envmgr.errors import ConfigError, UsageError
from envmgr.settings import Settings
from envmgr.spec.cutoff import cutoff
from envmgr.spec.kinds import kind_of
from envmgr.urls import path_of_file_url, without_literal_credentials

if TYPE_CHECKING:  # start-up time: YAML
    from envmgr.channels.pypi_section import NamedIndex, PypiSection
    from envmgr.platforms.host_profile import HostProfile
    from envmgr.spec.model import EnvironmentSpec

_NESTED = re.compile(r"(^|[\s'\"\[,-])(-r|--requirement)\b", re.MULTILINE)
_DEPENDENCIES = re.compile(r"^[\"']?dependencies[\"']?\s*:", re.MULTILINE)
_PIP_SECTION = re.compile(r"\bpip[\"']?\s*:")
_HOST_PROFILE = re.compile(r"^[\"']?host_profile\b", re.MULTILINE)
# A path, or what only a name in it tells from one: directories are looked at, constraints are read
_READS_MORE = re.compile(
    r"(^|[\s'\"\[,-])(-c|-e|--constraints?|--editable|-f|--find-links)\b|file:|\bdirectory *="
    r"|\.whl\b|\.tar\.gz\b|\.zip\b"
    r"|^\s*-?\s*['\"]?[\w.\[\]-]*\s*@?\s*(?:\.{0,2}/|\.{1,2}(?:\[|['\"]?\s*$))",
    re.MULTILINE,
)
_DIGEST_SCHEMA = 1
UV_CUTOFF = "UV_EXCLUDE_NEWER"


class SourceText(NamedTuple):
    """One environment file: its name as given (path, `-` or URL) and its text."""

    source: str
    text: str

    @property
    def is_lock(self) -> bool:
        """Whether it is a lock of conda artifacts, so that nothing is left to solve."""
        return kind_of(self.source, self.text).is_conda_lock


class Choice(NamedTuple):
    """Which part of a lock of several: the environment of a pixi.lock, the categories of a conda-lock file."""

    environment: str | None = None
    categories: tuple[str, ...] = ()


WHOLE = Choice()


class Manner(NamedTuple):
    """How a command is done other than usual, in conda's words.

    `reinstall` makes a generation of the same packages too; `download_only` stops once the cache has the conda half;
    `only_dependencies` asks for what the named packages need in place of themselves; `freezes` changes nothing but
    the named ones; `updates_dependencies` moves what they need to the newest too, `updates_all` everything.
    """

    reinstall: bool = False
    download_only: bool = False
    only_dependencies: bool = False
    freezes: bool = False
    updates_dependencies: bool = False
    updates_all: bool = False


USUAL = Manner()


class Wanted(NamedTuple):
    """What is asked for beside the files: the `python` (a version or specifier), `extras` and dependency `groups` of a
    pyproject.toml or pylock.toml."""

    python: str | None = None
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


NOTHING_MORE = Wanted()


class CreateRequest(NamedTuple):
    """The arguments of `create`, as given.

    `files` are read already; `channels`, `virtual_packages` and `specs` are as written; `exclude_newer` is a date,
    a time or a duration; `command` is the argv, for the history. `host_profile` is a name or a path as written;
    `machine`, where it is known already, is solved for in its place. `locked` follows the lock beside the file or
    fails; `no_lock` neither reads nor writes one. `part` is what is taken of a lock that another tool wrote.
    With `pristine`, what people put into the environment stays behind.
    """

    command: tuple[str, ...]
    name: str | None = None
    prefix: Path | None = None
    files: tuple[SourceText, ...] = ()
    specs: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    override_channels: bool = False
    platform: str | None = None
    virtual_packages: tuple[str, ...] = ()
    host_profile: str | None = None
    machine: HostProfile | None = None
    exclude_newer: str | None = None
    override_frozen: bool = False
    locked: bool = False
    no_lock: bool = False
    part: Choice = WHOLE
    wanted: Wanted = NOTHING_MORE
    pristine: bool = False
    manner: Manner = USUAL


class ChangeRequest(NamedTuple):
    """The arguments of `install` and `remove PKG`, as given.

    `specs`, `pip` and what `files` ask for (`of_files`, once they are read) come (or replace), `removed` are names that
    go, `adopted` are distributions that were installed with pip past the lock (None: none of them; empty: all there
    are); those of `removed` that are in `pip` as well are meant only in the pip half. `channels` are added behind those
    there are. With `save`, `file` is the environment file that is edited too (None: the one that the environment was
    made from). With `empties` all that was asked for goes. The rest is as in CreateRequest.
    """

    command: tuple[str, ...]
    name: str | None = None
    prefix: Path | None = None
    specs: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    adopted: tuple[str, ...] | None = None
    files: tuple[SourceText, ...] = ()
    of_files: tuple[EnvironmentSpec, ...] = ()
    save: bool = False
    file: str | None = None
    channels: tuple[str, ...] = ()
    override_channels: bool = False
    virtual_packages: tuple[str, ...] = ()
    exclude_newer: str | None = None
    override_frozen: bool = False
    pristine: bool = False
    manner: Manner = USUAL
    empties: bool = False


class Inputs(NamedTuple):
    """Everything that decides what is made, beside the request: the lock beside the file is at `path` with `data`."""

    platform: str
    files: Sequence[Path]
    path: Path | None
    data: bytes | None
    digest: str | None


def reads_other_files(request: CreateRequest) -> bool:
    """Whether what is not read yet takes part, as `-r requirements.txt`, a variable, or a host profile."""
    return request.host_profile is not None or any(_reads_other_files(file) for file in request.files)


def inputs_digest(
    request: CreateRequest,
    settings: Settings,
    channel_files: Sequence[Path],
    platform: str,
    lock_bytes: bytes | None = None,
) -> str | None:
    """Return the sha256 (hexadecimal) of every byte that decides what `create` would make.

    `lock_bytes` are those of the lock beside the file. None where files that are not read yet take part
    (`-r requirements.txt`, a host profile): only the parsed spec tells then.
    """
    if reads_other_files(request):
        return None
    return _digest(
        [
            [[file.source, file.text] for file in request.files],
            request.specs,
            _choices(request, settings, channel_files, platform),
            None if lock_bytes is None else hashlib.sha256(lock_bytes).hexdigest(),
        ]
    )


def spec_digest(
    semantic_digest: str,
    settings: Settings,
    channels: Sequence[Sequence[str]],
    platform: str,
    *,
    pypi: PypiSection | None = None,
) -> str:
    """Return the sha256 (hexadecimal) of the parsed spec and the choices beside it, the same on every machine.

    `channels` are what the channels in use are called or where they are, in order; `pypi` says where the pip half
    comes from (None: there is none), of which pins and what is forbidden count, and not where else to look.
    What a lock says of itself (virtual packages, the cutoff) and what makes no other lock valid (the engine) does not
    take part.
    """
    choices = [channels, platform, settings.channel_priority, settings.add_pip_as_python_dependency]
    pins = [[pin.package, _place(pypi.index(pin.index))] for pin in pypi.pins] if pypi is not None else []
    forbidden = pypi is not None and pypi.sdists_forbidden is not None
    if pins or forbidden:
        choices.append([pins, forbidden])
    if pypi is not None and settings.pip_prefer_conda:
        choices.append("pip prefers conda")
    return _digest([semantic_digest, choices])


def _place(index: NamedIndex) -> str:
    return index.name if path_of_file_url(index.url) is not None else without_literal_credentials(index.url)


def cutoff_of(text: str | None, pypi: PypiSection, environ: Mapping[str, str]) -> tuple[str | None, datetime | None]:
    """Return the cutoff that is in force for both halves, as written and as a moment: that of `--exclude-newer`, else
    uv's variable, else that of `pypi:` in channels.yaml.

    Raises UsageError and ConfigError for one that is none.
    """
    of_uv = environ.get(UV_CUTOFF) or None
    chosen = text if text is not None else of_uv if of_uv is not None else pypi.exclude_newer
    try:
        return chosen, cutoff(chosen)
    except UsageError as error:
        if text is not None:
            raise
        if of_uv is not None:
            raise ConfigError(
                error.message.replace("--exclude-newer", UV_CUTOFF), hint=f"write for example {UV_CUTOFF}=2026-01-31"
            ) from error
        message = f"{pypi.exclude_newer_origin}: {error.message.replace('--exclude-newer', 'pypi.exclude-newer')}"
        raise ConfigError(message, hint="write for example `exclude-newer: 14d`") from error


def _reads_other_files(file: SourceText) -> bool:
    text = file.text
    if _HOST_PROFILE.search(text):
        return True
    if file.source.endswith((".yml", ".yaml")) or _DEPENDENCIES.search(text):
        # Outside of a pip section, what looks like a path is a channel.
        pip = _PIP_SECTION.search(text)
        text = text[pip.end() :] if pip is not None else ""
    return "${" in text or bool(_NESTED.search(text) or _READS_MORE.search(text))


def _choices(request: CreateRequest, settings: Settings, channel_files: Sequence[Path], platform: str) -> object:
    return [
        request.channels,
        request.override_channels,
        platform,
        request.virtual_packages,
        request.exclude_newer or settings.environ.get(UV_CUTOFF),
        request.wanted,
        request.part,
        *(["only dependencies"] if request.manner.only_dependencies else []),
        settings.channels,
        settings.channel_priority,
        settings.solver,
        settings.pinned_packages,
        settings.add_pip_as_python_dependency,
        settings.pip_prefer_conda,
        settings.compile_bytecode,
        settings.externally_managed,
        _overrides(settings.environ),
        [[str(path), _text(path)] for path in channel_files],
    ]


def _overrides(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted((key, value) for key, value in environ.items() if key.startswith("CONDA_OVERRIDE_"))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps([_DIGEST_SCHEMA, content]).encode()).hexdigest()

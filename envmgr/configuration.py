"""Configuration files: where they are, who may write which, and what they say (light where there are none).

From weakest to strongest: the site's, the user's, and the project's, the nearest `.envmgr.yaml` in the current
directory or above it. Variables and flags beat all of them (see `settings`).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from envmgr.errors import ConfigError

PROJECT_FILE = ".envmgr.yaml"
# A project is somebody else's text: it may not choose where things are written, nor whose code is run, nor agree.
# A shell runs the `$(…)` of a prompt.
NOT_FOR_PROJECTS = frozenset(
    {"root", "cache", "shared_caches", "link_scripts", "always_yes", "env_prompt", "ssl_verify"}
)
_MAXIMUM_BYTES = 1024 * 1024


class Source(NamedTuple):
    """A place where settings come from: `kind` is `site`, `user`, `project` or `variable`.

    `place` is the path of a file or the name of a variable; a file need not exist, it has no values then. `lines`
    are those of the keys in a file.
    """

    kind: str
    place: str
    values: Mapping[str, Any]
    lines: Mapping[str, int] = {}

    def where(self, key: str) -> str:
        """Return where a value stands, for an error."""
        return self.place if self.kind == "variable" else f"{self.place}:{self.lines[key]}: {key}"


def user_file(environ: Mapping[str, str], home: Path) -> Path:
    """Return the absolute path of the user's file: ENVMGR_CONFIG, or config.yaml in the user's configuration."""
    named = environ.get("ENVMGR_CONFIG")
    if named:
        return Path(named)
    if _is_linux():
        return Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "envmgr/config.yaml"
    import platformdirs  # start-up time: only where the XDG rule above does not hold

    return Path(platformdirs.user_config_dir("envmgr", appauthor=False)) / "config.yaml"


def site_file(environ: Mapping[str, str]) -> Path:
    """Return the path of the site's file: ENVMGR_SITE_CONFIG, or /etc/envmgr/config.yaml on Linux."""
    named = environ.get("ENVMGR_SITE_CONFIG")
    if named:
        return Path(named)
    if _is_linux():
        return Path("/etc/envmgr/config.yaml")
    import platformdirs  # start-up time: as above

    return Path(platformdirs.site_config_dir("envmgr", appauthor=False)) / "config.yaml"


def project_file() -> Path | None:
    """Return the nearest `.envmgr.yaml` in the current directory or above it; None: there is none.

    One that somebody else could have put above the current directory, in /tmp say, does not count.
    """
    try:
        directory = os.getcwd()
    except OSError:  # it was removed
        return None
    here = directory
    while True:
        path = os.path.join(directory, PROJECT_FILE)
        if os.path.isfile(path) and (directory == here or _is_trusted(path)):
            return Path(path)
        parent = os.path.dirname(directory)
        if parent == directory:
            return None
        directory = parent


def file_sources(environ: Mapping[str, str], home: Path, known: Collection[str]) -> tuple[Source, ...]:
    """Return what the site's, the user's and the project's file say, weakest first.

    `known` are the keys that a file may have. Raises ConfigError for a file that cannot be read, and for a key that
    is not known or not for that file.
    """
    project = project_file()
    places = [("site", site_file(environ)), ("user", user_file(environ, home))]
    places += [("project", project)] if project is not None else []
    return tuple(Source(kind, str(path), *read(path, kind, known)) for kind, path in places)


def read(path: Path, kind: str, known: Collection[str]) -> tuple[dict[str, Any], dict[str, int]]:
    """Return the values and the lines of the keys of one file, none where it does not exist; raises ConfigError."""
    try:
        with open(path, "rb") as file:
            data = file.read(_MAXIMUM_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return {}, {}
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > _MAXIMUM_BYTES:
        raise ConfigError(f"{path} is larger than {_MAXIMUM_BYTES // 1024} KiB: no configuration of envmgr")
    return parse(data, path, kind, known)


def parse(data: bytes, path: Path, kind: str, known: Collection[str]) -> tuple[dict[str, Any], dict[str, int]]:
    """Return the values and the lines of the keys in the bytes of a file at `path`; raises ConfigError."""
    import yaml  # start-up time: only when there is a configuration file

    try:
        text = data.decode("utf-8-sig")
        # An alias has no place in a flat file, and a bomb of them is one.
        events = list(yaml.parse(text, Loader=yaml.SafeLoader))
        if any(isinstance(event, yaml.AliasEvent) for event in events):
            raise ConfigError(f"{path}: YAML aliases are not read in a configuration", hint="write the value out")
        document = yaml.safe_load(text)
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read as YAML: {error}", hint="mend the file, or move it away") from error
    if document is None:
        return {}, {}
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: expected keys and values, found {type(document).__name__}")
    lines: dict[str, int] = {}
    for name, line in _keys(events):
        if name in lines:
            raise ConfigError(f"{path}:{line}: `{name}` stands in line {lines[name]} already", hint="leave one of them")
        lines[name] = line
    for key in document:
        check_key(key, f"{path}:{lines[str(key)]}" if str(key) in lines else str(path), known)
        if kind == "project" and key in NOT_FOR_PROJECTS:
            raise ConfigError(
                f"{path}:{lines[key]}: `{key}` cannot be set for a project, whose text comes from others",
                hint=f"set it for yourself: envmgr config set {key} …",
            )
    return document, lines


def _keys(events: Sequence[Any]) -> Iterator[tuple[str, int]]:
    """Yield the plain keys of the mapping that is the document, each with its line."""
    depth, is_key = 0, True
    for event in events:
        kind = type(event).__name__
        if depth == 1 and is_key and kind == "ScalarEvent":
            yield event.value, event.start_mark.line + 1
        if kind.endswith("EndEvent") and kind.startswith(("Mapping", "Sequence")):
            depth -= 1
        if depth == 1 and kind in ("ScalarEvent", "MappingEndEvent", "SequenceEndEvent"):
            is_key = not is_key
        if kind in ("MappingStartEvent", "SequenceStartEvent"):
            depth += 1


def check_key(key: object, where: str, known: Collection[str]) -> None:
    """Raise ConfigError, with the nearest key, for one that no file may have."""
    if key in known:
        return
    import difflib  # only to word an error

    near = difflib.get_close_matches(str(key), list(known), n=1)
    raise ConfigError(
        f"{where}: unknown key `{key}`",
        hint=f"did you mean `{near[0]}`?" if near else f"known keys: {', '.join(sorted(known))}",
    )


def _is_linux() -> bool:
    return os.name == "posix" and os.uname().sysname == "Linux"


def _is_trusted(path: str) -> bool:
    """Whether it is the user's own file or the administrator's, as git asks of repositories above."""
    try:
        found = os.stat(path)
    except OSError:
        return False
    return not hasattr(os, "getuid") or (found.st_uid in (0, os.getuid()) and not found.st_mode & stat.S_IWOTH)

"""`config`: what is set, by whom, and setting it in a file of the site, the user or the project."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from envmgr import configuration
from envmgr.configuration import NOT_FOR_PROJECTS, PROJECT_FILE
from envmgr.errors import ConfigError, UsageError
from envmgr.replacing import replace_file
from envmgr.settings import KEYS, LISTS, Settings, read_value, sources

SCOPES = ("user", "site", "project")
DEFAULT = "default"


class Value(NamedTuple):
    """What a key is in the end, and where that comes from: `default`, a variable, or the path of a file."""

    key: str
    value: Any
    source: str


class Written(NamedTuple):
    """A file as a command of `config` leaves it: what stood there (empty: it is new) and what stands there now."""

    path: Path
    before: str
    after: str

    @property
    def is_changed(self) -> bool:
        """Whether anything is different."""
        return self.before != self.after


def values(settings: Settings) -> tuple[Value, ...]:
    """Return every key with its value in force, sorted by key."""
    origin = {key: source.place for source in sources(settings.environ) for key in source.values}
    return tuple(Value(key, _in_force(settings, key), origin.get(key, DEFAULT)) for key in sorted(KEYS))


def value_of(settings: Settings, key: str) -> Value:
    """Return one key with its value in force; raises ConfigError with the nearest for one that is not known."""
    check(key)
    return next(value for value in values(settings) if value.key == key)


def check(key: str) -> None:
    """Raise ConfigError, with the nearest key, for one that is not known."""
    configuration.check_key(key, "envmgr config", KEYS)


def file_of(scope: str, settings_environ: Mapping[str, str], home: Path) -> Path:
    """Return the file of a scope, which need not exist; for `project` the nearest one, or one in this directory."""
    if scope == "site":
        return configuration.site_file(settings_environ)
    if scope == "project":
        return configuration.project_file() or Path(os.path.abspath(PROJECT_FILE))
    return configuration.user_file(settings_environ, home)


def set_key(path: Path, scope: str, key: str, words: tuple[str, ...]) -> Written:
    """Set a key in a file: one word, or for a list any number. Raises ConfigError and UsageError."""
    if key not in LISTS and len(words) != 1:
        raise UsageError(f"{key} takes one value, found {len(words)}: {' '.join(words)}")
    return _edit(path, scope, key, lambda _old: list(words) if key in LISTS else typed(key, words[0]))


def add_to_list(path: Path, scope: str, key: str, words: tuple[str, ...], *, first: bool) -> Written:
    """Add words to a list, before (`first`) or behind what it has; one that is there already moves."""
    _check_list(key)

    def added(old: Any) -> list[str]:
        kept = [each for each in _as_list(old, path, key) if each not in words]
        return [*words, *kept] if first else [*kept, *words]

    return _edit(path, scope, key, added)


def take_from_list(path: Path, scope: str, key: str, words: tuple[str, ...]) -> Written:
    """Take words out of a list; raises ConfigError where one is not in it."""
    _check_list(key)

    def left(old: Any) -> list[str] | None:
        items = _as_list(old, path, key)
        absent = [word for word in words if word not in items]
        if absent:
            raise ConfigError(
                f"{path}: {key} has no `{absent[0]}`; it has {', '.join(items) or 'nothing'}",
                hint="see where each value comes from: envmgr config sources",
            )
        return [each for each in items if each not in words] or None

    return _edit(path, scope, key, left)


def unset_key(path: Path, scope: str, key: str) -> Written:
    """Take a key out of a file; raises ConfigError where it has none of that name."""

    def nothing(old: Any) -> None:
        if old is None:
            raise ConfigError(
                f"{path} does not set {key}", hint="see where each value comes from: envmgr config sources"
            )

    return _edit(path, scope, key, nothing, check_known=False)


def edited(path: Path, scope: str, changes: Mapping[str, Any]) -> Written:
    """Return a file with several keys set; raises ConfigError."""
    before = text_of(path)
    after = before
    for key, value in changes.items():
        after = _with(path, after, key, value)
    configuration.parse(after.encode(), path, scope, KEYS)
    return Written(path, before, after)


def write(written: Written) -> None:
    """Put an edited file in its place, making its directory; raises ConfigError."""
    if not written.is_changed:
        return
    try:
        written.path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(written.path, written.after.encode())
    except OSError as error:
        raise ConfigError(
            f"{written.path} cannot be written: {error.strerror}",
            hint="give permission, or name another file in ENVMGR_CONFIG",
        ) from error


def plain(value: Any) -> Any:
    """Return a setting as YAML and JSON have it."""
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    return str(value) if isinstance(value, Path) else value


def typed(key: str, word: str) -> Any:
    """Return a word of the command line as a file would have it: a number or a truth where the key holds one."""
    meant = read_value(key, word, key)
    return meant if isinstance(meant, (bool, int)) else word


def _in_force(settings: Settings, key: str) -> Any:
    if key == "pinned_packages":  # each has its place beside it, for messages
        return [spec for spec, _ in settings.pinned_packages]
    return plain(getattr(settings, key))


def conda_values(settings: Settings) -> dict[str, Any]:
    """Return every setting, and what `conda config --show` has beside them that editors and scripts read."""
    return {each.key: each.value for each in values(settings)} | {
        "always_yes": False,
        "auto_activate_base": False,
        "channel_alias": settings.channel_alias or "https://conda.anaconda.org",
        "custom_channels": {},
        "default_channels": [],
        "env_prompt": "({default_env}) ",
        "envs_dirs": [str(settings.root / "envs")],
        "pkgs_dirs": [str(settings.cache / "pkgs"), *(str(path / "pkgs") for path in settings.shared_caches)],
        "root_prefix": str(settings.root),
        "ssl_verify": str(settings.ssl_verify) if settings.ssl_verify is not None else True,
    }


def _edit(path: Path, scope: str, key: str, change: Callable[[Any], Any], *, check_known: bool = True) -> Written:
    if check_known:
        check(key)
    if scope == "project" and key in NOT_FOR_PROJECTS:
        raise ConfigError(
            f"{key} cannot be set for a project, whose text comes from others",
            hint=f"set it for yourself: envmgr config set {key} …",
        )
    before = text_of(path)
    value = change(document_of(before, path).get(key))
    if value is not None:
        read_value(key, value, f"{path}: {key}")
    return Written(path, before, _with(path, before, key, value))


def _with(path: Path, text: str, key: str, value: Any) -> str:
    from envmgr.spec.faults import SpecFault  # start-up time: `config get` edits nothing
    from envmgr.spec.mapping_edits import with_key, with_list, without_key

    try:
        if isinstance(value, list):
            return with_list(text, key, value)
        return without_key(text, key) if value is None else with_key(text, key, value)
    except SpecFault as fault:
        raise ConfigError(f"{path}: {key}: {fault.message}", hint=fault.mend) from fault


def document_of(text: str, path: Path) -> Mapping[str, Any]:
    """Return what the text of a file of keys and values says; raises ConfigError."""
    import yaml  # start-up time: as above

    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} cannot be read as YAML: {error}", hint="mend or remove the file") from error
    if document is not None and not isinstance(document, dict):
        raise ConfigError(f"{path}: expected keys and values, found {type(document).__name__}")
    return document or {}


def text_of(path: Path) -> str:
    """Return the text of a file, empty where there is none; raises ConfigError."""
    try:
        return path.read_bytes().decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError(f"{path} cannot be read: {reason}") from error


def _check_list(key: str) -> None:
    check(key)
    if key not in LISTS:
        raise UsageError(f"{key} holds one value, no list", hint=f"envmgr config set {key} VALUE")


def _as_list(old: Any, path: Path, key: str) -> list[str]:
    if old is None:
        return []
    return [each[0] if isinstance(each, tuple) else str(each) for each in read_value(key, old, f"{path}: {key}")]

"""The settings of one run: flag beats variable beats file beats default.

The only module that reads `os.environ`. Reading settings imports neither yaml nor platformdirs unless a
configuration file exists or a default directory is needed (hot paths).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from envmgr.errors import ConfigError

ChannelPriority = Literal["strict", "flexible", "disabled"]

CHANNEL_PRIORITIES = ("strict", "flexible", "disabled")
SOLVERS = ("auto", "libmamba", "rattler")
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})


class Settings(NamedTuple):
    """Where envmgr keeps things and how it behaves; `environ` is the process environment it was read from.

    `root` and `cache` are absolute directories that need not exist; `shared_caches` are read-only package caches;
    `channels_file` is the channels.yaml that ENVMGR_CHANNELS names; `home` is the user's home directory;
    `solve_time_limit` is in seconds, 0 for none.
    """

    environ: Mapping[str, str]
    home: Path
    root: Path
    cache: Path
    config_file: Path
    shared_caches: tuple[Path, ...] = ()
    channels_file: Path | None = None
    channels: tuple[str, ...] = ("conda-forge",)
    channel_priority: ChannelPriority = "strict"
    solver: str = "auto"
    solve_time_limit: int = 0
    offline: bool = False
    add_pip_as_python_dependency: bool = True
    keep_generations: int = 2
    link_scripts: str = "deny"
    changeps1: bool = True
    env_prompt: str = "({default_env}) "

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Return the settings of this process.

        Raises ConfigError for a value or a configuration file that cannot be used, naming where it stands.
        """
        environ = dict(os.environ) if environ is None else environ
        home = Path(environ.get("HOME") or environ.get("USERPROFILE") or os.path.expanduser("~"))
        config_file = Path(environ.get("ENVMGR_CONFIG") or _user_config_directory(environ, home) / "config.yaml")
        values: dict[str, tuple[Any, str]] = {}
        if config_file.is_file():
            values = {key: (value, f"{config_file}: {key}") for key, value in _read_config(config_file).items()}
        for key in _READERS.keys() - {"channels"}:  # ENVMGR_CHANNELS names a file
            variable = f"ENVMGR_{key.upper()}"
            if variable in environ:
                values[key] = (environ[variable], variable)
        chosen = {key: _READERS[key](value, where) for key, (value, where) in values.items()}
        chosen.setdefault("root", _default_directory("data", environ, home))
        chosen.setdefault("cache", _default_directory("cache", environ, home))
        channels_file = environ.get("ENVMGR_CHANNELS")
        return cls(
            environ=environ,
            home=home,
            config_file=config_file,
            channels_file=Path(channels_file).absolute() if channels_file else None,
            **chosen,
        )


def _user_config_directory(environ: Mapping[str, str], home: Path) -> Path:
    if os.name == "posix" and os.uname().sysname == "Linux":
        return Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "envmgr"
    import platformdirs  # start-up time: only where the XDG rule above does not hold

    return Path(platformdirs.user_config_dir("envmgr", appauthor=False))


def _default_directory(kind: str, environ: Mapping[str, str], home: Path) -> Path:
    if os.name == "posix" and os.uname().sysname == "Linux":
        variable, below = ("XDG_DATA_HOME", ".local/share") if kind == "data" else ("XDG_CACHE_HOME", ".cache")
        return Path(environ.get(variable) or home / below) / "envmgr"
    import platformdirs  # start-up time: only where the XDG rule above does not hold

    directory = platformdirs.user_data_dir if kind == "data" else platformdirs.user_cache_dir
    return Path(directory("envmgr", appauthor=False))


def _read_config(path: Path) -> dict[str, Any]:
    import yaml  # start-up time: only when there is a configuration file

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read as YAML: {error}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: expected keys and values, found {type(document).__name__}")
    unknown = [key for key in document if key not in _READERS]
    if unknown:
        import difflib  # only to word an error

        near = difflib.get_close_matches(str(unknown[0]), list(_READERS), n=1)
        raise ConfigError(
            f"{path}: unknown key `{unknown[0]}`",
            hint=f"did you mean `{near[0]}`?" if near else f"known keys: {', '.join(sorted(_READERS))}",
        )
    return document


def _boolean(value: object, where: str) -> bool:
    text = str(value).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ConfigError(f"{where}: expected true or false, found `{value}`")


def _directory(value: object, where: str) -> Path:
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{where}: expected a directory, found `{value}`")
    return Path(os.path.abspath(os.path.expanduser(value)))


def _directories(value: object, where: str) -> tuple[Path, ...]:
    pieces = value.split(os.pathsep) if isinstance(value, str) else value
    if not isinstance(pieces, list):
        raise ConfigError(f"{where}: expected directories, found `{value}`")
    return tuple(_directory(piece, where) for piece in pieces if piece)


def _names(value: object, where: str) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return tuple(value)
    raise ConfigError(f"{where}: expected a list of names, found `{value}`")


def _count(value: object, where: str) -> int:
    try:
        count = int(str(value))
    except ValueError:
        count = -1
    if count < 0:
        raise ConfigError(f"{where}: expected a whole number from 0, found `{value}`")
    return count


def _one_of(*choices: str) -> Any:
    def read(value: object, where: str) -> str:
        if value not in choices:
            raise ConfigError(f"{where}: expected one of {', '.join(choices)}, found `{value}`")
        return str(value)

    return read


def _prompt(value: object, where: str) -> str:
    places = re.findall(r"\{[^{}]*\}", text) if isinstance(text := value, str) else ["{}"]
    unknown = [place for place in places if place not in ("{default_env}", "{name}", "{prefix}")]
    if unknown or "\n" in str(value):
        raise ConfigError(f"{where}: expected a text with {{default_env}}, {{name}} or {{prefix}}, found `{value}`")
    return str(value)


_READERS: dict[str, Any] = {
    "root": _directory,
    "cache": _directory,
    "shared_caches": _directories,
    "channels": _names,
    "channel_priority": _one_of(*CHANNEL_PRIORITIES),
    "solver": _one_of(*SOLVERS),
    "solve_time_limit": _count,
    "offline": _boolean,
    "add_pip_as_python_dependency": _boolean,
    "keep_generations": _count,
    "link_scripts": _one_of("deny", "allow"),
    "changeps1": _boolean,
    "env_prompt": _prompt,
}

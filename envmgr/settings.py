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

from envmgr import configuration
from envmgr.configuration import Source
from envmgr.errors import ConfigError

ChannelPriority = Literal["strict", "flexible", "disabled"]

CHANNEL_PRIORITIES = ("strict", "flexible", "disabled")
SOLVERS = ("auto", "libmamba", "rattler")
LINKS = ("auto", "copy")
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})


class Settings(NamedTuple):
    """Where envmgr keeps things and how it behaves; `environ` is the process environment it was read from.

    `root` and `cache` are absolute directories that need not exist; `shared_caches` are read-only package caches;
    `channels_file` is the channels.yaml that ENVMGR_CHANNELS names; `home` is the user's home directory;
    `channel_alias` is the URL below which unknown channel names are (None: conda's). `proxy_servers` are URLs by
    scheme, `ssl_verify` a file of certificates (PEM; None: the system's). `solver_debug` is the directory into which
    --solver-debug records a solve; no file sets it.
    `wait_for_users` are the seconds that are waited for processes which use an environment that is replaced (None:
    they are named only). `solve_time_limit` is in seconds, `solve_memory_limit` in MiB, 0 for none; `explain_timeout`
    are the seconds that may be spent on why a solve has no solution; `repodata_timeout` bounds each answer of a
    channel and `repodata_idle_timeout` the time in which it sends next to nothing, `repodata_size_limit` (MiB) an
    index unpacked, 0 for none.
    `pinned_packages` are pairs of a match spec and where it is written: no solve breaks one; with `ignores_pins` (no
    file sets it) an environment's own pins do not hold either.
    """

    environ: Mapping[str, str]
    home: Path
    root: Path
    cache: Path
    config_file: Path
    shared_caches: tuple[Path, ...] = ()
    channels_file: Path | None = None
    channels: tuple[str, ...] = ("conda-forge",)
    channel_alias: str | None = None
    channel_priority: ChannelPriority = "strict"
    solver: str = "auto"
    solve_time_limit: int = 0
    solve_memory_limit: int = 4096
    explain_timeout: int = 10
    repodata_timeout: int = 300
    repodata_idle_timeout: int = 60
    repodata_size_limit: int = 2048
    pinned_packages: tuple[tuple[str, str], ...] = ()
    offline: bool = False
    add_pip_as_python_dependency: bool = True
    pip_prefer_conda: bool = False
    compile_bytecode: bool = False
    externally_managed: bool = False
    keep_generations: int = 2
    link_scripts: str = "deny"
    changeps1: bool = True
    wait_for_users: float | None = None
    env_prompt: str = "({default_env}) "
    proxy_servers: Mapping[str, str] = {}  # settings are sent to other processes: no mappingproxy
    ssl_verify: Path | None = None
    solver_debug: Path | None = None
    ignores_pins: bool = False
    always_yes: bool = False
    link: str = "auto"

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Return the settings of this process.

        Proxies and certificates that files set become variables, in `environ` and, where that is not given, in this
        process, unless such variables are set: there every library and program that reaches the network reads them.
        Raises ConfigError for a value or a configuration file that cannot be used, naming where it stands.
        """
        is_own = environ is None
        environ = process_environ() if environ is None else environ
        home = home_of(environ)
        if not home.is_absolute():
            who = f"user {os.getuid()}" if hasattr(os, "getuid") else "this user"
            raise ConfigError(
                f"HOME is {'not set' if str(home) == '~' else home}, and {who} has no home directory otherwise",
                hint="set it to a directory that you may write, as HOME=/tmp/home",
            )
        values: dict[str, tuple[Any, str]] = {}
        for source in sources(environ):
            values |= {key: (value, source.where(key)) for key, value in source.values.items()}
        chosen = {key: _READERS[key](value, where) for key, (value, where) in values.items()}
        chosen.setdefault("root", _default_directory("data", environ, home))
        chosen.setdefault("cache", _default_directory("cache", environ, home))
        channels_file = environ.get("ENVMGR_CHANNELS")
        network = _network_variables(chosen, environ)
        if is_own:
            os.environ.update(network)
        return cls(
            environ={**environ, **network} if network else environ,
            home=home,
            config_file=configuration.user_file(environ, home),
            channels_file=Path(channels_file).absolute() if channels_file else None,
            **chosen,
        )


def process_environ() -> dict[str, str]:
    """Return the variables of this process."""
    return dict(os.environ)


def home_of(environ: Mapping[str, str]) -> Path:
    """Return the user's home directory."""
    return Path(environ.get("HOME") or environ.get("USERPROFILE") or os.path.expanduser("~"))


def sources(environ: Mapping[str, str] | None = None) -> tuple[Source, ...]:
    """Return every place that settings are taken from, weakest first: files, then variables.

    Raises ConfigError for a file that cannot be used.
    """
    environ = process_environ() if environ is None else environ
    variables = tuple(
        Source("variable", variable, {key: environ[variable]})
        for key in sorted(KEYS - {"channels"})  # ENVMGR_CHANNELS names a file
        if (variable := f"ENVMGR_{key.upper()}") in environ
    )
    return (*configuration.file_sources(environ, home_of(environ), KEYS), *variables)


def read_value(key: str, value: object, where: str) -> Any:
    """Return a value as `Settings` has it; raises ConfigError for one that `key` cannot have, naming `where`."""
    return _READERS[key](value, where)


def _default_directory(kind: str, environ: Mapping[str, str], home: Path) -> Path:
    if os.name == "posix" and os.uname().sysname == "Linux":
        variable, below = ("XDG_DATA_HOME", ".local/share") if kind == "data" else ("XDG_CACHE_HOME", ".cache")
        return Path(environ.get(variable) or home / below) / "envmgr"
    import platformdirs  # start-up time: only where the XDG rule above does not hold

    directory = platformdirs.user_data_dir if kind == "data" else platformdirs.user_cache_dir
    return Path(directory("envmgr", appauthor=False))


def _boolean(value: object, where: str) -> bool:
    text = str(value).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ConfigError(f"{where}: expected true or false, found `{value}`")


def _url(value: object, where: str) -> str:
    if isinstance(value, str) and "://" in value:
        return value.rstrip("/")
    raise ConfigError(f"{where}: expected a URL, found `{value}`", hint="write for example https://conda.example/conda")


def _proxies(value: object, where: str) -> Mapping[str, str]:
    if isinstance(value, str):  # a variable: one proxy for both
        value = {"http": value, "https": value}
    if isinstance(value, dict) and set(value) <= {"http", "https"}:
        return {scheme: _url(url, f"{where}.{scheme}") for scheme, url in value.items() if url}
    raise ConfigError(
        f"{where}: expected URLs by scheme, found `{value}`",
        hint="write `proxy_servers: {https: http://proxy.example:3128}`",
    )


def _certificates(value: object, where: str) -> Path | None:
    text = str(value).strip()
    if text.lower() in _TRUE or text.lower() == "truststore":
        return None
    if text.lower() in _FALSE or not isinstance(value, str):
        raise ConfigError(
            f"{where}: expected a file of certificates, found `{value}`; envmgr always checks who answers",
            hint="name the certificate of your site: `ssl_verify: /etc/ssl/certs/site.pem`",
        )
    return _directory(value, where)


def _network_variables(chosen: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which curl, requests, rattler, uv and pip know proxies and certificates."""
    found: dict[str, str] = {}
    for scheme, url in chosen.get("proxy_servers", {}).items():
        names = (f"{scheme}_proxy", f"{scheme.upper()}_PROXY")
        if not any(environ.get(name) for name in (*names, "all_proxy", "ALL_PROXY")):
            found |= dict.fromkeys(names, url)
    if (certificates := chosen.get("ssl_verify")) is not None:
        files = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
        if not any(environ.get(name) for name in (*files, "SSL_CERT_DIR")):
            found |= dict.fromkeys(files, str(certificates))
    return found


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


def _pins(value: object, where: str) -> tuple[tuple[str, str], ...]:
    """Read match specs: a list, or conda's spelling of one in a variable (`numpy=1.26&python=3.12`)."""
    pieces = value.split("&") if isinstance(value, str) else value
    if not isinstance(pieces, list) or not all(isinstance(piece, str) for piece in pieces):
        raise ConfigError(f"{where}: expected a list of match specs, found `{value}`")
    return tuple((piece.strip(), where) for piece in pieces if piece.strip())


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
    "channel_alias": _url,
    "channel_priority": _one_of(*CHANNEL_PRIORITIES),
    "solver": _one_of(*SOLVERS),
    "solve_time_limit": _count,
    "solve_memory_limit": _count,
    "explain_timeout": _count,
    "repodata_timeout": _count,
    "repodata_idle_timeout": _count,
    "repodata_size_limit": _count,
    "pinned_packages": _pins,
    "offline": _boolean,
    "add_pip_as_python_dependency": _boolean,
    "pip_prefer_conda": _boolean,
    "compile_bytecode": _boolean,
    "externally_managed": _boolean,
    "keep_generations": _count,
    "always_yes": _boolean,
    "link": _one_of(*LINKS),
    "link_scripts": _one_of("deny", "allow"),
    "changeps1": _boolean,
    "env_prompt": _prompt,
    "proxy_servers": _proxies,
    "ssl_verify": _certificates,
}
KEYS = frozenset(_READERS)
"""The keys that a configuration file may have."""
LISTS = frozenset({"channels", "pinned_packages", "shared_caches"})
"""Those of them that hold lists."""

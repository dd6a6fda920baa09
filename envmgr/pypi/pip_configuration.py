"""Where pip would look on this machine: sites are configured through pip, so its configuration counts here too."""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from envmgr.errors import ConfigError
from envmgr.urls import is_url

_KEYS = ("index-url", "extra-index-url", "find-links", "no-index", "cert", "client-cert", "constraint", "trusted-host",
         "proxy", "timeout", "retries", "keyring-provider", "no-input",
         "build-constraint")  # fmt: skip
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")  # requests, and so pip, goes by them where no `cert` is said
_TRUE = frozenset({"1", "true", "yes", "on", "y", "t"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PipConfiguration:
    """What pip's files and PIP_* variables say, for what envmgr reads of them.

    `index_url` and `extra_index_urls` may carry credentials: print them through `redact` only. `find_links` are
    URLs or directories that exist, `constraints` and `build_constraints` absolute paths or URLs, `timeout` is in
    seconds. `origins` tells where each of pip's keys that is said stands: a variable, or a file and its section.
    """

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    cert: str | None = None
    constraints: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    proxy: str | None = None
    timeout: str | None = None
    client_cert: str | None = None
    retries: str | None = None
    keyring_provider: str | None = None
    no_input: bool = False
    build_constraints: tuple[str, ...] = ()
    origins: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, environ: Mapping[str, str], home: Path) -> PipConfiguration:
        """Return pip's configuration: its files (global, user, site, PIP_CONFIG_FILE), `[install]` over `[global]`,
        PIP_* variables over both, as pip's own documentation orders them.

        A file that PIP_CONFIG_FILE names stands in for the user's. Raises ConfigError for a file that cannot be read
        as one.
        """
        said = _values(environ, home)
        values = {key: value for key, (value, _) in said.items()}
        return cls(
            index_url=values.get("index-url") or None,
            extra_index_urls=tuple(values.get("extra-index-url", "").split()),
            find_links=tuple(_existing(values.get("find-links", "").split(), home)),
            no_index=values.get("no-index", "").lower() in _TRUE,
            cert=values.get("cert") or None,
            client_cert=values.get("client-cert") or None,
            constraints=tuple(_absolute(text, home) for text in values.get("constraint", "").split()),
            trusted_hosts=tuple(values.get("trusted-host", "").split()),
            proxy=values.get("proxy") or None,
            timeout=values.get("timeout") or None,
            retries=values.get("retries") or None,
            keyring_provider=values.get("keyring-provider") or None,
            build_constraints=tuple(_absolute(text, home) for text in values.get("build-constraint", "").split()),
            no_input=values.get("no-input", "").lower() in _TRUE,
            origins=tuple((key, origin) for key, (value, origin) in sorted(said.items()) if value),
        )

    def origin(self, key: str) -> str:
        """Return where one of pip's keys stands; an empty text where nothing says it."""
        return dict(self.origins).get(key, "")


def _values(environ: Mapping[str, str], home: Path) -> dict[str, tuple[str, str]]:
    """Return each key that is said with its value and where it stands."""
    sections: dict[str, dict[str, tuple[str, str]]] = {"global": {}, "install": {}}
    for path in _files(environ, home):
        for section, values in _read(path).items():
            if section in sections:
                where = f"{path} [{section}]"
                sections[section].update((key, (value, where)) for key, value in values.items() if key in _KEYS)
    merged = {**sections["global"], **sections["install"]}
    for key in _KEYS:
        variable = f"PIP_{key.upper().replace('-', '_')}"
        if environ.get(variable):  # pip takes an empty variable for an unset one
            merged[key] = environ[variable], variable
    for variable in _BUNDLES:
        if environ.get(variable):
            merged.setdefault("cert", (environ[variable], variable))
    return merged


def _files(environ: Mapping[str, str], home: Path) -> Iterator[Path]:
    """Yield pip's configuration files that exist, weakest first."""
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:  # pip's documented way to have none
        return
    in_force = Path(os.path.abspath(named)) if named and os.path.exists(named) else None
    shared, own = places(environ, home, system=sys.platform)
    candidates = [*shared, *(own if in_force is None else ()), Path(sys.prefix)]  # as pip's own loading has it
    name = "pip.ini" if sys.platform == "win32" else "pip.conf"
    yield from (directory / name for directory in candidates if (directory / name).is_file())
    if in_force is not None:
        yield in_force


def places(environ: Mapping[str, str], home: Path, *, system: str) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Return the directories of the machine's and of the user's own files, weakest first, on a `system` as
    `sys.platform` calls it."""
    if system == "win32":
        roaming = Path(environ.get("APPDATA") or home / "AppData" / "Roaming")
        return (Path(environ.get("PROGRAMDATA") or "C:/ProgramData") / "pip",), (home / "pip", roaming / "pip")
    if system == "darwin":
        own = home / "Library" / "Application Support" / "pip"
        return (Path("/Library/Application Support/pip"),), (
            home / ".pip", own if own.is_dir() else home / ".config" / "pip"
        )  # fmt: skip
    searched = (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    shared = (*(Path(directory) / "pip" for directory in searched if directory), Path("/etc"))
    return shared, (home / ".pip", config / "pip")


def _read(path: Path) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text(encoding="utf-8"), source=str(path))
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise ConfigError(
            f"pip's configuration file {path} cannot be read: {error}",
            hint="mend the file, or set PIP_CONFIG_FILE to the null device to leave pip's configuration out",
        ) from error
    return {
        section: {key.replace("_", "-"): value for key, value in parser.items(section)} for section in parser.sections()
    }


def _existing(entries: Iterable[str], home: Path) -> Iterator[str]:
    """Yield the entries that pip would find something at: it passes over directories that do not exist."""
    for entry in entries:
        text = _absolute(entry, home)
        if is_url(text) or os.path.exists(text):
            yield text


def _absolute(entry: str, home: Path) -> str:
    if is_url(entry):
        return entry
    expanded = str(home) + entry[1:] if entry == "~" or entry.startswith("~/") else entry
    return os.path.abspath(expanded)

"""Where pip would look on this machine: sites are configured through pip, so its configuration counts here too."""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from envmgr.errors import ConfigError
from envmgr.urls import file_url, is_url

_KEYS = ("index-url", "extra-index-url", "find-links", "no-index", "cert", "constraint", "trusted-host", "proxy",
         "timeout")  # fmt: skip
_TRUE = frozenset({"1", "true", "yes", "on", "y", "t"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PipConfiguration:
    """What pip's files and PIP_* variables say, for what envmgr reads of them.

    `index_url` and `extra_index_urls` may carry credentials: print them through `redact` only. `find_links` are
    URLs or directories that exist, `constraints` absolute paths or URLs, `timeout` is in seconds.
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

    @classmethod
    def read(cls, environ: Mapping[str, str], home: Path) -> PipConfiguration:
        """Return pip's configuration: its files (global, user, site, PIP_CONFIG_FILE), `[install]` over `[global]`,
        PIP_* variables over both, as pip's own documentation orders them.

        Raises ConfigError for a file that cannot be read as one.
        """
        values = _values(environ, home)
        return cls(
            index_url=values.get("index-url") or None,
            extra_index_urls=tuple(values.get("extra-index-url", "").split()),
            find_links=tuple(_existing(values.get("find-links", "").split(), home)),
            no_index=values.get("no-index", "").lower() in _TRUE,
            cert=values.get("cert") or None,
            constraints=tuple(_absolute(text, home) for text in values.get("constraint", "").split()),
            trusted_hosts=tuple(values.get("trusted-host", "").split()),
            proxy=values.get("proxy") or None,
            timeout=values.get("timeout") or None,
        )

    def variables(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the variables that tell uv the same; a variable of uv's own that is set in `environ` wins.

        uv asks `extra_index_urls` before `index_url`, and the first index that has a name answers for it.
        """
        said = {
            "UV_DEFAULT_INDEX": self.index_url,
            "UV_INDEX": " ".join(self.extra_index_urls),
            # uv takes a comma for the end of an entry
            "UV_FIND_LINKS": ",".join(link.replace(",", "%2C") for link in map(_as_url, self.find_links)),
            "UV_NO_INDEX": "1" if self.no_index else "",
            "UV_INSECURE_HOST": " ".join(self.trusted_hosts),
            "UV_HTTP_TIMEOUT": self.timeout if self.timeout and self.timeout.isdecimal() else "",
            "SSL_CERT_FILE": self.cert,
            "ALL_PROXY": self.proxy,
        }
        synonyms = {"UV_DEFAULT_INDEX": ("UV_INDEX_URL",), "UV_INDEX": ("UV_EXTRA_INDEX_URL",),
                    "UV_HTTP_TIMEOUT": ("UV_REQUEST_TIMEOUT", "HTTP_TIMEOUT"),
                    "ALL_PROXY": ("all_proxy", "HTTPS_PROXY", "https_proxy")}  # fmt: skip
        return {
            name: value
            for name, value in said.items()
            if value and not any(environ.get(known) for known in (name, *synonyms.get(name, ())))
        }


def _values(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}}
    for path in _files(environ, home):
        for section, values in _read(path).items():
            if section in sections:
                sections[section].update(values)
    merged = {**sections["global"], **sections["install"]}
    for key in _KEYS:
        variable = f"PIP_{key.upper().replace('-', '_')}"
        if environ.get(variable):  # pip takes an empty variable for an unset one
            merged[key] = environ[variable]
    return merged


def _files(environ: Mapping[str, str], home: Path) -> Iterator[Path]:
    """Yield pip's configuration files that exist, weakest first."""
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:  # pip's documented way to have none
        return
    name = "pip.ini" if os.name == "nt" else "pip.conf"
    candidates = [*_global_directories(environ), home / ("pip" if os.name == "nt" else ".pip")]
    if os.name == "nt":
        candidates.append(Path(environ.get("APPDATA") or home / "AppData" / "Roaming") / "pip")
    else:
        own = home / "Library" / "Application Support" / "pip"
        config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip"
        candidates.append(own if sys.platform == "darwin" and own.is_dir() else config)
    candidates.append(Path(sys.prefix))
    yield from (directory / name for directory in candidates if (directory / name).is_file())
    if named:
        path = Path(os.path.expanduser(named))
        if path.is_file():
            yield path


def _global_directories(environ: Mapping[str, str]) -> list[Path]:
    if os.name == "nt":
        return [Path(environ.get("PROGRAMDATA") or "C:/ProgramData") / "pip"]
    if sys.platform == "darwin":
        return [Path("/Library/Application Support/pip")]
    searched = (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
    return [*(Path(directory) / "pip" for directory in searched if directory), Path("/etc")]


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


def _as_url(entry: str) -> str:
    return entry if is_url(entry) else file_url(Path(entry))

"""`config import-conda`: what a `.condarc` says, in the terms of config.yaml and channels.yaml.

Read on request only: envmgr never follows conda's configuration by itself. The keys are those of conda's own
documentation (docs.conda.io, "Settings"). Credentials are left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from envmgr.errors import ConfigError
from envmgr.settings import Settings
from envmgr.urls import is_url, without_literal_credentials
from envmgr.workflows import conda_keys, configuring
from envmgr.workflows.configuring import Written

_MAXIMUM_BYTES = 1024 * 1024
_PRIORITIES = {
    "strict": "strict",
    "flexible": "flexible",
    "disabled": "disabled",
    "true": "flexible",
    "false": "disabled",
}
_SAME = ("always_yes", "offline", "changeps1", "add_pip_as_python_dependency")
_ALIASES = {"channel": "channels", "priority": "channel_priority", "verify_ssl": "ssl_verify"}


class Import(NamedTuple):
    """What comes of conda's files: both of ours as they would be, and what has no place in them.

    `files` are those that were read, strongest first; `left` are pairs of a key and why it was left out.
    """

    files: tuple[Path, ...]
    configuration: Written
    channels: Written
    left: tuple[tuple[str, str], ...]


def files(settings: Settings) -> tuple[Path, ...]:
    """Return the files of conda's that exist for this user, strongest first."""
    environ, home = settings.environ, settings.home
    config_home = environ.get("XDG_CONFIG_HOME") or str(home / ".config")
    root = environ.get("CONDA_ROOT") or (environ.get("CONDA_EXE") and str(Path(environ["CONDA_EXE"]).parents[1])) or ""
    places = [
        environ.get("CONDARC", ""),
        str(home / ".condarc"),
        str(home / ".conda/.condarc"),
        f"{config_home}/conda/.condarc",
        f"{root}/.condarc" if root else "",
        "/etc/conda/.condarc",
    ]
    found = (Path(os.path.abspath(os.path.expanduser(place))) for place in places if place)
    return tuple(dict.fromkeys(path for path in found if path.is_file()))


def plan(settings: Settings, paths: Sequence[Path]) -> Import:
    """Return what importing `paths` (strongest first; none: those that exist) would write; raises ConfigError."""
    chosen = tuple(paths) or files(settings)
    if not chosen:
        raise ConfigError("conda has no configuration here", hint="name a file: envmgr config import-conda PATH")
    documents = [_read(path) for path in chosen]
    reading = _Reading(documents)
    channels_file = settings.config_file.parent / "channels.yaml"
    return Import(
        chosen,
        configuring.edited(settings.config_file, "user", reading.settings),
        _with_channels(channels_file, reading.named, reading.left),
        tuple(reading.left),
    )


def write(planned: Import) -> None:
    """Write both files; raises ConfigError."""
    for written in (planned.channels, planned.configuration):
        configuring.write(written)


class _Reading:
    """Conda's files in our terms: `settings` for config.yaml, `named` for channels.yaml, `left` what is in neither."""

    def __init__(self, documents: Sequence[Mapping[str, Any]]) -> None:
        merged: dict[str, Any] = {}
        for document in reversed(documents):
            for key, value in document.items():
                old = merged.get(key)
                merged[key] = (
                    [*value, *(each for each in old if each not in value)]
                    if (isinstance(value, list) and isinstance(old, list))
                    else value
                )
        self.settings: dict[str, Any] = {}
        self.named: dict[str, Any] = {}
        self.left: list[tuple[str, str]] = []
        for key in sorted(merged):
            reader = getattr(self, f"_read_{key}", None)
            if reader is not None:
                reader(merged[key])
            elif key in _SAME and isinstance(merged[key], bool):
                self.settings[key] = merged[key]
            else:
                self.left.append((key, _reason(key, merged[key])))

    def _read_channels(self, value: Any) -> None:
        names = [self._place("channels", str(each)) for each in value] if isinstance(value, list) else []
        if names:
            self.settings["channels"] = names

    def _read_channel_alias(self, value: Any) -> None:
        self.settings["channel_alias"] = self._place("channel_alias", str(value)).rstrip("/")

    def _read_channel_priority(self, value: Any) -> None:
        self._choose("channel_priority", str(value).lower(), _PRIORITIES)

    def _read_solver(self, value: Any) -> None:
        self._choose("solver", str(value).lower(), {"libmamba": "libmamba", "rattler": "rattler", "classic": "auto"})

    def _read_pinned_packages(self, value: Any) -> None:
        if isinstance(value, list) and value:
            self.settings["pinned_packages"] = [str(each) for each in value]

    def _read_default_channels(self, value: Any) -> None:
        if isinstance(value, list):
            self.named["defaults"] = [self._place("default_channels", str(each)) for each in value]

    def _read_custom_channels(self, value: Any) -> None:
        for name, base in value.items() if isinstance(value, dict) else ():
            self.named[str(name)] = f"{self._place('custom_channels', str(base)).rstrip('/')}/{name}"

    def _read_custom_multichannels(self, value: Any) -> None:
        for name, urls in value.items() if isinstance(value, dict) else ():
            places = [self._place("custom_multichannels", str(each)) for each in urls or ()]
            if all(is_url(place) for place in places) and places:
                self.named[str(name)] = places
            else:
                self.left.append((f"custom_multichannels.{name}", "a name for several channels needs their URLs"))

    def _read_proxy_servers(self, value: Any) -> None:
        found = {}
        for scheme, url in value.items() if isinstance(value, dict) else ():
            if scheme not in ("http", "https"):
                self.left.append((f"proxy_servers.{scheme}", "only http and https are proxied"))
            elif url:
                found[str(scheme)] = self._place("proxy_servers", str(url))
        if found:
            self.settings["proxy_servers"] = found

    def _read_ssl_verify(self, value: Any) -> None:
        if isinstance(value, str) and value.lower() not in ("true", "truststore", "false"):
            self.settings["ssl_verify"] = os.path.expanduser(value)
        elif str(value).lower() == "false":
            self.left.append(("ssl_verify", "envmgr always checks who answers; name your site's certificate instead"))

    def _choose(self, key: str, value: str, choices: Mapping[str, str]) -> None:
        if value in choices:
            self.settings[key] = choices[value]
        else:
            self.left.append((key, f"`{value}` is no value of it"))

    def _place(self, key: str, text: str) -> str:
        """Return a URL or name as it may be written to a file."""
        text = os.path.expanduser(text) if text.startswith("~/") else text
        kept = without_literal_credentials(text)
        if kept != text:
            self.left.append((key, f"the credentials of {kept}: use `rattler auth login`, ~/.netrc or a ${{VARIABLE}}"))
        return kept


def _reason(key: str, value: Any) -> str:
    """Return why a key is left out."""
    written = str(value).lower() if isinstance(value, (str, int)) else ""
    try:
        what = conda_keys.so_anyway(key, written)
    except ConfigError as error:
        return f"has another place here: {error.hint}"
    return f"is so anyway: {what}" if what is not None else "has no counterpart here"


def _with_channels(path: Path, named: Mapping[str, Any], left: list[tuple[str, str]]) -> Written:
    """Return channels.yaml with the names that it does not have yet."""
    from envmgr.spec.faults import SpecFault  # start-up time: only where something is written
    from envmgr.spec.mapping_edits import with_entries

    before = configuring.text_of(path)
    document = configuring.document_of(before, path).get("channels") or {}
    new = {}
    for name, value in named.items():
        if name not in document:
            new[name] = value
        elif document[name] != value:
            left.append((f"channel {name}", f"{path} names another one so"))
    if not new:
        return Written(path, before, before)
    try:
        return Written(path, before, with_entries(before, "channels", new))
    except SpecFault as fault:
        raise ConfigError(f"{path}: {fault.message}", hint=fault.mend) from fault


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(_MAXIMUM_BYTES + 1)
        if len(data) > _MAXIMUM_BYTES:
            raise ConfigError(f"{path} is larger than {_MAXIMUM_BYTES // 1024} KiB: no configuration of conda")
        text = data.decode("utf-8-sig")
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise ConfigError(f"{path} has YAML aliases, which are not read", hint="write the values out")
        document = yaml.safe_load(text)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read as YAML: {error}") from error
    if not isinstance(document, (dict, type(None))):
        raise ConfigError(f"{path}: expected keys and values, found {type(document).__name__}")
    return {_ALIASES.get(key, key): value for key, value in _plain(document or {})}


def _plain(document: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in document.items():
        yield str(key), value

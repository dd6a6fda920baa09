"""Where the pip half comes from: everything that is configured about package indexes, as one value.

Strongest first: the options of a requirements file; uv's variables; pip's variables; `pypi:` of channels.yaml; pip's
configuration files. Indexes beside the default one add up in that order, except that uv's list stands for pip's.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from envmgr.channels.credentials import expand
from envmgr.channels.pypi_section import NamedIndex, Pin, PypiSection
from envmgr.errors import ChannelError, ConfigError
from envmgr.pypi.pip_configuration import PipConfiguration
from envmgr.settings import Settings
from envmgr.spec.model import IndexOptions
from envmgr.urls import file_url, is_url, redact

PROJECT = "envmgr-pins"  # the name of the pyproject.toml through which uv is told the pins
# pip's key → uv's variable for it, and what uv takes for it besides
_VARIABLES = {
    "index-url": ("UV_DEFAULT_INDEX", "UV_INDEX_URL"),
    "extra-index-url": ("UV_INDEX", "UV_EXTRA_INDEX_URL"),
    "find-links": ("UV_FIND_LINKS",),
    "no-index": ("UV_NO_INDEX",),
    "trusted-host": ("UV_INSECURE_HOST",),
    "cert": ("SSL_CERT_FILE", "SSL_CERT_DIR"),
    "client-cert": ("SSL_CLIENT_CERT",),
    "proxy": ("ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"),
    "timeout": ("UV_HTTP_TIMEOUT", "UV_REQUEST_TIMEOUT", "HTTP_TIMEOUT"),
    "retries": ("UV_HTTP_RETRIES",),
    "keyring-provider": ("UV_KEYRING_PROVIDER",),
    "constraint": ("UV_CONSTRAINT",),
    "build-constraint": ("UV_BUILD_CONSTRAINT",),
    "exclude-newer": ("UV_EXCLUDE_NEWER",),
}
_ADDED = ("extra-index-url", "find-links", "trusted-host")  # of the sources that say these, all count
# The variables of uv's own that `Indexes.variables` stands for, to be left out beside it
RESTATED = frozenset({"UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS",
                      "UV_INSECURE_HOST"})  # fmt: skip
_PYPI = "PyPI"  # what uv asks where nothing says otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """One value in force: `key` is pip's name for it, `origin` where it stands. `value` may carry credentials and
    has no repr: print it through `redact`."""

    key: str
    value: str = field(repr=False)
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedIndex:
    """An index that answers for the packages pinned to it and for no others; `user` and `password` may be empty."""

    name: str
    url: str
    user: str = field(repr=False)
    password: str = field(repr=False)
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexes:
    """What is configured about package indexes.

    `stated` is what is in force, by key and, within one, in the order of asking. `pins` are by package, `pinned` the
    indexes that they name. `constraints` are paths or URLs of pip's configuration (none where uv's variable is set).
    `sdists_forbidden` tells where they are.
    """

    stated: tuple[Stated, ...] = ()
    pins: tuple[Pin, ...] = ()
    pinned: tuple[PinnedIndex, ...] = ()
    constraints: tuple[str, ...] = ()
    sdists_forbidden: str | None = None

    @classmethod
    def gather(
        cls, settings: Settings, section: PypiSection | None = None, options: IndexOptions | None = None
    ) -> Indexes:
        """Return what this machine, channels.yaml (`section`) and the requirements files (`options`) say.

        Raises ConfigError for pip's configuration, and for a URL that names a variable which is not set.
        """
        section, options = section or PypiSection(), options or IndexOptions()
        environ = settings.environ
        pip = PipConfiguration.read(environ, settings.home)
        stated = [
            each
            for key, names in _VARIABLES.items()
            for each in _in_force(key, [_of_options(key, options, environ), _of_uv(names, key, environ),
                                        *_of_pip_and_section(key, pip, section, environ)])
        ]  # fmt: skip
        is_ours = not any(each.key == "constraint" and each.origin in _VARIABLES["constraint"] for each in stated)
        return cls(
            stated=tuple(stated),
            pins=section.pins,
            pinned=tuple(_pinned(section, environ)),
            constraints=pip.constraints if is_ours else (),
            sdists_forbidden=str(section.sdists_forbidden) if section.sdists_forbidden else None,
        )

    def values(self, key: str) -> tuple[str, ...]:
        """Return what is in force for one of pip's keys, in the order of asking; may carry credentials."""
        return tuple(each.value for each in self.stated if each.key == key)

    def constraints_on(self, is_concerned: Callable[[str], bool]) -> tuple[str, ...]:
        """Return the configured files of constraints that bind a name for which `is_concerned`, each with where it
        stands, for messages; what cannot be read, or is a URL, is left out."""
        found = []
        for each in self.stated:
            with contextlib.suppress(OSError, UnicodeDecodeError):
                text = Path(each.value).read_text(encoding="utf-8") if each.key == "constraint" else ""
                if any(is_concerned(name) for name in re.findall(r"^\s*([A-Za-z0-9][\w.-]*)", text, re.MULTILINE)):
                    found.append(f"{redact(each.value)} ({each.origin})")
        return tuple(found)

    def index_urls(self) -> tuple[tuple[str, str], ...]:
        """Return every index with where it stands, in the order of asking, pinned ones first; may carry credentials."""
        if "1" in self.values("no-index"):
            return ()
        pinned = ((self.with_user(index), index.origin) for index in self.pinned)
        extra = ((each.value, each.origin) for each in self.stated if each.key == "extra-index-url")
        default = [(each.value, each.origin) for each in self.stated if each.key == "index-url"]
        return (*pinned, *extra, *(default or [(_PYPI, "by default")]))

    def account(self, settings: Settings) -> tuple[Stated, ...]:
        """Return all that is in force, in the order in which it counts, with credentials masked: indexes in the order
        of asking as `index`, pins as `PACKAGE from INDEX`, then the rest by its key."""
        found = [Stated(key="index", value=redact(url), origin=origin) for url, origin in self.index_urls()]
        found += [
            Stated(key="pin", value=f"{pin.package} from {pin.index}", origin=str(pin.origin)) for pin in self.pins
        ]
        found += [replace(each, value=redact(each.value)) for each in self.stated
                  if each.key not in ("index-url", "extra-index-url")]  # fmt: skip
        if self.sdists_forbidden is not None:
            found.append(Stated(key="sdists", value="forbid", origin=self.sdists_forbidden))
        netrc = settings.environ.get("NETRC")
        path = Path(netrc) if netrc else settings.home / ".netrc"
        if path.is_file():
            found.append(Stated(key="netrc", value=str(path), origin="NETRC" if netrc else "by default"))
        if settings.environ.get("UV_CONFIG_FILE"):
            found.append(Stated(key="uv.toml", value=settings.environ["UV_CONFIG_FILE"], origin="UV_CONFIG_FILE"))
        return tuple(found)

    def variables(self, *, is_installation: bool = False) -> dict[str, str]:
        """Return the variables that tell uv all this but the pins; their values may be secret.

        For an installation nothing is looked up, and every index is named for the sake of its credentials.
        """
        extra = self.values("extra-index-url")
        if is_installation:
            extra = (*extra, *(f"{index.name}={self.with_user(index)}" for index in self.pinned))
        said = {"UV_INDEX": " ".join(extra)}
        for key, (variable, *others) in _VARIABLES.items():
            stated = [each for each in self.stated if each.key == key]
            if key in ("extra-index-url", "constraint", "exclude-newer") or not stated:
                continue
            if stated[0].origin in (variable, *others) and variable not in RESTATED:
                continue  # uv reads it itself
            if key == "cert" and os.path.isdir(stated[0].value):
                variable = "SSL_CERT_DIR"  # noqa: PLW2901
            # uv takes a comma for the end of an entry of find-links
            said[variable] = ("," if key == "find-links" else " ").join(each.value for each in stated)
        for index in self.pinned:
            prefix = f"UV_INDEX_{re.sub('[^A-Z0-9]', '_', index.name.upper())}"
            said |= {f"{prefix}_USERNAME": index.user, f"{prefix}_PASSWORD": index.password}
        return {name: value for name, value in said.items() if value}

    def with_user(self, index: PinnedIndex) -> str:
        """Return the URL of a pinned index with its user and password; secret."""
        if not index.user and not index.password:
            return index.url
        parts = urlsplit(index.url)
        userinfo = quote(index.user, safe="") + (f":{quote(index.password, safe='')}" if index.password else "")
        return urlunsplit(parts._replace(netloc=f"{userinfo}@{parts.netloc}"))

    def project(self, packages: Sequence[str]) -> str:
        """Return the pyproject.toml that asks for `packages`, each of the index that it is pinned to."""
        pins = {pin.package: pin.index for pin in self.pins}
        lines = ["[project]", f'name = "{PROJECT}"', 'version = "0"']
        lines += [f"dependencies = [{', '.join(_quoted(name) for name in packages)}]", "", "[tool.uv.sources]"]
        lines += [f"{_quoted(name)} = {{ index = {_quoted(pins[name])} }}" for name in packages]
        for index in self.pinned:
            lines += ["", "[[tool.uv.index]]", f"name = {_quoted(index.name)}", f"url = {_quoted(index.url)}",
                      "explicit = true"]  # fmt: skip
        return "\n".join(lines) + "\n"


def _in_force(key: str, sources: Iterable[Sequence[Stated]]) -> Iterator[Stated]:
    """Yield the values of the strongest source that says any, or of all of them where they add up."""
    seen = set()
    for values in sources:
        for each in values:
            if each.value not in seen:
                seen.add(each.value)
                yield each
        if values and key not in _ADDED:
            return


def _of_options(key: str, options: IndexOptions, environ: Mapping[str, str]) -> list[Stated]:
    values: Mapping[str, Sequence[str]] = {
        "index-url": (options.index_url,) if options.index_url else (),
        "extra-index-url": options.extra_index_urls,
        "find-links": [_as_link(link) for link in options.find_links],
        "trusted-host": options.trusted_hosts,
        "no-index": ("1",) if options.no_index else (),
    }
    origin = str(options.origin)
    try:
        return [Stated(key=key, value=expand(value, environ), origin=origin) for value in values.get(key, ())]
    except ChannelError as error:
        raise ConfigError(f"{origin}: {error.message.replace('the channel', 'the index')}", hint=error.hint) from error


def _of_uv(names: Sequence[str], key: str, environ: Mapping[str, str]) -> list[Stated]:
    found = []
    for name in names:
        text = environ.get(name)
        if not text or (key == "no-index" and text.lower() in ("0", "false", "no", "off")):
            continue
        pieces = text.split(",") if key == "find-links" else text.split() if key in _ADDED else [text]
        found += [Stated(key=key, value=piece.strip(), origin=name) for piece in pieces if piece.strip()]
        if key not in _ADDED:
            break
    return found


def _of_pip_and_section(
    key: str, pip: PipConfiguration, section: PypiSection, environ: Mapping[str, str]
) -> list[list[Stated]]:
    of_uv = any(environ.get(name) for name in _VARIABLES[key])
    of_pip = [] if of_uv and key in _ADDED else _of_pip(key, pip, environ)
    of_section = list(_of_section(key, section, environ))
    return [of_pip, of_section] if pip.origin(key).startswith("PIP_") else [of_section, of_pip]


def _of_pip(key: str, pip: PipConfiguration, environ: Mapping[str, str]) -> list[Stated]:
    values: Mapping[str, Sequence[str | None]] = {
        "index-url": (pip.index_url,),
        "extra-index-url": pip.extra_index_urls,
        "find-links": [_as_link(link) for link in pip.find_links],
        "no-index": ("1" if pip.no_index else None,),
        "trusted-host": pip.trusted_hosts,
        "cert": (pip.cert,),
        "client-cert": (pip.client_cert,),
        "proxy": (pip.proxy,),
        "timeout": (_seconds(pip.timeout),),
        "retries": (pip.retries if pip.retries and pip.retries.isdecimal() else None,),
        "keyring-provider": (_keyring(pip, environ),),
        "constraint": pip.constraints,
        "build-constraint": pip.build_constraints,
    }
    origin = pip.origin(key) or "by default, as for pip"
    return [Stated(key=key, value=value, origin=origin) for value in values.get(key, ()) if value]


def _of_section(key: str, section: PypiSection, environ: Mapping[str, str]) -> Iterator[Stated]:
    if key == "index-url" and section.default is not None:
        index = section.index(section.default)
        yield Stated(key=key, value=_expanded(index, environ), origin=str(index.origin))
    if key == "extra-index-url":
        for index in section.indexes:
            if index.name not in section.pinned and index.name != section.default:
                yield Stated(key=key, value=_expanded(index, environ), origin=str(index.origin))
    if key == "exclude-newer" and section.exclude_newer is not None:
        yield Stated(key=key, value=section.exclude_newer, origin=str(section.exclude_newer_origin))


def _pinned(section: PypiSection, environ: Mapping[str, str]) -> Iterator[PinnedIndex]:
    for name in sorted({pin.index for pin in section.pins}):
        index = section.index(name)
        parts = urlsplit(_expanded(index, environ))
        userinfo, _, host = parts.netloc.rpartition("@")
        user, _, password = userinfo.partition(":")
        yield PinnedIndex(
            name=name,
            url=urlunsplit(parts._replace(netloc=host)),
            user=unquote(user),
            password=unquote(password),
            origin=str(index.origin),
        )


def _expanded(index: NamedIndex, environ: Mapping[str, str]) -> str:
    try:
        return expand(index.url, environ)
    except ChannelError as error:
        raise ConfigError(f"{index.origin}: the index `{index.name}`: {error.message}", hint=error.hint) from error


def _seconds(text: str | None) -> str | None:
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return str(max(1, math.ceil(seconds))) if math.isfinite(seconds) else None  # uv knows whole seconds only


def _keyring(pip: PipConfiguration, environ: Mapping[str, str]) -> str | None:
    """Return uv's word for pip's: uv asks keyring by its command, which gives what importing it would.

    `auto`, which is pip's default, is what is there: nothing without that command, and where pip is told not to ask.
    By default it is asked only where an index has a user and no password, since uv then needs one.
    """
    known = {"disabled": "disabled", "subprocess": "subprocess", "import": "subprocess"}
    if pip.keyring_provider in known:
        return known[pip.keyring_provider]
    urls = (pip.index_url or "", *pip.extra_index_urls)
    is_wanted = pip.keyring_provider == "auto" or any(re.match(r"https?://[^/:@]+@", url) for url in urls)
    is_there = shutil.which("keyring", path=environ.get("PATH")) is not None
    return "subprocess" if is_wanted and is_there and not pip.no_input else None


def _as_link(link: str) -> str:
    return (link if is_url(link) else file_url(Path(os.path.abspath(link)))).replace(",", "%2C")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

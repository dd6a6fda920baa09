"""What the locks that other tools write have in common: entries that name an artifact by URL, read with distrust.

Every fault of a file is named at once, with its entry. Credentials in a URL do not become part of an entry: they are
kept apart, for the download alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from envmgr.errors import LockError, LockTampered
from envmgr.lock.model import UNKNOWN, CondaPackage, Lock
from envmgr.urls import redact, without_credentials

MAXIMUM_ENTRIES = 200_000
_HEX = {"md5": re.compile(r"[0-9a-fA-F]{32}"), "sha256": re.compile(r"[0-9a-fA-F]{64}")}
_ARTIFACT = re.compile(
    r"(?P<name>[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?)-(?P<version>[A-Za-z0-9_.+!~]+)"
    r"-(?P<build>[A-Za-z0-9_.+]+)\.(?:conda|tar\.bz2)"
)
_SUBDIR = re.compile(r"noarch|[a-z]+-[a-z0-9]+")
_SCHEMES = ("https://", "http://", "file://", "s3://", "gcs://", "oci://")
_SHOWN = 20
_LONGEST_URL = 4096  # characters
_LONGEST_NAME = 255  # bytes of a directory entry


class Foreign(NamedTuple):
    """What a file of another tool locks for one platform.

    The channels of `lock` are as the file writes them; `places` are the base URLs of its artifacts, with the
    credentials that the file has. `unhashed` are the packages whose artifact the file gives no hash of.
    """

    lock: Lock
    places: tuple[str, ...] = ()
    unhashed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Foreign(lock={self.lock!r}, places='***')"


class Artifact(NamedTuple):
    """The URL of a conda artifact, taken apart; `place` is the channel's base URL with its credentials."""

    place: str
    channel: str
    url: str
    subdir: str
    filename: str
    name: str
    version: str
    build: str

    def package(self, hashes: Mapping[str, str], **record: Any) -> CondaPackage:
        """Return the entry; what `record` does not say is read from the artifact later."""
        values = {
            "name": self.name.lower(), "version": self.version, "build": self.build, "build_number": 0,
            "subdir": self.subdir, "channel": self.channel, "url": self.url, "filename": self.filename,
            "sha256": hashes.get("sha256", ""), "md5": hashes.get("md5"), "noarch": UNKNOWN,
        }  # fmt: skip
        return CondaPackage(**{**values, **record})


class EntryFault(ValueError):
    """One entry is not what it has to be; whoever knows which one it is says so."""


class Faults:
    """The faults of one file, collected while its entries are read."""

    def __init__(self, source: str) -> None:
        self._source = redact(source)
        self.found: list[str] = []

    def add(self, entry: str, fault: object) -> None:
        """Remember what is wrong with an entry."""
        self.found.append(f"{entry}: {fault}")

    def raise_if_any(self) -> None:
        """Raise one LockTampered that names every fault."""
        if self.found:
            lines = self.found[:_SHOWN]
            if len(self.found) > _SHOWN:
                lines.append(f"and {len(self.found) - _SHOWN} more")
            raise LockTampered(
                "\n  ".join((f"{self._source} cannot be installed from:", *lines)),
                hint="write it anew with the tool that made it",
                details={"faults": self.found},
            )


def text(value: object, what: str) -> str:
    """Return `value` as the text that it has to be; raises EntryFault."""
    if isinstance(value, str) and value.strip() and value.isprintable():
        return value
    raise EntryFault(f"`{what}`: expected a text, found {shown(value)}")


def shown(value: object) -> str:
    """Return a value of a file as it may be printed; what is no scalar is not looked into, since it may be endless."""
    return f"`{redact(str(value)[:80])}`" if isinstance(value, (str, int, float, type(None))) else type(value).__name__


def is_absent(value: object) -> bool:
    """Whether a scalar stands for nothing: YAML's null is a text here, as every scalar is."""
    return value is None or value in ("", "null", "~")


def hashes(value: object) -> dict[str, str]:
    """Return the hashes of an entry, by kind, in lower case; raises EntryFault for one that is none."""
    if is_absent(value):
        return {}
    if not isinstance(value, Mapping):
        raise EntryFault("`hash`: expected `md5` and `sha256`")
    found = {}
    for kind, form in _HEX.items():
        written = value.get(kind)
        if is_absent(written):
            continue
        if not isinstance(written, str) or not form.fullmatch(written):
            digits = 32 if kind == "md5" else 64
            raise EntryFault(f"{kind}: expected {digits} hexadecimal digits, found {shown(written)}")
        found[kind] = written.lower()
    return found


def place(url: str) -> str:
    """Return `url` where an artifact can come from it; raises EntryFault for a scheme or a form that nothing has."""
    if len(url) > _LONGEST_URL:
        raise EntryFault(f"a URL of {len(url)} characters is none that an artifact has")
    if not url.lower().startswith(_SCHEMES):
        raise EntryFault(f"`{redact(url)[:200]}` is no URL of an artifact")
    try:
        parts = urlsplit(url)
        hostname = parts.hostname
    except ValueError as error:
        raise EntryFault(f"`{redact(url)[:200]}` is no URL: {error}") from error
    if parts.scheme != "file" and not hostname:
        raise EntryFault(f"`{redact(url)[:200]}` names no host")
    if ".." in re.split(r"[/\\]", unquote(parts.path)) or "\0" in unquote(url) or "\\" in unquote(parts.path):
        raise EntryFault(f"`{redact(url)[:200]}` leads out of its channel")
    return url


def artifact(url: str) -> Artifact:
    """Take the URL of a conda artifact apart (CEP 26, CEP 34); raises EntryFault for any other."""
    place(url)
    if "?" in url or "#" in url:
        raise EntryFault(f"`{redact(url)[:200]}` has a query or a fragment, which is not kept: it may be a secret")
    base, _, last = url.rpartition("/")
    filename = unquote(last)
    match = _ARTIFACT.fullmatch(filename) if len(filename) <= _LONGEST_NAME else None
    if match is None:
        raise EntryFault(f"`{redact(url)[:200]}` does not end in name-version-build.conda or .tar.bz2")
    channel, _, subdir = base.rpartition("/")
    if not _SUBDIR.fullmatch(subdir):
        if not url.lower().startswith("file:"):
            raise EntryFault(f"`{redact(url)[:200]}` is in no directory of a platform, as linux-64 and noarch are")
        channel, subdir = base, ""  # an archive somewhere on this machine: it says itself what it is for
    clean = without_credentials(channel)
    return Artifact(
        place=channel,
        channel=clean,
        url=f"{clean}/{subdir}/{last}" if subdir else f"{clean}/{last}",
        subdir=subdir,
        filename=filename,
        name=match["name"],
        version=match["version"],
        build=match["build"],
    )


def once(packages: Sequence[CondaPackage], faults: Faults, entries: Sequence[str]) -> tuple[CondaPackage, ...]:
    """Return the packages sorted by name, each once; the same artifact written twice is one, two are a fault."""
    found: dict[str, CondaPackage] = {}
    for package, entry in zip(packages, entries, strict=True):
        known = found.setdefault(package.name, package)
        if known.url != package.url:
            faults.add(entry, f"{package.name} is in it a second time: {known.filename} and {package.filename}")
        elif (known.sha256, known.md5) != (package.sha256, package.md5) and _differ(known, package):
            faults.add(entry, f"{package.name} is in it a second time, with another hash")
    return tuple(found[name] for name in sorted(found))


def check_size(entries: Sequence[object], source: str) -> None:
    """Raise LockError for more entries than any environment has."""
    if len(entries) > MAXIMUM_ENTRIES:
        raise LockError(f"{redact(source)} has {len(entries)} entries, which no lock has")


def _differ(one: CondaPackage, other: CondaPackage) -> bool:
    return bool((one.sha256 and other.sha256 and one.sha256 != other.sha256) or (one.md5 and other.md5 != one.md5))

"""What a requirement names instead of an index: a path, a URL of an archive, a repository (PEP 440 direct references).

Accepted is what pip accepts, `#egg=` included; the result is a PEP 508 URL: `file:///…`, `https://…`, `git+https://…`
with `@REVISION` and `#subdirectory=…`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from envmgr.spec.faults import SpecFault, shown
from envmgr.urls import file_name, file_url, is_url

_VERSION_CONTROL = re.compile(r"(?P<kind>git|hg|svn|bzr)\+", re.IGNORECASE)
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".tar", ".tar.zst")
_PATH = re.compile(r"(?:\.{0,2}[/\\]|~|[A-Za-z]:[/\\]|\.{1,2}$|\.{1,2}\[|[^\s@]*[/\\])")
_EXTRAS = re.compile(r"(?P<path>.*?)\s*\[(?P<extras>[^\[\]]*)\]")
_EGG = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[(?P<extras>[^\]]*)\])?(?:==?.*|-dev)?")
_SCP = re.compile(r"git\+(?:ssh://)?(?P<user>[\w.-]+)@(?P<host>[\w.-]+):(?!\d+/)(?P<path>[^/].*)")
_HASH = re.compile(r"(?P<kind>sha256|sha384|sha512|sha1|sha224|md5)=(?P<digest>[0-9a-fA-F]+)")
_KNOWN_HASH = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}|md5:[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a requirement comes from: `url` (PEP 508), and what its text says besides: the normalised `name` where it
    says one, `extras`, and `hashes` as `sha256:…` (or `sha512:…`, `sha384:…`, `md5:…`). `written` is the text to write
    for it in the file that it is in."""

    url: str
    written: str
    name: str | None = None
    extras: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether it lies on this machine, as a file or a directory."""
        return self.url.startswith("file:")


def is_source(text: str) -> bool:
    """Whether a line (without marker and options) names a source, and not a name on an index."""
    if re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\])?\s*@\s", text):
        return False
    bare = re.split(r"[\[;]", text, maxsplit=1)[0].strip()
    return bool(
        is_url(text)
        or text.startswith("file:")
        or _VERSION_CONTROL.match(text)
        or _PATH.match(text)
        or bare.lower().endswith(_ARCHIVES)
    )


def parse(text: str, *, base: str) -> Source:
    """Return the source that `text` names; a relative path is one from the directory `base`.

    Raises SpecFault for what can be no source.
    """
    kind = _VERSION_CONTROL.match(text)
    if kind is not None:
        return _repository(text, kind["kind"].lower())
    if is_url(text) and not text.startswith("file:"):
        return _archive(text)
    return _path(text, base)


def hashes_of(values: list[str], line: str) -> tuple[str, ...]:
    """Return hashes as `ALGORITHM:DIGEST`, those by sha256 alone where there are any; raises SpecFault for what is
    none, and where nothing could be held against them."""
    lowered = [value.strip().lower() for value in values]
    found = tuple(value for value in lowered if _KNOWN_HASH.fullmatch(value))
    wrong = [value for value in lowered if value not in found and value.split(":")[0] in ("sha256", "sha384", "sha512")]
    if wrong or (values and not found):
        raise SpecFault(
            f"{shown(line)}: {shown(wrong[0] if wrong else lowered[0])} is no sha256, nor another hash that files are "
            "held against",
            "write `--hash=sha256:…` with the 64 digits that `pip hash FILE` prints",
        )
    return tuple(value for value in found if value.startswith("sha256:")) or found


def _repository(text: str, kind: str) -> Source:
    if kind != "git":
        raise SpecFault(
            f"{shown(text)}: {kind} repositories are not read, git ones are",
            "clone it, and write the path of the clone",
        )
    url, _, fragment = text.partition("#")
    scp = _SCP.fullmatch(url)
    if scp is not None:
        raise SpecFault(
            f"{shown(text)} is no URL", f"write `git+ssh://{scp['user']}@{scp['host']}/{scp['path'].lstrip('/')}`"
        )
    if not is_url(url.removeprefix("git+")):
        raise SpecFault(f"{shown(text)} is no URL", "write `git+https://HOST/PATH@REVISION`")
    name, extras, rest = _fragment(fragment)
    url = "git+" + url[4:]
    return Source(url=url + (f"#{rest}" if rest else ""), written=text, name=name, extras=extras)


def _archive(text: str) -> Source:
    url, _, fragment = text.partition("#")
    url, extras = _without_extras(url)
    if not url.lower().startswith(("http://", "https://")):
        raise SpecFault(f"{shown(text)}: no such scheme can be fetched", "write an https:// URL, or a path")
    egg, more, rest = _fragment(fragment)
    hashes = tuple(f"{match['kind']}:{match['digest'].lower()}" for match in _HASH.finditer(fragment))
    kept = "&".join(part for part in rest.split("&") if part and not _HASH.fullmatch(part))
    return Source(
        url=url + (f"#{kept}" if kept else ""),
        written=text,
        name=egg or name_in(file_name(url)),
        extras=(*extras, *more),
        hashes=hashes_of(list(hashes), text) if hashes else (),
    )


def _path(text: str, base: str) -> Source:
    path, _, fragment = text.partition("#")
    path, extras = _without_extras(path)
    name, more, rest = _fragment(fragment)
    hashes = tuple(f"{match['kind']}:{match['digest'].lower()}" for match in _HASH.finditer(fragment))
    if path.startswith("file:"):
        path = unquote(path.removeprefix("file:"))
        path = re.sub(r"^//(?:localhost)?(?=/)", "", path)
        if path.startswith("//"):
            raise SpecFault(
                f"{shown(text)} names another machine, and a `file:` URL is of this one",
                "write `file:///PATH`, or a path such as `./package`",
            )
    if "${" in path and not path.startswith(("/", ".")):
        return Source(url=f"file:{path}", written=text, name=name, extras=(*extras, *more))  # absolute once expanded
    local = Path(os.path.normpath(os.path.join(base or os.getcwd(), os.path.expanduser(path))))
    kept = "&".join(part for part in rest.split("&") if part and not _HASH.fullmatch(part))
    where = file_url(local).replace("%24%7B", "${").replace("%7D", "}") if "${" in path else file_url(local)
    return Source(
        url=where + (f"#{kept}" if kept else ""),
        written=text,
        name=name or (name_in(local.name) if local.name.lower().endswith(_ARCHIVES) else None),
        extras=(*extras, *more),
        hashes=hashes_of(list(hashes), text) if hashes else (),
    )


def _fragment(fragment: str) -> tuple[str | None, tuple[str, ...], str]:
    """Return what `#egg=` names, its extras, and the fragment without it."""
    name: str | None = None
    extras: tuple[str, ...] = ()
    kept: list[str] = []
    for key, value in parse_qsl(fragment, keep_blank_values=True):
        egg = _EGG.fullmatch(value) if key == "egg" else None
        if egg is not None:
            name, extras = canonicalize_name(egg["name"]), _listed(egg["extras"])
        elif key != "egg":
            kept.append(f"{key}={value}")
    return name, extras, "&".join(kept)


def name_in(filename: str) -> str | None:
    """Return the normalised name of the distribution that the file name of a wheel or sdist says, None without one."""
    try:
        if filename.lower().endswith(".whl"):
            return parse_wheel_filename(filename)[0]
        return parse_sdist_filename(filename)[0]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None


def _without_extras(text: str) -> tuple[str, tuple[str, ...]]:
    match = _EXTRAS.fullmatch(text.strip())
    return (match["path"], _listed(match["extras"])) if match else (text.strip(), ())


def _listed(extras: str | None) -> tuple[str, ...]:
    return tuple(canonicalize_name(extra) for extra in (extras or "").split(",") if extra.strip())

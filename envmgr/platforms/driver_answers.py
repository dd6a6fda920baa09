"""What the NVIDIA driver of this machine was found to offer, kept until its files, its devices or the kernel change.

Asking a driver takes a process and up to a second. On the path of `run`: imports nothing heavy.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence

from envmgr.platforms import driver
from envmgr.platforms.model import VirtualPackage
from envmgr.processes import boot_id

_VERSION_FILE = "/proc/driver/nvidia/version"
_VARIABLES = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES")
_LARGEST = 1 << 16  # bytes of an answer


def signature(environ: Mapping[str, str]) -> str | None:
    """Return a text that is another one when the driver may be; None where no place in which rattler looks for a
    driver has one (nothing is loaded)."""
    places = [_stamp(path) for path in driver.places(environ)]
    if not places:
        return None
    facts = [
        *places,
        _content(_VERSION_FILE),
        boot_id() or "",
        *_devices(),
        *(f"{name}={environ.get(name)}" for name in _VARIABLES),
        " ".join(os.uname()),
        os.confstr("CS_GNU_LIBC_VERSION") or "",
    ]
    return "\n".join(facts)


def known(signed: str, environ: Mapping[str, str]) -> tuple[VirtualPackage, ...] | None:
    """Return the virtual packages that were found on a machine of this signature, None where nobody has looked."""
    try:
        with open(_path(signed, environ), "rb") as stream:
            document = json.loads(stream.read(_LARGEST))
        found = tuple(VirtualPackage(*map(str, fields)) for fields in document)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    return found or None


def remember(signed: str, packages: Sequence[VirtualPackage], environ: Mapping[str, str]) -> None:
    """Keep what was found; where it cannot be written, the driver is asked again."""
    path = _path(signed, environ)
    scratch = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(scratch, "w", encoding="utf-8") as stream:
            json.dump([list(package) for package in packages], stream)
        os.replace(scratch, path)
    except OSError:
        return


def _stamp(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return path
    return f"{os.path.realpath(path)} {found.st_mtime_ns} {found.st_size} {found.st_ino}"


def _devices() -> list[str]:
    try:
        return sorted(name for name in os.listdir("/dev") if name.startswith("nvidia"))
    except OSError:
        return []


def _content(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read(_LARGEST)
    except OSError:
        return ""


def _path(signed: str, environ: Mapping[str, str]) -> str:
    import hashlib  # only where there is a driver

    name = hashlib.sha256(signed.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    home = environ.get("XDG_CACHE_HOME") or os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".cache")
    return os.path.join(environ.get("ENVMGR_CACHE") or os.path.join(home, "envmgr"), "driver", f"{name}.json")

"""Whether a driver of NVIDIA may be there, and which machine this is (light: nothing is loaded, nothing is started)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping

from envmgr.processes import boot_id

_LIBRARIES = ("libnvidia-ml.so", "libcuda.so")
_DIRECTORIES = (
    "/usr/lib64/nvidia", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib/wsl/lib", "/usr/lib64",
    "/usr/lib", "/lib64", "/lib",
)  # fmt: skip
_LINKER_CACHE = "/etc/ld.so.cache"
_VERSION = "/proc/driver/nvidia/version"


def may_be_there(environ: Mapping[str, str]) -> bool:
    """Whether any of the places in which rattler looks for an NVIDIA driver has one."""
    return next(places(environ), None) is not None


def places(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the files by which rattler would find an NVIDIA driver."""
    if not sys.platform.startswith("linux"):
        return
    for directory in environ.get("PATH", os.defpath).split(os.pathsep):
        if os.access(program := os.path.join(directory, "nvidia-smi"), os.X_OK):
            yield program
    try:
        with open(_LINKER_CACHE, "rb") as stream:
            cached = stream.read()
    except OSError:
        cached = b""
    if any(library.encode() in cached for library in _LIBRARIES):
        yield _LINKER_CACHE
    for directory in (*filter(None, environ.get("LD_LIBRARY_PATH", "").split(":")), *_DIRECTORIES):
        for library in _LIBRARIES:
            for suffix in ("", ".1"):
                if os.path.exists(path := os.path.join(directory, library + suffix)):
                    yield path


def machine_mark(environ: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return what is the same for as long as the virtual packages of this machine are; None where that is not known."""
    if not sys.platform.startswith("linux"):
        return None
    driver = ""
    if may_be_there(environ):
        try:
            with open(_VERSION, encoding="utf-8", errors="replace") as stream:
                driver = stream.read(4096)
        except OSError:
            return None  # one under Windows, or none that runs: only whoever asks it knows
    try:
        library = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError):
        library = ""  # another C library
    system = os.uname()
    boot = boot_id()
    return (boot, system.nodename, system.release, system.machine, library, driver) if boot else None

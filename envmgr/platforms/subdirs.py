"""Subdirs: the names of platforms (CEP 26), and that of this machine. Imports no rattler (hot paths)."""

from __future__ import annotations

import platform as host
import re
import struct
import sys

from envmgr.errors import UsageError

KNOWN_SUBDIRS = (
    "linux-32", "linux-64", "linux-aarch64", "linux-armv6l", "linux-armv7l", "linux-loongarch64", "linux-ppc64",
    "linux-ppc64le", "linux-riscv32", "linux-riscv64", "linux-s390x",
    "osx-64", "osx-arm64",
    "win-32", "win-64", "win-arm64",
    "freebsd-64", "freebsd-arm64",
    "emscripten-wasm32", "wasi-wasm32", "zos-z",
)  # fmt: skip

_SYNTAX = re.compile(r"[a-z0-9]+-[a-z0-9]+")
_MAXIMUM_LENGTH = 32

_SYSTEMS = {"linux": "linux", "darwin": "osx", "win32": "win", "emscripten": "emscripten", "wasi": "wasi"}
_MACHINES = {
    "x86_64": "64", "amd64": "64", "x86": "32", "i386": "32", "i686": "32", "aarch64": "aarch64", "arm64": "arm64",
    "armv6l": "armv6l", "armv7l": "armv7l", "ppc64": "ppc64", "ppc64le": "ppc64le", "s390x": "s390x",
    "riscv64": "riscv64", "loongarch64": "loongarch64", "wasm32": "wasm32",
}  # fmt: skip


def current_subdir() -> str:
    """Return the subdir of the running interpreter (`linux-64`, `osx-arm64`).

    Raises UsageError on a machine that has no subdir, naming the option that says one.
    """
    system = "freebsd" if sys.platform.startswith("freebsd") else _SYSTEMS.get(sys.platform)
    machine = _MACHINES.get(host.machine().lower())
    # A 32-bit interpreter on a 64-bit kernel reports the kernel's machine but can load 32-bit libraries only.
    if machine == "64" and struct.calcsize("P") == 4:
        machine = "32"
    if system == "linux" and machine == "arm64":
        machine = "aarch64"
    if system in {"osx", "win"} and machine == "aarch64":
        machine = "arm64"
    subdir = f"{system}-{machine}"
    if subdir not in KNOWN_SUBDIRS:
        raise UsageError(
            f"this machine ({sys.platform}, {host.machine()}) is no platform that conda packages are made for",
            hint="name one with --platform, for example `--platform linux-64`",
        )
    return subdir


def validate_subdir(subdir: str) -> str:
    """Return `subdir` when it names a platform to solve for; `noarch` does not, since no machine is one.

    Raises UsageError with the nearest name.
    """
    if subdir in KNOWN_SUBDIRS:
        return subdir
    if subdir == "noarch":
        raise UsageError(
            "`noarch` is not a platform: its packages are installed on every platform",
            hint="name the machine's platform, for example `--platform linux-64`",
        )
    import difflib  # start-up time: only to word an error

    # What users of other tools write: uname's and Python's names of the same machines.
    aliases = {
        "linux-x86_64": "linux-64", "linux-amd64": "linux-64", "linux-arm64": "linux-aarch64", "macos-64": "osx-64",
        "macos-arm64": "osx-arm64", "darwin-arm64": "osx-arm64", "darwin-64": "osx-64", "macos": "osx-arm64",
        "osx-aarch64": "osx-arm64", "osx-x86_64": "osx-64", "win-amd64": "win-64", "win-x86_64": "win-64",
        "windows": "win-64", "windows-64": "win-64", "linux": "linux-64", "osx": "osx-64", "win": "win-64",
    }  # fmt: skip
    wanted = subdir.strip().lower()
    near = [aliases[wanted]] if wanted in aliases else difflib.get_close_matches(wanted, KNOWN_SUBDIRS, n=1)
    shown = subdir if len(subdir) <= _MAXIMUM_LENGTH * 2 else subdir[:_MAXIMUM_LENGTH] + "…"
    fault = "is not a known platform" if _SYNTAX.fullmatch(subdir) else "is not a platform name (`system-machine`)"
    raise UsageError(
        f"`{shown}` {fault}",
        hint=f"did you mean `{near[0]}`?" if near else f"known platforms: {', '.join(KNOWN_SUBDIRS)}",
    )

"""Markers (PEP 508) where the machine is known, and the python is not yet."""

from __future__ import annotations

import functools
from collections.abc import Collection

from packaging.markers import Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.version import InvalidVersion

ALWAYS, NEVER = "python_version >= '0'", "python_version < '0'"
PYTHONS = tuple(f"3.{minor}" for minor in range(7, 17))
# subdir → what markers say of it, apart from python
_MACHINES = {
    "linux-64": ("linux", "Linux", "posix", "x86_64"),
    "linux-aarch64": ("linux", "Linux", "posix", "aarch64"),
    "osx-64": ("darwin", "Darwin", "posix", "x86_64"),
    "osx-arm64": ("darwin", "Darwin", "posix", "arm64"),
    "win-64": ("win32", "Windows", "nt", "AMD64"),
    "win-arm64": ("win32", "Windows", "nt", "ARM64"),
}


def may_hold(marker: str, platform: str) -> bool:
    """Whether a marker holds with some python on `platform`."""
    if not marker or platform not in _MACHINES or "full_version" in marker or "implementation_version" in marker:
        return True
    return any(_holds(marker, platform, python) for python in PYTHONS)


def _holds(marker: str, platform: str, python: str) -> bool:
    sys_platform, system, os_name, machine = _MACHINES[platform]
    environment = {
        "sys_platform": sys_platform, "platform_system": system, "os_name": os_name, "platform_machine": machine,
        "python_version": python, "python_full_version": f"{python}.0", "implementation_version": f"{python}.0",
        "implementation_name": "cpython", "platform_python_implementation": "CPython", "platform_release": "",
        "platform_version": "", "extra": "",
    }  # fmt: skip
    try:
        return Marker(marker).evaluate(environment)
    except (UndefinedComparison, UndefinedEnvironmentName, InvalidVersion):
        return True


def always_holds(marker: str) -> bool:
    """Whether a marker holds with every python on every machine."""
    return all(_holds(marker, machine, python) for machine in _MACHINES for python in PYTHONS)


@functools.lru_cache(maxsize=4096)  # the same marker stands at many edges of a lock
def pythons(marker: str, platform: str) -> frozenset[str]:
    """Return the minor versions of python with which a marker holds on `platform`; an unknown platform is none that
    a marker keeps out. Raises InvalidMarker for what is none."""
    if not marker or platform not in _MACHINES:
        return frozenset(PYTHONS)
    return frozenset(python for python in PYTHONS if _holds(marker, platform, python))


def of_pythons(found: Collection[str]) -> str:
    """Return the marker that holds for these minor versions alone, empty for all that are known."""
    numbers = [number for number, python in enumerate(PYTHONS) if python in found]
    if len(numbers) == len(PYTHONS):
        return ""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    parts = [" and ".join(filter(None, (
        f"python_version >= '{PYTHONS[first]}'" if first else "",
        f"python_version < '{PYTHONS[last + 1]}'" if last + 1 < len(PYTHONS) else "",
    ))) for first, last in spans]  # fmt: skip
    return " or ".join(parts) or NEVER

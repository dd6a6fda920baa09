"""The environment that the pip half is for: its python, its markers and its wheel tags, without that machine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.version import InvalidVersion, Version

from envmgr.errors import PipError
from envmgr.lock.model import CondaPackage
from envmgr.platforms.model import VirtualPackage

# uv knows these glibc levels by name and no others (uv 0.13, `--python-platform`)
_GLIBC_MINORS = (17, 28, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40)
_LEGACY_MANYLINUX = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
# subdir → (sys_platform, platform_system, os_name, platform_machine, uv's architecture)
_PLATFORMS = {
    "linux-64": ("linux", "Linux", "posix", "x86_64", "x86_64"),
    "linux-aarch64": ("linux", "Linux", "posix", "aarch64", "aarch64"),
    "osx-64": ("darwin", "Darwin", "posix", "x86_64", "x86_64"),
    "osx-arm64": ("darwin", "Darwin", "posix", "arm64", "aarch64"),
    "win-64": ("win32", "Windows", "nt", "AMD64", "x86_64"),
    "win-arm64": ("win32", "Windows", "nt", "ARM64", "aarch64"),
    "win-32": ("win32", "Windows", "nt", "x86", "i686"),
}
_WINDOWS_TAGS = {"win-64": "win_amd64", "win-arm64": "win_arm64", "win-32": "win32"}
_OLDEST_MACOS = {"osx-64": "10.13", "osx-arm64": "11.0"}  # what conda-forge's own packages assume


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One platform and CPython.

    `python_version` is the full `x.y.z`, `python_platform` uv's name of the platform, `variables` what uv needs in
    its environment for it, `markers` the PEP 508 marker environment, `tags` the PEP 425 tags, best first.
    """

    platform: str
    python_version: str
    python_platform: str
    markers: Mapping[str, str]
    tags: tuple[Tag, ...] = field(repr=False)
    variables: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(
        cls, packages: Iterable[CondaPackage], *, platform: str, virtual_packages: Sequence[VirtualPackage]
    ) -> Target:
        """Return the target that a solved conda half makes.

        Raises PipError when it has no CPython, or when pip's world has no wheels for the platform.
        """
        if platform not in _PLATFORMS:
            raise PipError(
                f"the pip half cannot be resolved for {platform}: uv knows no such platform",
                hint=f"platforms with a pip half: {', '.join(_PLATFORMS)}",
            )
        version = _python_version(packages)
        virtual = {package.name: package.version for package in virtual_packages}
        name, platform_tags, variables = _wheel_platform(platform, virtual)
        parsed = Version(version)
        python = (parsed.major, parsed.minor)
        interpreter = f"cp{parsed.major}{parsed.minor}"
        return cls(
            platform=platform,
            python_version=version,
            python_platform=name,
            markers=_markers(platform, version),
            tags=(
                *cpython_tags(python, [interpreter], platform_tags),
                *compatible_tags(python, interpreter, platform_tags),
            ),
            variables=variables,
        )

    def wants(self, requirement: Requirement, extra: str = "") -> bool:
        """Whether the marker of `requirement` holds here, asked for with `extra`; one without meaning does not."""
        try:
            return requirement.marker is None or requirement.marker.evaluate({**self.markers, "extra": extra})
        except (UndefinedComparison, UndefinedEnvironmentName, InvalidVersion):
            return False


def _python_version(packages: Iterable[CondaPackage]) -> str:
    python = next((package for package in packages if package.name == "python"), None)
    if python is None:
        raise PipError(
            "there is a pip section, but the conda half has no python to install it for",
            hint="add `- python` to dependencies",
        )
    if "pypy" in python.build or re.search(r"_cp\d+t$", python.build):
        raise PipError(
            f"the pip half needs the standard CPython; {python.dist_name} is another one",
            hint=f"write `python {python.version}=*_cp*` in dependencies",
        )
    try:
        return str(Version(python.version))
    except InvalidVersion:
        raise PipError(f"the version of {python.dist_name} is none that PEP 440 knows") from None


def _markers(platform: str, version: str) -> dict[str, str]:
    sys_platform, system, os_name, machine, _ = _PLATFORMS[platform]
    return {
        "implementation_name": "cpython",
        "implementation_version": version,
        "os_name": os_name,
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": system,
        "platform_version": "",
        "python_full_version": version,
        "python_version": ".".join(version.split(".")[:2]),
        "sys_platform": sys_platform,
    }


def _wheel_platform(platform: str, virtual: Mapping[str, str]) -> tuple[str, list[str], tuple[tuple[str, str], ...]]:
    """Return uv's name of the platform, its wheel tags, and the variables that uv reads for it."""
    architecture = _PLATFORMS[platform][4]
    if platform.startswith("linux"):
        minor = _glibc_minor(virtual.get("__glibc", "2.17"))
        return f"{architecture}-manylinux_2_{minor}", list(_manylinux(architecture, minor)), ()
    if platform.startswith("osx"):
        release = _release(virtual.get("__osx") or _OLDEST_MACOS[platform], "__osx")
        machine = _PLATFORMS[platform][3]
        variables = (("MACOSX_DEPLOYMENT_TARGET", f"{release[0]}.{release[1]}"),)
        return f"{architecture}-apple-darwin", list(mac_platforms(release, machine)), variables
    return f"{architecture}-pc-windows-msvc", [_WINDOWS_TAGS[platform]], ()


def _glibc_minor(version: str) -> int:
    major, minor = _release(version, "__glibc")
    known = [level for level in _GLIBC_MINORS if (2, level) <= (major, minor)]
    if not known:
        raise PipError(f"glibc {version} is older than the oldest that wheels are made for (2.17, manylinux2014)")
    return known[-1]


def _manylinux(architecture: str, minor: int) -> Iterator[str]:
    oldest = 5 if architecture == "x86_64" else 17
    for level in range(minor, oldest - 1, -1):
        yield f"manylinux_2_{level}_{architecture}"
        if level in _LEGACY_MANYLINUX:
            yield f"{_LEGACY_MANYLINUX[level]}_{architecture}"
    yield f"linux_{architecture}"


def _release(version: str, what: str) -> tuple[int, int]:
    numbers = re.match(r"(\d+)(?:\.(\d+))?", version)
    if numbers is None:
        raise PipError(f"{what} has the version `{version}`, which has no number to choose wheels by")
    return int(numbers[1]), int(numbers[2] or 0)

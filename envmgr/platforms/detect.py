"""The virtual packages of a platform (CEP 30, CEP 46): found on this machine, assumed for another one, overridden.

rattler is imported where it is called, because the up-to-date check imports this module.
"""

from __future__ import annotations

import json
import os
import platform as host
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence

from envmgr.errors import ConfigError, UsageError
from envmgr.platforms import driver_answers
from envmgr.platforms.model import VirtualPackage
from envmgr.platforms.subdirs import current_subdir
from envmgr.reporting import Reporter, SilentReporter

DRIVER_SECONDS = 1.0

# What another platform is assumed to be when nothing says otherwise: RHEL 8 and Debian 10, macOS 13, Windows 10,
# the same values as rattler and pixi assume. CEP 30 asks for `__osx 0`, under which next to nothing installs.
_ASSUMED_VERSIONS = {
    "linux": {"__linux": "4.18", "__glibc": "2.28"},
    "osx": {"__osx": "13.0"},
    "win": {"__win": "10.0"},
}
_UNIX_SYSTEMS = frozenset({"linux", "osx", "freebsd", "emscripten"})
_ASSUMED_ARCHSPECS = {  # CEP 30, appendix A; every Apple Silicon machine is at least an m1
    "32": "x86", "64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64", "z": "z",
}  # fmt: skip

_VERSION = re.compile(r"(?:[0-9]+!)?[0-9a-z][0-9a-z._]*(?:\+[0-9a-z._]+)?")
_KERNEL = re.compile(r"[0-9]+\.[0-9]+(\.[0-9]+)?(\.[0-9]+)?")
_CAPABILITY = re.compile(r"[0-9]+\.[0-9]+")
_BUILD = re.compile(r"[a-zA-Z0-9_.+]{1,64}")
_NAME = re.compile(r"__[a-z0-9][._-]?(?:[a-z0-9]+(?:\.|-|_|$))*")

_PROBE = (
    "import json, rattler; found = [p.into_generic() for p in rattler.VirtualPackage.detect()];"
    "print(json.dumps([[p.name.normalized, str(p.version), str(p.build_string)] for p in found]))"
)


def detect(
    platform: str,
    environ: Mapping[str, str],
    overrides: Sequence[str] = (),
    *,
    reporter: Reporter | None = None,
    profile: Sequence[VirtualPackage] | None = None,
) -> tuple[VirtualPackage, ...]:
    """Return the virtual packages that `platform` (a subdir) offers, sorted by name.

    Where a `profile` says what they are on some machine, that counts, and nothing is looked for. Else, on the
    machine's own platform they are what rattler finds; `__cuda` and `__cuda_arch` come from the driver, which gets
    one second to answer (a warning says so when it does not) and is asked again only when it changed. For any other
    platform they are stated assumptions, never this machine's. Then the `CONDA_OVERRIDE_*` variables of `environ` hold
    (an empty one takes the package away), then `overrides` (`__name=version[=build]`, `__name=` takes it away).

    Raises ConfigError for a variable and UsageError for an override that cannot be read.
    """
    if profile is not None:
        found = list(profile)
    elif platform == _current_or_none():
        found = _of_this_machine(environ, reporter or SilentReporter())
    else:
        found = _assumed(platform)
    packages = {package.name: package for package in found}
    _apply_variables(packages, platform, environ)
    for text in overrides:
        name, package = parse_virtual_package(text)
        packages.pop(name, None)
        if package is not None:
            packages[name] = package
    if "__cuda" not in packages:  # CEP 46: no compute capability without a driver
        packages.pop("__cuda_arch", None)
    return tuple(packages[name] for name in sorted(packages))


def _current_or_none() -> str | None:
    try:
        return current_subdir()
    except UsageError:
        return None


def _assumed(platform: str) -> list[VirtualPackage]:
    system, _, machine = platform.partition("-")
    packages = [VirtualPackage(name, version) for name, version in _ASSUMED_VERSIONS.get(system, {}).items()]
    if system in _UNIX_SYSTEMS:
        packages.append(VirtualPackage("__unix", "0"))
    archspec = "m1" if platform == "osx-arm64" else _ASSUMED_ARCHSPECS.get(machine, machine)
    packages.append(VirtualPackage("__archspec", "1", archspec))
    return packages


def _of_this_machine(environ: Mapping[str, str], reporter: Reporter) -> list[VirtualPackage]:
    signed = driver_answers.signature(environ)
    if signed is None:
        from rattler import VirtualPackage as Detected  # start-up time

        generic = [package.into_generic() for package in Detected.detect()]
        return [VirtualPackage(p.name.normalized, str(p.version), str(p.build_string)) for p in generic]
    known = driver_answers.known(signed, environ)
    if known is not None:
        return list(known)
    # A wedged driver blocks whoever asks it, in a call that no thread can be woken from: a process can be killed.
    try:
        answer = subprocess.run(
            [sys.executable, "-I", "-c", _PROBE],
            capture_output=True, check=True, timeout=DRIVER_SECONDS, env=dict(environ), text=True,
        )  # fmt: skip
        found = [VirtualPackage(*fields) for fields in json.loads(answer.stdout)]
        driver_answers.remember(signed, found, environ)
        return found
    except subprocess.TimeoutExpired:
        reporter.warning(
            f"the NVIDIA driver did not answer within {DRIVER_SECONDS:g} s, so __cuda is taken to be absent;"
            " CONDA_OVERRIDE_CUDA or --virtual-package __cuda=VERSION says otherwise"
        )
    except (subprocess.CalledProcessError, ValueError, TypeError, OSError) as error:
        reporter.warning(f"the virtual packages of this machine could not be detected in full: {error}")
    return _without_the_driver()


def _without_the_driver() -> list[VirtualPackage]:
    packages = {package.name: package for package in _assumed(current_subdir())}
    kernel = _KERNEL.match(host.release())
    if "__linux" in packages and kernel:
        packages["__linux"] = VirtualPackage("__linux", kernel[0])
    if "__glibc" in packages:
        library, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        packages.pop("__glibc")
        if library == "glibc":
            packages["__glibc"] = VirtualPackage("__glibc", version)
    return list(packages.values())


def _apply_variables(packages: dict[str, VirtualPackage], platform: str, environ: Mapping[str, str]) -> None:
    system = platform.partition("-")[0]
    rules = [("__cuda", _VERSION, True), ("__cuda_arch", _CAPABILITY, True), ("__archspec", _BUILD, True),
             ("__glibc", _VERSION, system == "linux"), ("__linux", _KERNEL, system == "linux"),
             ("__osx", _VERSION, system == "osx"), ("__win", _VERSION, system == "win")]  # fmt: skip
    for name, form, applies in rules:
        variable = f"CONDA_OVERRIDE_{name.lstrip('_').upper()}"
        if not applies or variable not in environ:
            continue
        value = environ[variable].strip()
        packages.pop(name, None)
        if not value:
            continue
        if not form.fullmatch(value):
            expected = "a microarchitecture" if name == "__archspec" else "a version"
            example = {"__archspec": "x86_64_v3", "__cuda": "12.4", "__cuda_arch": "8.6"}.get(name, "10.0")
            raise ConfigError(
                f"{variable}: expected {expected}, found `{value}`",
                hint=f"export {variable}={example}",
            )
        packages[name] = VirtualPackage(name, "1", value) if name == "__archspec" else VirtualPackage(name, value)


def parse_virtual_package(text: str, *, where: str = "--virtual-package") -> tuple[str, VirtualPackage | None]:
    """Return the name and the package that `__name=version[=build]` says, None for `__name=`, which takes it away.

    Raises UsageError, naming `where` it stands, for anything else.
    """
    name, equals, rest = text.strip().partition("=")
    version, has_build, build = rest.lstrip("=").partition("=")
    hint = "write `--virtual-package __cuda=12.8`, or `--virtual-package __cuda=` to take it away"
    if not _NAME.fullmatch(name) or len(name) > 64:
        raise UsageError(f"{where} `{text}`: expected `__name=version`, found no such name", hint=hint)
    if not equals:
        raise UsageError(f"{where} `{text}`: expected `{name}=version`, found no version", hint=hint)
    if not version:
        return name, None
    if not _VERSION.fullmatch(version) or (has_build and not _BUILD.fullmatch(build)):
        raise UsageError(f"{where} `{text}`: expected `{name}=version[=build]`, found `{rest}`", hint=hint)
    return name, VirtualPackage(name, version, build or "0")

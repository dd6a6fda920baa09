"""The usual mistakes of the shell that envmgr runs in: activation, PATH, and what leaks in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from envmgr.settings import Settings
from envmgr.store import layout, registry
from envmgr.store.layout import Location
from envmgr.workflows.finding import Finding, fault, notice

_PIP_ELSEWHERE = ("PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_ROOT")


def _active(settings: Settings) -> Path | None:
    prefix = settings.environ.get("CONDA_PREFIX")
    return Path(prefix) if prefix else None


def activation(settings: Settings) -> Iterator[Finding]:
    """Yield where activation is broken."""
    environ, prefix = settings.environ, _active(settings)
    level = environ.get("CONDA_SHLVL", "")
    if prefix is None:
        if level not in ("", "0"):
            yield fault(f"CONDA_SHLVL is {level}, and no environment is active", "start a new shell")
        return
    if not layout.is_environment(prefix):
        yield fault(f"the active environment {prefix} does not exist any more", "envmgr deactivate")
        return
    if level and not (level.isdecimal() and int(level) > 0):
        yield fault(f"{prefix} is active, and CONDA_SHLVL is `{level}`", "start a new shell and activate again")
    bin_directory = str(prefix if sys.platform == "win32" else prefix / "bin")
    if bin_directory not in environ.get("PATH", "").split(os.pathsep):
        yield fault(
            f"{prefix} is active, and {bin_directory} is not on PATH: something set PATH anew after activation",
            "envmgr deactivate, and activate again; look for `PATH=` in the startup file of the shell",
        )


def python(settings: Settings) -> Iterator[Finding]:
    """Yield where `python` or `pip` is not that of the active environment."""
    prefix = _active(settings)
    if prefix is None or not layout.is_environment(prefix):
        return
    path = settings.environ.get("PATH", "")
    for command, package in (("python", "python"), ("pip", "pip")):
        first = shutil.which(command, path=path)
        own = prefix / ("Scripts" if sys.platform == "win32" and command == "pip" else "bin") / command
        if first is None or _is_below(first, prefix):
            continue
        if own.exists():
            yield fault(
                f"`{command}` is {first}, another one than that of the active environment, {own}",
                f"put {own.parent} before {Path(first).parent} on PATH: envmgr deactivate, and activate again",
            )
        elif command == "python" or (prefix / "bin/python").exists():
            location = layout.at_path(settings, prefix)
            yield notice(
                f"`{command}` is {first}: the active environment has none, so it works on another one",
                f"envmgr install {location.arguments} {package}",
            )


def variables(settings: Settings) -> Iterator[Finding]:
    """Yield variables by which things outside of an environment leak in."""
    environ = settings.environ
    for name in ("PYTHONPATH", "PYTHONHOME"):
        if environ.get(name):
            yield fault(
                f"{name} is set ({environ[name]}): every Python of every environment imports from there",
                f"unset {name}",
            )
    for name in _PIP_ELSEWHERE:
        if environ.get(name) not in (None, "", "0", "false", "no"):
            yield fault(f"{name} is set: pip installs elsewhere than into the environment", f"unset {name}")
    if environ.get("LD_LIBRARY_PATH"):
        yield notice(
            f"LD_LIBRARY_PATH is set ({environ['LD_LIBRARY_PATH']}): its libraries go before those of environments",
            "unset LD_LIBRARY_PATH",
        )


def user_site(settings: Settings) -> Iterator[Finding]:
    """Yield packages of the user site that environments import."""
    if settings.environ.get("PYTHONNOUSERSITE"):
        return
    base = Path(settings.environ.get("PYTHONUSERBASE") or settings.home / ".local")
    for directory in sorted(base.glob("lib/python3*/site-packages")):
        names = sorted(entry for entry in os.listdir(directory) if entry.endswith(".dist-info"))
        users = [each for each in registry.environments(settings) if _has_python(each, directory.parent.name)]
        if names and users:
            yield notice(
                f"{directory} holds {len(names)} packages that {', '.join(each.label for each in users[:3])}"
                f"{' and others' if len(users) > 3 else ''} import too",
                f"envmgr env config vars set {users[0].arguments} PYTHONNOUSERSITE=1",
            )


def execution_policy(_settings: Settings) -> Iterator[Finding]:
    """Yield where PowerShell reads no profile."""
    if sys.platform != "win32":
        return
    done = subprocess.run(
        ["powershell", "-NoProfile", "-Command", "Get-ExecutionPolicy"], capture_output=True, text=True, timeout=20,
        check=False,
    )  # fmt: skip
    if done.stdout.strip() in ("Restricted", "AllSigned"):
        yield fault(
            f"PowerShell's execution policy is {done.stdout.strip()}: it reads no profile, so activation does not work",
            "Set-ExecutionPolicy -Scope CurrentUser RemoteSigned",
        )


def _is_below(path: str, prefix: Path) -> bool:
    return Path(os.path.realpath(os.path.dirname(path))).is_relative_to(os.path.realpath(prefix))


def _has_python(location: Location, directory: str) -> bool:
    return (location.prefix / "lib" / directory).is_dir()

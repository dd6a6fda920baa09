"""This installation: where things are, what exists, and what this machine is."""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from envmgr import __version__, configuration
from envmgr.channels.table import ChannelTable
from envmgr.errors import ConfigError, SpecError
from envmgr.platforms.detect import detect
from envmgr.platforms.subdirs import current_subdir
from envmgr.pypi.indexes import Indexes
from envmgr.settings import Settings
from envmgr.store import pinned
from envmgr.urls import redact
from envmgr.workflows.environments import environments

CONDA_SHAPE = "26.7.1"  # the conda whose answers these are: editors choose their calls by it


def information(settings: Settings) -> dict[str, Any]:
    """Return conda's keys that editors read (`info --json`), and our own.

    Raises ConfigError for an override of a virtual package that is none.
    """
    active = settings.environ.get("CONDA_PREFIX") or None
    platform = current_subdir()
    return {
        "active_prefix": active,
        "active_prefix_name": settings.environ.get("CONDA_DEFAULT_ENV") if active else None,
        "channels": [redact(channel) for channel in settings.channels],
        "conda_build_version": "not installed",
        "conda_env_version": CONDA_SHAPE,
        "conda_location": str(Path(__file__).parents[1]),
        "conda_prefix": str(settings.root),
        "conda_shlvl": _shell_level(settings),
        "conda_version": CONDA_SHAPE,
        "config_files": [str(settings.config_file)] if settings.config_file.is_file() else [],
        "default_prefix": active or str(settings.root),
        "envmgr_version": __version__,
        **{key: value for key, value in environments(settings).items() if key != "environments"},
        "envs_dirs": [str(settings.root / "envs")],
        "offline": settings.offline,
        "pkgs_dirs": [str(settings.cache / "pkgs"), *(str(path / "pkgs") for path in settings.shared_caches)],
        "pip": pip_configuration(settings),
        "pinned_packages": _pins(settings, active),
        "platform": platform,
        "python_version": ".".join(map(str, (*sys.version_info[:3], sys.version_info.releaselevel))),
        "rc_path": str(settings.config_file),
        "root_prefix": str(settings.root),
        "root_writable": os.access(_nearest(settings.root), os.W_OK),
        "solvers": solvers(),
        "sys.executable": sys.executable,
        "sys.prefix": sys.prefix,
        "sys.version": sys.version,
        "sys_rc_path": str(configuration.site_file(settings.environ)),
        "user_agent": f"envmgr/{__version__}",
        "user_rc_path": str(settings.config_file),
        "virtual_pkgs": [list(package) for package in detect(platform, settings.environ)],
    }


def _pins(settings: Settings, active: str | None) -> list[dict[str, str]]:
    """Return what is pinned by the configuration and in the active environment (`spec`, `where`)."""
    try:
        pins = pinned.in_force(settings, Path(active)).pinned_packages if active else settings.pinned_packages
    except SpecError as error:
        return [{"spec": "", "where": error.message}]
    return [{"spec": redact(spec), "where": where} for spec, where in pins]


def _nearest(directory: Path) -> Path:
    return next(each for each in (directory, *directory.parents) if each.is_dir())


def solvers() -> dict[str, str | None]:
    """Return the engines by name with their versions; None where one cannot be imported."""
    found: dict[str, str | None] = {}
    for name, distribution in (("rattler", "py-rattler"), ("libmamba", "libmambapy")):
        try:
            found[name] = version(distribution)
        except PackageNotFoundError:
            found[name] = None
    return found


def pip_configuration(settings: Settings) -> list[dict[str, str]]:
    """Return what is in force for the pip half here (`key`, `value`, `origin`), with credentials masked.

    What cannot be read is an entry of its own (`error`): whoever asks wants to know.
    """
    try:
        pypi = ChannelTable.read(settings, beside=(Path.cwd(),)).pypi
        account = Indexes.gather(settings, pypi).account(settings)
    except ConfigError as error:
        return [{"key": "error", "value": error.message, "origin": error.hint or ""}]
    return [{"key": each.key, "value": each.value, "origin": each.origin} for each in account]


def _shell_level(settings: Settings) -> int:
    text = settings.environ.get("CONDA_SHLVL", "")
    return int(text) if text.isdecimal() else -1

"""Host profiles: captured on one machine, named in an environment file or on a command line, used on another."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from pathlib import Path

from envmgr import configuration
from envmgr.errors import ConfigError, UsageError
from envmgr.platforms import host_profile
from envmgr.platforms.detect import detect
from envmgr.platforms.host_profile import NAME, HostProfile
from envmgr.platforms.subdirs import current_subdir
from envmgr.replacing import replace_file
from envmgr.reporting import Reporter
from envmgr.settings import Settings

SCOPES = ("project", "user", "site")
_SUFFIX = ".yaml"


def capture(
    name: str, settings: Settings, reporter: Reporter, *, scope: str, overwrite: bool
) -> tuple[Path, HostProfile]:
    """Write what this machine offers to packages into `host-profiles/NAME.yaml` of a scope; return where and what.

    Raises UsageError for a name that is none and for a profile that exists and says something else, ConfigError
    where it cannot be written.
    """
    _check(name)
    platform = current_subdir()
    profile = HostProfile(name, platform, detect(platform, settings.environ, reporter=reporter))
    directory = (
        Path(os.path.abspath(host_profile.DIRECTORY))
        if scope == "project"
        else _places(settings)[SCOPES.index(scope) - 1]
    )
    path = directory / f"{name}{_SUFFIX}"
    if path.exists() and not overwrite and path.read_text(encoding="utf-8", errors="replace") != profile.text():
        raise UsageError(f"{path} exists and says something else", hint=f"envmgr host-profile capture {name} --yes")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        replace_file(path, profile.text().encode())
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}", hint="go to a directory of yours, or pass --user"
        ) from error
    return path, profile


def find(written: str, settings: Settings, *, beside: Sequence[Path]) -> HostProfile:
    """Return the profile that `written` means: a path, or a name looked up beside or above the environment file, in
    the user's configuration and in the site's. Raises ConfigError with the nearest names where there is none."""
    if os.sep in written or written.endswith((".yaml", ".yml")):
        for directory in (*beside, Path.cwd()):
            if (directory / written).is_file():
                return host_profile.read(directory / written)
        return host_profile.read(Path(written))
    _check(written)
    directories = _directories(settings, beside)
    for directory in directories:
        path = directory / f"{written}{_SUFFIX}"
        if path.is_file():
            return host_profile.read(path)
    known = [path.stem for path in _files(directories)]
    near = difflib.get_close_matches(written, known, n=1)
    raise ConfigError(
        f"there is no host profile `{written}`; these exist: {', '.join(known) or 'none'}",
        hint=f"did you mean `{near[0]}`?" if near else f"on that machine: envmgr host-profile capture {written}",
    )


def known(settings: Settings, *, beside: Sequence[Path]) -> tuple[Path, ...]:
    """Return the files of all profiles that can be named here, sorted by name; of two of a name the nearer one."""
    return _files(_directories(settings, beside))


def _directories(settings: Settings, beside: Sequence[Path]) -> tuple[Path, ...]:
    user, site = _places(settings)
    return host_profile.directories(beside, user.parent, site.parent)


def _places(settings: Settings) -> tuple[Path, Path]:
    """Return the directories of profiles of the user and of the site."""
    site = configuration.site_file(settings.environ).parent
    return settings.config_file.parent / host_profile.DIRECTORY, site / host_profile.DIRECTORY


def _files(directories: Sequence[Path]) -> tuple[Path, ...]:
    found: dict[str, Path] = {}
    for directory in directories:
        try:
            names = sorted(os.listdir(directory))
        except OSError:
            continue
        for name in names:
            if name.endswith(_SUFFIX):
                found.setdefault(name.removesuffix(_SUFFIX), directory / name)
    return tuple(found[name] for name in sorted(found))


def _check(name: str) -> None:
    if not NAME.fullmatch(name):
        raise UsageError(
            f"`{name}` cannot be the name of a host profile: expected letters, digits, `.`, `_` and `-`",
            hint="envmgr host-profile capture gpu-node",
        )

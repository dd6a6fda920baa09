"""Keys of conda's configuration that envmgr has no setting for: what is so anyway, and where the rest went."""

from __future__ import annotations

from collections.abc import Mapping

from envmgr.errors import ConfigError

_NO, _YES = ("false", "no", "off", "0"), ("true", "yes", "on", "1")
# Key → the values of it that say what is so here anyway, and what that is
_SO_ANYWAY: Mapping[str, tuple[tuple[str, ...], str]] = {
    "allow_softlinks": (_NO, "files are reflinked, hard-linked or copied"),
    "anaconda_upload": (_NO, "nothing is uploaded"),
    "auto_activate": (_NO, "no environment is activated by itself"),
    "auto_activate_base": (_NO, "no environment is activated by itself"),
    "auto_update_conda": (_NO, "envmgr does not update itself"),
    "notify_outdated_conda": (_NO, "envmgr does not look for newer versions of itself"),
    "report_errors": (_NO, "nothing is reported to anybody"),
    "show_channel_urls": ((*_YES, *_NO), "channels are always shown"),
    "number_channel_notices": (("0",), "channels have no notices here"),
    "path_conflict": (
        ("clobber", "warn", "prevent"),
        "which of two packages has a path is told by the lock",
    ),
    "rollback_enabled": (_YES, "an environment only ever moves from one whole state to another"),
    "safety_checks": ((*_YES, "warn", "enabled"), "every artifact is held against its hash"),
    "use_only_tar_bz2": (_NO, "both archive formats are read"),
    "verbosity": (("0",), "-v and -q say how much is printed"),
}
_INSTEAD: Mapping[str, str] = {
    "always_softlink": "files are reflinked or hard-linked, or copied: envmgr config set link copy",
    "create_default_packages": "name the packages in the environment file",
    "default_channels": "a name for several channels stands in channels.yaml: envmgr config import-conda",
    "custom_channels": "names of channels stand in channels.yaml: envmgr config import-conda",
    "custom_multichannels": "names of channels stand in channels.yaml: envmgr config import-conda",
    "channel_settings": "credentials and mirrors stand in channels.yaml",
    "envs_dirs": "envmgr config set root DIRECTORY (environments are in its envs/), or -p PATH for a single one",
    "envs_path": "envmgr config set root DIRECTORY (environments are in its envs/), or -p PATH for a single one",
    "pkgs_dirs": "envmgr config set cache DIRECTORY, and read-only ones: envmgr config append shared_caches DIRECTORY",
    "remote_read_timeout_secs": "envmgr config set repodata_timeout SECONDS",
    "remote_connect_timeout_secs": "envmgr config set repodata_timeout SECONDS",
    "track_features": "no channel has features any more: leave it out",
}


def so_anyway(key: str, value: str) -> str | None:
    """Return what a value of a key of conda's says that is so anyway; None for a key of ours, or one nobody knows.

    Raises ConfigError for what is otherwise here, with the way to what is wanted.
    """
    if key in _INSTEAD:
        raise ConfigError(f"`{key}` is a setting of conda's that envmgr does not have", hint=_INSTEAD[key])
    values, what = _SO_ANYWAY.get(key, ((), ""))
    if not values:
        return None
    if value.lower() not in values:
        raise ConfigError(f"`{key}: {value}` cannot be: {what}", hint=f"leave {key} out")
    return what


def ours(key: str, value: str) -> tuple[str, tuple[str, ...]]:
    """Return a key and its words as envmgr has them, where conda calls the same thing otherwise."""
    if key == "channel_priority":
        value = {"true": "flexible", "false": "disabled"}.get(value.lower(), value)
    if key == "solver" and value == "classic":
        value = "auto"
    if key == "always_copy":
        return "link", ("copy" if value.lower() in _YES else "auto",)
    return key, (value,)

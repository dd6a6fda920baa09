"""VS Code: the interpreter of an environment in the settings of a workspace."""

from __future__ import annotations

from pathlib import Path

from envmgr.errors import ConfigError
from envmgr.integrations import jsonc
from envmgr.replacing import replace_file

KEY = "python.defaultInterpreterPath"
SETTINGS = ".vscode/settings.json"


def set_interpreter(workspace: Path, python: Path) -> tuple[Path, bool]:
    """Write the interpreter into the settings of `workspace`; return the file, and whether anything changed.

    Comments and every other byte stay. Raises ConfigError for settings that cannot be read or written.
    """
    path = workspace / SETTINGS
    try:
        before = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        before = ""
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError(f"{path} cannot be read: {reason}") from error
    if jsonc.value_of(before, KEY, source=str(path)) == str(python):
        return path, False
    after = jsonc.with_member(before, KEY, str(python), source=str(path))
    try:
        path.parent.mkdir(exist_ok=True)
        replace_file(path, after.encode())
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}", hint="name another directory") from error
    return path, True

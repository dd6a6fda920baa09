"""cmd's startup: the value AutoRun of the registry, a line of commands that each cmd.exe runs first (`cmd /?`).

conda and mamba keep their hooks in the same value, joined by `&`. What stands behind `if` up to the end of the line
belongs to it, so that ours stands first and in parentheses, and the rest of the value is left as it is.
"""

from __future__ import annotations

import re
import sys
from typing import NamedTuple

from envmgr.errors import ConfigError, UsageError

NAME = "AutoRun"
KEY = "Software\\Microsoft\\Command Processor"
PLACE = f"HKCU\\{KEY}\\{NAME}"

_JOINT = " & "
_OWN = re.compile(r'\(if exist "([^"]*)" doskey envmgr=call "\1" \$\*\)')


class Value(NamedTuple):
    """A value of the registry: its text, and its type (None where the value is new)."""

    text: str
    kind: int | None


def command(hook: str) -> str:
    """Return the command that makes `envmgr` call the batch file at the path `hook`, and nothing where it is gone."""
    return f'(if exist "{hook}" doskey envmgr=call "{hook}" $*)'


def with_hook(text: str | None, hook: str) -> str:
    """Return AutoRun (None: there is none) with the command for `hook`, once."""
    wanted = command(hook)
    if text is None:
        return wanted
    if _OWN.search(text):
        return _OWN.sub(lambda _found: wanted, text, count=1)
    return f"{wanted}{_JOINT}{text}"


def without_hook(text: str | None) -> str | None:
    """Return AutoRun as it was before the command came in; None where there was none."""
    found = None if text is None else _OWN.search(text)
    if found is None or text is None:
        return text
    before, after = text[: found.start()], text[found.end() :]
    if not before and not after:
        return None
    if after.startswith(_JOINT):
        return before + after.removeprefix(_JOINT)
    return before.removesuffix(_JOINT) + after


def check_platform() -> None:
    """Raise UsageError elsewhere than on Windows."""
    if sys.platform != "win32":
        raise UsageError(
            "cmd reads its startup from the registry of Windows, and this is another system",
            hint="envmgr init bash, or in a cmd on Windows: envmgr init cmd",
        )


def read() -> Value | None:
    """Return this user's AutoRun; raises UsageError elsewhere than on Windows, ConfigError where it cannot be read."""
    check_platform()
    if sys.platform != "win32":
        return None
    import winreg  # Windows only

    try:
        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, KEY) as key:
            text, kind = winreg.QueryValueEx(key, NAME)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{PLACE} cannot be read: {error.strerror}") from error
    if kind not in (winreg.REG_SZ, winreg.REG_EXPAND_SZ):
        raise ConfigError(
            f"{PLACE} is no text: a value of type {kind}", hint=f'reg delete "HKCU\\{KEY}" /v {NAME} /f, then again'
        )
    return Value(text, kind)


def write(value: Value | None) -> None:
    """Set this user's AutoRun, or delete it (None); raises as `read` does."""
    check_platform()
    if sys.platform != "win32":
        return
    import winreg  # Windows only

    try:
        with winreg.CreateKey(winreg.HKEY_CURRENT_USER, KEY) as key:
            if value is None:
                winreg.DeleteValue(key, NAME)
            else:
                winreg.SetValueEx(key, NAME, 0, winreg.REG_SZ if value.kind is None else value.kind, value.text)
    except OSError as error:
        hint = None if value is None else f'set {NAME} of "HKCU\\{KEY}" to\n{value.text}'
        raise ConfigError(f"{PLACE} cannot be written: {error.strerror}", hint=hint) from error

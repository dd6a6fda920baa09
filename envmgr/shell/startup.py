"""Startup files: which one a shell reads, and the block in it that sources envmgr's hook.

The block says what it changed beside itself, so that taking it out gives back the file byte for byte.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from envmgr.errors import ConfigError
from envmgr.shell import csh, elvish, fish, nushell, posix, powershell, scripts

BEGIN = "# >>> envmgr initialize >>>"
END = "# <<< envmgr initialize <<<"
_BELOW_CONFIGURATION = {
    "fish": "fish/config.fish",
    "xonsh": "xonsh/rc.xsh",
    "nushell": "nushell/config.nu",
    "elvish": "elvish/rc.elv",
    "powershell": "powershell/profile.ps1",
}
_NEW_FILE = "# (the file was new)"
_NEW_LINE_END = "# (the line before had no end)"
_BLOCK = re.compile(rb"(?m)^" + re.escape(BEGIN.encode()) + rb"[^\n]*\n(?s:(.*?))^" + re.escape(END.encode()) + rb"\n?")


def path_of(shell: str, environ: Mapping[str, str], home: Path, platform: str = sys.platform) -> Path:
    """Return the startup file of an interactive `shell`; raises UsageError for a shell without activation."""
    family = scripts.family_of(shell)
    configuration = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    if shell == "zsh":
        return Path(environ.get("ZDOTDIR") or home) / ".zshrc"
    if family is scripts.POSIX:
        # Terminals of macOS and of Git for Windows start login shells.
        bash = ".bash_profile" if platform in ("darwin", "win32") else ".bashrc"
        return home / {"bash": bash, "ksh": ".kshrc", "mksh": ".mkshrc"}.get(shell, ".profile")
    if family is scripts.CSH:
        # tcsh reads .cshrc only where there is no .tcshrc.
        own = home / ".tcshrc"
        return own if shell == "tcsh" and (own.exists() or not (home / ".cshrc").exists()) else home / ".cshrc"
    if family is scripts.XONSH and (home / ".xonshrc").exists():
        return home / ".xonshrc"
    if family is scripts.NUSHELL and platform == "darwin" and not environ.get("XDG_CONFIG_HOME"):
        configuration = home / "Library" / "Application Support"
    elif family in (scripts.NUSHELL, scripts.ELVISH) and platform == "win32":
        configuration = Path(environ.get("APPDATA") or home / "AppData" / "Roaming")
    elif family is scripts.POWERSHELL and platform == "win32":
        return home / "Documents" / ("WindowsPowerShell" if shell == "powershell" else "PowerShell") / "profile.ps1"
    return configuration / _BELOW_CONFIGURATION[family.name]


def hook_path(shell: str, root: Path) -> Path:
    """Return where the hook of `shell` lies in the store."""
    return root / "shell" / f"hook.{scripts.family_of(shell).extension}"


def source_line(shell: str, file: Path) -> str:
    """Return the lines by which `shell` reads the hook in `file`, and does nothing where that is gone."""
    family, path = scripts.family_of(shell), str(file)
    if family is scripts.POSIX:
        return f"if [ -r {posix.quote(path)} ]; then . {posix.quote(path)}; fi"
    if family is scripts.FISH:
        return f"if test -r {fish.quote(path)}; source {fish.quote(path)}; end"
    if family is scripts.CSH:
        return f"if ( -r {csh.quote(path)} ) {csh.alias(path).rstrip()}"
    if family is scripts.XONSH:
        return f"if __import__('os').path.exists({path!r}):\n    exec(open({path!r}, encoding='utf-8').read(), {{}})"
    if family is scripts.ELVISH:
        name = elvish.quote(path)
        return f"use path\nif (path:is-regular &follow-symlink=$true {name}) {{ eval (slurp < {name}) }}"
    if family is scripts.NUSHELL:
        name = nushell.quote(path)
        return f"const envmgr_hook = if ({name} | path exists) {{ {name} }} else {{ null }}\nsource $envmgr_hook"
    return (
        f"if (Test-Path -LiteralPath {powershell.quote(path)}) "
        f"{{ Get-Content -Raw -LiteralPath {powershell.quote(path)} | Invoke-Expression }}"
    )


def with_block(content: bytes | None, shell: str, hook: Path) -> bytes:
    """Return a startup file (None: there is none) with the block for `hook`, once.

    Raises ConfigError for a block without its end.
    """
    found = _found(content)
    lines = [BEGIN, f"# written by `envmgr init {shell}`; `envmgr init --reverse {shell}` takes it out"]
    if found is not None and content is not None:
        lines += [note for note in (_NEW_FILE, _NEW_LINE_END) if note.encode() + b"\n" in found[1]]
        block = _block(lines, shell, hook)
        return content[: found.start()] + block + content[found.end() :]
    if content is None:
        return _block([*lines, _NEW_FILE], shell, hook)
    if content and not content.endswith(b"\n"):
        return content + b"\n" + _block([*lines, _NEW_LINE_END], shell, hook)
    return content + _block(lines, shell, hook)


def without_block(content: bytes | None) -> bytes | None:
    """Return a startup file as it was before the block came in; None where there was none.

    Raises ConfigError for a block without its end.
    """
    found = _found(content)
    if found is None or content is None:
        return content
    before, after = content[: found.start()], content[found.end() :]
    if _NEW_LINE_END.encode() + b"\n" in found[1] and before.endswith(b"\n") and not after:
        before = before[:-1]
    if _NEW_FILE.encode() + b"\n" in found[1] and not before and not after:
        return None
    return before + after


def _found(content: bytes | None) -> re.Match[bytes] | None:
    found = _BLOCK.search(content or b"")
    if found is None and BEGIN.encode() in (content or b""):
        raise ConfigError(
            f"the block of envmgr has no end: `{BEGIN}` stands there, `{END}` does not",
            hint="remove the lines that belong to it by hand",
        )
    return found


def _block(lines: list[str], shell: str, hook: Path) -> bytes:
    return os.fsencode("\n".join([*lines, source_line(shell, hook), END, ""]))

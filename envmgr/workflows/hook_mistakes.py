"""The usual mistakes of what `init` wrote: blocks in startup files, the hooks that they read, and the running one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from envmgr.settings import Settings
from envmgr.shell import scripts, startup
from envmgr.workflows.finding import Finding, fault, notice

_SHELLS = ("bash", "zsh", "fish", "tcsh", "xonsh", "nushell", "elvish", "powershell")
_OWN_COMMAND = re.compile(r"""['"](/[^'"\n]*/(?:envmgr|python[0-9.]*))\\?['"]""")


def startup_files(settings: Settings) -> Iterator[Finding]:
    """Yield blocks in startup files that are damaged, that read a hook which is gone or old, or fight with conda's."""
    seen: set[Path] = set()
    for shell in _SHELLS:
        path = startup.path_of(shell, settings.environ, settings.home)
        try:
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            continue
        begin, conda = text.find(startup.BEGIN), text.find("# >>> conda initialize >>>")
        end = text.find(startup.END, begin)
        if begin < 0 or path in seen:
            continue
        seen.add(path)
        if end < 0:
            yield fault(
                f"the block of envmgr in {path} has no end (`{startup.END}`)",
                f"take the lines of the block out, and: envmgr init {shell}",
            )
        else:
            yield from _block(shell, path, text[begin:end], settings)
        if 0 <= begin < conda:
            yield notice(
                f"in {path} conda's block comes after envmgr's, so that `conda activate base` undoes what was before",
                "conda config --set auto_activate_base false, or move envmgr's block to the end",
            )


def _block(shell: str, path: Path, block: str, settings: Settings) -> Iterator[Finding]:
    """Yield what is wrong with a whole block, of which the hook is known by the lines that `init` would write."""
    hook, mend = startup.hook_path(shell, settings.root), f"envmgr init {shell}"
    if startup.source_line(shell, hook) not in block:
        yield notice(f"{path} reads the hook of another store than {settings.root}, or in another way", mend)
    elif not hook.exists():
        yield fault(f"{path} reads {hook}, which does not exist", mend)
    else:
        text = hook.read_text(encoding="utf-8", errors="surrogateescape")
        gone = [each for each in dict.fromkeys(_OWN_COMMAND.findall(text)) if not os.path.exists(each)]
        if gone:
            yield fault(f"{hook}, which {path} reads, starts {gone[0]}, which does not exist", mend)
        elif scripts.mark(shell) not in text:
            yield fault(f"{hook}, which {path} reads, was written by another edition of envmgr", mend)


def running(settings: Settings) -> Iterator[Finding]:
    """Yield where this shell has the hook of another edition of envmgr (it tells its own to each command)."""
    told = settings.environ.get("_ENVMGR_HOOK", "")
    kind = told.partition("-")[0]
    if kind in scripts.SHELLS and told != scripts.mark(kind):
        login = os.path.basename(settings.environ.get("SHELL", ""))
        shell = kind if kind != scripts.POSIX.name else login if login in scripts.SHELLS else "bash"
        yield fault(
            "the hook in this shell is that of another edition of envmgr",
            f"envmgr init {shell}, and start a new shell",
        )

"""The static files of activation: which there are for which shell, and how they are written.

Not on the path of `run`, which reads one of them: see `files.py`.
"""

from __future__ import annotations

import os
import sys
import zlib
from types import ModuleType
from typing import NamedTuple

from envmgr.errors import UsageError
from envmgr.shell import cmd, csh, elvish, files, fish, nushell, posix, powershell, xonsh
from envmgr.shell import plan as plans
from envmgr.shell.files import DIRECTORY, Step
from envmgr.shell.plan import ENV_PROMPT


class Family(NamedTuple):
    """Shells that share their scripts: the module that writes them, and the name of its files' ending."""

    name: str
    module: ModuleType
    extension: str


POSIX = Family("posix", posix, "sh")
FISH = Family("fish", fish, "fish")
CSH = Family("csh", csh, "csh")
XONSH = Family("xonsh", xonsh, "xsh")
NUSHELL = Family("nushell", nushell, "nu")
POWERSHELL = Family("powershell", powershell, "ps1")
ELVISH = Family("elvish", elvish, "elv")
CMD = Family("cmd", cmd, "bat")

SHELLS = {
    "bash": POSIX, "zsh": POSIX, "dash": POSIX, "ash": POSIX, "ksh": POSIX, "mksh": POSIX, "sh": POSIX, "posix": POSIX,
    "fish": FISH,
    "tcsh": CSH, "csh": CSH,
    "xonsh": XONSH,
    "nu": NUSHELL, "nushell": NUSHELL,
    "elvish": ELVISH,
    "powershell": POWERSHELL, "pwsh": POWERSHELL,
    "cmd": CMD, "cmd.exe": CMD,
}  # fmt: skip


def family_of(shell: str) -> Family:
    """Return the family of a shell by its name; raises UsageError, with the nearest, for one without activation."""
    found = SHELLS.get(shell)
    if found is not None:
        return found
    import difflib  # only to word an error

    near = difflib.get_close_matches(shell, SHELLS, n=1)
    raise UsageError(
        f"envmgr has no activation for the shell `{shell}`; expected one of {', '.join(SHELLS)}",
        hint=f"did you mean `{near[0]}`?" if near else 'eval "$(envmgr shell-hook bash)"',
    )


def write(staging: str | os.PathLike[str], prefix: str | os.PathLike[str], name: str | None) -> None:
    """Write the scripts and run.json into `staging` for the environment that will be at `prefix`.

    To be called when everything else is in place. `name` is what a prompt shows (None: by conda's rule). Raises
    PrefixError for variables that no process can have. Same input, same bytes.
    """
    contents = texts(staging, prefix, name)
    directory = os.path.join(os.fspath(staging), *DIRECTORY.split("/"))
    os.makedirs(directory, exist_ok=True)
    for file, text in contents.items():
        path = os.path.join(directory, file)
        # A new inode each time: the old one may be a hardlink that a kept generation owns as well.
        with open(f"{path}.new", "wb") as stream:
            stream.write(cmd.encoded(text) if file.endswith(".bat") else os.fsencode(text))
        os.replace(f"{path}.new", path)


def encoded(shell: str, text: str) -> bytes:
    """Return the bytes of a script for `shell`; raises UsageError for a shell without activation."""
    return cmd.encoded(text) if family_of(shell) is CMD else os.fsencode(text)


def texts(directory: str | os.PathLike[str], prefix: str | os.PathLike[str], name: str | None) -> dict[str, str]:
    """Return what `write` writes for the tree in `directory`, by file name; raises as it does."""
    plan = plans.at(directory, prefix, name)
    contents = {
        "activate.sh": posix.activate_script(plan),
        "deactivate.sh": posix.deactivate_script(plan),
        "activate.fish": fish.script(plan),
        "activate.csh": csh.script(plan),
        # xonsh, nushell, elvish and PowerShell read it as it is.
        "run.json": files.described(plan),
    }
    if sys.platform == "win32":
        contents["activate.bat"] = cmd.script(plan)
    return contents


def script_for(prefix: str, shell: str, step: Step = "activate") -> str:
    """Return the text that `write` writes for this prefix, computed now: for environments made by other tools.

    Raises UsageError for a shell without activation, and for `activate` what `plan.read` raises; `deactivate` is
    possible also when the prefix is gone.
    """
    module = family_of(shell).module
    plan = files.load(prefix) if step == "activate" else files.load_or_bare(prefix)
    if module is posix:
        return posix.activate_script(plan) if step == "activate" else posix.deactivate_script(plan)
    text: str = module.script(plan)
    return text


def hook(shell: str, *, command: tuple[str, ...], root: str, change_prompt: bool, env_prompt: str = ENV_PROMPT) -> str:
    """Return the text that makes `envmgr activate` work in `shell`, which depends on the arguments only.

    `command` is the absolute argv that starts envmgr, `root` the store where ENVMGR_ROOT is not set. Raises
    UsageError for a shell without activation.
    """
    text: str = family_of(shell).module.hook(
        command=command, root=root, change_prompt=change_prompt, env_prompt=env_prompt
    )
    return text.replace("@MARK@", mark(shell))


def mark(shell: str) -> str:
    """Return what the hook of `shell` tells the commands that it starts, as _ENVMGR_HOOK: its kind and edition.

    Two editions of envmgr have the same mark where their hooks are the same text. Raises UsageError for a shell
    without activation.
    """
    family = family_of(shell)
    text: str = family.module.hook(command=("envmgr",), root="/")
    return f"{family.name}-{zlib.crc32(text.encode()):08x}"

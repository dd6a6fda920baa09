"""The files that make activation and `run` cheap: written once when an environment is staged, below conda-meta/envmgr.

They are derived: whatever they say can be computed from the prefix, and is, where they are absent, older than what
they were computed from, or of another schema.
"""

from __future__ import annotations

import json
import os
from typing import Literal

from envmgr.errors import PrefixError, UsageError
from envmgr.shell import plan as plans
from envmgr.shell import posix
from envmgr.shell.plan import ActivationPlan

SCHEMA = 1
DIRECTORY = "conda-meta/envmgr"
SHELLS = ("bash", "zsh", "dash", "sh", "posix")

Step = Literal["activate", "deactivate"]

# An environment that another tool or a person has changed since: conda keeps `env config vars set` in the first.
_SOURCES = (plans.STATE, plans.VARIABLES_DIRECTORY, plans.ACTIVATE_DIRECTORY, plans.DEACTIVATE_DIRECTORY)


def write(staging: str | os.PathLike[str], prefix: str | os.PathLike[str], name: str | None) -> None:
    """Write activate.sh, deactivate.sh and run.json into `staging` for the environment that will be at `prefix`.

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
            stream.write(os.fsencode(text))
        os.replace(f"{path}.new", path)


def texts(directory: str | os.PathLike[str], prefix: str | os.PathLike[str], name: str | None) -> dict[str, str]:
    """Return what `write` writes for the tree in `directory`, by file name; raises as it does."""
    plan = plans.at(directory, prefix, name)
    return {
        "activate.sh": posix.activate_script(plan),
        "deactivate.sh": posix.deactivate_script(plan),
        "run.json": json.dumps({"schema": SCHEMA, **plan._asdict()}, indent=1) + "\n",
    }


def is_current(file: str, prefix: str) -> bool:
    """Whether `file`, one that `write` wrote, is there and not older than what it was computed from."""
    return _is_current(os.path.join(prefix, *DIRECTORY.split("/"), file), prefix)


def load(prefix: str) -> ActivationPlan:
    """Return the plan of the environment at the absolute path `prefix`, from run.json when that is up to date.

    Raises what `plan.read` raises.
    """
    file = os.path.join(prefix, *DIRECTORY.split("/"), "run.json")
    if _is_current(file, prefix):
        try:
            with open(file, encoding="utf-8") as stream:
                plan = _from_json(stream.read())
        except (OSError, ValueError, RecursionError):
            plan = None
        # Another prefix is written in it where an environment was copied or moved by hand.
        if plan is not None and plan.prefix == prefix:
            return plan
    return plans.read(prefix)


def load_or_bare(prefix: str) -> ActivationPlan:
    """Return the plan by which `prefix` can be left, also when it is gone or can no longer be read."""
    try:
        return load(prefix)
    except PrefixError:
        return plans.bare(prefix)


def static_script(prefix: str, step: Step) -> str | None:
    """Return the path of the up-to-date script for POSIX shells in `prefix`, or None."""
    file = os.path.join(prefix, *DIRECTORY.split("/"), f"{step}.sh")
    return file if _is_current(file, prefix) else None


def script_for(prefix: str, shell: str, step: Step = "activate") -> str:
    """Return the text that `write` writes for this prefix, computed now: for environments made by other tools.

    Raises UsageError for a shell without activation, and for `activate` what `plan.read` raises; `deactivate` is
    possible also when the prefix is gone.
    """
    check_shell(shell)
    if step == "activate":
        return posix.activate_script(load(prefix))
    return posix.deactivate_script(load_or_bare(prefix))


def check_shell(shell: str) -> None:
    """Raise UsageError for a shell without activation."""
    if shell not in SHELLS:
        raise UsageError(
            f"envmgr has no activation for the shell `{shell}`; expected one of {', '.join(SHELLS)}",
            hint='eval "$(envmgr shell-hook bash)"',
        )


def _is_current(file: str, prefix: str) -> bool:
    try:
        written = os.stat(file).st_mtime_ns
    except OSError:
        return False
    for source in _SOURCES:
        try:
            if os.stat(f"{prefix}/{source}").st_mtime_ns > written:
                return False
        except OSError:
            continue
    return True


def _from_json(text: str) -> ActivationPlan | None:
    document = json.loads(text)
    if not isinstance(document, dict) or document.pop("schema", None) != SCHEMA:
        return None
    try:
        plan = ActivationPlan(
            prefix=document["prefix"],
            name=document["name"],
            path=tuple(document["path"]),
            variables=tuple((name, value) for name, value in document["variables"]),
            activate=tuple(document["activate"]),
            deactivate=tuple(document["deactivate"]),
        )
    except (KeyError, TypeError):
        return None
    texts = (plan.prefix, plan.name, *plan.path, *plan.activate, *plan.deactivate)
    if not all(isinstance(text, str) and "\0" not in text for text in texts):
        return None
    return None if any(plans.variable_fault(name, value) for name, value in plan.variables) else plan

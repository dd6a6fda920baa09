"""The files that make activation and `run` cheap, as they are read: see `scripts.py` for how they are written.

They are derived: whatever they say can be computed from the prefix, and is, where they are absent, older than what
they were computed from, or of another schema.
"""

from __future__ import annotations

import json
import os
from typing import Literal

from envmgr.errors import PrefixError
from envmgr.shell import plan as plans
from envmgr.shell.plan import ActivationPlan

SCHEMA = 1
DIRECTORY = "conda-meta/envmgr"

Step = Literal["activate", "deactivate"]

# An environment that another tool or a person has changed since: conda keeps `env config vars set` in the first.
_SOURCES = (plans.STATE, plans.VARIABLES_DIRECTORY, plans.ACTIVATE_DIRECTORY, plans.DEACTIVATE_DIRECTORY)


def is_current(file: str, prefix: str) -> bool:
    """Whether `file`, one that `write` wrote, is there and not older than what it was computed from."""
    return _is_current(os.path.join(prefix, *DIRECTORY.split("/"), file), prefix)


def load(prefix: str, written: int | None = None) -> ActivationPlan:
    """Return the plan of the environment at the absolute path `prefix`, from run.json when that is up to date.

    `written` is the time of run.json (nanoseconds), where it is known. Raises what `plan.read` raises.
    """
    file = os.path.join(prefix, *DIRECTORY.split("/"), "run.json")
    if _is_current(file, prefix, written):
        try:
            with open(file, encoding="utf-8") as stream:
                plan = _from_json(stream.read())
        except (OSError, ValueError, RecursionError):
            plan = None
        # Another prefix is written in it where an environment was copied or moved by hand.
        if plan is not None and plan.prefix == prefix:
            return plan
    return plans.read(prefix)


def described(plan: ActivationPlan) -> str:
    """Return the text of run.json, which `run` reads, and the shells that can read JSON."""
    return json.dumps({"schema": SCHEMA, **plan._asdict()}, indent=1) + "\n"


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


def _is_current(file: str, prefix: str, written: int | None = None) -> bool:
    if written is None:
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

"""A command that is nowhere: what it may have been meant to be, and which package elsewhere has it."""

from __future__ import annotations

import difflib
import os
import shlex
from collections.abc import Iterator
from typing import NamedTuple

from envmgr.errors import CommandNotFound
from envmgr.shell.plan import ActivationPlan

_LARGEST_RECORD = 50_000_000  # bytes


class Elsewhere(NamedTuple):
    """A package in another environment of the same store that has the command."""

    environment: str
    package: str


def command_not_found(name: str, plan: ActivationPlan) -> CommandNotFound:
    """Return the error for the command `name`, with the nearest commands and the packages that have it."""
    near = difflib.get_close_matches(name, sorted(set(_commands(plan))), n=3)
    message = f"there is no command `{name}` in the environment {plan.name} nor elsewhere on PATH"
    elsewhere = next(_elsewhere(name, plan), None) if name and os.sep not in name else None
    hint = f"did you mean {' or '.join(f'`{each}`' for each in near)}?" if near else None
    if elsewhere is not None:
        place = f"-n {shlex.quote(plan.name)}" if os.sep not in plan.name else f"-p {shlex.quote(plan.prefix)}"
        hint = (
            f"the package {elsewhere.package} has it, in the environment {elsewhere.environment}: "
            f"envmgr install {place} {elsewhere.package}"
        )
    return CommandNotFound(message, hint=hint, details={"command": name, "nearest": near})


def _commands(plan: ActivationPlan) -> Iterator[str]:
    for directory in plan.path:
        try:
            yield from os.listdir(directory)
        except OSError:
            continue


def _elsewhere(name: str, plan: ActivationPlan) -> Iterator[Elsewhere]:
    environments = os.path.dirname(plan.prefix)
    if os.path.basename(environments) != "envs":
        return
    for environment in sorted(_names_in(environments)):
        prefix = os.path.join(environments, environment)
        if environment.startswith(".") or not os.path.isfile(os.path.join(prefix, "bin", name)):
            continue
        needle = f'"bin/{name}"'.encode(errors="surrogateescape")
        for record in sorted(_names_in(os.path.join(prefix, "conda-meta"))):
            if record.endswith(".json") and needle in _bytes(os.path.join(prefix, "conda-meta", record)):
                yield Elsewhere(environment, record.rsplit("-", 2)[0])


def _names_in(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _bytes(file: str) -> bytes:
    try:
        with open(file, "rb") as stream:
            return stream.read(_LARGEST_RECORD)
    except OSError:
        return b""

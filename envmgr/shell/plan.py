"""What activating a prefix means, for every shell: PATH entries, variables and scripts (CEP 32).

On the path of `run`: imports neither dataclasses nor pathlib.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from envmgr.errors import NotAnEnvironment, PrefixError

STATE = "conda-meta/state"
VARIABLES_DIRECTORY = "etc/conda/env_vars.d"
ACTIVATE_DIRECTORY = "etc/conda/activate.d"
DEACTIVATE_DIRECTORY = "etc/conda/deactivate.d"

# `conda env config vars unset` leaves the variable in the state file with this value.
UNSET = "***unset***"
# In a prompt, bash would run `$(…)` and backquotes of a prefix, zsh and tcsh read `%`, several read `!` and
# backslashes; braces are the places of ENVMGR_ENV_PROMPT.
_UNSAFE_IN_PROMPT = frozenset("$`\\%!'\"{}")
_NO = frozenset({"0", "false", "no", "off"})
ENV_PROMPT = "({default_env}) "
# Commands after which the hooks enter the active environment again; `rename` goes after it to its new place.
CHANGING = ("create", "install", "update", "upgrade", "remove", "uninstall", "rollback", "adopt", "rename")
# Likewise, as words after `env`.
CHANGING_BELOW_ENV = ("create", "update", "remove", "config")
_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
_LETTERS_AND_DIGITS = _LETTERS | frozenset("0123456789")
# Set by activation itself, or read-only in a shell, where an assignment would end the user's session.
_RESERVED = frozenset(
    {
        *("PATH", "CONDA_PREFIX", "CONDA_SHLVL", "CONDA_DEFAULT_ENV", "CONDA_PROMPT_MODIFIER"),
        *("BASHOPTS", "BASH_VERSINFO", "EGID", "EUID", "GID", "IFS", "PPID", "SHELLOPTS", "UID"),
    }
)
_RESERVED_BEGINNINGS = ("__CONDA_SHLVL_", "CONDA_PREFIX_", "CONDA_STACKED_", "_ENVMGR_", "__envmgr")
# CEP 32: the first of these that exists, between the prefix and Library/mingw-w64/bin.
_WINDOWS_VARIANTS = ("ucrt64", "clang64", "mingw64", "clangarm64")


class ActivationPlan(NamedTuple):
    """What to do to a process so that it lives in `prefix`.

    `prefix` is the final absolute path, `name` what a prompt shows. `path` are absolute directories for the front
    of PATH, first one first. `variables` are in the order of CEP 32, each name once. `activate` and `deactivate`
    are the scripts of all shells, relative to the prefix, in code point order.
    """

    prefix: str
    name: str
    path: tuple[str, ...]
    variables: tuple[tuple[str, str], ...] = ()
    activate: tuple[str, ...] = ()
    deactivate: tuple[str, ...] = ()

    def activate_scripts(self, extension: str) -> tuple[str, ...]:
        """The absolute paths of a shell's scripts (`extension` as in `.sh`) in the order in which they run."""
        return tuple(os.path.join(self.prefix, script) for script in self.activate if script.endswith(extension))

    def deactivate_scripts(self, extension: str) -> tuple[str, ...]:
        """The absolute paths of a shell's scripts in the order in which they run: the reverse."""
        return tuple(
            os.path.join(self.prefix, script) for script in reversed(self.deactivate) if script.endswith(extension)
        )


def read(prefix: str | os.PathLike[str], name: str | None = None) -> ActivationPlan:
    """Return the plan of the environment at `prefix`, whoever made it.

    Raises NotAnEnvironment where there is none, PrefixError for variables that no process can have.
    """
    prefix = os.path.abspath(os.fspath(prefix))
    if not os.path.isdir(os.path.join(prefix, "conda-meta")):
        found = "is no environment: it has no conda-meta" if os.path.isdir(prefix) else "does not exist"
        raise NotAnEnvironment(f"{prefix} {found}")
    return at(prefix, prefix, name)


def at(directory: str | os.PathLike[str], prefix: str | os.PathLike[str], name: str | None = None) -> ActivationPlan:
    """Return the plan of the environment that is staged in `directory` and will be at the absolute path `prefix`.

    Raises PrefixError for variables that no process can have, and for a prefix that PATH cannot hold.
    """
    directory, prefix = os.fspath(directory), os.fspath(prefix)
    if os.pathsep in prefix:
        raise PrefixError(
            f"{prefix} cannot be activated: PATH is divided at `{os.pathsep}`, which this path contains",
            hint=f"create the environment at a path without `{os.pathsep}`",
        )
    return ActivationPlan(
        prefix=prefix,
        name=name or default_name(prefix),
        path=path_entries(prefix, directory),
        variables=_variables(directory),
        activate=_scripts(directory, ACTIVATE_DIRECTORY),
        deactivate=_scripts(directory, DEACTIVATE_DIRECTORY),
    )


def bare(prefix: str) -> ActivationPlan:
    """Return the plan of a prefix of which nothing can be read any more: only its place in PATH."""
    return ActivationPlan(prefix=prefix, name=default_name(prefix), path=path_entries(prefix, prefix))


def prompt_name(text: str) -> str:
    """Return `text` with `_` for every character that a shell would expand in a prompt."""
    return "".join("_" if c in _UNSAFE_IN_PROMPT or not c.isprintable() else c for c in text)


def prompt_words(plan: ActivationPlan) -> tuple[str, str, str]:
    """Return what stands for `{default_env}`, `{name}` and `{prefix}` in a prompt."""
    prefix = plan.prefix.rstrip("/\\")
    return prompt_name(plan.name), prompt_name(os.path.basename(prefix) or prefix), prompt_name(plan.prefix)


def prompt_modifier(plan: ActivationPlan, environ: Mapping[str, str]) -> str:
    """Return CONDA_PROMPT_MODIFIER as activation scripts compute it from ENVMGR_CHANGEPS1 and ENVMGR_ENV_PROMPT."""
    if environ.get("ENVMGR_CHANGEPS1", "") in _NO:
        return ""
    text = environ.get("ENVMGR_ENV_PROMPT", ENV_PROMPT)
    for place, word in zip(("{default_env}", "{name}", "{prefix}"), prompt_words(plan), strict=True):
        text = text.replace(place, word)
    return text


def default_name(prefix: str) -> str:
    """Return conda's CONDA_DEFAULT_ENV: the name for a directory in one that is called `envs`, else the path."""
    parent, name = os.path.split(prefix)
    return name if name and os.path.basename(parent) == "envs" else prefix


def path_entries(prefix: str, directory: str, platform: str = sys.platform) -> tuple[str, ...]:
    """Return the PATH entries of `prefix` (CEP 32); on Windows `directory` is looked at for the MSYS2 variant."""
    if platform != "win32":
        return (prefix.rstrip("/") + "/bin",)
    library = prefix.rstrip("\\/") + "\\Library"
    variants = [
        variant for variant in _WINDOWS_VARIANTS if os.path.isdir(os.path.join(directory, "Library", variant, "bin"))
    ]
    return (
        prefix,
        *(f"{library}\\{variant}\\bin" for variant in variants[:1]),
        f"{library}\\mingw-w64\\bin",
        f"{library}\\usr\\bin",
        f"{library}\\bin",
        prefix.rstrip("\\/") + "\\Scripts",
        prefix.rstrip("\\/") + "\\bin",
    )


def _names_in(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise PrefixError(f"{directory} cannot be read: {error.strerror}") from error


def _scripts(directory: str, below: str) -> tuple[str, ...]:
    place = os.path.join(directory, *below.split("/"))
    return tuple(f"{below}/{name}" for name in _names_in(place) if os.path.isfile(os.path.join(place, name)))


def _variables(directory: str) -> tuple[tuple[str, str], ...]:
    variables: dict[str, str] = {}
    place = os.path.join(directory, *VARIABLES_DIRECTORY.split("/"))
    for name in _names_in(place):
        if name.endswith(".json"):
            file = os.path.join(place, name)
            variables.update(_checked(file, _json(file)))
    state = os.path.join(directory, *STATE.split("/"))
    if os.path.isfile(state):
        document = _json(state)
        chosen = document.get("env_vars", {}) if isinstance(document, dict) else document
        variables.update(_checked(state, chosen))
    return tuple((name, value) for name, value in variables.items() if value != UNSET)


def _json(file: str) -> Any:
    try:
        with open(file, encoding="utf-8") as stream:
            return json.load(stream)
    except OSError as error:
        raise PrefixError(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise PrefixError(f"{file} is not JSON: {error}", hint=f"mend or remove {file}") from error


def _checked(file: str, document: Any) -> dict[str, str]:
    if not isinstance(document, dict):
        raise PrefixError(f"{file}: expected variables with their values, found {type(document).__name__}")
    faults = [fault for name, value in document.items() if (fault := variable_fault(name, value))]
    if faults:
        raise PrefixError("\n".join(f"{file}: {fault}" for fault in faults), hint=f"mend or remove {file}")
    return document


def is_name(text: str) -> bool:
    """Whether `text` is the name of a variable in every shell."""
    return bool(text) and text[0] in _LETTERS and _LETTERS_AND_DIGITS.issuperset(text)


def variable_fault(name: str, value: object) -> str | None:
    """Return what is wrong with a variable of an environment, or None when a process and a shell can have it."""
    if not is_name(name):
        return f"{name!r} is not a variable name; expected letters, digits and `_`, no digit first"
    if name in _RESERVED or name.startswith(_RESERVED_BEGINNINGS):
        return f"`{name}` belongs to the shell or to activation itself, an environment cannot set it"
    if not isinstance(value, str):
        return f"`{name}`: expected a string, found {type(value).__name__}"
    if "\0" in value:
        return f"`{name}` contains a NUL character, which no variable can hold"
    try:
        os.fsencode(value)
    except UnicodeEncodeError:
        return f"`{name}` contains half of a surrogate pair, which is no text"
    return None

"""Where environments are: by name below the store, by path anywhere, or the active one.

Light: imported by `run`, `list` and the up-to-date check.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from envmgr.errors import EnvironmentNotFound, NotAnEnvironment, PrefixError, UsageError
from envmgr.settings import Settings

OWN_DIRECTORY = "conda-meta/envmgr"
LOCK_FILE = f"{OWN_DIRECTORY}/environment.conda-lock.yml"
_HISTORY = "conda-meta/history"
# Separators, what starts a comment or a generation (NAME@N), and what Windows or a glob would not take as it is.
_FORBIDDEN = re.compile(r"[/\\:#@*?\"<>|\s\x00-\x1f\x7f]")
_RESERVED = frozenset({"base", "root", "envs"})
_LONGEST_NAME = 200  # bytes: leaves room for the suffixes of lease and journal files


class Location(NamedTuple):
    """The paths that belong to one environment; all absolute and on one file system, none need exist.

    `prefix` is the environment itself; `staging` the directory in which new trees are built beside their
    journals; `generations` holds the kept ones, by number; `lease` is the lock between processes.
    `hidden` is the directory that exists for this environment alone (None for a named one).
    """

    prefix: Path
    name: str | None
    staging: Path
    generations: Path
    lease: Path
    hidden: Path | None = None

    @property
    def label(self) -> str:
        """What a person calls it: its name, or its path."""
        return self.name if self.name is not None else str(self.prefix)

    @property
    def arguments(self) -> str:
        """The arguments of a command line that name it, as `-n science`."""
        import shlex  # only to word a hint

        return f"-n {shlex.quote(self.name)}" if self.name is not None else f"-p {shlex.quote(str(self.prefix))}"


def named(settings: Settings, name: str) -> Location:
    """Return the location of the environment `name`; raises UsageError for what cannot be a name."""
    check_name(name)
    environments = settings.root / "envs"
    return Location(
        prefix=environments / name,
        name=name,
        staging=environments / ".staging",
        generations=environments / ".generations" / name,
        lease=environments / ".leases" / f"{name}.lease",
    )


def at_path(settings: Settings, path: Path | str) -> Location:
    """Return the location of the environment at `path`, which may be the path of a named one.

    A symlink that is not one of our own switches is followed: the environment is what it points to.
    Raises UsageError for a path that cannot hold an environment.
    """
    prefix = Path(os.path.abspath(os.path.expanduser(path)))
    if prefix.parent == settings.root / "envs" and _name_fault(prefix.name) is None:
        return named(settings, prefix.name)
    location = _beside(prefix)
    if os.path.islink(prefix) and not is_switch(location):
        prefix = Path(os.path.realpath(prefix))
        if prefix.parent == settings.root / "envs" and _name_fault(prefix.name) is None:
            return named(settings, prefix.name)
        location = _beside(prefix)
    if prefix == Path(prefix.anchor) or prefix in (settings.home, settings.root, settings.root / "envs"):
        raise UsageError(
            f"{prefix} cannot be an environment: other things live there",
            hint=f"choose a directory below it, as -p {prefix / 'my-environment'}",
        )
    return location


def called(settings: Settings, text: str) -> Location:
    """Return the location of what a person calls an environment: a path where it has a separator, else a name.

    Raises UsageError for what can be neither.
    """
    if not text:
        raise UsageError("the name of an environment is empty", hint="write a name, or a path as ./environment")
    is_path = os.sep in text or text in (".", "..", "~")
    return at_path(settings, text) if is_path else named(settings, text)


def find_called(settings: Settings, text: str) -> Location:
    """Return the location of an existing environment by what a person calls it; raises as `called` and `find` do."""
    location = called(settings, text)
    by_name = location.name is not None
    try:
        return find(settings, name=location.name, prefix=None if by_name else location.prefix)
    except EnvironmentNotFound as error:
        if error.hint and "create" in error.hint:  # that is no mend for what is to be copied or renamed
            error.hint = "envmgr env list"
        raise


def is_switch(location: Location) -> bool:
    """Whether the prefix is a symlink to one of its own generations (the switch of file systems without exchange)."""
    try:
        target = os.readlink(location.prefix)
    except OSError:
        return False
    absolute = os.path.normpath(os.path.join(location.prefix.parent, target))
    return os.path.dirname(absolute) == str(location.generations)


def check_name(name: str) -> None:
    """Raise UsageError, with the reason, for what cannot be the name of an environment."""
    fault = _name_fault(name)
    if fault is not None:
        hint = f"to use a path, write -p {name}" if "/" in name else "choose another name, as -n my-environment"
        raise UsageError(f"`{name}` cannot be the name of an environment: {fault}", hint=hint)


def is_environment(prefix: Path) -> bool:
    """Whether `prefix` is a conda environment of any tool (CEP 32: it has conda-meta/history)."""
    return os.path.isfile(os.path.join(prefix, _HISTORY))


def find(settings: Settings, *, name: str | None = None, prefix: Path | str | None = None) -> Location:
    """Return the location of an existing environment: by name, by path, or the active one when neither is given.

    Raises EnvironmentNotFound, listing what exists, and NotAnEnvironment for a directory that is none.
    """
    if name is not None and prefix is not None:
        raise UsageError("both a name and a path are given", hint=f"write one of -n {name} and -p {prefix}")
    if name is not None:
        location = named(settings, name)
    elif prefix is not None:
        location = at_path(settings, prefix)
    else:
        location = _active(settings)
    if not is_environment(location.prefix):
        raise _not_there(settings, location)
    return location


def names(settings: Settings) -> tuple[str, ...]:
    """Return the names of the environments in the store, sorted."""
    return tuple(sorted(_names(settings)))


def check_place(location: Location) -> None:
    """Raise NotAnEnvironment where something that is no environment stands in the place of a new one, UsageError for a
    path that no file of a package could name, and PrefixError inside of another environment of ours, which would carry
    it along as files of nobody."""
    if is_environment(location.prefix):
        return
    if os.path.lexists(location.prefix) and not is_vacant(location.prefix):
        raise _not_an_environment(location)
    try:
        str(location.prefix).encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"{location.prefix} is not UTF-8, which files of packages have to be that name it",
            hint="choose another place with -n NAME or -p PATH",
        ) from None
    for parent in location.prefix.parents if location.name is None else ():
        if os.path.isfile(parent / LOCK_FILE):
            raise PrefixError(
                f"{location.prefix} is inside of the environment {parent}",
                hint="choose a place outside of it with -n NAME or -p PATH",
            )


def is_vacant(prefix: Path) -> bool:
    """Whether nothing stands at `prefix`, or an empty directory."""
    try:
        with os.scandir(prefix) as entries:
            return next(entries, None) is None
    except FileNotFoundError:
        return not os.path.lexists(prefix)
    except OSError:
        return False


def _names(settings: Settings) -> Iterator[str]:
    try:
        entries = os.listdir(settings.root / "envs")
    except OSError:
        return
    for entry in entries:
        if _name_fault(entry) is None and is_environment(settings.root / "envs" / entry):
            yield entry


def _name_fault(name: str) -> str | None:
    if not name:
        return "it is empty"
    if name in ("base", "root"):
        return "conda calls so what it is installed in, and envmgr is in no environment; pip updates it"
    if name in _RESERVED:
        return "that name has a meaning of its own in conda's tools"
    if name[0] in ".-":
        return f"it begins with `{name[0]}`"
    found = _FORBIDDEN.search(name)
    if found is not None:
        return f"it contains {found[0]!r}"
    try:
        length = len(os.fsencode(name))
    except UnicodeEncodeError:
        return "it cannot be a file name"
    try:
        name.encode()
    except UnicodeEncodeError:
        return "it is no text in the encoding of this locale; LANG=C.UTF-8 has all"
    return f"it has {length} bytes; {_LONGEST_NAME} are possible" if length > _LONGEST_NAME else None


def _beside(prefix: Path) -> Location:
    if prefix.parent.name == "envs" and (prefix.parent / ".leases").is_dir():
        return _of_another_store(prefix)
    hidden = prefix.parent / f".{prefix.name}.envmgr"
    return Location(
        prefix=prefix,
        name=None,
        staging=hidden / "staging",
        generations=hidden / "generations",
        lease=hidden / "lease",
        hidden=hidden,
    )


def _of_another_store(prefix: Path) -> Location:
    """Return the location of a named environment of a store that is not ours: its lease and generations are there."""
    environments = prefix.parent
    return Location(
        prefix=prefix,
        name=None,
        staging=environments / ".staging",
        generations=environments / ".generations" / prefix.name,
        lease=environments / ".leases" / f"{prefix.name}.lease",
    )


def _active(settings: Settings) -> Location:
    active = settings.environ.get("CONDA_PREFIX")
    if active:
        return at_path(settings, active)
    raise EnvironmentNotFound(
        f"no environment is named and none is active; {_which_exist(settings)}",
        hint="name one with -n NAME or -p PATH",
        details={"names": list(names(settings))},
    )


def _not_there(settings: Settings, location: Location) -> EnvironmentNotFound | NotAnEnvironment:
    if os.path.lexists(location.prefix) and not is_vacant(location.prefix):
        return _not_an_environment(location)
    existing = names(settings)
    hint = f"create it with: envmgr create {location.arguments} -f environment.yml"
    if location.name is not None:
        import difflib  # only to word an error

        near = difflib.get_close_matches(location.name, existing, n=1)
        hint = f"did you mean -n {near[0]}?" if near else hint
        what = f"no environment is named `{location.name}`"
    else:
        what = f"there is no environment at {location.prefix}"
    return EnvironmentNotFound(f"{what}; {_which_exist(settings)}", hint=hint, details={"names": list(existing)})


def _not_an_environment(location: Location) -> NotAnEnvironment:
    if (location.prefix / "pyvenv.cfg").is_file():
        import shlex  # only to word a hint

        return NotAnEnvironment(
            f"{location.prefix} is a virtual environment, without a conda half: it has a pyvenv.cfg and no {_HISTORY}",
            hint=f"take over what is in it: envmgr create -n NAME -f {shlex.quote(str(location.prefix))}",
        )
    kind = "directory" if location.prefix.is_dir() else "file"
    return NotAnEnvironment(
        f"{location.prefix} is a {kind}, but no environment: expected {_HISTORY} in it, found none",
        hint="choose another place with -n NAME or -p PATH, or move it away",
    )


def _which_exist(settings: Settings) -> str:
    existing = names(settings)
    return f"these exist: {', '.join(existing)}" if existing else f"none exist in {settings.root / 'envs'}"

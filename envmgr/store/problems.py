"""What is wrong with an environment, one value a thing."""

from __future__ import annotations

from typing import Literal, NamedTuple

from envmgr.store.generations import FILE as GENERATION_FILE
from envmgr.store.layout import LOCK_FILE

Severity = Literal["fault", "notice"]
Kind = Literal["missing", "changed", "foreign", "carried", "clobbered", "unreadable", "outside", "rotten"]


class Problem(NamedTuple):
    """One difference between what should be and what is.

    `path` is relative to the prefix (absolute for what lies outside of every prefix), `package` the name of the
    conda or pip package concerned, None where it is nobody's. `expected` and `found` are None where nothing was.
    """

    severity: Severity
    kind: Kind
    path: str
    package: str | None = None
    expected: str | None = None
    found: str | None = None


class Shared(NamedTuple):
    """A changed file that is one inode with others: whoever edits it in place edits all of them.

    `elsewhere` says that one more is neither in the prefix nor in `environments` (labels, a kept generation as
    `NAME@N`): that of the cache which it was linked from.
    """

    path: str
    package: str | None
    environments: tuple[str, ...]
    elsewhere: bool


class Findings(NamedTuple):
    """What a verification found; `files` and `bytes` are what was compared, `shared` the changed files among
    `problems` that others have too. `has_lock` is False for an environment that another tool made."""

    problems: tuple[Problem, ...]
    shared: tuple[Shared, ...] = ()
    packages: int = 0
    files: int = 0
    bytes: int = 0
    has_lock: bool = True

    @property
    def faults(self) -> tuple[Problem, ...]:
        """Those that are no mere notices."""
        return tuple(problem for problem in self.problems if problem.severity == "fault")

    @property
    def notices(self) -> tuple[Problem, ...]:
        """What is worth knowing and breaks nothing."""
        return tuple(problem for problem in self.problems if problem.severity == "notice")

    def strictly(self) -> Findings:
        """Return the same with every notice as a fault."""
        return self._replace(problems=tuple(each._replace(severity="fault") for each in self.problems))

    @property
    def added(self) -> tuple[str, ...]:
        """The conda packages that are in no lock, by name: another conda tool installed them."""
        found = (each for each in self.problems if each.kind == "foreign" and each.path.startswith("conda-meta/"))
        return tuple(dict.fromkeys(each.package for each in found if each.package is not None))

    @property
    def installed(self) -> tuple[Problem, ...]:
        """The Python distributions that are in no lock: somebody installed them with pip."""
        return tuple(
            each
            for each in self.problems
            if each.kind in ("foreign", "carried") and each.package is not None and each.path.endswith(".dist-info")
        )

    @property
    def is_repairable(self) -> bool:
        """Whether there is a lock that the environment can be made anew from."""
        return self.has_lock and not any(
            problem.path == LOCK_FILE or (problem.path == GENERATION_FILE and problem.kind != "changed")
            for problem in self.faults
        )

"""`doctor`: the usual mistakes of an installation, each with the way to mend it.

A check looks and changes nothing; one that cannot look says so. What `verify` does for an environment, this does for
what is around all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from envmgr.errors import EnvmgrError
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.workflows import hook_mistakes, shell_mistakes, store_mistakes
from envmgr.workflows.finding import Finding, notice


class Diagnosis(NamedTuple):
    """What was looked at, in order, and what was found, faults first."""

    checks: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def has_faults(self) -> bool:
        """Whether anything is wrong."""
        return any(finding.severity == "fault" for finding in self.findings)


def diagnose(settings: Settings, reporter: Reporter, *, deep: bool = False) -> Diagnosis:
    """Return what is wrong with this installation and this shell; with `deep` every byte of the cache is read."""
    checks: dict[str, Callable[[Settings], Iterator[Finding]]] = {
        "activation": shell_mistakes.activation,
        "python": shell_mistakes.python,
        "variables": shell_mistakes.variables,
        "user site": shell_mistakes.user_site,
        "startup files": hook_mistakes.startup_files,
        "hook": hook_mistakes.running,
        "execution policy": shell_mistakes.execution_policy,
        "channels": store_mistakes.channels,
        "store": store_mistakes.store,
        "room": store_mistakes.room,
        "register": store_mistakes.register,
        "git": store_mistakes.git,
        "locks": store_mistakes.locks,
    }
    found: list[Finding] = []
    if deep:
        checks["cache"] = lambda these: store_mistakes.cache(these, reporter)
    for name, check in checks.items():
        try:
            found += [finding._replace(check=name) for finding in check(settings)]
        except (EnvmgrError, OSError) as error:
            mend = (error.hint if isinstance(error, EnvmgrError) else None) or "mend that first, and look again"
            found.append(notice(f"{name} could not be checked: {error}", mend)._replace(check=name))
    found.sort(key=lambda finding: finding.severity != "fault")
    return Diagnosis(tuple(checks), tuple(found))

"""What is said of builds for a GPU that a solve could not see."""

from __future__ import annotations

import shlex

from envmgr.errors import Unsatisfiable
from envmgr.lock.model import CondaPackage
from envmgr.platforms.host_profile import HostProfile
from envmgr.solve.accelerators import Unseen
from envmgr.spec.model import EnvironmentSpec


def warning(unseen: Unseen, machine: HostProfile | None) -> str:
    """Return the loud sentence, with the very option that chooses the other builds."""
    where = "this machine" if machine is None else f"the host profile {machine.name}"
    return (
        f"CPU builds were chosen, since {where} shows no {_named(unseen)}: {_pairs(unseen)}. "
        f"For a machine with a GPU add {shlex.join(unseen.flags)}, or --host-profile NAME "
        "(see `envmgr host-profile`); to keep the CPU builds without this notice, --virtual-package __cuda="
    )


def missing(unseen: Unseen, spec: EnvironmentSpec) -> Unsatisfiable:
    """Return the error for a file that requires a GPU."""
    source = spec.sources[0] if spec.sources else "the environment"
    reason = f"no {_named(unseen)} was seen, and without it these CPU builds are chosen: {_pairs(unseen)}"
    edits = [{"remove": [], "add": [], "flags": list(unseen.flags)}]
    return Unsatisfiable(
        f"{source}: `gpu: required`, but {reason}",
        hint=f"solve for the machine that is meant: add {shlex.join(unseen.flags)}, or --host-profile NAME",
        details={"conflicts": [{"where": source, "spec": "gpu: required", "reason": reason}], "edits": edits},
    )


def _named(unseen: Unseen) -> str:
    return " and ".join(each.name for each in unseen.offered)


def _pairs(unseen: Unseen) -> str:
    shown = [f"{old.name} {_build(old)} instead of {_build(new)}" for old, new in unseen.packages[:5]]
    more = f" and {len(unseen.packages) - 5} more" if len(unseen.packages) > 5 else ""
    return ", ".join(shown) + more


def _build(package: CondaPackage) -> str:
    return f"{package.version} {package.build}"

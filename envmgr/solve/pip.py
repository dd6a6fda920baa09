"""Python brings pip, as in conda: a dependency that is in force while solving and in no record afterwards.

The records of a lock are those of the channel. So a preferred python is given the dependency anew for each solve, and
the python of a solution loses it again.
"""

from __future__ import annotations

from envmgr.lock.model import CondaPackage
from envmgr.solve.base import SolveRequest
from envmgr.solve.records import indexed_moment
from envmgr.solve.repodata import Repodata
from envmgr.solve.specs import in_utc


def is_brought_by_python(request: SolveRequest, repodata: Repodata) -> bool:
    """Whether python depends on pip in this solve: it is wanted, and some channel in use has a pip to bring.

    conda declares python uninstallable where no channel has a pip; such channels exist, and their python is fine.

    Raises ChannelError when a channel cannot be read.
    """
    if not request.add_pip:
        return False
    records = [record for channel in repodata.named("pip") for record in channel]
    if request.exclude_newer is None:
        return bool(records)
    cutoff = in_utc(request.exclude_newer)
    moments = (indexed_moment(record) for record in records)
    return any(moment is not None and moment <= cutoff for moment in moments)


def with_pip(package: CondaPackage) -> CondaPackage:
    """Return a package as the engines are to see it: python (2 or 3) depends on pip."""
    if not is_python(package.name, package.version):
        return package
    return package._replace(depends=(*package.depends, "pip"))


def without_pip(package: CondaPackage) -> CondaPackage:
    """Return a package as its channel lists it: the dependency that `with_pip` added is gone."""
    if not is_python(package.name, package.version) or package.depends[-1:] != ("pip",):
        return package
    return package._replace(depends=package.depends[:-1])


def is_python(name: str, version: str) -> bool:
    """Whether a package is a python that brings pip: conda does so for versions 2 and 3 of that name."""
    return name == "python" and version.startswith(("2.", "3."))

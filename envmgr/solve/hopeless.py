"""A proof that a request has no solution which takes no engine, where there is a simple one."""

from __future__ import annotations

from envmgr.solve.base import SolveRequest
from envmgr.solve.candidates import candidates
from envmgr.solve.pip import is_brought_by_python
from envmgr.solve.pool import Pool
from envmgr.solve.repodata import Repodata
from envmgr.solve.specs import unmet_virtual


def is_hopeless(request: SolveRequest, repodata: Repodata) -> bool:
    """Whether something that was asked for is left without any record, once what needs a missing one is taken away.

    Where it is not, there may still be no solution. Raises ChannelError.
    """
    if unmet_virtual(request) is not None:
        return True
    specs = (*request.specs, *request.constraints)
    if any(spec.match_spec.extras or spec.match_spec.condition is not None for spec in specs):
        return False  # what the pool does not know
    repos = candidates(request, repodata, brings_pip=is_brought_by_python(request, repodata))
    names = sorted({spec.name for spec in request.specs if not spec.name.startswith("__")})
    return Pool(repos, (), request.virtual_packages, names).is_hopeless()

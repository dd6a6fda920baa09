"""Strict channel priority for what is asked for by version: the first channel that has a name owns it, matching or not.

A gateway that is asked for `a 2.*` gives the records that match, so that an engine does not see that an earlier channel
has other versions of `a`.
"""

from __future__ import annotations

from collections.abc import Iterator

from envmgr.solve.base import SolveRequest
from envmgr.solve.repodata import Repodata
from envmgr.solve.specs import without_virtual
from envmgr.spec.model import Dependency
from envmgr.urls import redact


def owners(request: SolveRequest, repodata: Repodata) -> dict[str, str]:
    """Return the channel (its base URL) that alone may give each name that is asked for without one.

    Raises ChannelError when a channel cannot be read.
    """
    return {spec.name: request.channels[at].url for spec, at in _owned(request, repodata)}


def hidden(request: SolveRequest, repodata: Repodata) -> str | None:
    """Return why a spec cannot be met: only a later channel than the owner of its name has a build that matches.

    None where there is no such spec. Raises ChannelError when a channel cannot be read.
    """
    for spec, at in _owned(request, repodata):
        found = [any(spec.match_spec.matches(record) for record in records) for records in repodata.named(spec.name)]
        if not found[at] and any(found):
            owner, other = (redact(request.channels[number].name) for number in (at, found.index(True)))
            text = redact(spec.text)
            return f"{owner} has {spec.name}, and no build of `{text}`; {other} has one, which strict priority hides"
    return None


def _owned(request: SolveRequest, repodata: Repodata) -> Iterator[tuple[Dependency, int]]:
    if request.channel_priority != "strict" or len(request.channels) < 2:
        return
    placed = {spec.name for spec in (*request.specs, *request.constraints) if spec.channel is not None}
    for spec in without_virtual(request.specs):
        if spec.name not in placed:
            found = [bool(records) for records in repodata.named(spec.name)]
            if sum(found) > 1:
                yield spec, found.index(True)

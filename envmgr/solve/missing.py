"""Names that no channel in use has: what is called almost like that, and who else has it."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from envmgr.channels.model import Channel
from envmgr.errors import ChannelError, PackagesNotFound, SolveError
from envmgr.solve.base import Packages, Refused, SolveRequest
from envmgr.solve.edit import Edit, Replacement, replaced
from envmgr.solve.repodata import Repodata
from envmgr.solve.specs import channel_url, conflict, without_virtual
from envmgr.solve.trials import OutOfTime, Trials
from envmgr.spec.command_line import parse_dependency
from envmgr.spec.model import Dependency
from envmgr.urls import redact

_ELSEWHERE_SECONDS = 5.0
_OTHER_PLATFORMS = ("linux-64", "osx-arm64", "win-64", "osx-64", "linux-aarch64")
# What is imported or found on PyPI under another name than conda's channels have.
_CALLED = {
    "attr": "attrs", "bs4": "beautifulsoup4", "cv2": "opencv", "dateutil": "python-dateutil", "faiss": "faiss-cpu",
    "git-python": "gitpython", "graphviz-python": "python-graphviz", "kaleido": "python-kaleido",
    "opencv-contrib-python": "opencv", "opencv-python": "opencv", "opencv-python-headless": "opencv",
    "pil": "pillow", "psycopg2-binary": "psycopg2", "py-yaml": "pyyaml", "skimage": "scikit-image",
    "sklearn": "scikit-learn", "tables": "pytables", "tensorflow-cpu": "tensorflow", "torch": "pytorch",
    "torch-geometric": "pytorch_geometric", "yaml": "pyyaml", "umap": "umap-learn",
}  # fmt: skip


class Elsewhere(Protocol):
    """Where else a name is looked for: `channels` that are known to this user, and not in use by the request."""

    @property
    def channels(self) -> tuple[Channel, ...]: ...

    def names(self, channel: Channel, platform: str) -> frozenset[str] | None:
        """Return the names that a channel has for a platform, None when this machine does not know; asks no network."""

    def attempt(self, request: SolveRequest) -> Packages:
        """Solve with some of `channels` beside those in use, asking no network; raises what an Attempt does."""

    def is_on_pypi(self, name: str) -> bool | None:
        """Whether the indexes of the pip half have a project of that name; None when they were not asked."""


class Nowhere:
    """No other place is known."""

    channels: tuple[Channel, ...] = ()

    def names(self, channel: Channel, platform: str) -> frozenset[str] | None:
        return None

    def attempt(self, request: SolveRequest) -> Packages:
        raise Refused("no other channel is known")

    def is_on_pypi(self, name: str) -> bool | None:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Missing:
    """A spec whose name is not there, and what was found out about it."""

    spec: Dependency
    reason: str
    nearest: tuple[str, ...] = ()
    having: tuple[Channel, ...] = ()
    is_on_pypi: bool = False
    facts: tuple[str, ...] = ()


def missing_specs(request: SolveRequest, repodata: Repodata) -> tuple[Dependency, ...]:
    """Return the specs whose name no channel that may be used for them offers."""
    names_of: dict[str | None, frozenset[str]] = {}
    missing = []
    for spec in without_virtual(request.specs):
        url = channel_url(spec, request)
        if any(repodata.named_in(spec.name, url)):
            continue
        if url not in names_of:
            names_of[url] = repodata.names(None if url is None else [url])
        if spec.name not in names_of[url]:
            missing.append(spec)
    return tuple(missing)


def not_found(
    request: SolveRequest,
    specs: Sequence[Dependency],
    repodata: Repodata,
    elsewhere: Elsewhere,
    trials: Trials,
) -> PackagesNotFound:
    """Return the error for specs that are missing, with the edits that were tried and solve."""
    names = repodata.names()
    found = [_about(spec, request, repodata, names, elsewhere, trials) for spec in specs]
    edits = _edits(request, found, trials)
    lines = []
    for each in found:
        lines.append(f"{each.spec.origin}: `{redact(each.spec.text)}`: {each.reason}")
        lines += [f"  {fact}" for fact in each.facts]
    unread = [channel.name for channel in elsewhere.channels if elsewhere.names(channel, request.platform) is None]
    if unread and any(not each.nearest and not each.having for each in found):
        lines.append(f"not looked at, because it is not in use here: {', '.join(map(redact, unread))}")
    conflicts = [
        conflict(each.spec, each.reason)
        | ({"nearest": list(each.nearest)} if each.nearest else {})
        | ({"channels": [redact(channel.name) for channel in each.having]} if each.having else {})
        | ({"pypi": each.spec.name} if each.is_on_pypi else {})
        for each in found
    ]
    return PackagesNotFound(
        "\n".join(lines),
        hint=_hint(request, found, edits),
        details={"conflicts": conflicts, "edits": [edit.as_json() for edit in edits]},
    )


def nearest(name: str, names: Collection[str], *, most: int = 3) -> tuple[str, ...]:
    """Return the names that are most like `name`: spelled otherwise, known under another name, a few letters away."""
    same = _plain(name)
    spelled = sorted(other for other in names if _plain(other) == same and other != name)
    called = [other for other in (_CALLED.get(name),) if other is not None and other in names]
    letters = sorted({*name})
    alike = [
        other
        for other in names
        if abs(len(other) - len(name)) <= max(2, len(name) // 4) and sum(c in other for c in letters) * 2 > len(letters)
    ]
    close = difflib.get_close_matches(name, sorted(alike), n=most, cutoff=0.75)
    return tuple(dict.fromkeys((*called, *spelled, *close)))[:most]


def _about(
    spec: Dependency,
    request: SolveRequest,
    repodata: Repodata,
    names: frozenset[str],
    elsewhere: Elsewhere,
    trials: Trials,
) -> _Missing:
    if not request.channels:
        return _Missing(spec=spec, reason="no channel is in use")
    url = channel_url(spec, request)
    where = ", ".join(redact(each.name) for each in request.channels if url in {None, each.url})
    reason = f"channel {where} has no package {spec.name} for {request.platform}"
    platforms = _platforms(spec.name, request, repodata, trials.seconds_left())
    if platforms:
        reason += f", only for {', '.join(platforms)}"
    own = [] if url is None else [each for each in request.channels if each.url != url]
    beside = [each for each in own if spec.name in repodata.names([each.url])]
    having = [
        each for each in elsewhere.channels if spec.name in (elsewhere.names(each, request.platform) or frozenset())
    ]
    facts = [f"the channel {redact(each.name)} has it" for each in (*beside, *having)]
    near = nearest(spec.name, names)
    # A mistyped name may well be a project there: somebody else's, who waits for that.
    may_ask = trials.seconds_left() > 0 and not (platforms or having or beside or near)
    is_on_pypi = may_ask and elsewhere.is_on_pypi(spec.name) is True
    if is_on_pypi:
        facts.append(f"the index of the pip half has a project {spec.name}")
    return _Missing(
        spec=spec,
        reason=reason,
        nearest=near,
        having=tuple(having),
        is_on_pypi=is_on_pypi,
        facts=tuple(facts),
    )


def _edits(request: SolveRequest, found: Sequence[_Missing], trials: Trials) -> list[Edit]:
    """Return the edits that bring every missing name: nearest names, then added channels."""
    edits = []
    try:
        for edit in _candidates(request, found):
            if trials.has_solution(edit.request):
                edits.append(edit)
    except OutOfTime:
        pass
    return edits


def _candidates(request: SolveRequest, found: Sequence[_Missing]) -> list[Edit]:
    candidates = []
    if all(each.nearest for each in found):
        others = found[0].nearest if len(found) == 1 else found[0].nearest[:1]
        for first in others:
            changes = [_renamed(found[0].spec, first), *(_renamed(each.spec, each.nearest[0]) for each in found[1:])]
            candidates.append(Edit(request=replaced(request, changes), replacements=tuple(changes)))
    common = [channel for channel in found[0].having if all(channel in each.having for each in found)]
    for channel in common:
        wider = replace(request, channels=(*request.channels, channel))
        candidates.append(Edit(request=wider, flags=("-c", channel.name)))
    return candidates


def _renamed(spec: Dependency, name: str) -> Replacement:
    text = spec.text
    at = text.rfind(spec.name) if "::" in text else text.lower().find(spec.name)
    renamed = f"{text[:at]}{name}{text[at + len(spec.name) :]}" if at >= 0 else name
    return Replacement(old=spec, new=parse_dependency(renamed, spec.origin))


def _hint(request: SolveRequest, found: Sequence[_Missing], edits: Sequence[Edit]) -> str | None:
    if not request.channels:
        return "name one: `channels: [conda-forge]` in the file, or `-c conda-forge`"
    lines = []
    for each in found:
        which = f" ({each.spec.origin})" if len(found) > 1 else ""
        if each.nearest:
            lines.append("did you mean " + " or ".join(f"`{name}`" for name in each.nearest) + f"?{which}")
        elif each.is_on_pypi:
            lines.append(f"move it to the pip half: `- {each.spec.name}` under `- pip:`{which}")
    if edits:
        lines += ["each of these was tried, and solves:", *(f"  {edit}" for edit in edits)]
    return "\n".join(lines) or None


def _platforms(name: str, request: SolveRequest, repodata: Repodata, seconds: float) -> list[str]:
    if seconds <= 0:
        return []
    try:
        others = [each for each in _OTHER_PLATFORMS if each != request.platform]
        return repodata.platforms_with(name, others, seconds=min(_ELSEWHERE_SECONDS, seconds))
    except (SolveError, ChannelError):  # offline, or a channel without these platforms: the hint is all that is lost
        return []


def _plain(name: str) -> str:
    return name.replace("-", "").replace("_", "").replace(".", "").removeprefix("py").removeprefix("thon")

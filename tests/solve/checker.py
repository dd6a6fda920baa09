"""Whether packages answer a request: an opinion of our own, independent of what any engine did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timezone

from rattler import BuildString, MatchSpec, PackageRecord

from envmgr.lock.model import CondaPackage
from envmgr.solve.base import SolveRequest
from envmgr.solve.records import indexed_at, record_of_package


def faults(request: SolveRequest, packages: Iterable[CondaPackage]) -> list[str]:
    """Return everything that is wrong with an answer, in words; nothing when it is right."""
    chosen = tuple(packages)
    return [*_shape(request, chosen), *_demands(request, chosen), *_closure(request, chosen)]


def _shape(request: SolveRequest, packages: tuple[CondaPackage, ...]) -> Iterator[str]:
    names = [package.name for package in packages]
    if names != sorted(set(names)):
        yield f"not one package a name, sorted: {names}"
    urls = {channel.url for channel in request.channels}
    for package in packages:
        if package.subdir not in {request.platform, "noarch"}:
            yield f"{package.dist_name} is for {package.subdir}"
        if package.channel not in urls and package not in request.pinned:
            yield f"{package.dist_name} comes from {package.channel}, which is not in use"
        if request.exclude_newer is not None and package.name not in {pin.name for pin in request.pinned}:
            moment = request.exclude_newer
            moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
            born = indexed_at(package)
            if born is None or born > moment.timestamp() * 1000:
                yield f"{package.dist_name} of {born} is too new"
        asked = tuple(spec.text for spec in request.specs if spec.name == package.name)
        if package.requested != asked:
            yield f"{package.dist_name} says that {package.requested} asked for it, not {asked}"


def _demands(request: SolveRequest, packages: tuple[CondaPackage, ...]) -> Iterator[str]:
    present = _present(request, packages)
    by_name = {package.name: package for package in packages}
    urls = {channel.name: channel.url for channel in request.channels} | dict(request.channel_urls)
    for spec in request.specs:
        found = present.get(spec.name)
        if found is None or not spec.match_spec.matches(found):
            yield f"`{spec.text}` is not met by {found}"
        elif spec.channel is not None and by_name[spec.name].channel != urls.get(spec.channel, spec.channel):
            yield f"`{spec.text}` is met from {by_name[spec.name].channel}"
    for constraint in request.constraints:
        if constraint.name in present and not constraint.match_spec.matches(present[constraint.name]):
            yield f"the constraint `{constraint.text}` is not met"
    for pin in request.pinned:
        if pin.name in by_name and by_name[pin.name]._replace(requested=()) != pin._replace(requested=()):
            yield f"{pin.dist_name} is pinned, but {by_name[pin.name].dist_name} was chosen"


def _closure(request: SolveRequest, packages: tuple[CondaPackage, ...]) -> Iterator[str]:
    present = _present(request, packages)
    for package in packages:
        for text in package.depends:
            spec = MatchSpec(text)
            found = present.get(spec.name.normalized)
            if found is None or not spec.matches(found):
                yield f"{package.dist_name} depends on `{text}`, found {found}"
        for text in package.constrains:
            spec = MatchSpec(text)
            found = present.get(spec.name.normalized)
            if found is not None and not spec.matches(found):
                yield f"{package.dist_name} constrains `{text}`, found {found}"


def _present(request: SolveRequest, packages: tuple[CondaPackage, ...]) -> dict[str, PackageRecord]:
    machine = {
        package.name: PackageRecord(
            package.name, package.version, BuildString.new_unchecked(package.build), 0, "noarch"
        )
        for package in request.virtual_packages
    }
    return machine | {package.name: record_of_package(package) for package in packages}

"""In which order packages count as installed: of a path that several own, the last one has it, as with rattler."""

from __future__ import annotations

import re
from collections.abc import Sequence

from envmgr.lock.model import CondaPackage

_NAME = re.compile(r"\s*(?:[^\s\[]*::)?(?P<name>[^\s=<>!~;,|\[(@]+)")


def order(packages: Sequence[CondaPackage]) -> tuple[str, ...]:
    """Return the names of packages, each after those that it depends on; raises ChannelError.

    Packages that depend on each other in a circle are ordered by rattler itself.
    """
    by_name = {package.name: package for package in packages}
    needs = {
        name: sorted({needed_name for spec in package.depends if (needed_name := _name(spec)) in by_name})
        for name, package in by_name.items()
    }
    needed = {each for names in needs.values() for each in names}
    done: dict[str, bool] = {}  # whether all below is done
    found: list[str] = []
    pending = [(name, False) for name in sorted(by_name.keys() - needed)]
    while pending:
        name, is_last = pending.pop()
        if is_last:
            done[name] = True
            found.append(name)
        elif name not in done:
            done[name] = False
            pending.append((name, True))
            pending.extend((each, False) for each in needs[name])
        elif not done[name] and (name, True) in pending:
            return _order_of_rattler(packages)
    return tuple(found) if len(found) == len(by_name) else _order_of_rattler(packages)


def _order_of_rattler(packages: Sequence[CondaPackage]) -> tuple[str, ...]:
    from rattler import PackageRecord  # start-up time: circles are rare

    from envmgr.solve.records import record_of_package

    records = PackageRecord.sort_topologically([record_of_package(package) for package in packages])
    return tuple(record.name.normalized for record in records)


def _name(spec: str) -> str:
    match = _NAME.match(spec)
    return match["name"].lower() if match else ""

"""A seal on each entry of a lock, so that one that was edited, lost, added or doubled by hand is named."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from envmgr.errors import LockTampered

_MANAGERS = ("conda", "pip")
_SEAL = "seal"
_HINT = "restore the file from version control; `envmgr lock -f` of its environment file locks anew"


def sealed(extras: dict[str, Any], entries: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the extras of a platform with a seal on each package's, over its entry too, and one on the rest."""
    by_key = {(entry["manager"], entry["name"]): entry for entry in entries}
    halves = {
        manager: {
            name: {**extra, _SEAL: _digest([by_key.get((manager, name)), extra])}
            for name, extra in extras[manager].items()
        }
        for manager in _MANAGERS
    }
    return {**extras, **halves, _SEAL: _digest(_rest(extras))}


def check(extras: Mapping[str, Any], entries: Sequence[Mapping[str, Any]], *, where: str) -> None:
    """Raise LockTampered that names every entry that is not as it was written; `where` begins the message."""
    faults = list(_faults(extras, entries))
    if faults:
        raise LockTampered(
            f"{where} was changed by hand\n" + "\n".join(f"  {fault}" for fault in faults),
            hint=_HINT,
            details={"faults": faults},
        )


def _faults(extras: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    halves = {manager: extras.get(manager, {}) for manager in _MANAGERS}
    times = Counter((entry["manager"], entry["name"]) for entry in entries)
    for (manager, name), count in times.items():
        if count > 1:
            yield f"the {manager} package {name} is in it {count} times"
        if name not in halves.get(manager, {}):
            yield f"the {manager} package {name} was not in it when it was locked"
    for manager, half in halves.items():
        for name, extra in half.items():
            if (manager, name) in times:
                continue
            if "url" not in extra:  # what other tools cannot install stands there alone
                yield f"the {manager} package {name} is lost"
            elif extra.get(_SEAL) != _digest([None, _without_seal(extra)]):
                yield f"the {manager} package {name} was edited"
    for entry in entries:
        extra = halves.get(entry["manager"], {}).get(entry["name"])
        if extra is not None and extra.get(_SEAL) != _digest([entry, _without_seal(extra)]):
            yield f"the {entry['manager']} package {entry['name']} was edited"
    if extras.get(_SEAL) != _digest(_rest(extras)):
        yield "what was asked for, or what it was solved for, was edited"


def _rest(extras: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in extras.items() if name not in (*_MANAGERS, _SEAL)}


def _without_seal(extra: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in extra.items() if name != _SEAL}


def _digest(content: object) -> str:
    """Return 80 bits of a sha256: a seal is against slips and merges, not against forgers, whom hashes stop."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:20]

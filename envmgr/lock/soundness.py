"""Whether the values read from a lock are of the kinds that its model says: a file may hold anything.

Light: imported by `list` and `run`.
"""

from __future__ import annotations

from typing import Any, TypeVar

from envmgr.lock.model import CondaPackage, Lock, PipPackage, Request

Value = TypeVar("Value", CondaPackage, PipPackage, Request, Lock)

_NONE = type(None)
_KINDS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "str | None": (str, _NONE),
    "int | None": (int, _NONE),
    "tuple[str, ...]": (tuple,),
}
# By annotation; the values inside of others (`Lock.conda`, `Request.variables`) are looked at where they are made.
_FIELDS: dict[type[Any], list[tuple[type, ...] | None]] = {
    model: [_KINDS.get(kind.__forward_arg__ if hasattr(kind, "__forward_arg__") else str(kind)) for kind in annotations]
    for model, annotations in (
        (model, list(model.__annotations__.values())) for model in (CondaPackage, PipPackage, Request, Lock)
    )
}


def sound(value: Value) -> Value:
    """Return a value of the lock's model as it is; raises TypeError that names the first field of a wrong kind."""
    for position, kinds in enumerate(_FIELDS[type(value)]):
        if kinds is None:
            continue
        item: Any = value[position]
        kind = type(item)
        if kind not in kinds or (kind is tuple and not all(type(each) is str for each in item)):
            raise TypeError(f"`{value._fields[position]}` has a value of a wrong kind")
    return value

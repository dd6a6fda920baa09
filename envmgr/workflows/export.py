"""What a colleague needs to create the same environment elsewhere, read from the lock."""

from __future__ import annotations

from typing import Any, NamedTuple

from envmgr.errors import UsageError
from envmgr.spec import writing
from envmgr.store import layout
from envmgr.store.layout import Location
from envmgr.workflows.reading import lock_of


class Exported(NamedTuple):
    """An environment file as a mapping (CEP 24) and as the text that `-f` reads."""

    mapping: dict[str, Any]
    text: str


def environment(location: Location, *, with_channels: bool = True) -> Exported:
    """Return the environment file of what was asked for at `location`: both halves, no builds, no prefix.

    Raises LockError for an environment whose lock cannot be read.
    """
    lock = lock_of(location)
    request = lock.request
    mapping = writing.to_mapping(
        name=location.name or _name(location),
        channels=request.channels if with_channels else (),
        dependencies=request.dependencies,
        pip=request.pip,
        variables=request.variables,
    )
    return Exported(mapping=mapping, text=writing.dumps(mapping))


def _name(location: Location) -> str | None:
    """Return the name that an environment at a path gets elsewhere: that of its directory, where it can be one."""
    try:
        layout.check_name(location.prefix.name)
    except UsageError:
        return None
    return location.prefix.name

"""What pip did inside of an environment, said by the next command that looks at it."""

from __future__ import annotations

import contextlib

import click

from envmgr.errors import EnvmgrError
from envmgr.store.installed import drift
from envmgr.store.layout import Location
from envmgr.workflows.reading import own_lock


def tell(location: Location) -> None:
    """Say on stderr what pip installed, removed and moved past the lock, and the two ways to end that."""
    with contextlib.suppress(EnvmgrError, OSError):
        lock = own_lock(location)
        found = drift(location.prefix, lock) if lock is not None else None
        if found:
            here = location.arguments
            ways = f"take it over: envmgr install {here} --adopt; undo it: envmgr verify {here} --fix"
            click.echo(f"pip changed {location.label} past its lock: {found}\n{ways}", err=True)

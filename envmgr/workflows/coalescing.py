"""Identical creates at the same time: the first one works, and the others look again once it is through.

Without it, sixteen processes that are asked for one thing read, check and plan it sixteen times before fifteen of them
find it done. Light: every create with something to do asks.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator

from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store.layout import Location
from envmgr.turn import LONGEST, Turn


@contextlib.contextmanager
def coalesced(location: Location, inputs_digest: str, settings: Settings, reporter: Reporter) -> Iterator[None]:
    """Let the processes of this user on this machine that make the same thing at `location` through one by one.

    Whoever waits tells the reporter for whom. Never for longer than a minute, and never with an error.
    """
    key = hashlib.sha256(os.fsencode(location.prefix) + inputs_digest.encode()).hexdigest()[:32]
    told: list[str] = []

    def tell(owner: str) -> None:
        if not told:
            told.append(owner)
            reporter.notice(f"waiting for {owner}, which holds {location.label}")

    deadline = time.monotonic() + LONGEST
    with Turn(key, settings.environ) as turn:
        while not turn.take(f"creating {location.label}"):
            if not turn.wait(tell) or time.monotonic() > deadline:
                break
        yield

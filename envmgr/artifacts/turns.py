"""Who fetches which artifact: one of the processes that need it at the same time; the others find it cached."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from envmgr import leases
from envmgr.artifacts.keys import stem_of
from envmgr.artifacts.manifest import Artifact
from envmgr.leases import Leases
from envmgr.lock.model import CondaPackage
from envmgr.processes import Owner
from envmgr.reporting import Reporter
from envmgr.settings import Settings

_PAUSE = 0.05  # seconds between two looks at an artifact that another process fetches, at first
_LONGEST_PAUSE = 0.3


class Turns:
    """The turns of one `fetch`: a lease for each artifact in `settings.cache`/fetching, taken over when its owner died.

    A process that holds one never waits for another one's, so that none waits in a circle.
    """

    def __init__(self, settings: Settings, reporter: Reporter) -> None:
        self._directory = settings.cache / "fetching"
        self._leases = Leases()
        self._reporter = reporter
        self._told: set[tuple[str, int]] = set()

    async def begin(
        self,
        package: CondaPackage,
        slots: asyncio.Semaphore,
        find: Callable[[CondaPackage], Artifact | None],
    ) -> Artifact | None:
        """Wait for a slot and for the turn to fetch `package`, and return None with both held, for `end` to give back.

        Or return the artifact that another process has fetched meanwhile, and hold nothing. Raises ReadOnlyStore,
        NoSpace or StoreError where no lease can be made.
        """
        attempt = 0
        path = self._path(package)
        while True:
            await slots.acquire()
            try:
                blocker = self._leases.take(path, f"fetching {package.dist_name}")
                # One that lives and does not even touch its lease (stopped, swapped out) is not waited for: the
                # artifact is then fetched twice, which costs time and harms nothing.
                if blocker is None or blocker.silence >= leases.SILENCE:
                    artifact = find(package)
                    if artifact is None:
                        return None
                    self.end(package)
                    slots.release()
                    return artifact
                if blocker.owner is not None:
                    self._tell(blocker.owner)
                if attempt:  # at first what nobody else fetches is looked for; a slot held meanwhile bounds the looking
                    await asyncio.sleep(min(_PAUSE * attempt, _LONGEST_PAUSE))
            except BaseException:
                slots.release()
                raise
            attempt += 1
            slots.release()
            await asyncio.sleep(0)

    def end(self, package: CondaPackage) -> None:
        """Give the turn back (the slot is for whoever took it with `begin`); without one, nothing happens."""
        self._leases.release(self._path(package))

    def close(self) -> None:
        """Give everything back."""
        self._leases.close()

    def _path(self, package: CondaPackage) -> Path:
        digest = sha256((package.sha256 or package.md5 or package.url).encode()).hexdigest()
        return self._directory / f"{stem_of(package)}-{digest[:16]}.lease"

    def _tell(self, owner: Owner) -> None:
        if (owner.host, owner.pid) not in self._told:
            self._told.add((owner.host, owner.pid))
            self._reporter.notice(f"waiting for {owner}, which fetches what this command needs as well")

"""Files that were edited in place are, where they are hardlinks, edited in the package cache as well.

Before a generation is made from that cache, the packages concerned are looked at, and set aside where they rotted, so
that the new generation has what was published, and the edit is saved beside it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable

from envmgr.errors import EnvmgrError
from envmgr.lock.model import Lock
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store import ownership
from envmgr.store.linking import Linking
from envmgr.store.survey import Survey
from envmgr.urls import path_of_file_url


def discard_edited(survey: Survey, linking: Linking, settings: Settings, reporter: Reporter) -> None:
    """Set aside the cached packages that an edit of the surveyed tree reached; they are fetched again.

    Those that cannot be had now, since one is offline, stay as they are, which is told.
    """
    shared = {survey.owned[path] for path in survey.edited if _is_shared(os.path.join(survey.root, path))}
    for package in linking.lock.conda:
        if f"conda-meta/{package.dist_name}.json" not in shared:
            continue
        with contextlib.suppress(EnvmgrError):  # whoever fetches it says what is wrong
            artifact = linking.cache.find(package)
            if artifact is None or not linking.cache.verify(artifact):
                continue
            if settings.offline and path_of_file_url(package.url) is None:
                reporter.warning(
                    f"{package.dist_name} was edited in place, and in the package cache with it, and cannot be "
                    "fetched offline: it stays as edited"
                )
                continue
            reporter.notice(f"{package.dist_name} was edited in place, and in the package cache with it: fetched again")
            linking.cache.discard(artifact)


def forget_edited_wheels(survey: Survey, lock: Lock, settings: Settings) -> None:
    """Let uv forget the wheels whose unpacked files an edit of the surveyed tree reached."""
    names = set()
    for path in survey.edited:
        record = survey.owned[path]
        if record.endswith("/RECORD") and _is_shared(os.path.join(survey.root, path)):
            dist_info = record.split("/")[-2].removesuffix(".dist-info")
            names.add(ownership.normalised(dist_info.rpartition("-")[0]))
    forget_wheels(names.intersection(package.name for package in lock.pip), settings)


def forget_wheels(names: Iterable[str], settings: Settings) -> None:
    """Let uv forget the unpacked wheels of these packages; raises PipError."""
    listed = sorted(names)
    if listed:
        from envmgr.pypi.uv import Uv  # start-up time: most environments have no pip half

        Uv.find(settings).run(["cache", "clean", "--quiet", *listed])


def _is_shared(path: str) -> bool:
    try:
        return os.lstat(path).st_nlink > 1
    except OSError:
        return False

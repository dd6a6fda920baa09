"""What is locked of the pip half as lines of a requirements file, each pinned as far as it can be."""

from __future__ import annotations

import os
import shlex

from envmgr.lock.model import PipPackage
from envmgr.urls import path_of_file_url, without_credentials


def line(package: PipPackage, base: str = "") -> str:
    """Return the line that asks for exactly this package: `NAME==VERSION`, or `NAME @ URL` with its hash or commit.

    The path of a directory is relative to the directory `base`, absolute where that is empty.
    """
    settings = "".join(f" --config-settings {shlex.quote(setting)}" for setting in package.config_settings)
    if package.kind in ("wheel", "sdist"):
        return f"{package.name}=={package.version}{settings}"
    url, hash_mark, fragment = package.url.partition("#")
    path = path_of_file_url(url)
    if package.kind == "checkout":
        below = f"&{fragment}" if fragment else ""
        return f"-e {without_credentials(url)}#egg={package.name}{below}{settings}"
    if package.kind == "vcs" or path is None:
        pinned = f"#sha256={package.sha256}" if package.has_file and not hash_mark else ""
        return f"{package.name} @ {without_credentials(package.url)}{pinned}{settings}"
    where = os.path.relpath(path, base) if base else str(path)
    where = where if where.startswith((".", os.sep)) else f"./{where}"
    where += hash_mark + fragment
    return f"{'-e ' if package.kind == 'editable' else ''}{where}{settings}"

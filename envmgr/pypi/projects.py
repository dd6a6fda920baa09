"""Whether the indexes of the pip half have a project."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from envmgr.channels.pypi_section import PypiSection
from envmgr.errors import EnvmgrError
from envmgr.pypi.indexes import Indexes
from envmgr.pypi.uv import Uv, UvFailed
from envmgr.settings import Settings

_SECONDS = 5.0


def exists(name: str, settings: Settings, section: PypiSection) -> bool | None:
    """Whether the indexes that the pip half uses have a project; None when that cannot be told in seconds.

    Nothing is asked offline. Raises nothing: it is a hint beside another error.
    """
    if settings.offline:
        return None
    try:
        indexes = Indexes.gather(settings, section)
        with tempfile.TemporaryDirectory(prefix="envmgr-") as directory:
            requirements = Path(directory) / "requirements.in"
            requirements.write_text(f"{name}\n", encoding="utf-8")
            arguments: list[str | Path] = [
                "pip",
                "compile",
                requirements,
                "--no-deps",
                "--no-build",
                "--no-header",
                "--quiet",
            ]
            Uv.find(settings, indexes).run([*arguments, "--universal", "--python", sys.executable], timeout=_SECONDS)
    except UvFailed as failure:
        if "not found in the package registry" in failure.text:
            return False
        return True if "No solution found" in failure.text else None  # for another python, say
    except EnvmgrError:
        return None
    return True

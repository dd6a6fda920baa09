"""Where the paths of artifacts will be in a prefix, known before anything is linked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from envmgr.artifacts.manifest import Artifact
from envmgr.lock.model import CondaPackage


class Placement(NamedTuple):
    """The directories for noarch python packages (CEP 20), relative to the prefix."""

    site_packages: str = "site-packages"
    scripts: str = "bin"

    @classmethod
    def of(cls, packages: Sequence[CondaPackage], platform: str) -> Placement:
        """Return the directories as rattler will have them: python's record decides, or else its version."""
        is_windows = platform.startswith("win-")
        scripts = "Scripts" if is_windows else "bin"
        python = next((package for package in packages if package.name == "python"), None)
        if python is None:
            return cls(scripts=scripts)
        short = ".".join(python.version.split(".")[:2])
        usual = "Lib/site-packages" if is_windows else f"lib/python{short}/site-packages"
        return cls(python.python_site_packages_path or usual, scripts)

    def place(self, artifact: Artifact, path: str) -> str:
        """Return where a path of an artifact, or a directory of such paths, will be."""
        if artifact.manifest.noarch == "python":
            for written, placed in (("site-packages", self.site_packages), ("python-scripts", self.scripts)):
                if path == written or path.startswith(f"{written}/"):
                    return placed + path[len(written) :]
        return path

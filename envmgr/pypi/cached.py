"""What of a locked pip half is in the cache, told without the python that it is for: for whoever is offline."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from envmgr.lock.model import Lock, PipPackage
from envmgr.platforms.model import VirtualPackage
from envmgr.pypi import built_wheels, checkouts, pylock
from envmgr.pypi.indexes import Indexes
from envmgr.pypi.target import Target
from envmgr.pypi.uv import Uv, UvFailed
from envmgr.settings import Settings


def lacking(lock: Lock, settings: Settings, indexes: Indexes, *, home: Path) -> tuple[PipPackage, ...]:
    """Return the packages of the pip half that the cache cannot give, those that would have to be built among them;
    checkouts are looked for in `home`.

    Raises PipError where uv is missing, or the lock has no python.
    """
    virtual = tuple(VirtualPackage(*text.split("=")) for text in lock.virtual_packages if text.count("=") in (1, 2))
    target = Target.of(lock.conda, platform=lock.platform, virtual_packages=virtual)
    uv = Uv.find(settings, indexes, is_installation=True)
    built = built_wheels.find(lock.pip, built_wheels.builder(lock), settings)
    clones = {each.package.name: each for each in checkouts.of(lock.pip, home)}
    to_build = [each for each in lock.pip if each.is_built and each.name not in built and each.name not in clones]
    rest = [
        built[package.name].instead_of(package) if package.name in built else package
        for package in lock.pip
        if package not in to_build and package.name not in clones
    ]
    if rest and not _is_there(rest, target, uv):
        absent = {package.name for package in rest if not _is_there([package], target, uv)}
    else:
        absent = set()
    absent |= {package.name for package in to_build if package.kind in ("sdist", "archive", "vcs")}
    absent |= {name for name, clone in clones.items() if not checkouts.is_cached(clone, settings)}
    return tuple(package for package in lock.pip if package.name in absent)


def listed(missing: Sequence[PipPackage]) -> Iterator[str]:
    """Yield a line for each package, with its size in bytes where the lock has it."""
    for package in missing:
        size = f" ({package.size} bytes)" if package.size is not None else ""
        yield f"  {package.filename or package.name}{size}"


def _is_there(packages: Sequence[PipPackage], target: Target, uv: Uv) -> bool:
    with TemporaryDirectory(prefix="envmgr-pip-") as name:
        order = Path(name, "pylock.toml")
        order.write_text(pylock.write(packages), encoding="utf-8")
        try:
            uv.run(
                ["pip", "sync", order, "--python", sys.executable, "--python-version", target.python_version,
                 "--python-platform", target.python_platform, "--target", Path(name, "tree"), "--only-binary", ":all:",
                 "--preview-features", "pylock", "--no-sources", "--quiet"],
                variables=dict(target.variables),
                offline=True,
            )  # fmt: skip
        except UvFailed:
            return False
    return True

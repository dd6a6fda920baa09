"""The wheels that package indexes have of exact versions, for what came from conda: there it is another artifact."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from envmgr.errors import PipError
from envmgr.lock.model import PipPackage
from envmgr.pypi import pylock
from envmgr.pypi.pylock import Choice
from envmgr.pypi.target import Target
from envmgr.pypi.uv import RESOLVE_SECONDS, Uv, UvFailed
from envmgr.settings import Settings


class Published(NamedTuple):
    """The wheels that there are, sorted by name, and the `name==version` that no index has one of."""

    packages: tuple[PipPackage, ...]
    unknown: tuple[str, ...]


def find(pins: Sequence[str], target: Target, settings: Settings) -> Published:
    """Return the wheels of `pins` (`name==version`) for `target`; nothing is resolved, and nothing is installed.

    Raises PipError where no index can be asked at all.
    """
    return _find(tuple(sorted(pins)), target, Uv.find(settings)) if pins else Published((), ())


def _find(pins: tuple[str, ...], target: Target, uv: Uv) -> Published:
    try:
        return Published(_compile(pins, target, uv), ())
    except PipError as error:
        if len(pins) == 1:
            if isinstance(error, UvFailed) and _is_unreachable(error.text):
                raise
            return Published((), pins)
    half = len(pins) // 2
    first, second = _find(pins[:half], target, uv), _find(pins[half:], target, uv)
    packages = sorted((*first.packages, *second.packages), key=lambda package: package.name)
    return Published(tuple(packages), (*first.unknown, *second.unknown))


def _compile(pins: Sequence[str], target: Target, uv: Uv) -> tuple[PipPackage, ...]:
    with TemporaryDirectory(prefix="envmgr-pip-") as name:
        directory = Path(name)
        (directory / "requirements.in").write_text("".join(f"{pin}\n" for pin in pins), encoding="utf-8")
        output = directory / "pylock.toml"
        uv.run(
            ["pip", "compile", directory / "requirements.in", "--no-deps", "--only-binary", ":all:", "--quiet",
             "--python", sys.executable, "--python-version", target.python_version,
             "--python-platform", target.python_platform, "--format", "pylock.toml", "--output-file", output],
            variables=dict(target.variables),
            hidden=((f"{directory}/", ""),),
            timeout=RESOLVE_SECONDS,
        )  # fmt: skip
        return pylock.read(output.read_text(encoding="utf-8"), choice=Choice(tags=target.tags), directory=output.parent)


def _is_unreachable(text: str) -> bool:
    return any(sign in text for sign in ("error sending request", "Failed to fetch", "connectivity is disabled"))

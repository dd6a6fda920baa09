"""Wheels by name: one pip call for all that the cache lacks, and one each where that fails, to name the culprit."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from uv import find_uv_bin

from envmgr.channels.interpreter import Interpreter
from envmgr.settings import Settings
from envmgr.urls import redact

_SECONDS = 1800
_LINES = 3


class NotFetched(Exception):
    """pip did not deliver a wheel; the message carries its last lines."""


def fetch(
    requirements: Iterable[str], *, interpreter: Interpreter, platform: str, settings: Settings
) -> Mapping[str, Path | NotFetched]:
    """Return the wheel that pip chooses for each requirement, or why there is none.

    Wheels are kept in `cache/payloads`, by requirement, Python and platform; what is kept is not looked for again.
    """
    root = settings.cache / "payloads"
    places = {
        requirement: root / hashlib.sha256(f"{requirement}\n{interpreter.abi}\n{platform}".encode()).hexdigest()[:20]
        for requirement in dict.fromkeys(requirements)
    }
    missing = {requirement: place for requirement, place in places.items() if _kept(place) is None}
    failed: dict[str, NotFetched] = {}
    if missing:
        root.mkdir(parents=True, exist_ok=True)
        try:
            _download(missing, settings, root)
        except NotFetched as error:
            failed = _one_by_one(missing, settings, root) if len(missing) > 1 else dict.fromkeys(missing, error)
    found: dict[str, Path | NotFetched] = {}
    for requirement, place in places.items():
        kept = _kept(place)
        found[requirement] = kept or failed.get(requirement) or NotFetched(f"pip delivered no wheel of {requirement}")
    return found


def _kept(place: Path) -> Path | None:
    return next(iter(sorted(place.glob("*.whl"))), None)


def _one_by_one(missing: Mapping[str, Path], settings: Settings, root: Path) -> dict[str, NotFetched]:
    def attempt(requirement: str) -> NotFetched | None:
        try:
            _download({requirement: missing[requirement]}, settings, root)
        except NotFetched as error:
            return error
        return None

    with ThreadPoolExecutor(4) as pool:
        outcomes = zip(missing, pool.map(attempt, missing), strict=True)
        return {requirement: error for requirement, error in outcomes if error is not None}


def _download(places: Mapping[str, Path], settings: Settings, root: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=root) as scratch:
        command = [*_pip(settings, root), "download", "--quiet", "--no-deps", "--only-binary=:all:", "--no-input",
                   "--disable-pip-version-check", "--dest", scratch]  # fmt: skip
        if settings.offline:
            command.append("--no-index")
        _run([*command, *places], settings)
        wheels = {_project(path): path for path in Path(scratch).glob("*.whl")}
        for requirement, place in places.items():
            wheel = wheels.get(canonicalize_name(Requirement(requirement).name))
            if wheel is not None:
                place.mkdir(exist_ok=True)
                os.replace(wheel, place / wheel.name)


def _project(path: Path) -> str:
    try:
        return parse_wheel_filename(path.name)[0]
    except InvalidWheelFilename:
        return path.name


def _pip(settings: Settings, root: Path) -> list[str]:
    """Return the command for pip: that of the running Python, or one that uv puts into the cache.

    An environment made by uv has no pip.
    """
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    place = root / "pip"
    if not (place / "pip" / "__main__.py").is_file():
        scratch = tempfile.mkdtemp(prefix=".pip-", dir=root)
        command = [find_uv_bin(), "pip", "install", "--quiet", "--python", sys.executable, "--target", scratch, "pip"]
        _run([*command, "--offline"] if settings.offline else command, settings)
        shutil.rmtree(place, ignore_errors=True)
        try:
            os.rename(scratch, place)
        except OSError:  # another process was quicker
            shutil.rmtree(scratch, ignore_errors=True)
    return [sys.executable, str(place / "pip")]


def _run(command: list[str], settings: Settings) -> None:
    environ = {key: value for key, value in settings.environ.items() if key != "PYTHONPATH"}
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, errors="replace", env=environ, stdin=subprocess.DEVNULL,
            timeout=_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotFetched(f"pip cannot be run: {redact(str(error))}") from error
    if result.returncode:
        lines = [line.strip() for line in (result.stderr or result.stdout).splitlines() if line.strip()]
        errors = [line for line in lines if not line.startswith(("WARNING: Location", "WARNING: Retrying", "[notice]"))]
        raise NotFetched("pip says: " + redact(" / ".join((errors or lines)[-_LINES:])))

"""Every real lock of the shared data: read for each of its platforms and held to closure, or refused for a reason."""

from __future__ import annotations

from pathlib import Path

import pytest
import zstandard

from conftest import SHARED_DATA
from envmgr.errors import EnvmgrError
from envmgr.lock import closure
from envmgr.lock.model import UNKNOWN
from envmgr.settings import Settings
from envmgr.workflows import foreign
from envmgr.workflows.request import Choice

# By a part of the file's name: the choice that its reader makes, and what is said where it cannot be installed.
CHOICES = {
    "overlap_categories": Choice(categories=("foo",)),
    "test-lockfile": Choice(categories=("main", "dev")),
    "resolvo": Choice(environment="format-cpp"),
}
REFUSED = {
    "local-build": "local-build-local-pkg is built from source by pixi, and has no artifact to install",
    "pypi-wheel-packages linux-64": "`../webserver/my_webserver-0.1.0-py3-none-any.whl`, which is outside of",
    "pypi-wheel-packages linux-ppc64le": "uv knows no such platform",
    "invalid-metadata-type": "`metadata`: expected keys (CEP 37)",
    "conda__conda-lock__pixi.lock": "pypi: conda-lock <dynamic>: comes from `./`, and ",
    "nerfstudio": "pypi: nerfstudio <dynamic>: comes from `.`, and ",
    "test-rebuild": "comes from `.`, and ",
    "forward-compatible": "conda-lock version 1000 is not known; this envmgr reads 1",
    "bad_package": "`metadata`: expected keys (CEP 37)",
    "good_one_package-lock.yaml win-64": "libzlib-1.2.11-h8ffe710_1013 depends on vc >=14.1,<15.0a0, which is not",
    "overlap_categories": "pkg-a-1.0-0.tar.bz2` is in no directory of a platform",
}


def _text(path: Path) -> str:
    data = path.read_bytes()
    return (zstandard.ZstdDecompressor().decompressobj().decompress(data) if path.suffix == ".zst" else data).decode()


def _of(table: dict[str, str], name: str, platform: str) -> str | None:
    return next(
        (value for key, value in table.items() if all(part in f"{name} {platform}" for part in key.split())), None
    )


def _platforms(text: str, name: str, choice: Choice) -> tuple[str, ...]:
    try:
        return foreign.platforms(text, name, choice) or ("linux-64",)
    except EnvmgrError:  # said again where it is read
        return ("linux-64",)


FILES = sorted((SHARED_DATA / "locks").glob("*/*")) if SHARED_DATA.is_dir() else []


@pytest.mark.skipif(not FILES, reason=f"no real locks in {SHARED_DATA}")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name[:60])
def test_real_lock_is_read_and_closed_or_refused_for_a_reason(path: Path, settings: Settings, tmp_path: Path) -> None:
    text, name = _text(path), path.name.removesuffix(".zst")
    choice = next((choice for key, choice in CHOICES.items() if key in name), Choice())
    for platform in _platforms(text, name, choice):
        expected = _of(REFUSED, name, platform)
        try:
            found = foreign.read(text, str(tmp_path / name), platform=platform, settings=settings, choice=choice)
            faults = [each.fault for each in closure.unmet(found.lock)]
        except EnvmgrError as error:
            faults = [error.message]
        assert bool(faults) is (expected is not None), faults
        assert expected is None or any(expected in fault for fault in faults), faults
        if not faults:
            assert found.lock.platform == platform
            assert all(package.noarch in (UNKNOWN, "python", "generic", None) for package in found.lock.conda)
            hashed = {package.dist_name for package in found.lock.conda if package.sha256 or package.md5}
            assert {package.dist_name for package in found.lock.conda} == hashed | set(found.unhashed)

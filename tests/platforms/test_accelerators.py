from __future__ import annotations

from pathlib import Path

import pytest

from envmgr.lock.model import CondaPackage
from envmgr.platforms.accelerators import is_visible, needs


def package(name: str, *depends: str, constrains: tuple[str, ...] = ()) -> CondaPackage:
    return CondaPackage(name, "1", "0", 0, "noarch", "", "", "", "", depends=depends, constrains=constrains)


def test_what_asks_for_an_accelerator_is_known_by_its_specs() -> None:
    packages = [
        package("b", "__cuda >=12", "__glibc >=2.17", "__cuda_arch[version='>=8']"),
        package("a", constrains=("__cuda >=12", "__cudalike")),
        package("c", "cuda-version >=12"),
    ]
    assert needs(packages) == (("a", "__cuda >=12"), ("b", "__cuda >=12"), ("b", "__cuda_arch[version='>=8']"))


@pytest.mark.parametrize(
    ("environ", "has_sign", "expected"),
    [({}, True, True), ({}, False, False), ({"CONDA_OVERRIDE_CUDA": ""}, True, False),
     ({"CONDA_OVERRIDE_CUDA": "12"}, False, True)],
)  # fmt: skip
def test_a_driver_is_seen_by_its_files_unless_it_is_said(
    tmp_path: Path, environ: dict[str, str], has_sign: bool, expected: bool
) -> None:
    sign = tmp_path / "nvidiactl"
    if has_sign:
        sign.touch()
    assert is_visible(environ, [str(sign)]) is expected

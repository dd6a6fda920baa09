from __future__ import annotations

from pathlib import Path

import pytest
from rattler import BuildString, MatchSpec, PackageRecord

from envmgr.platforms.accelerators import allows, is_visible


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


@pytest.mark.parametrize(
    ("spec", "version", "expected"),
    [
        ("__cuda", "9.0", True), ("__cuda *", "9.0", True),
        ("__cuda >=12", "11.4", False), ("__cuda >=12", "12", True), ("__cuda >=12.0.0", "12", True),
        ("__cuda >=11.2,<13", "12.8", True), ("__cuda >=11.2,<12", "12.8", False), ("__cuda <12|>=13", "12.1", False),
        ("__cuda 12.*", "12.8", True), ("__cuda 12.*", "11.8", False), ("__cuda=12", "12.8", True),
        ("__cuda ==12.0", "12", True), ("__cuda ==12.0", "12.1", False), ("__cuda !=12.*", "11", True),
        ("__cuda_arch[version='>=8']", "7.5", False), ("__cuda_arch[version='>=8']", "8.6", True),
        ("__cuda >=12 *_0", "11", False), ("__cuda >=twelve", "1", True),
    ],
)  # fmt: skip
def test_a_spec_on_an_accelerator_is_held_against_a_version(spec: str, version: str, expected: bool) -> None:
    assert allows(spec, version) is expected
    if "twelve" not in spec and "[" not in spec:  # as rattler has it
        package = PackageRecord("__cuda", version, BuildString("x_0"), 0, "noarch")
        assert MatchSpec(spec).matches(package) is expected

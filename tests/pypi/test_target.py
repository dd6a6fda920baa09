from __future__ import annotations

import pytest
from packaging.requirements import Requirement

from envmgr.errors import PipError
from envmgr.platforms.model import VirtualPackage
from envmgr.pypi.target import Target
from pypi.conftest import conda_package


def target(platform: str = "linux-64", version: str = "3.12.4", **virtual: str) -> Target:
    packages = [VirtualPackage(f"__{name}", value) for name, value in virtual.items()]
    return Target.of([conda_package("python", version)], platform=platform, virtual_packages=packages)


@pytest.mark.parametrize(
    ("platform", "virtual", "name"),
    [
        ("linux-64", {"glibc": "2.36"}, "x86_64-manylinux_2_36"),
        ("linux-64", {"glibc": "2.30"}, "x86_64-manylinux_2_28"),
        ("linux-64", {"glibc": "2.99"}, "x86_64-manylinux_2_40"),
        ("linux-64", {}, "x86_64-manylinux_2_17"),
        ("linux-aarch64", {"glibc": "2.28"}, "aarch64-manylinux_2_28"),
        ("osx-arm64", {"osx": "14.2"}, "aarch64-apple-darwin"),
        ("osx-64", {"osx": "13.0"}, "x86_64-apple-darwin"),
        ("win-64", {}, "x86_64-pc-windows-msvc"),
        ("win-arm64", {}, "aarch64-pc-windows-msvc"),
    ],
)
def test_every_platform_has_uv_s_name(platform: str, virtual: dict[str, str], name: str) -> None:
    assert target(platform, **virtual).python_platform == name


@pytest.mark.parametrize(
    ("platform", "virtual", "fits", "fits_not"),
    [
        ("linux-64", {"glibc": "2.36"}, "cp312-cp312-manylinux_2_28_x86_64", "cp312-cp312-manylinux_2_39_x86_64"),
        ("linux-64", {"glibc": "2.36"}, "cp39-abi3-manylinux2014_x86_64", "cp313-abi3-manylinux2014_x86_64"),
        ("linux-64", {"glibc": "2.36"}, "py2.py3-none-any", "cp312-cp312-musllinux_1_2_x86_64"),
        ("osx-arm64", {"osx": "14.2"}, "cp312-cp312-macosx_11_0_arm64", "cp312-cp312-macosx_15_0_arm64"),
        ("osx-64", {"osx": "13.0"}, "cp312-cp312-macosx_10_9_universal2", "cp312-cp312-macosx_11_0_arm64"),
        ("win-64", {}, "cp312-cp312-win_amd64", "cp312-cp312-win32"),
    ],
)
def test_tags_are_those_of_the_platform(platform: str, virtual: dict[str, str], fits: str, fits_not: str) -> None:
    from packaging.tags import parse_tag

    tags = set(target(platform, **virtual).tags)

    assert parse_tag(fits) & tags
    assert not parse_tag(fits_not) & tags


@pytest.mark.parametrize(
    ("platform", "marker"),
    [
        ("linux-64", "sys_platform == 'linux' and platform_machine == 'x86_64' and os_name == 'posix'"),
        ("osx-arm64", "sys_platform == 'darwin' and platform_machine == 'arm64' and platform_system == 'Darwin'"),
        ("win-64", "sys_platform == 'win32' and platform_machine == 'AMD64' and os_name == 'nt'"),
        ("linux-aarch64", "python_full_version == '3.12.4' and python_version == '3.12'"),
        ("linux-64", "platform_python_implementation == 'CPython' and implementation_name == 'cpython'"),
    ],
)
def test_markers_are_those_of_the_platform_and_not_of_this_machine(platform: str, marker: str) -> None:
    assert target(platform).wants(Requirement(f"x; {marker}"))
    assert not target(platform).wants(
        Requirement(f"x; not_a_marker and {marker}".replace("not_a_marker", "os_name=='x'"))
    )


def test_a_comparison_without_meaning_does_not_hold() -> None:
    assert not target().wants(Requirement("x; platform_machine ~= 'x86'"))


def test_macos_release_reaches_uv() -> None:
    assert target("osx-arm64", osx="14.2").variables == (("MACOSX_DEPLOYMENT_TARGET", "14.2"),)


def test_a_pip_section_without_python_says_which_line_is_missing() -> None:
    with pytest.raises(PipError, match="no python") as caught:
        Target.of([conda_package("numpy")], platform="linux-64", virtual_packages=())
    assert caught.value.hint == "add `- python` to dependencies"


@pytest.mark.parametrize("build", ["0_73_pypy", "h9a34b6e_2_cp313t"])
def test_another_interpreter_than_cpython_is_refused(build: str) -> None:
    with pytest.raises(PipError, match="standard CPython"):
        Target.of([conda_package("python", "3.13.0", build)], platform="linux-64", virtual_packages=())


@pytest.mark.parametrize(("platform", "virtual"), [("linux-ppc64le", {}), ("linux-64", {"glibc": "2.12"})])
def test_a_platform_without_wheels_is_refused(platform: str, virtual: dict[str, str]) -> None:
    with pytest.raises(PipError):
        target(platform, **virtual)

from __future__ import annotations

import os
import stat
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from rattler import VirtualPackage as Detected

from envmgr.errors import ConfigError, UsageError
from envmgr.platforms.detect import detect
from envmgr.platforms.model import VirtualPackage
from envmgr.platforms.subdirs import current_subdir
from envmgr.reporting import SilentReporter


class _Warnings(SilentReporter):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def warning(self, text: str) -> None:
        self.texts.append(text)


def _as_text(packages: tuple[VirtualPackage, ...]) -> list[str]:
    return [str(package) for package in packages]


def _fake_driver(directory: Path, script: str) -> dict[str, str]:
    """A PATH whose nvidia-smi is `script`: where rattler finds no library, it asks that program."""
    directory.mkdir(exist_ok=True)
    program = directory / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"PATH": f"{directory}{os.pathsep}{os.environ['PATH']}", "HOME": str(directory)}


def test_this_machine_is_what_rattler_detects(environ: Mapping[str, str]) -> None:
    expected = sorted(str(package.into_generic()) for package in Detected.detect())
    assert sorted(_as_text(detect(current_subdir(), environ))) == expected


def test_the_driver_is_asked_in_the_way_of_rattler(tmp_path: Path) -> None:
    answer = "<?xml version='1.0'?><nvidia_smi_log><cuda_version>12.4</cuda_version></nvidia_smi_log>"
    environ = _fake_driver(tmp_path / "bin", f'case "$*" in *compute_cap*) echo 8.6;; *) echo "{answer}";; esac')
    assert {"__cuda=12.4=0", "__cuda_arch=8.6=0"} <= set(_as_text(detect(current_subdir(), environ)))


def test_a_driver_is_asked_once_until_it_changes(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    answer = "<?xml version='1.0'?><nvidia_smi_log><cuda_version>{}</cuda_version></nvidia_smi_log>"
    script = f'case "$*" in *compute_cap*) echo 8.6;; *) echo x >> {asked}; echo "{answer}";; esac'
    environ = _fake_driver(tmp_path / "bin", script.format("12.4"))
    for _ in range(3):
        assert "__cuda=12.4=0" in _as_text(detect(current_subdir(), environ))
    assert asked.read_text().count("x") == 1
    (tmp_path / "bin/nvidia-smi").unlink()
    environ = _fake_driver(tmp_path / "bin", script.format("13.0"))
    assert "__cuda=13.0=0" in _as_text(detect(current_subdir(), environ))
    (kept, _) = (tmp_path / "bin/.cache/envmgr/driver").iterdir()
    for damaged in ("", "[", "[[1,2,3,4]]", '{"a": 1}', "[" * 99_999):
        for file in kept.parent.iterdir():
            file.write_text(damaged)
        assert "__cuda=13.0=0" in _as_text(detect(current_subdir(), environ))


def test_a_driver_that_hangs_costs_a_second_and_is_said_aloud(tmp_path: Path) -> None:
    environ = _fake_driver(tmp_path / "bin", "exec sleep 60")
    warnings = _Warnings()
    before = time.monotonic()
    found = {package.name: package for package in detect(current_subdir(), environ, reporter=warnings)}
    assert time.monotonic() - before < 30
    assert "__cuda" not in found
    assert found["__glibc"] == next(p for p in detect(current_subdir(), {"PATH": ""}) if p.name == "__glibc")
    assert "CONDA_OVERRIDE_CUDA" in warnings.texts[0]


@pytest.mark.parametrize(
    ("variable", "value", "expected", "systems"),
    [
        ("CUDA", "12.4", "__cuda=12.4=0", {"linux", "osx", "win"}),
        ("GLIBC", "2.17", "__glibc=2.17=0", {"linux"}),
        ("LINUX", "5.10", "__linux=5.10=0", {"linux"}),
        ("ARCHSPEC", "haswell", "__archspec=1=haswell", {"linux", "osx", "win"}),
        ("OSX", "14.2", "__osx=14.2=0", {"osx"}),
        ("WIN", "10.0.19045", "__win=10.0.19045=0", {"win"}),
    ],
)
def test_an_override_variable_holds_where_cep_30_lets_it(
    variable: str, value: str, expected: str, systems: set[str]
) -> None:
    environ = {f"CONDA_OVERRIDE_{variable}": value}
    for platform in ["linux-64", "linux-aarch64", "osx-64", "osx-arm64", "win-64"]:
        holds = platform.partition("-")[0] in systems
        assert (expected in _as_text(detect(platform, environ))) == holds


def test_unix_cannot_be_overridden() -> None:
    assert "__unix=0=0" in _as_text(detect("linux-64", {"CONDA_OVERRIDE_UNIX": "7"}))


def test_an_empty_variable_takes_the_package_away() -> None:
    names = {package.name for package in detect("linux-64", {"CONDA_OVERRIDE_GLIBC": "", "CONDA_OVERRIDE_CUDA": ""})}
    assert not names & {"__glibc", "__cuda"}


def test_the_compute_capability_needs_a_driver() -> None:
    alone = {"CONDA_OVERRIDE_CUDA_ARCH": "8.6", "CONDA_OVERRIDE_CUDA": ""}
    assert "__cuda_arch" not in {package.name for package in detect("linux-64", alone)}
    both = {"CONDA_OVERRIDE_CUDA_ARCH": "8.6", "CONDA_OVERRIDE_CUDA": "12.4"}
    assert "__cuda_arch=8.6=0" in _as_text(detect("linux-64", both))


@pytest.mark.parametrize(
    ("variable", "value"),
    [("CUDA", "bla bla"), ("LINUX", "five"), ("CUDA_ARCH", "sm_90"), ("ARCHSPEC", "a/b"), ("GLIBC", "2.17;rm")],
)
def test_a_variable_that_cannot_be_read_is_named(variable: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"CONDA_OVERRIDE_{variable}: .*{value}"):
        detect("linux-64", {f"CONDA_OVERRIDE_{variable}": value})


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("linux-aarch64", ["__archspec=1=aarch64", "__glibc=2.28=0", "__linux=4.18=0", "__unix=0=0"]),
        ("osx-64", ["__archspec=1=x86_64", "__osx=13.0=0", "__unix=0=0"]),
        ("osx-arm64", ["__archspec=1=m1", "__osx=13.0=0", "__unix=0=0"]),
        ("win-64", ["__archspec=1=x86_64", "__win=10.0=0"]),
        ("linux-ppc64le", ["__archspec=1=ppc64le", "__glibc=2.28=0", "__linux=4.18=0", "__unix=0=0"]),
    ],
)
def test_another_platform_is_assumed_and_never_this_machine(platform: str, expected: list[str]) -> None:
    assert _as_text(detect(platform, os.environ | {"CONDA_OVERRIDE_CUDA": ""})) == expected


def test_an_option_beats_a_variable_and_the_machine() -> None:
    found = _as_text(
        detect("linux-64", {"CONDA_OVERRIDE_CUDA": "11.8"}, ["__cuda=12.8", "__glibc==2.40", "__foo=1=bar"])
    )
    assert {"__cuda=12.8=0", "__glibc=2.40=0", "__foo=1=bar"} <= set(found)
    assert found == sorted(found)


def test_an_option_without_a_version_takes_the_package_away() -> None:
    found = detect("linux-64", {"CONDA_OVERRIDE_CUDA": "11.8", "CONDA_OVERRIDE_CUDA_ARCH": "8.0"}, ["__cuda="])
    assert not {package.name for package in found} & {"__cuda", "__cuda_arch"}


@pytest.mark.parametrize(
    "text", ["cuda=12", "__cuda", "", "__cuda=1 2", "__cuda=12=a b", "__../x=1", "__" + "a" * 99 + "=1"]
)
def test_an_option_that_cannot_be_read_shows_how_it_is_written(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        detect("linux-64", {}, [text])
    assert "--virtual-package __cuda=12.8" in (caught.value.hint or "")

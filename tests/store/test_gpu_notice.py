from __future__ import annotations

from pathlib import Path

import pytest

from envmgr.lock.model import CondaPackage
from envmgr.store.gpu_notice import FILE, needs, text, write


def package(name: str, *depends: str, constrains: tuple[str, ...] = ()) -> CondaPackage:
    return CondaPackage(name, "1", "0", 0, "noarch", "", "", "", "", depends=depends, constrains=constrains)


def test_what_asks_for_an_accelerator_is_known_by_its_specs() -> None:
    packages = [
        package("b", "__cuda >=12", "__glibc >=2.17", "__cuda_arch[version='>=8']"),
        package("a", constrains=("__cuda >=12", "__cudalike")),
        package("c", "cuda-version >=12"),
    ]
    assert needs(packages) == (("a", "__cuda >=12"), ("b", "__cuda >=12"), ("b", "__cuda_arch[version='>=8']"))


def told(tmp_path: Path, cuda: str) -> str | None:
    return text(
        str(tmp_path), {"HOME": str(tmp_path), "ENVMGR_CACHE": str(tmp_path / "cache"), "CONDA_OVERRIDE_CUDA": cuda}
    )


@pytest.mark.parametrize(
    ("needed", "machine", "cuda", "said"),
    [
        ("__cuda >=12", "__cuda=12.8=0", "11.4", "this machine has __cuda 11.4: torch (__cuda >=12)"),
        ("__cuda", "__cuda=12.8=0", "11.4", "this machine has __cuda 11.4: solved for __cuda 12.8"),
        ("__cuda", "__cuda=12.8=0", "12.2", None),  # drivers of one major version run what was built for it
        ("__cuda >=11,<13", "__cuda=11.8=0", "12.8", None),
        ("__cuda >=12", "__cuda=12.8=0", "", "shows no NVIDIA driver: torch (__cuda >=12)"),
    ],
)
def test_a_driver_that_does_not_meet_the_builds_is_said_once(
    tmp_path: Path, needed: str, machine: str, cuda: str, said: str | None
) -> None:
    (tmp_path / FILE).parent.mkdir(parents=True)
    write(tmp_path, [package("torch", needed)], [machine, "__glibc=2.28=0"])
    first = told(tmp_path, cuda)
    assert (first is None) if said is None else (said in (first or ""))
    assert told(tmp_path, cuda) is None


def test_an_environment_without_gpu_builds_has_no_such_file(tmp_path: Path) -> None:
    (tmp_path / FILE).parent.mkdir(parents=True)
    write(tmp_path, [package("numpy", "__glibc >=2.17")], ["__cuda=12.8=0"])
    assert not (tmp_path / FILE).exists()
    assert told(tmp_path, "") is None

from __future__ import annotations

from envmgr.lock.model import CondaPackage
from envmgr.store.gpu_notice import needs


def package(name: str, *depends: str, constrains: tuple[str, ...] = ()) -> CondaPackage:
    return CondaPackage(name, "1", "0", 0, "noarch", "", "", "", "", depends=depends, constrains=constrains)


def test_what_asks_for_an_accelerator_is_known_by_its_specs() -> None:
    packages = [
        package("b", "__cuda >=12", "__glibc >=2.17", "__cuda_arch[version='>=8']"),
        package("a", constrains=("__cuda >=12", "__cudalike")),
        package("c", "cuda-version >=12"),
    ]
    assert needs(packages) == (("a", "__cuda >=12"), ("b", "__cuda >=12"), ("b", "__cuda_arch[version='>=8']"))

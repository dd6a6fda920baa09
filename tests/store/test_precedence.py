"""Who is installed last is who rattler installs last."""

from __future__ import annotations

import random

import pytest
from rattler import PackageRecord

from envmgr.lock.model import CondaPackage
from envmgr.solve.records import record_of_package
from envmgr.store import precedence

_FORMS = ("{}", "{} >=1", "{}=1", "{}>1", "{} 1.*", "{}[version=1]", "{} 1 0")


def _package(name: str, depends: tuple[str, ...]) -> CondaPackage:
    return CondaPackage(
        name=name, version="1", build="0", build_number=0, subdir="noarch", channel="file:///c", noarch="generic",
        url=f"file:///c/noarch/{name}-1-0.conda", filename=f"{name}-1-0.conda", sha256="0" * 64, depends=depends,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_order_is_that_of_rattler(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(150):
        names = chance.sample("abcdefghijkl", chance.randint(1, 9))
        is_free = chance.random() < 0.3  # circles and all
        packages = []
        for position, name in enumerate(names):
            below = [*(names if is_free else names[:position]), "__glibc", "absent"]
            needs = [chance.choice(below) for _ in range(chance.randint(0, 3))]
            packages.append(_package(name, tuple(chance.choice(_FORMS).format(each) for each in needs)))
        expected = PackageRecord.sort_topologically([record_of_package(package) for package in packages])
        assert precedence.order(packages) == tuple(record.name.normalized for record in expected)


def test_dependent_package_comes_later() -> None:
    packages = [_package("z", ()), _package("a", ("z",)), _package("m", ())]
    order = precedence.order(packages)
    assert order.index("a") > order.index("z")


def test_long_chain_of_packages_is_no_matter() -> None:
    packages = [_package(f"p{number}", (f"p{number + 1}",)) for number in range(5000)]
    assert precedence.order(packages)[0] == "p4999"

"""What moves is held to the newest that can be; what does not get newer stays preferred."""

from __future__ import annotations

import pytest

from envmgr.errors import Unsatisfiable
from envmgr.lock.model import CondaPackage
from envmgr.solve.base import Solution, SolveRequest
from envmgr.solve.newest import toward_newest


def package(name: str, version: str, number: int = 0) -> CondaPackage:
    return CondaPackage(
        name=name, version=version, build=f"h1_{number}", build_number=number, subdir="noarch",
        channel="https://conda.example/lab", url="", filename="", sha256="",
    )  # fmt: skip


def request(*locked: CondaPackage) -> SolveRequest:
    return SolveRequest(specs=(), channels=(), platform="linux-64", virtual_packages=(), locked=locked)


@pytest.mark.parametrize(
    ("free", "constraints", "locked"),
    [
        (package("numpy", "2.0"), ["numpy ==2.0"], ["other"]),
        (package("numpy", "1.0", 2), ["numpy ==1.0"], ["other"]),
        (package("numpy", "1.0", 1), [], ["numpy", "other"]),
        (package("numpy", "1.0", 0), [], ["numpy", "other"]),
        (package("numpy", "0.9", 9), [], ["numpy", "other"]),
    ],
    ids=["newer version", "newer build", "the same", "older build", "older version"],
)
def test_only_what_gets_newer_moves(free: CondaPackage, constraints: list[str], locked: list[str]) -> None:
    asked = request(package("numpy", "1.0", 1), package("other", "1"))
    found = toward_newest(asked, {"numpy"}, lambda _: Solution(packages=(free, package("other", "2")), solver=""))
    assert [each.text for each in found.constraints] == constraints
    assert [each.name for each in found.locked] == locked


def test_python_keeps_its_minor_version_unless_named_or_gone() -> None:
    asked = request(package("numpy", "1.0"), package("python", "3.11.4"))
    asked_for: list[list[str]] = []

    def solve(attempt: SolveRequest) -> Solution:
        assert attempt.locked == ()
        asked_for.append([each.text for each in attempt.constraints])
        if len(asked_for) == 3:
            raise Unsatisfiable("no such python any more")
        return Solution(packages=(package("numpy", "2.0"), package("python", "3.12.0")), solver="")

    first = toward_newest(asked, {"numpy"}, solve)
    assert [each.text for each in first.constraints] == ["python 3.11.*", "numpy ==2.0"]
    second = toward_newest(asked, {"python"}, solve)
    assert [each.text for each in second.constraints] == ["python ==3.12.0"]
    third = toward_newest(asked, {"numpy"}, solve)
    assert [each.text for each in third.constraints] == ["numpy ==2.0"]
    assert asked_for == [["python 3.11.*"], [], ["python 3.11.*"], []]

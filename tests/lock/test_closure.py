"""A lock that lost something, or has something twice, is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from envmgr.errors import LockTampered
from envmgr.lock import closure
from envmgr.lock.model import CondaPackage, Lock, PipPackage


def conda(name: str, version: str = "1.0", **overrides: Any) -> CondaPackage:
    values: dict[str, Any] = {
        "name": name,
        "version": version,
        "build": "h0_0",
        "build_number": 0,
        "subdir": "linux-64",
        "channel": "https://conda.example/lab",
        "url": f"https://conda.example/lab/linux-64/{name}-{version}-h0_0.conda",
        "filename": f"{name}-{version}-h0_0.conda",
        "sha256": "a" * 64,
    }
    return CondaPackage(**values | overrides)


def pip(name: str, version: str = "1.0", **overrides: Any) -> PipPackage:
    values: dict[str, Any] = {"url": "https://files.example/x.whl", "filename": "x.whl", "sha256": "c" * 64}
    return PipPackage(name=name, version=version, **values | overrides)


def lock(*conda_packages: CondaPackage, pip_packages: tuple[PipPackage, ...] = (), **overrides: Any) -> Lock:
    return Lock(platform="linux-64", conda=conda_packages, pip=pip_packages, **overrides)


def test_a_whole_lock_passes() -> None:
    closure.check(
        lock(
            conda("numpy", "2.1", depends=("python >=3.10,<3.13", "__glibc >=2.17"), constrains=("scipy >=1",),
                  distributions=("numpy==2.1",)),
            conda("python", "3.12.1"),
            pip_packages=(pip("rich", requires=("numpy>=2", "pygments<3 ; os_name > ''")), pip("pygments", "2.0")),
            virtual_packages=("__glibc=2.36=0",),
        ),
        source="x",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (lock(conda("a", depends=("b",))), "a-1.0-h0_0 depends on b, which is not in the lock"),
        (lock(conda("a", depends=("b >=2",)), conda("b")), "depends on b >=2, but b 1.0 h0_0 is locked"),
        (lock(conda("a", depends=("b * cuda*",)), conda("b")), r"depends on b \* cuda\*, but b 1.0 h0_0 is locked"),
        (lock(conda("a", constrains=("b <1",)), conda("b")), "constrains b <1, but b 1.0 h0_0 is locked"),
        (lock(conda("a"), conda("a", "2.0")), "conda package a is locked 2 times"),
        (lock(conda("a", url="../a-1.0-h0_0.conda")), "a-1.0-h0_0 comes from `../a-1.0-h0_0.conda`, which is no URL"),
        (lock(conda("a", url="https://h.example/x/%2e%2e/a-1.0-h0_0.conda")), "which is no URL of an artifact"),
        (lock(conda("a", url="file:///etc/a-1.0-h0_0.conda")), "which is outside of every channel of the lock"),
        (
            lock(conda("a", url="file:///lab/../a-1.0-h0_0.conda"), channels=("file:///lab",)),
            "which is no URL of an artifact",
        ),
        (lock(conda("a", url="http://[")), "which is no URL of an artifact"),
        (lock(conda("a"), channels=("/home/me/channel",)), "the channel `/home/me/channel` is no URL of a channel"),
        (lock(conda("a", channel="..")), "is from `..`, which is no URL of a channel or an index"),
        (lock(pip_packages=(pip("b", index_url="x"),)), "b 1.0 is from `x`, which is no URL of a channel or an index"),
        (lock(conda("a", ">>1")), "is no record of a package"),
        (lock(conda("a", build_number=-1)), "a-1.0-h0_0 is no record of a package"),
        (lock(conda("a", filename="../../a.conda")), "has the file name `../../a.conda`, which is a path"),
        (lock(conda("a", filename="b.conda")), "has the file name `b.conda`, and its URL ends in `a-1.0-h0_0.conda`"),
        (lock(conda("a", build="../x")), "has the version or build `../x`, which is a path"),
        (lock(pip_packages=(pip("b", url="/tmp/x.whl"),)), "b 1.0 comes from `/tmp/x.whl`, which is no URL"),
        (lock(conda("a", sha256="")), "a-1.0-h0_0 has no sha256"),
        (lock(conda("a", sha256="A" * 64)), "a-1.0-h0_0 has no sha256"),
        (lock(conda("../a")), "is not one that CEP 26 or PEP 508 allows"),
        (lock(conda("a", depends=("b !!",))), "which is not a match spec"),
        (
            lock(conda("a", depends=("__cuda >=12",)), virtual_packages=("__glibc=2.36=0",)),
            "depends on __cuda >=12, and no such virtual package is locked",
        ),
        (
            lock(conda("a", distributions=("A_b==1",)), pip_packages=(pip("a-b"),)),
            "a-b is locked twice: by pip, and by the conda package a",
        ),
        (lock(pip_packages=(pip("a", requires=("b",)),)), "a 1.0 requires b, which is not in the lock"),
        (lock(pip_packages=(pip("a", requires=("b<1",)), pip("b"))), "requires b<1, but b 1.0 is locked"),
        (lock(pip_packages=(pip("a", sha256=""),)), "a 1.0 has no sha256"),
    ],
)
def test_a_broken_lock_is_refused_by_name(broken: Lock, fault: str) -> None:
    with pytest.raises(LockTampered, match=fault) as caught:
        closure.check(broken, source="env.conda-lock.yml")
    assert caught.value.message.startswith("env.conda-lock.yml: the lock for linux-64 is not whole\n")


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(LockTampered) as caught:
        closure.check(lock(conda("a", depends=("b", "c")), pip_packages=(pip("d", sha256=""),)), source="x")
    assert len(caught.value.details["faults"]) == 3


def test_an_old_artifact_with_only_an_md5_passes() -> None:
    closure.check(lock(conda("a", sha256="", md5="d" * 32)), source="x")

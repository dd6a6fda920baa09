from __future__ import annotations

from envmgr.lock.difference import between
from envmgr.lock.model import CondaPackage, Lock, PipPackage


def conda(name: str, version: str = "1", build: str = "0") -> CondaPackage:
    return CondaPackage(name, version, build, 0, "noarch", "c", f"u/{name}", "f", f"{name}{version}{build}")


def pip(name: str, version: str) -> PipPackage:
    return PipPackage(name, version, "u", "f", f"{name}{version}")


def lock(*packages: CondaPackage | PipPackage) -> Lock:
    return Lock(
        platform="linux-64",
        conda=tuple(package for package in packages if isinstance(package, CondaPackage)),
        pip=tuple(package for package in packages if isinstance(package, PipPackage)),
    )


def test_everything_is_new_in_a_first_lock() -> None:
    difference = between(None, lock(conda("b"), conda("a"), pip("x", "1")))
    assert [package.name for package in difference.conda.added] == ["a", "b"]
    assert difference.pip.linked == (pip("x", "1"),)
    assert difference


def test_what_changed_is_in_and_out() -> None:
    old = lock(conda("gone"), conda("kept"), conda("moved"), conda("rebuilt"), pip("p", "1"))
    new = lock(conda("kept"), conda("moved", "2"), conda("new"), conda("rebuilt", build="1"), pip("p", "2"))
    difference = between(old, new)
    assert [package.name for package in difference.conda.linked] == ["moved", "new", "rebuilt"]
    assert [package.name for package in difference.conda.unlinked] == ["gone", "moved", "rebuilt"]
    assert difference.pip.changed == ((pip("p", "1"), pip("p", "2")),)


def test_asking_for_what_was_pulled_in_changes_nothing() -> None:
    assert not between(lock(conda("a")), lock(conda("a")._replace(requested=("a",))))


def test_record_without_a_hash_is_told_apart_by_its_build() -> None:
    known = conda("a")
    unhashed = known._replace(sha256="")
    assert not between(lock(known), lock(unhashed))
    assert not between(lock(unhashed), lock(known))
    assert between(lock(known), lock(unhashed._replace(build="another_1")))

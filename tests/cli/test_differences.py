"""Both halves as rows and as JSON; what tells two packages of one version apart."""

from __future__ import annotations

from envmgr.cli.differences import as_json, rows, summary
from envmgr.lock.difference import between
from envmgr.lock.model import CondaPackage, Lock, PipPackage


def conda(name: str, version: str, build: str = "0", sha256: str = "a" * 64, channel: str = "main") -> CondaPackage:
    return CondaPackage(
        name=name, version=version, build=build, build_number=0, subdir="noarch", sha256=sha256,
        channel=f"https://example.org/{channel}", filename="", url=f"https://example.org/{channel}/{name}",
    )  # fmt: skip


def pip(name: str, version: str, sha256: str = "a" * 64) -> PipPackage:
    return PipPackage(name=name, version=version, url="https://example.org/x.whl", filename="x.whl", sha256=sha256)


def lock(*packages: CondaPackage | PipPackage) -> Lock:
    return Lock(
        platform="linux-64",
        conda=tuple(package for package in packages if isinstance(package, CondaPackage)),
        pip=tuple(package for package in packages if isinstance(package, PipPackage)),
    )


def test_package_that_changed_its_half_is_gone_from_one_and_new_in_the_other() -> None:
    difference = between(lock(conda("rich", "1")), lock(pip("rich", "2")))
    assert as_json(difference) == {
        "added": [{"name": "rich", "manager": "pip", "version": "2"}],
        "removed": [
            {"name": "rich", "manager": "conda", "version": "1", "build_string": "0", "channel": "main"},
        ],
        "changed": [],
    }
    assert rows(difference) == [("+", "rich", "2", "", "pip"), ("-", "rich", "1", "0", "main")]
    assert summary(difference) == "1 new, 1 gone"


def test_version_build_and_content_tell_apart_in_this_order() -> None:
    old = lock(conda("a", "1", "x"), conda("b", "1", "x"), conda("c", "1", "x"), pip("d", "1"), pip("e", "1"))
    new = lock(
        conda("a", "2", "y"), conda("b", "1", "y"), conda("c", "1", "x", "b" * 64),
        pip("d", "2"), pip("e", "1", "b" * 64),
    )  # fmt: skip
    difference = between(old, new)
    changed = {each["name"]: (each["manager"], each["from"], each["to"]) for each in as_json(difference)["changed"]}
    assert changed == {
        "a": ("conda", "1", "2"),
        "b": ("conda", "1 x", "1 y"),
        "c": ("conda", "1 sha256:aaaaaaaaaaaa", "1 sha256:bbbbbbbbbbbb"),
        "d": ("pip", "1", "2"),
        "e": ("pip", "1 sha256:aaaaaaaaaaaa", "1 sha256:bbbbbbbbbbbb"),
    }
    assert rows(difference)[:3] == [
        ("~", "a", "1 → 2", "x → y", "main"),
        ("~", "b", "1", "x → y", "main"),
        ("~", "c", "1", "x sha256:aaaaaaaaaaaa → sha256:bbbbbbbbbbbb", "main"),
    ]


def test_channel_that_moved_is_shown() -> None:
    difference = between(lock(conda("a", "1")), lock(conda("a", "2", channel="other")))
    assert rows(difference) == [("~", "a", "1 → 2", "0", "main → other")]


def test_nothing_that_differs_is_said() -> None:
    assert summary(between(lock(pip("a", "1")), lock(pip("a", "1")))) == "the same packages"

from __future__ import annotations

import json
import shutil

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr
from builders.packages import Package


@pytest.fixture
def science(envmgr: Envmgr, channel: LocalChannel) -> Envmgr:
    for specs in (["tool=1", "greet"], ["tool=2", "numpy"]):
        envmgr.ok("create", "-n", "science", "-c", channel.url, *specs, "-q")
    envmgr.ok("create", "-p", "./other", "-c", channel.url, "tool=1", "greet", "-q")
    return envmgr


CHANGED = [{"name": "tool", "manager": "conda", "from": "1.0", "to": "2.0"}]


@pytest.mark.parametrize("old", ["science@1", "other/", "./other", "./other@1", "kept.conda-lock.yml"])
def test_what_is_new_gone_and_changed_whatever_names_it(science: Envmgr, old: str) -> None:
    kept = science.root / "envs/.generations/science/1/conda-meta/envmgr/environment.conda-lock.yml"
    shutil.copy(kept, science.directory / "kept.conda-lock.yml")
    document = science("diff", old, "science", "--json").json
    assert [each["name"] for each in document["added"]] == ["numpy"]
    assert document["removed"] == [
        {"name": "greet", "manager": "conda", "version": "1.0", "build_string": "0", "channel": "channel"}
    ]
    assert document["changed"] == CHANGED


def test_people_see_signs_and_arrows(science: Envmgr) -> None:
    assert science.ok("diff", "science@1", "science").splitlines() == [
        "science@1 → science: 1 new, 1 changed, 1 gone",
        "  +  numpy  1.26       0  channel",
        "  ~  tool   1.0 → 2.0  0  channel",
        "  -  greet  1.0        0  channel",
    ]
    assert science.ok("diff", "science", "science@2") == "science → science@2: the same packages\n"


def test_generation_of_which_only_the_lock_is_kept_is_compared(science: Envmgr, channel: LocalChannel) -> None:
    science.ok("create", "-n", "science", "-c", channel.url, "numpy", "-q", ENVMGR_KEEP_GENERATIONS="0")
    assert not (science.root / "envs/.generations/science/1").exists()
    assert science("diff", "science@1", "science@2", "--json").json["changed"] == CHANGED


def test_builds_and_contents_tell_apart_what_has_the_same_version(envmgr: Envmgr, channel: LocalChannel) -> None:
    channel.add(Package(name="built", build="first_0"))
    envmgr.ok("create", "-n", "a", "-c", channel.url, "built", "-q")
    channel.add(Package(name="built", build="second_1", build_number=1))
    envmgr.ok("create", "-n", "b", "-c", channel.url, "built", "-q")
    assert envmgr("diff", "a", "b", "--json").json["changed"] == [
        {"name": "built", "manager": "conda", "from": "1.0 first_0", "to": "1.0 second_1"}
    ]


@pytest.mark.parametrize(
    ("side", "error", "text"),
    [
        ("science@123456789012", "PrefixError", "science has no generation 123456789012"),
        ("science@7", "PrefixError", "science has no generation 7; these exist: 1, 2"),
        ("scince", "EnvironmentNotFound", "no environment is named `scince`"),
        ("scince@1", "EnvironmentNotFound", "no environment is named `scince`"),
        ("absent.conda-lock.yml", "LockError", "there is no file absent.conda-lock.yml"),
        ("./nowhere", "EnvironmentNotFound", "there is no environment at"),
        ("/dev/null", "LockError", "/dev/null is empty"),
        ("/dev/zero", "LockError", "/dev/zero is no lock"),
        ("~nobody-of-that-name/x", "EnvironmentNotFound", "there is no environment at"),
        ("broken.yml", "LockError", "broken.yml is no lock but an environment file"),
        (".", "NotAnEnvironment", "but no environment"),
    ],
)
def test_what_cannot_be_compared_is_said(science: Envmgr, side: str, error: str, text: str) -> None:
    science.write("broken.yml", "dependencies: []\n")
    for sides in ((side, "science"), ("science", side)):
        done = science("diff", *sides, "--json")
        assert done.code == 1
        assert done.json["error"] == error
        assert text in done.json["message"]


def test_lock_of_several_platforms_needs_one_that_it_has(science: Envmgr) -> None:
    path = science.prefix("science") / "conda-meta/envmgr/environment.conda-lock.yml"
    document = json.loads(path.read_text())
    document["metadata"]["custom_metadata"] = {}
    document["metadata"]["platforms"] = ["osx-64", "osx-arm64"]
    for package in document["package"]:
        package["platform"] = "osx-arm64"
    science.write("both.yml", json.dumps(document))
    done = science("diff", "science", "both.yml")
    assert (done.code, "both.yml locks osx-64, osx-arm64, not " in done.err, "--platform" in done.err) == (
        1,
        True,
        True,
    )
    done = science("diff", "science", "both.yml", "--platform", "osx-arm64")
    assert done.out == "science → both.yml: the same packages\n"
    assert "both.yml for osx-arm64" in done.err
    assert len(science("diff", "science", "both.yml", "--platform", "osx-64", "--json").json["removed"]) == 3


def test_locks_of_every_kind_and_files_with_a_lock_beside_them_are_compared(
    science: Envmgr, channel: LocalChannel
) -> None:
    lock = science.prefix("science") / "conda-meta/envmgr/environment.conda-lock.yml"
    urls = [package["url"] for package in json.loads(lock.read_text())["package"]]
    science.write("explicit.txt", "\n".join(["@EXPLICIT", *urls]) + "\n")
    assert science.ok("diff", "science", "explicit.txt") == "science → explicit.txt: the same packages\n"
    science.write("file.yml", f"channels: [{channel.url}]\ndependencies: [tool=1]\n")
    done = science("diff", "science", "file.yml")
    assert (done.code, "envmgr lock -f file.yml" in done.err) == (1, True)
    science.ok("lock", "-f", "file.yml", "-q")
    changed = science("diff", "file.yml", "explicit.txt", "--json").json["changed"]
    assert [(each["name"], each["from"]) for each in changed] == [("tool", "1.0")]

"""A lock beside the file on other machines: other platforms, other places, other tools."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from builders.packages import Package

LOCK = "environment.conda-lock.yml"
FILE = ("-f", "environment.yml")
CONDA_LOCK = shutil.which("conda-lock")
MICROMAMBA = shutil.which("micromamba")


@pytest.fixture
def lock(envmgr: Envmgr) -> Path:
    return envmgr.directory / LOCK


def locked(lock: Path) -> dict[str, str]:
    return {entry["name"]: entry["version"] for entry in yaml.safe_load(lock.read_bytes())["package"]}


def another_machine(envmgr: Envmgr) -> None:
    """Forget every environment and the cache: what is left is what a colleague has."""
    for directory in (envmgr.root, envmgr.cache):
        shutil.rmtree(directory, ignore_errors=True)


def test_each_platform_has_its_own_lock_in_the_file(envmgr: Envmgr, channel: LocalChannel, lock: Path) -> None:
    channel.add(Package(name="deep", subdir="osx-arm64", depends=["__osx >=11"], files={}))
    channel.add(Package(name="deep", subdir="linux-64", depends=["__glibc >=2.17"], files={}))
    channel.add(Package(name="deep", subdir="win-64", depends=["__win"], files={}))
    envmgr.write("environment.yml", environment_file(channel, "deep", "tool=1"))
    flags = [flag for name in ("win-64", "osx-arm64", "linux-64") for flag in ("--platform", name)]
    document = envmgr("lock", *FILE, *flags, "--json").json
    assert list(document["platforms"]) == ["win-64", "osx-arm64", "linux-64"]
    metadata = yaml.safe_load(lock.read_bytes())["metadata"]
    assert metadata["platforms"] == ["linux-64", "osx-arm64", "win-64"]
    for name, text in metadata["custom_metadata"].items():
        if name not in {"envmgr/linux-64", "envmgr"}:
            assert "__glibc" not in text
            assert "__linux" not in text
    before = lock.read_bytes()
    envmgr.ok("create", *FILE, "--locked")
    assert envmgr.ok("lock", *FILE) == f"{LOCK} fits environment.yml\n"
    assert lock.read_bytes() == before
    # Changed: without flags every platform that is locked is locked again; a check names each.
    envmgr.write("environment.yml", environment_file(channel, "deep", "tool=2"))
    stale = envmgr("lock", *FILE, "--check")
    for name in ("linux-64", "osx-arm64", "win-64"):
        assert f"  {name}: tool=1 → tool=2\n" in stale.err
    envmgr.ok("create", *FILE)  # which leaves none of them stale
    envmgr.ok("lock", *FILE, "--check")
    assert list(yaml.safe_load(lock.read_bytes())["metadata"]["content_hash"]) == ["linux-64", "osx-arm64", "win-64"]


def test_create_locks_every_platform_that_the_file_lists(envmgr: Envmgr, channel: LocalChannel, lock: Path) -> None:
    channel.add(Package(name="deep", subdir="linux-64", depends=["__glibc"], files={}))
    text = environment_file(channel, "tool=1", more="platforms: [linux-64, osx-arm64]\nodd: key\n")
    envmgr.write("environment.yml", text)
    done = envmgr("create", *FILE)
    assert (done.code, done.err.count("`odd`")) == (0, 1), "a warning is said once"
    assert yaml.safe_load(lock.read_bytes())["metadata"]["platforms"] == ["linux-64", "osx-arm64"]
    done = envmgr("create", *FILE)
    assert done.out.startswith("science is up to date")
    # One more: the lock that is there is followed, and what it lacks is said.
    envmgr.write("environment.yml", text.replace("osx-arm64]", "osx-arm64, win-64]"))
    done = envmgr("create", "-n", "other", *FILE)
    assert done.code == 0
    assert "does not lock win-64, for which environment.yml is too" in done.err
    # What cannot be locked for another platform is said, and does not keep this one from its environment.
    envmgr.write("environment.yml", text.replace("- tool=1", "- tool=2\n  - deep"))
    done = envmgr("create", *FILE)
    assert done.code == 0
    assert "osx-arm64 stays as it was, since it cannot be locked now" in done.err
    assert "`envmgr lock -f environment.yml --platform osx-arm64` says why" in done.err
    assert list(envmgr("lock", *FILE, "--check", "--json").json["details"]["differences"]) == ["osx-arm64"]


def test_what_this_machine_lacks_for_a_lock_that_is_followed_is_said(envmgr: Envmgr, channel: LocalChannel) -> None:
    channel.add(Package(name="gpu", depends=["__cuda >=12"], files={}))
    envmgr.write("environment.yml", environment_file(channel, "gpu"))
    envmgr.ok("lock", *FILE, "--virtual-package", "__cuda=12.8")
    done = envmgr("create", *FILE)
    assert done.code == 0
    assert "the lock is for a machine with __cuda >=12, and this one has none: gpu may not work here" in done.err
    assert envmgr("create", "-n", "two", *FILE, CONDA_OVERRIDE_CUDA="12.8").err == ""


def test_the_files_platforms_are_locked_or_none(envmgr: Envmgr, channel: LocalChannel, lock: Path) -> None:
    channel.add(Package(name="deep", subdir="linux-64", depends=["__glibc"], files={}))
    text = environment_file(channel, "tool", "deep  # [linux]", more="platforms: [linux-64, osx-arm64]\n")
    envmgr.write("environment.yml", text)
    envmgr.ok("lock", *FILE)
    entries_ = [(each["platform"], each["name"]) for each in yaml.safe_load(lock.read_bytes())["package"]]
    assert entries_ == [
        ("linux-64", "base-files"),
        ("linux-64", "deep"),
        ("linux-64", "tool"),
        ("osx-arm64", "base-files"),
        ("osx-arm64", "tool"),
    ]
    before = lock.read_bytes()
    envmgr.write("environment.yml", text.replace("  # [linux]", ""))
    refused = envmgr("lock", *FILE)
    assert refused.code == 1
    assert "error: osx-arm64: " in refused.err
    assert "environment.yml:6" in refused.err
    assert lock.read_bytes() == before


def test_virtual_packages_and_cutoffs_bind_who_states_them(envmgr: Envmgr, channel: LocalChannel, lock: Path) -> None:
    channel.add(Package(name="gpu", depends=["__cuda >=12"], timestamp=1_500_000_000_000, files={}))
    envmgr.write("environment.yml", environment_file(channel, "gpu"))
    envmgr.ok("lock", *FILE, "--virtual-package", "__cuda=12.8", "--as-of", "2020-01-01")
    # Whoever states nothing follows: the lock was made for another machine than the one that reads it.
    for fitting in ((), ("--virtual-package", "__cuda=12.8"), ("--exclude-newer", "14d"), ("--as-of", "2020-01-01")):
        envmgr.ok("lock", *FILE, "--check", *fitting)
    other = envmgr("lock", *FILE, "--check", "--virtual-package", "__cuda=13")
    assert "  __cuda: 12.8=0 → 13=0\n" in other.err
    assert "  __cuda: 12.8=0 → 13=0\n" in envmgr("lock", *FILE, "--check", CONDA_OVERRIDE_CUDA="13").err
    assert "exclude newer: 2020-01-01" in envmgr("lock", *FILE, "--check", "--as-of", "2021-01-01").err


def test_a_lock_is_the_same_at_another_place(envmgr: Envmgr, channel: LocalChannel, tmp_path: Path) -> None:
    shutil.copytree(channel.directory, envmgr.directory / "packages")
    envmgr.write("channels.yaml", "channels:\n  lab: ./packages\n")
    text = environment_file(channel, "tool=1").replace(channel.url, "lab")
    envmgr.write("environment.yml", text)
    envmgr.ok("lock", *FILE)
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(envmgr.directory, elsewhere)
    envmgr.directory = elsewhere
    envmgr.ok("lock", *FILE, "--check")


def test_a_channel_that_is_built_here_is_found_where_this_machine_builds_it(envmgr: Envmgr, tmp_path: Path) -> None:
    recipe = (
        "package: {name: one, version: '1.0'}\nbuild: {noarch: generic}\nabout: {license: MIT}\n"
        "extra: {payload: {files: prefix, placeholder: '@PREFIX@'}}\n"
    )
    payload = envmgr.directory / "recipes/one/prefix/share"
    payload.mkdir(parents=True)
    (payload / "one.txt").write_text("one")
    envmgr.write("recipes/one/recipe.yaml", recipe)
    envmgr.write("channels.yaml", "channels: {ours: {recipes: recipes}}\n")
    envmgr.write("environment.yml", "name: science\nchannels: [ours]\ndependencies: [one]\n")
    assert envmgr("create", *FILE).code == 0
    # Cleaned, and at another place: the directory that the lock names is not there any more.
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(envmgr.directory, elsewhere)
    shutil.rmtree(envmgr.directory)
    envmgr.directory = elsewhere
    another_machine(envmgr)
    assert f"as locked in {LOCK}" in envmgr("create", *FILE).out
    # Other recipes: what is locked cannot be had, which makes the lock stale, and is said.
    another_machine(envmgr)
    (elsewhere / "recipes/one/prefix/share/one.txt").write_text("two")
    refused = envmgr("create", *FILE, "--locked")
    assert refused.code == 1
    assert "one-1.0-" in refused.err
    assert "of the channel ours was built elsewhere" in refused.err
    out = envmgr("create", *FILE).out
    assert "did not fit any more" in out
    assert envmgr("lock", *FILE, "--check").code == 0


@pytest.mark.skipif(MICROMAMBA is None, reason="micromamba is not on PATH")
def test_micromamba_installs_the_lock_unchanged(
    envmgr: Envmgr, channel: LocalChannel, lock: Path, tmp_path: Path
) -> None:
    envmgr.write("environment.yml", environment_file(channel, "tool=1", "greet", more="variables: {A: 'é \"x\"'}\n"))
    envmgr.ok("lock", *FILE)
    assert MICROMAMBA is not None
    subprocess.run(
        [MICROMAMBA, "create", "-y", "-q", "--no-rc", "-r", tmp_path / "mamba", "-n", "x", "-f", lock],
        check=True, env=envmgr.environ, stdin=subprocess.DEVNULL, capture_output=True,
    )  # fmt: skip
    names = {path.name for path in (tmp_path / "mamba/envs/x/conda-meta").glob("*.json")}
    assert names == {"base-files-1.0-0.json", "greet-1.0-0.json", "tool-1.0-0.json"}


@pytest.mark.skipif(CONDA_LOCK is None, reason="conda-lock is not on PATH")
def test_conda_lock_reads_the_lock_of_several_platforms(envmgr: Envmgr, channel: LocalChannel, lock: Path) -> None:
    text = environment_file(channel, "tool=1", "greet", more="platforms: [linux-64, osx-arm64]\n")
    envmgr.write("environment.yml", text)
    envmgr.ok("lock", *FILE)
    assert CONDA_LOCK is not None
    subprocess.run(
        [CONDA_LOCK, "render", "-k", "explicit", "-p", "linux-64", "-p", "osx-arm64", lock],
        check=True, cwd=envmgr.directory, env=envmgr.environ, stdin=subprocess.DEVNULL, capture_output=True,
    )  # fmt: skip
    for platform in ("linux-64", "osx-arm64"):
        assert envmgr("diff", lock.name, f"conda-{platform}.lock", "--platform", platform, "--json").json == {
            "added": [], "removed": [], "changed": [],
        }  # fmt: skip


def test_the_same_recipes_in_another_directory_make_no_generation(envmgr: Envmgr, tmp_path: Path) -> None:
    payload = envmgr.directory / "recipes/one/prefix/share"
    payload.mkdir(parents=True)
    (payload / "one.txt").write_text("one")
    envmgr.write(
        "recipes/one/recipe.yaml",
        "package: {name: one, version: '1.0'}\nbuild: {noarch: generic}\nabout: {license: MIT}\n"
        "extra: {payload: {files: prefix, placeholder: '@PREFIX@'}}\n",
    )
    envmgr.write("channels.yaml", "channels: {ours: {recipes: recipes}}\n")
    envmgr.write("environment.yml", "name: science\nchannels: [ours]\ndependencies: [one]\n")
    copies = [tmp_path / "same", tmp_path / "other"]
    for each in copies:
        shutil.copytree(envmgr.directory, each)
    (copies[1] / "recipes/one/prefix/share/one.txt").write_text("two")
    assert envmgr("create", *FILE).code == 0
    envmgr.directory = copies[0]
    assert "science is up to date" in envmgr("create", *FILE).out
    assert "science is up to date" in envmgr("create", *FILE, "--locked").out
    envmgr.directory = copies[1]
    assert "one" in envmgr("create", *FILE).out
    assert (envmgr.prefix("science") / "share/one.txt").read_text() == "two"

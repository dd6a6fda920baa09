"""A lock that was found to fit is followed again without being read, for exactly the same bytes and no others."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Done, Envmgr, environment_file
from builders.packages import Package
from envmgr.lock.model import Lock
from envmgr.settings import Settings
from envmgr.workflows import remembered

CREATE = ("create", "-f", "environment.yml")


@pytest.fixture
def followed(envmgr: Envmgr, channel: LocalChannel) -> Envmgr:
    """An environment file whose lock was followed once; nothing is at the prefix."""
    envmgr.write("environment.yml", environment_file(channel, "tool"))
    for _ in range(2):
        envmgr.ok(*CREATE)
        shutil.rmtree(envmgr.prefix("science"))
    return envmgr


def _known(envmgr: Envmgr) -> list[Path]:
    return sorted(envmgr.cache.glob(f"{remembered.DIRECTORY}/*.json"))


def _is_used(envmgr: Envmgr, *arguments: str, **variables: str) -> tuple[Done, bool]:
    """Return how a command ended, and whether it followed the one lock that is remembered."""
    (path,) = _known(envmgr)
    os.utime(path, (0, 0))
    done = envmgr(*arguments, **variables)
    return done, path.exists() and path.stat().st_mtime > 0


def test_the_same_bytes_are_followed_again_and_make_the_same_environment(followed: Envmgr) -> None:
    lock = (followed.directory / "environment.conda-lock.yml").read_bytes()
    done, is_used = _is_used(followed, *CREATE, "--json")
    assert (done.code, done.err, is_used) == (0, "", True)
    assert done.json["lock"] == {
        "path": "environment.conda-lock.yml", "followed": True, "outdated": [], "written": False,
    }  # fmt: skip
    assert [each["name"] for each in done.json["actions"]["LINK"]] == ["base-files", "tool"]
    assert followed.process("run", "-n", "science", "tool").out == "tool 2.0\n"
    assert (followed.directory / "environment.conda-lock.yml").read_bytes() == lock
    assert followed("verify", "-n", "science").code == 0
    again, is_used = _is_used(followed, *CREATE, "-n", "other")
    assert (again.code, is_used) == (0, True)
    assert "up to date" in followed.ok(*CREATE)


def test_nothing_is_written_by_a_dry_run(followed: Envmgr) -> None:
    done, is_used = _is_used(followed, *CREATE, "--dry-run")
    assert (done.code, is_used) == (0, True)
    assert not followed.prefix("science").exists()


def _edit(name: str, old: str, new: str) -> Callable[[Envmgr, LocalChannel], None]:
    def change(envmgr: Envmgr, channel: LocalChannel) -> None:
        path = envmgr.directory / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


def _channels(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("channels.yaml", f"channels:\n  mine: {channel.url}\n")


def _alias(envmgr: Envmgr, channel: LocalChannel) -> None:
    Path(envmgr.environ["ENVMGR_CONFIG"]).write_text("channel_alias: https://elsewhere.example\n")


@pytest.mark.parametrize(
    ("change", "more", "variables"),
    [
        (_edit("environment.yml", "name: science", "name: science\n"), (), {}),
        (_edit("environment.conda-lock.yml", "version: 1", "version:  1"), (), {}),
        (_channels, (), {}),
        (_alias, (), {}),
        (None, ("--virtual-package", "__cuda=12.0"), {}),
        (None, (), {"CONDA_OVERRIDE_GLIBC": "2.30"}),
        (None, (), {"ENVMGR_CHANNEL_PRIORITY": "flexible"}),
        (None, (), {"ENVMGR_SOLVER": "rattler"}),
        (None, ("--no-lock",), {}),
        (None, ("--exclude-newer", "2100-01-01"), {}),
    ],
    ids=["file", "lock", "channels", "alias", "virtual package", "override", "priority", "solver", "no lock", "date"],
)
def test_any_other_byte_flag_or_setting_is_looked_at_anew(
    followed: Envmgr,
    channel: LocalChannel,
    change: Callable[[Envmgr, LocalChannel], None] | None,
    more: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    if change is not None:
        change(followed, channel)
    done, is_used = _is_used(followed, *CREATE, "--dry-run", *more, **variables)
    assert (done.code, is_used) == (0, False)


def test_a_variable_that_a_channel_names_takes_part(envmgr: Envmgr, channel: LocalChannel) -> None:
    place = str(channel.directory.parent)
    envmgr.write("environment.yml", environment_file(channel, "tool").replace(place, "${PLACE}"))
    for _ in range(2):
        assert envmgr(*CREATE, PLACE=place).code == 0
        shutil.rmtree(envmgr.prefix("science"))
    for value, expected in ((place, True), ("/nowhere", False)):
        assert _is_used(envmgr, *CREATE, "--dry-run", PLACE=value)[1] is expected


def test_a_lock_that_was_tampered_with_is_refused_as_ever(followed: Envmgr) -> None:
    path = followed.directory / "environment.conda-lock.yml"
    path.write_text(path.read_text().replace("tool-2.0", "tool-1.0"))
    done, is_used = _is_used(followed, *CREATE)
    assert (done.code, is_used) == (1, False)
    assert "environment.conda-lock.yml" in done.err
    assert not followed.prefix("science").exists()


@pytest.mark.parametrize("content", [b"", b"{}", b"0" * 64 + b"{}"], ids=["empty", "short", "other seal"])
def test_what_is_remembered_counts_only_where_it_is_whole(followed: Envmgr, content: bytes) -> None:
    (path,) = _known(followed)
    whole = path.read_bytes()
    path.write_bytes(content)
    done, _ = _is_used(followed, *CREATE)
    assert (done.code, done.err) == (0, "")
    assert path.read_bytes() == whole  # remembered anew


def test_an_edit_of_what_is_remembered_is_no_way_into_an_environment(followed: Envmgr) -> None:
    (path,) = _known(followed)
    path.write_bytes(path.read_bytes().replace(b'"tool"', b'"evil"'))
    done, _ = _is_used(followed, *CREATE)
    assert (done.code, done.err) == (0, "")
    assert not (followed.prefix("science") / "conda-meta").joinpath("evil-2.0-0.json").exists()


@pytest.mark.parametrize("how", ["gone", "rotten"])
def test_artifacts_are_fetched_again_from_channels_that_are_read_then(followed: Envmgr, how: str) -> None:
    (directory,) = (each for each in (followed.cache / "pkgs").glob("tool-2.0-*") if each.is_dir())
    shutil.rmtree(directory if how == "gone" else directory / "bin")
    done, is_used = _is_used(followed, *CREATE)
    assert (done.code, is_used) == (0, True), done.err
    assert followed.process("run", "-n", "science", "tool").out == "tool 2.0\n"


def test_what_had_to_be_said_is_said_each_time(envmgr: Envmgr, channel: LocalChannel) -> None:
    channel.add(Package(name="needs-gpu", depends=["__cuda >=12"], files={"share/gpu.txt": ""}))
    envmgr.write("environment.yml", environment_file(channel, "needs-gpu"))
    assert envmgr(*CREATE, CONDA_OVERRIDE_CUDA="12.4").code == 0
    for _ in range(2):
        shutil.rmtree(envmgr.prefix("science"))
        done = envmgr(*CREATE)
        assert (done.code, _known(envmgr)) == (0, [])
        assert "the lock is for a machine with __cuda" in done.err


def test_only_so_many_are_remembered_and_those_that_are_used_stay(settings: Settings, channel: LocalChannel) -> None:
    lock = Lock(platform="linux-64", conda=(channel.package("tool"),))
    for number in range(remembered.MOST + 3):
        remembered.remember(f"{number:064x}", lock, settings)
        path = settings.cache / remembered.DIRECTORY / f"{number:064x}.json"
        os.utime(path, (number + 10**9, number + 10**9))
        os.utime(settings.cache / remembered.DIRECTORY / f"{0:064x}.json", (2 * 10**9, 2 * 10**9))
    names = sorted(each.name for each in (settings.cache / remembered.DIRECTORY).iterdir())
    assert len(names) == remembered.MOST
    assert names[0] == f"{0:064x}.json"


def test_a_cache_that_cannot_be_written_remembers_nothing(tmp_path: Path, channel: LocalChannel) -> None:
    (tmp_path / "file").write_text("")
    settings = Settings.load({"HOME": str(tmp_path), "ENVMGR_CACHE": str(tmp_path / "file/cache")})
    remembered.remember("0" * 64, Lock(platform="linux-64", conda=()), settings)

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from envmgr.errors import ConfigError
from envmgr.pypi.pip_configuration import PipConfiguration, places


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """The variables of a machine without any pip configuration of its own, as far as pip lets one say so."""
    return {"XDG_CONFIG_DIRS": str(tmp_path / "xdg"), "XDG_CONFIG_HOME": str(tmp_path / "config")}


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_named_file_beats_the_global_one(tmp_path: Path, machine: dict[str, str], home: Path) -> None:
    write(tmp_path / "xdg/pip/pip.conf", "[global]\nindex-url = https://global\ntimeout = 1\nproxy = http://global\n")
    named = write(tmp_path / "named.conf", "[global]\nindex_url = https://named\ntimeout = 2\n")
    found = PipConfiguration.read({**machine, "PIP_CONFIG_FILE": str(named)}, home)

    assert (found.index_url, found.timeout, found.proxy) == ("https://named", "2", "http://global")


def test_install_section_beats_global_section_of_a_stronger_file(
    tmp_path: Path, machine: dict[str, str], home: Path
) -> None:
    write(tmp_path / "xdg/pip/pip.conf", "[install]\nindex-url = https://install\n")
    write(tmp_path / "config/pip/pip.conf", "[global]\nindex-url = https://global\n")

    assert PipConfiguration.read(machine, home).index_url == "https://install"


def test_variables_beat_files_unless_they_are_empty(tmp_path: Path, home: Path) -> None:
    named = write(tmp_path / "pip.conf", "[global]\nindex-url = https://file\ncert = /file.pem\n")
    environ = {"PIP_CONFIG_FILE": str(named), "PIP_INDEX_URL": "https://variable", "PIP_CERT": ""}
    found = PipConfiguration.read(environ, home)

    assert (found.index_url, found.cert) == ("https://variable", "/file.pem")


def test_the_null_device_means_no_files(tmp_path: Path, machine: dict[str, str], home: Path) -> None:
    write(tmp_path / "config/pip/pip.conf", "[global]\nindex-url = https://user\n")

    assert PipConfiguration.read({**machine, "PIP_CONFIG_FILE": os.devnull}, home) == PipConfiguration()


def test_lists_are_split_and_missing_directories_passed_over(tmp_path: Path, home: Path) -> None:
    (tmp_path / "wheels").mkdir()
    (home / "mine").mkdir()
    text = "[global]\nextra-index-url =\n  https://one\n  https://two\n"
    text += f"find-links = {tmp_path}/wheels {tmp_path}/gone ~/mine\n"
    found = PipConfiguration.read({"PIP_CONFIG_FILE": str(write(tmp_path / "pip.conf", text))}, home)

    assert found.extra_index_urls[-2:] == ("https://one", "https://two")
    assert {str(tmp_path / "wheels"), str(home / "mine")} <= set(found.find_links)
    assert str(tmp_path / "gone") not in found.find_links


@pytest.mark.parametrize(
    "text", ["index-url = x\n", "[global]\nnothing\n", "[global\n", "\x00", "[a]\nb=1\n[a]\nb=2\n"]
)
def test_a_broken_file_is_an_error_that_names_it(tmp_path: Path, home: Path, text: str) -> None:
    path = write(tmp_path / "pip.conf", text)
    with pytest.raises(ConfigError, match=r"pip's configuration file .*pip\.conf"):
        PipConfiguration.read({"PIP_CONFIG_FILE": str(path)}, home)


def test_a_named_file_stands_in_for_the_user_s(tmp_path: Path, machine: dict[str, str], home: Path) -> None:
    write(tmp_path / "config/pip/pip.conf", "[global]\ntimeout = 2\n")
    write(home / ".pip/pip.conf", "[global]\nproxy = http://old\n")
    named = write(tmp_path / "named.conf", "[global]\nretries = 7\n")
    beside = PipConfiguration.read(machine, home)
    found = PipConfiguration.read({**machine, "PIP_CONFIG_FILE": str(named)}, home)
    gone = PipConfiguration.read({**machine, "PIP_CONFIG_FILE": str(tmp_path / "gone")}, home)

    assert (beside.timeout, beside.proxy, beside.retries) == ("2", "http://old", None)
    assert (found.timeout, found.proxy, found.retries) == (None, None, "7")
    assert gone == beside


def test_each_value_tells_where_it_stands(tmp_path: Path, home: Path) -> None:
    named = write(
        tmp_path / "pip.conf", "[global]\ncert = /a.pem\nindex-url = https://a\n[install]\nproxy = http://p\n"
    )
    found = PipConfiguration.read({"PIP_CONFIG_FILE": str(named), "PIP_INDEX_URL": "https://b"}, home)

    origins = {key: found.origin(key) for key in ("cert", "index-url", "proxy", "timeout")}
    assert origins == {
        "cert": f"{named} [global]", "index-url": "PIP_INDEX_URL", "proxy": f"{named} [install]", "timeout": ""
    }  # fmt: skip


def test_the_bundle_of_requests_counts_where_pip_says_none(home: Path) -> None:
    environ = {"PIP_CONFIG_FILE": os.devnull, "REQUESTS_CA_BUNDLE": "/site.pem"}

    assert PipConfiguration.read(environ, home).cert == "/site.pem"
    assert PipConfiguration.read({**environ, "PIP_CERT": "/pip.pem"}, home).cert == "/pip.pem"


def test_what_is_read_is_what_pip_reads(tmp_path: Path, machine: dict[str, str], home: Path) -> None:
    """Held against pip's own account of its configuration."""
    write(tmp_path / "xdg/pip/pip.conf", "[global]\nindex-url = https://global\nretries = 1\ntimeout = 3\n")
    write(home / ".pip/pip.conf", "[global]\nretries = 2\nproxy = http://legacy\n")
    write(tmp_path / "config/pip/pip.conf", "[global]\ncert = /user.pem\n[install]\nproxy = http://install\n")
    environ = {**machine, "HOME": str(home), "PIP_TIMEOUT": "9", "PATH": os.environ["PATH"]}
    command = [sys.executable, "-m", "pip", "config", "list", "--disable-pip-version-check"]
    said = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout
    pips: dict[str, str] = {}
    for wanted in ("global.", "install.", ":env:."):  # in the order in which pip's commands take them
        for line in said.splitlines():
            key, _, value = line.partition("=")
            if key.startswith(wanted):
                pips[key.removeprefix(wanted)] = value.strip("'")
    found = PipConfiguration.read(environ, home)

    read = {
        "index-url": found.index_url, "retries": found.retries, "proxy": found.proxy, "cert": found.cert,
        "timeout": found.timeout,
    }  # fmt: skip
    assert {key: pips[key] for key in read} == read


@pytest.mark.parametrize(
    ("system", "environ", "shared", "own"),
    [
        ("linux", {}, ["/etc/xdg/pip", "/etc"], ["HOME/.pip", "HOME/.config/pip"]),
        ("linux", {"XDG_CONFIG_DIRS": "/a:/b", "XDG_CONFIG_HOME": "/c"}, ["/a/pip", "/b/pip", "/etc"],
         ["HOME/.pip", "/c/pip"]),
        ("darwin", {"XDG_CONFIG_HOME": "/c"}, ["/Library/Application Support/pip"], ["HOME/.pip", "HOME/.config/pip"]),
        ("win32", {"PROGRAMDATA": "D:/Data", "APPDATA": "D:/me/Roaming"}, ["D:/Data/pip"],
         ["HOME/pip", "D:/me/Roaming/pip"]),
        ("win32", {}, ["C:/ProgramData/pip"], ["HOME/pip", "HOME/AppData/Roaming/pip"]),
    ],
)  # fmt: skip
def test_where_the_files_are_on_each_system(
    home: Path, system: str, environ: dict[str, str], shared: list[str], own: list[str]
) -> None:
    found = places(environ, home, system=system)
    wanted = tuple(tuple(Path(text.replace("HOME", str(home))) for text in texts) for texts in (shared, own))

    assert found == wanted


def test_on_macos_the_own_directory_counts_where_it_exists(home: Path) -> None:
    own = home / "Library/Application Support/pip"
    own.mkdir(parents=True)

    assert places({}, home, system="darwin")[1][-1] == own

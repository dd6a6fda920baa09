from __future__ import annotations

import os
from pathlib import Path

import pytest

from envmgr.errors import ConfigError
from envmgr.pypi.pip_configuration import PipConfiguration


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """The variables of a machine without any pip configuration of its own, as far as pip lets one say so."""
    return {"XDG_CONFIG_DIRS": str(tmp_path / "xdg"), "XDG_CONFIG_HOME": str(tmp_path / "config")}


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_user_beats_global_and_a_named_file_beats_both(tmp_path: Path, machine: dict[str, str], home: Path) -> None:
    write(tmp_path / "xdg/pip/pip.conf", "[global]\nindex-url = https://global\ntimeout = 1\nproxy = http://global\n")
    write(tmp_path / "config/pip/pip.conf", "[global]\nindex-url = https://user\ntimeout = 2\n")
    named = write(tmp_path / "named.conf", "[global]\nindex_url = https://named\n")
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


def test_uv_is_told_the_same() -> None:
    configuration = PipConfiguration(
        index_url="https://u:p@one", extra_index_urls=("https://two", "https://three"), find_links=("/a, b",),
        no_index=True, cert="/c.pem", trusted_hosts=("h",), proxy="http://p", timeout="30",
    )  # fmt: skip

    assert configuration.variables({}) == {
        "UV_DEFAULT_INDEX": "https://u:p@one",
        "UV_INDEX": "https://two https://three",
        "UV_FIND_LINKS": "file:///a%2C%20b",
        "UV_NO_INDEX": "1",
        "UV_INSECURE_HOST": "h",
        "UV_HTTP_TIMEOUT": "30",
        "SSL_CERT_FILE": "/c.pem",
        "ALL_PROXY": "http://p",
    }


@pytest.mark.parametrize(
    ("variable", "kept"),
    [("UV_INDEX_URL", "UV_DEFAULT_INDEX"), ("UV_DEFAULT_INDEX", "UV_DEFAULT_INDEX"), ("UV_EXTRA_INDEX_URL", "UV_INDEX"),
     ("HTTPS_PROXY", "ALL_PROXY"), ("SSL_CERT_FILE", "SSL_CERT_FILE")],
)  # fmt: skip
def test_uv_s_own_variables_win(variable: str, kept: str) -> None:
    configuration = PipConfiguration(index_url="i", extra_index_urls=("e",), cert="c", proxy="p")

    assert kept not in configuration.variables({variable: "x"})


def test_nothing_said_is_nothing_set() -> None:
    assert PipConfiguration().variables({}) == {}

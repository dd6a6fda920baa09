from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envmgr.channels import table_file
from envmgr.channels.table_file import TableFile
from envmgr.errors import ConfigError

HOME = Path("/home/somebody")
PATH = Path("/somewhere/channels.yaml")


def parse(text: str) -> TableFile:
    return table_file.parse(text, PATH, home=HOME)


def faults(text: str) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return [(fault["where"], fault["message"]) for fault in caught.value.details["faults"]]


def test_every_form_of_an_entry() -> None:
    table = parse(
        "channels:\n"
        "  embedded:\n"
        "    recipes: recipes\n"
        "  lab: https://lab.example/conda/\n"
        "  here: packages/channel\n"
        "  home: ~/channel\n"
        "  mirrored:\n"
        "    url: https://conda.anaconda.org/conda-forge\n"
        "    mirrors: [https://a.example/cf/, oci://b.example/cf]\n"
        "  both: [https://x.example/1, https://x.example/2]\n"
        "default: [embedded, lab]\n"
    )
    entries = {entry.name: entry for entry in table.entries}
    assert entries["embedded"].recipes == Path("/somewhere/recipes")
    assert entries["lab"].urls == ("https://lab.example/conda",)
    assert entries["here"].urls == ("file:///somewhere/packages/channel",)
    assert entries["home"].urls == ("file:///home/somebody/channel",)
    assert entries["mirrored"].urls == ("https://conda.anaconda.org/conda-forge",)
    assert entries["mirrored"].mirrors == ("https://a.example/cf", "oci://b.example/cf")
    assert entries["both"].urls == ("https://x.example/1", "https://x.example/2")
    assert table.default == ("embedded", "lab")
    assert str(entries["lab"].origin) == "/somewhere/channels.yaml:4"


@pytest.mark.parametrize("text", ["", "# nothing\n", "channels:\n", "channels: {}\n"])
def test_file_without_channels_names_none(text: str) -> None:
    assert parse(text).entries == ()
    assert parse(text).default is None


def test_empty_default_is_not_an_absent_one() -> None:
    assert parse("default: []\n").default == ()


def test_all_faults_are_named_with_their_lines() -> None:
    assert faults(
        "channels:\n"
        "  a: {url: https://x.example, recipes: here}\n"
        "  b: {}\n"
        "  c: ftp://x.example\n"
        "  'd e': https://x.example\n"
        "  f: {urls: https://x.example}\n"
        "  g: {url: https://x.example, mirrors: https://y.example}\n"
        "  h: {url: https://x.example, mirrors: [./directory]}\n"
        "  i: {recipes: here, mirrors: [https://y.example]}\n"
        "  j:\n"
        "  k: {url: [1]}\n"
        "chanels: {}\n"
        "default: lab\n"
    ) == [
        ("/somewhere/channels.yaml:2", "channels.a: expected one of `url` and `recipes`, found both"),
        ("/somewhere/channels.yaml:3", "channels.b: expected one of `url` and `recipes`, found neither"),
        ("/somewhere/channels.yaml:4", "channels.c: `ftp://x.example` has a scheme that channels cannot have"),
        ("/somewhere/channels.yaml:5", "channels: `d e` is no name of a channel"),
        ("/somewhere/channels.yaml:6", "channels.f: unknown key `urls`"),
        ("/somewhere/channels.yaml:6", "channels.f: expected one of `url` and `recipes`, found neither"),
        ("/somewhere/channels.yaml:7", "channels.g.mirrors: expected a list, found `https://y.example`"),
        ("/somewhere/channels.yaml:8", "channels.h.mirrors: `./directory` is no http, https or oci URL"),
        ("/somewhere/channels.yaml:9", "channels.i.mirrors: a channel that is built here has none"),
        ("/somewhere/channels.yaml:10", "channels.j: expected a URL, or `url` or `recipes`, found nothing"),
        ("/somewhere/channels.yaml:11", "channels.k.url: expected a text, found a list"),
        ("/somewhere/channels.yaml:12", "unknown key `chanels`"),
        ("/somewhere/channels.yaml:13", "default: expected a list, found `lab`"),
    ]


def test_single_fault_has_its_mend_as_hint() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("chanels:\n  a: https://x.example\n")
    assert caught.value.hint == "did you mean `channels`?"


@pytest.mark.parametrize("text", ["- a\n", "just text\n", "a: [\n", "channels:\n\t- x\n", "a: 1\na: 2\n", "x: *y\n"])
def test_what_is_no_table_is_one_error_with_a_line(text: str) -> None:
    with pytest.raises(ConfigError, match=r"/somewhere/channels\.yaml:\d+: "):
        parse(text)


def test_password_shows_neither_in_faults_nor_in_entries() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("channels:\n  a: ftp://me:sesame@x.example\n")
    assert "sesame" not in str(caught.value)
    assert "sesame" not in repr(parse("channels:\n  a: https://me:sesame@x.example\n"))


def test_unreadable_file_is_a_config_error(tmp_path: Path) -> None:
    for name, data in (("latin.yaml", b"a: \xe9\n"), ("big.yaml", b"#" * (table_file.MAXIMUM_BYTES + 1))):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ConfigError, match=name):
            table_file.read(tmp_path / name, home=HOME)
    with pytest.raises(ConfigError, match="cannot be read"):
        table_file.read(tmp_path / "missing.yaml", home=HOME)


@given(st.text(alphabet="channelsdefault:urmio\n -[]{}&*!\"'#/$~x\t", max_size=120))
def test_any_text_gives_a_table_or_a_config_error(text: str) -> None:
    with contextlib.suppress(ConfigError):
        parse(text)


@pytest.mark.parametrize("text", ["14d", "2 weeks", "2026-01-31", "2026-01-31T12:00:00Z"])
def test_a_channel_has_a_date_of_its_own(text: str) -> None:
    (entry,) = parse(f"channels:\n  lab:\n    url: https://lab.example\n    exclude-newer: {text}\n").entries
    assert entry.exclude_newer is not None
    assert (entry.exclude_newer.text, entry.exclude_newer.origin.line) == (text, 4)


@pytest.mark.parametrize("text", ["soon", "14 moons", "2026-02-30", "[14d]", "''"])
def test_a_date_that_is_none_is_a_fault_with_its_line(text: str) -> None:
    ((where, message),) = faults(f"channels:\n  lab:\n    url: https://lab.example\n    exclude-newer: {text}\n")
    assert where == "/somewhere/channels.yaml:4"
    assert message.startswith("channels.lab.exclude-newer: expected a ")

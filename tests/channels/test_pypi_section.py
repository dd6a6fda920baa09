from __future__ import annotations

from pathlib import Path

import pytest

from envmgr.channels import pypi_section, table_file
from envmgr.channels.pypi_section import PypiSection
from envmgr.errors import ConfigError

FILE = Path("/work/channels.yaml")


def read(text: str, file: Path = FILE) -> PypiSection:
    return table_file.parse(text, file, home=Path("/home/me")).pypi


def test_everything_that_it_says() -> None:
    section = read(
        "pypi:\n  indexes:\n    pytorch-cu128: https://host/whl/cu128/\n    here: wheels\n"
        "  packages:\n    Torch: pytorch-cu128\n  default: here\n  exclude-newer: 14d\n  sdists: forbid\n"
    )

    assert [(index.name, index.url, str(index.origin)) for index in section.indexes] == [
        ("pytorch-cu128", "https://host/whl/cu128", "/work/channels.yaml:3"),
        ("here", "file:///work/wheels", "/work/channels.yaml:4"),
    ]
    assert [(pin.package, pin.index) for pin in section.pins] == [("torch", "pytorch-cu128")]
    assert (section.default, section.exclude_newer) == ("here", "14d")
    assert section.pinned == {"pytorch-cu128"}
    assert str(section.sdists_forbidden) == "/work/channels.yaml:9"


@pytest.mark.parametrize("text", ["", "channels:\n", "pypi:\n", "pypi: {}\n", "pypi:\n  indexes:\n  packages:\n"])
def test_nothing_said_is_nothing(text: str) -> None:
    assert read(text) == PypiSection()


@pytest.mark.parametrize(
    ("lines", "message", "hint"),
    [
        ("indexs: {}", "channels.yaml:2: pypi: unknown key `indexs`", "did you mean `indexes`?"),
        ("sdists: forbidden", "channels.yaml:2: pypi.sdists: expected `allow` or `forbid`", "did you mean `forbid`?"),
        ("exclude-newer: soon", "channels.yaml:2: pypi.exclude-newer: expected a date or a duration", "`14d`"),
        ("default: labb\n  indexes: {lab: https://x}", "channels.yaml:2: pypi.default: no index `labb`", "`lab`?"),
        ("indexes:\n    lab: https://x\n  packages:\n    torch: lob", "channels.yaml:5: pypi.packages.torch", "`lab`?"),
        ("packages:\n    torch: lab", "channels.yaml:3: pypi.packages.torch: no index `lab`", "with its URL"),
        ("packages:\n    torch>2: lab", "channels.yaml:3: pypi.packages: `torch>2` is no name", "write `torch`"),
        ("indexes: https://x", "channels.yaml:2: pypi.indexes: expected names", "NAME: URL"),
        ("indexes:\n    a: ftp://x", "channels.yaml:3: pypi.indexes.a: `ftp://x` has a scheme", "http"),
        ("indexes:\n    a b: https://x", "channels.yaml:3: pypi.indexes: `a b` is no name of an index", "letters"),
        ("indexes:\n    a-b: https://x\n    a.b: https://y", "channels.yaml:4: .* differ in case or punct", "another"),
        ("indexes:\n    a: [https://x]", "channels.yaml:3: pypi.indexes.a: expected a text", "a: https://host/simple"),
        (
            "indexes:\n    a: https://x\n  packages: {torch: a, Torch: a}",
            "channels.yaml:4: pypi.packages.Torch: pinned already on line 4",
            "remove",
        ),
    ],
)
def test_a_fault_has_its_line_and_what_to_write(lines: str, message: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read(f"pypi:\n  {lines}\n")

    assert hint in (caught.value.hint or "")


def test_no_credential_is_in_a_repr() -> None:
    section = read("pypi:\n  indexes:\n    lab: https://me:s3cret@host/simple\n")

    assert "s3cret" not in repr(section)
    assert "s3cret" in section.indexes[0].url


def test_of_several_files_the_first_one_counts_but_what_one_forbids_stays_forbidden() -> None:
    near = read("pypi:\n  indexes: {lab: https://near}\n  packages: {torch: lab}\n  sdists: allow\n")
    far = read(
        "pypi:\n  indexes: {lab: https://far, more: https://more}\n  packages: {torch: more, jax: more}\n"
        "  exclude-newer: 7d\n  sdists: forbid\n",
        Path("/etc/envmgr/channels.yaml"),
    )
    merged = pypi_section.merge((near, far))

    assert [(index.name, index.url) for index in merged.indexes] == [("lab", "https://near"), ("more", "https://more")]
    assert [(pin.package, pin.index) for pin in merged.pins] == [("jax", "more"), ("torch", "lab")]
    assert merged.exclude_newer == "7d"
    assert str(merged.sdists_forbidden) == "/etc/envmgr/channels.yaml:5"

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.tags import parse_tag

from envmgr.errors import PipError
from envmgr.lock.model import PipPackage
from envmgr.pypi import pylock
from envmgr.pypi.pylock import Choice

TAGS = tuple(
    tag for text in ("cp312-cp312-manylinux_2_28_x86_64", "cp312-cp312-linux_x86_64", "py3-none-any")
    for tag in parse_tag(text)
)  # fmt: skip
SHA256 = "a" * 64


def document(*filenames: str, hashes: str = f"sha256 = '{SHA256}'") -> str:
    wheels = ", ".join(
        f"{{ url = 'https://u:p@host/{name}', size = 5, hashes = {{ {hashes} }} }}" for name in filenames
    )
    return f"lock-version = '1.0'\n[[packages]]\nname = 'App'\nversion = '1.0'\nwheels = [{wheels}]\n"


def test_the_best_wheel_is_taken_and_credentials_are_not() -> None:
    text = document(
        "app-1.0-py3-none-any.whl",
        "app-1.0-cp312-cp312-manylinux_2_28_x86_64.whl",
        "app-1.0-cp312-cp312-manylinux_2_39_x86_64.whl",
    )
    [package] = pylock.read(text, choice=Choice(tags=TAGS), directory=Path("/"))

    assert package == PipPackage(
        name="app", version="1.0", url="https://host/app-1.0-cp312-cp312-manylinux_2_28_x86_64.whl",
        filename="app-1.0-cp312-cp312-manylinux_2_28_x86_64.whl", sha256=SHA256, size=5,
    )  # fmt: skip


def test_of_two_builds_the_higher_is_taken() -> None:
    text = document("app-1.0-2-py3-none-any.whl", "app-1.0-10-py3-none-any.whl", "app-1.0-py3-none-any.whl")

    assert pylock.read(text, choice=Choice(tags=TAGS), directory=Path("/"))[0].filename == "app-1.0-10-py3-none-any.whl"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (document("app-1.0-cp312-cp312-win_amd64.whl"), "no wheel for this platform"),
        (document("nonsense.whl"), "no wheel for this platform"),
        (document("app-1.0-py3-none-any.whl", hashes="md5 = 'x'"), "no sha256"),
        ("not toml", "cannot be read"),
    ],
)
def test_what_cannot_be_locked_is_refused(text: str, reason: str) -> None:
    with pytest.raises(PipError, match=reason):
        pylock.read(text, choice=Choice(tags=TAGS), directory=Path("/"))


def test_packages_can_be_left_out() -> None:
    assert (
        pylock.read(
            document("app-1.0-py3-none-any.whl"), choice=Choice(tags=TAGS), directory=Path("/"), without=["app"]
        )
        == ()
    )


names = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)


@given(st.dictionaries(names, st.tuples(st.integers(0, 99), st.none() | st.integers(0, 2**40)), max_size=5))
def test_what_was_written_reads_as_the_same(entries: dict[str, tuple[int, int | None]]) -> None:
    packages = tuple(
        PipPackage(
            name=name, version=f"1.{minor}", url=f"https://host/a%20b/{name}-1.{minor}-py3-none-any.whl",
            filename=f"{name}-1.{minor}-py3-none-any.whl", sha256=SHA256, size=size,
        )
        for name, (minor, size) in sorted(entries.items())
    )  # fmt: skip

    assert pylock.read(pylock.write(packages), choice=Choice(tags=TAGS), directory=Path("/")) == packages

from __future__ import annotations

from pathlib import Path

import pytest

from envmgr.errors import SpecError
from envmgr.spec.faults import SpecFault
from envmgr.spec.names import check_name, expand_prefix

HOME = Path("/home/somebody")
BASE = Path("/work/project")


def expand(text: str, **environ: str) -> Path:
    return expand_prefix(text, environ=environ, home=HOME, base=BASE)


@pytest.mark.parametrize("name", ["a", "science-3.11", "my_env", "émile", "x" * 200])
def test_name_that_is_one(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("name", ["base", "root", "", "a b", "a/b", "a:b", "a#b", "a\\b", ".a", "-a", "a\n", "x" * 201])
def test_name_that_is_none(name: str) -> None:
    with pytest.raises(SpecFault):
        check_name(name)


def test_mend_of_a_name_is_a_name() -> None:
    with pytest.raises(SpecFault) as caught:
        check_name("my env: two")
    assert caught.value.mend == "write `name: my-env--two`"
    check_name("my-env--two")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/opt/envs/a", "/opt/envs/a"),
        ("~/envs/a", "/home/somebody/envs/a"),
        ("./envs/a", "/work/project/envs/a"),
        ("../a", "/work/a"),
        ("$SCRATCH/a", "/scratch/me/a"),
        ("${SCRATCH}/a/../b", "/scratch/me/b"),
    ],
)
def test_prefix_is_expanded(text: str, expected: str) -> None:
    assert expand(text, SCRATCH="/scratch/me") == Path(expected)


@pytest.mark.parametrize(
    "text",
    [
        "/",
        "~",
        "/usr",
        "/usr/local",
        "/tmp",
        "/etc/x",
        "/proc/1",
        "/a/..",
        "~other/x",
        "$UNSET/x",
        "/a/b c",
        "/a/b#",
        "a\0",
    ],
)
def test_prefix_that_cannot_be_one_is_refused(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        expand(text)
    assert caught.value.hint

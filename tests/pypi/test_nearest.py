from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from builders.index_server import JSON_TYPE, IndexServer
from builders.wheels import Wheel
from envmgr.pypi.nearest import known_well, nearest
from envmgr.pypi.offers import listed
from envmgr.pypi.uv import Uv
from envmgr.settings import Settings

Load = Callable[..., Settings]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("nunpy", ("numpy",)), ("scikit-lern", ("scikit-learn",)), ("zzz", ()), ("numpy", ("numpyro",))],
)
def test_names_that_look_alike(name: str, expected: tuple[str, ...]) -> None:
    assert nearest(name, ["NumPy", "scikit_learn", "numpyro", "pandas"])[:1] == expected


def test_a_small_index_is_asked_for_its_names_with_its_password(index: IndexServer, load: Load) -> None:
    index.users["me"] = "p@ss"
    index.add(Wheel(name="one"), Wheel(name="two"))

    assert listed(Uv.find(load(PIP_INDEX_URL=f"http://me:p%40ss@{index.host}/simple"))) == {"one", "two"}
    assert listed(Uv.find(load())) == frozenset()


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (200, JSON_TYPE, b'{"projects": [' + b" " * (1 << 20) + b"]}"),
        (200, JSON_TYPE, b'{"projects": {"a": 1}}'),
        (200, JSON_TYPE, b"[" * 100_000),
        (200, "text/html", b"<html>login</html>"),
        (500, "text/plain", b""),
    ],
    ids=["large", "another-shape", "nested", "login", "broken"],
)
def test_what_is_no_small_listing_has_no_names(
    index: IndexServer, load: Load, status: int, kind: str, body: bytes
) -> None:
    index.answers["/simple/"] = (status, kind, body)

    assert listed(Uv.find(load())) == frozenset()


def test_a_listing_may_be_a_page_or_a_directory(index: IndexServer, load: Load, tmp_path: Path) -> None:
    index.answers["/simple/"] = (200, "text/html", b'<a href="/simple/one/">one</a>\n<A HREF="two/">Two.X</A>')
    (tmp_path / "simple/three").mkdir(parents=True)

    assert listed(Uv.find(load(PIP_EXTRA_INDEX_URL=f"file://{tmp_path}/simple"))) == {"one", "Two.X", "three"}


def test_nobody_is_asked_offline_and_an_index_that_is_down_has_no_names(index: IndexServer, load: Load) -> None:
    index.add(Wheel(name="one"))

    assert listed(Uv.find(load(ENVMGR_OFFLINE="1"))) == frozenset()
    assert listed(Uv.find(load(PIP_INDEX_URL="http://127.0.0.1:1/simple"))) == frozenset()
    assert index.requests == []


def test_names_that_everybody_uses_are_near_without_any_listing() -> None:
    assert known_well("requsts")[0] == "requests"
    assert known_well("pandsa")[0] == "pandas"
    assert known_well("scikit-lern")[0] == "scikit-learn"
    assert known_well("zzzzzzzz") == ()

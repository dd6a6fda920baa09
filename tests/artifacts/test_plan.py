"""Link plans: kept without loss, made anew when they cannot be read, sorted as rattler sorts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envmgr.artifacts import plan
from envmgr.artifacts.contents import ListedPath
from envmgr.artifacts.plan import Group, Made, Placed, Plan

PLACED = Placed("lib/python3.12/site-packages", "bin")


def _file(path: str, **changes: object) -> ListedPath:
    return ListedPath(path, "hardlink", 1, "0" * 64, None, None)._replace(**changes)  # type: ignore[arg-type]


def _make(*listing: ListedPath, placed: Placed | None = None, entry_points: tuple[str, ...] = ()) -> Plan:
    made = plan.make("/nowhere", listing, entry_points, placed)
    assert made is not None
    return made


def _record(made: Plan) -> dict[str, object]:
    text = b"{" + b'"size_in_bytes": 0'.join(made.record).strip().rstrip(b",") + b"}"
    document = json.loads(text)
    assert isinstance(document, dict)
    return document


NAMES = st.text(st.characters(exclude_characters="/\\\0", exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
PATHS = st.lists(NAMES.filter(lambda name: name not in {".", ".."}), min_size=1, max_size=4).map("/".join)


@given(paths=st.sets(PATHS, max_size=12), noarch=st.booleans(), patched=st.sets(PATHS, max_size=3))
def test_kept_plan_is_the_one_that_was_made(paths: set[str], noarch: bool, patched: set[str]) -> None:
    placed = PLACED if noarch else None
    listing = [_file(path) for path in paths - patched]
    listing += [_file(path, placeholder="/opt/ü", file_mode="text") for path in patched]
    made = _make(*listing, placed=placed, entry_points=("run = m:f",) if noarch else ())
    read = plan.loads(plan.dumps(made, placed), placed)
    assert read is not None
    assert (list(read.directories), list(read.record), read.made) == (
        list(made.directories), list(made.record), list(made.made)
    )  # fmt: skip
    assert [(group.source, group.target, list(group.names)) for group in read.groups] == [
        (group.source, group.target, list(group.names)) for group in made.groups
    ]
    assert set(_record(made)["files"]) >= paths if not noarch else True  # type: ignore[call-overload]


def test_directories_come_after_those_that_they_are_in_and_paths_in_the_order_of_components() -> None:
    made = _make(_file("a-b/x"), _file("a/y/z"), _file("a.b"), _file("a/y-"))
    assert made.directories == ("a", "a-b", "a/y")
    assert _record(made)["files"] == ["a/y/z", "a/y-", "a-b/x", "a.b"]


def test_noarch_python_is_placed_by_its_python() -> None:
    made = _make(
        _file("site-packages/m/a.py"), _file("python-scripts/s"), _file("share/d"),
        placed=PLACED, entry_points=("run = m:f",),
    )  # fmt: skip
    assert {(group.source, group.target, *group.names) for group in made.groups} == {
        ("site-packages/m", "lib/python3.12/site-packages/m", "a.py"),
        ("python-scripts", "bin", "s"),
        ("share", "share", "d"),
    }
    assert made.made == [Made("script", "", "bin/run", "m:f")]
    assert _record(made)["files"] == ["bin/run", "bin/s", "lib/python3.12/site-packages/m/a.py", "share/d"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: content.replace(b'"schema":2', b'"schema":3'),
        lambda content: content.replace(b"\0", b""),
        lambda content: b"\0" * len(content),
        lambda content: b"[]\n" + content,
        lambda content: content.replace(b'"groups":[', b'"groups":[1,'),
    ],
)
def test_what_is_no_plan_any_more_is_none(spoil: object) -> None:
    content = plan.dumps(_make(_file("a/b"), _file("c", placeholder="/opt/x", file_mode="text")))
    assert plan.loads(content) is not None
    assert plan.loads(spoil(content)) is None  # type: ignore[operator]


@pytest.mark.parametrize("where", ["../x", "a/..", "a/../b", "..", "/etc"])
@pytest.mark.parametrize("what", ["directories", "source", "target", "names", "made source", "made target"])
def test_plan_that_leads_out_is_none_whoever_wrote_it(what: str, where: str) -> None:
    made = _make(_file("a/b"), _file("c", no_link=True))
    group, copied = made.groups[0], made.made[0]
    hostile = {
        "directories": made._replace(directories=[where]),
        "source": made._replace(groups=[group._replace(source=where)]),
        "target": made._replace(groups=[group._replace(target=where)]),
        "names": made._replace(groups=[group._replace(names=where.lstrip("/").split("/"))]),
        "made source": made._replace(made=[copied._replace(source=where)]),
        "made target": made._replace(made=[copied._replace(target=where)]),
    }[what]
    content = plan.dumps(hostile)
    assert plan.loads(plan.dumps(made)) is not None
    if ".." in where:
        assert plan.loads(content) is None
        assert plan.loads(content.replace(b"..", b"\\u002e.")) is None
    elif what != "names":
        assert plan.loads(content) is None


def test_plan_with_a_path_whose_directory_nobody_makes_is_none() -> None:
    made = _make(_file("a/b"), _file("c/d", no_link=True))
    assert plan.loads(plan.dumps(made._replace(directories=["a"]))) is None
    assert plan.loads(plan.dumps(made._replace(directories=["c"]))) is None


def test_names_with_other_line_breaks_are_names() -> None:
    made = _make(_file("a\u2028b/c\x85"))
    read = plan.loads(plan.dumps(made))
    assert read is not None
    assert (list(read.directories), read.groups) == (["a\u2028b"], made.groups)


def test_plan_for_another_python_is_none() -> None:
    content = plan.dumps(_make(_file("site-packages/a"), placed=PLACED), PLACED)
    assert plan.loads(content, PLACED) is not None
    assert plan.loads(content, Placed("lib/python3.13/site-packages", "bin")) is None
    assert plan.loads(content) is None


def test_path_aside_says_where_it_would_have_been() -> None:
    made = plan.aside(
        _make(_file("bin/x"), _file("bin/xy"), _file("y", placeholder="/opt/x", file_mode="text"), _file("x")),
        {"bin/x": "__clobbers__/p/bin/x", "y": "__clobbers__/p/y"},
    )
    assert {(group.target, name) for group in made.groups for name in group.names} == {
        ("bin", "xy"), ("__clobbers__/p/bin", "x"), ("", "x")
    }  # fmt: skip
    assert [each.target for each in made.made] == ["__clobbers__/p/y"]
    assert set(made.directories) == {"bin", "__clobbers__", "__clobbers__/p", "__clobbers__/p/bin"}
    paths = _record(made)["paths_data"]["paths"]  # type: ignore[index]
    assert [(entry["_path"], entry.get("original_path")) for entry in paths] == [
        ("__clobbers__/p/bin/x", "bin/x"), ("bin/xy", None), ("x", None), ("__clobbers__/p/y", "y")
    ]  # fmt: skip


@pytest.mark.parametrize(
    "entry",
    [
        _file("a", kind="softlink", no_link=True),
        _file("a", kind="softlink", placeholder="/opt/x", file_mode="text"),
        _file("a", sha256="unreadable"),
        _file("a", size=-1),
    ],
)
def test_what_only_rattler_knows_has_no_plan(entry: ListedPath) -> None:
    assert plan.make("/nowhere", [_file("b"), entry]) is None


def test_listed_directory_is_made(tmp_path: Path) -> None:
    made = _make(_file("a/empty", kind="directory", size=None, sha256=None))
    assert (made.directories, made.groups, made.made) == (("a", "a/empty"), [], [])
    assert _record(made)["paths_data"]["paths"] == [{"_path": "a/empty", "path_type": "directory"}]  # type: ignore[index]


def test_file_linked_under_its_own_name() -> None:
    assert _make(_file("a/b"), _file("a/c"), _file("d")).groups == [Group("a", "a", ["b", "c"]), Group("", "", ["d"])]

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from envmgr.spec.faults import SpecFault
from envmgr.spec.mapping_edits import with_entries, with_key, with_list, without_key

TEXT = """\
# mine
keep: 3 # three
names:
  - a # first
  # between
  - b

flow: [x, y] # flow
# about last
last: false
"""


@pytest.mark.parametrize(
    ("key", "value", "old", "new"),
    [
        ("keep", 5, "keep: 3 # three", "keep: 5 # three"),
        ("flow", ["z"], "flow: [x, y] # flow", "flow:\n- z # flow"),
        ("last", True, "last: false\n", "last: true\n"),
        ("new", "text", "last: false\n", "last: false\nnew: text\n"),
        ("last", {"a": ["b"]}, "last: false\n", "last:\n  a:\n  - b\n"),
    ],
)
def test_one_key_changes_and_every_other_byte_stays(key: str, value: Any, old: str, new: str) -> None:
    assert with_key(TEXT, key, value) == TEXT.replace(old, new)


@pytest.mark.parametrize(
    ("items", "old", "new"),
    [
        (["a", "b", "c"], "  - b\n", "  - b\n  - c\n"),
        (["z", "a", "b"], "  - a #", "  - z\n  - a #"),
        (["b"], "  - a # first\n", ""),
        (["b", "no"], "  - a # first\n  # between\n  - b\n", "  # between\n  - b\n  - 'no'\n"),
        (["b", "a"], "names:\n  - a # first\n  # between\n  - b\n", "names:\n- b\n- a\n"),
    ],
)
def test_items_come_and_go_by_lines_where_their_order_stays(items: list[str], old: str, new: str) -> None:
    assert with_list(TEXT, "names", items) == TEXT.replace(old, new)


def test_flow_lists_grow_in_place() -> None:
    assert "flow: [x, y, z] # flow" in with_list(TEXT, "flow", ["x", "y", "z"])


def test_a_key_is_taken_out_with_its_lines() -> None:
    assert without_key(TEXT, "names") == TEXT.replace("names:\n  - a # first\n  # between\n  - b\n", "")
    assert without_key(TEXT, "absent") == TEXT
    assert without_key("a: 1\n", "a") == ""


def test_entries_come_before_those_of_a_mapping() -> None:
    text = "channels:\n  # ours\n  lab: https://lab.example/c # here\n"
    assert with_entries(text, "channels", {"new": ["u"]}) == (
        "channels:\n  # ours\n  new:\n  - u\n  lab: https://lab.example/c # here\n"
    )
    assert with_entries("", "channels", {"new": "u"}) == "channels:\n  new: u\n"


@pytest.mark.parametrize("text", ["{a: 1}", "a: &x [1]\nb: *x\n...\n", "- a\n"])
def test_what_cannot_be_edited_by_lines_is_refused(text: str) -> None:
    with pytest.raises(SpecFault):
        with_key(text, "new", 1)


@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers() | st.text(max_size=5) | st.lists(st.text(max_size=3))),
    st.sampled_from("abcde"),
    st.integers() | st.text() | st.lists(st.text(max_size=4), min_size=1),
)
def test_what_was_set_is_what_is_read(document: dict[str, Any], key: str, value: Any) -> None:
    text = yaml.safe_dump(document) if document else ""
    set_ = with_list if isinstance(value, list) else with_key
    assert yaml.safe_load(set_(text, key, value)) == {**document, key: value}
    assert (yaml.safe_load(without_key(text, key)) or {}) == {name: document[name] for name in document if name != key}

"""What is written is YAML that every reader takes for the same data."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from envmgr.lock import block_yaml

texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars = st.none() | st.booleans() | st.integers() | texts
data = st.recursive(
    scalars,
    lambda inner: st.lists(inner.filter(lambda each: not isinstance(each, list))) | st.dictionaries(texts, inner),
    max_leaves=12,
)


@given(st.dictionaries(texts, data, max_size=4))
def test_reading_gives_what_was_written(document: dict[str, Any]) -> None:
    assert yaml.safe_load(block_yaml.dumps({"it": document})) == {"it": document}


@pytest.mark.parametrize(
    "text",
    ["1.10", "1e3", "0x1F", "2026-01-31", "12:30:45", "yes", "No", "on", "null", "~", "=", "", " x", "- x",
     "a: b", "a #b", "*x", "&x", "!x", "%x", "@x", "`x", "{", "[", "'", '"', "\\", ".5", ".inf", "é",
     "\x85", "\u2028", "\ufeff", "😀", "a\tb"],
)  # fmt: skip
def test_text_stays_text(text: str) -> None:
    assert yaml.safe_load(block_yaml.dumps({text: [text, {"a": text}]})) == {text: [text, {"a": text}]}


def test_one_scalar_a_line_and_lines_stay_lines() -> None:
    document = {"a": {"b": [{"c": "x", "d": []}, "z"]}, "text": "{\n1,\n\n2\n}", "e": {}}
    assert block_yaml.dumps(document) == (
        "a:\n  b:\n  - c: x\n    d: []\n  - z\ntext: |-\n  {\n  1,\n\n  2\n  }\ne: {}\n"
    )


def test_what_has_no_form_is_refused() -> None:
    with pytest.raises(TypeError, match="a list in a list"):
        block_yaml.dumps({"a": [["b"]]})

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envmgr.errors import ConfigError
from envmgr.integrations.jsonc import members, value_of, with_member


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", '{\n    "k": "v"\n}\n'),
        ("{}", '{\n    "k": "v"}'),
        (
            '{\n  // mine\n  "a": [1, {"k": 2}], /* b */\n}\n',
            '{\n    "k": "v",\n  // mine\n  "a": [1, {"k": 2}], /* b */\n}\n',
        ),
        ('{\n  "a": 1\n}\n', '{\n  "k": "v",\n  "a": 1\n}\n'),
        ('{\r\n\t"a": "}"\r\n}', '{\r\n\t"k": "v",\r\n\t"a": "}"\r\n}'),
        ('{"a": 1}', '{\n    "k": "v",\n    "a": 1}'),
        ('{\n  "k": "old", // why\n  "b": "//no"\n}', '{\n  "k": "v", // why\n  "b": "//no"\n}'),
        ('{"k": {"deep": []}, "k": null}', '{"k": {"deep": []}, "k": "v"}'),
    ],
)
def test_one_member_changes_and_every_other_byte_stays(before: str, after: str) -> None:
    assert with_member(before, "k", "v", source="settings.json") == after
    assert value_of(after, "k", source="settings.json") == "v"


@pytest.mark.parametrize(
    ("text", "line"),
    [("[]", 1), ('{\n"a"\n}', 2), ('{"a": 1', 1), ('{\n"a": 1\n"b": 2}', 3), ("{a: 1}", 1), ('{"a": "x\n"}', 1),
     ('{"a": ]}', 1), ('{"a": 1}}'[:-2] + "'}", 1), ("/* open", 1)],
)  # fmt: skip
def test_what_is_no_object_is_one_error_with_its_line(text: str, line: int) -> None:
    with pytest.raises(ConfigError, match=f"^settings.json:{line}: "):
        with_member(text, "k", "v", source="settings.json")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(max_size=4), _VALUES, max_size=4),
    st.text(max_size=4),
    st.text(),
    st.sampled_from([None, 2]),
)
def test_what_was_set_is_what_is_read(document: dict[str, object], key: str, value: str, indent: int | None) -> None:
    text = json.dumps(document, indent=indent)
    assert json.loads(with_member(text, key, value, source="x")) == {**document, key: value}
    assert {member.key for member in members(text, source="x")} == set(document)

from __future__ import annotations

import pytest

from envmgr.spec.peek import name_and_prefix


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: demo\n", ("demo", None)),
        ("dependencies:\n  - name: x\n  - pip:\n    - name\nname: 'de mo'\nprefix: /opt/x\n", ("de mo", "/opt/x")),
        ("channels: [name, prefix]\ndependencies: {name: x}\nname: demo", ("demo", None)),
        ("- name: x\n", (None, None)),
        ("name:\ndependencies: []\n", (None, None)),
        ("name: base\n", (None, None)),
        ("name: /opt/envs/lab\nprefix: /opt/envs/lab\n", ("lab", "/opt/envs/lab")),
        ("name: ''\nprefix: /x\n", (None, "/x")),
        ("", (None, None)),
        ("name: [", (None, None)),
        ("[" * 100_000, (None, None)),
    ],
)
def test_only_the_top_level_keys_count(text: str, expected: tuple[str | None, str | None]) -> None:
    assert name_and_prefix(text) == expected

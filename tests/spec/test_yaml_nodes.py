from __future__ import annotations

import re
import time

import pytest

from envmgr.spec.faults import Faults
from envmgr.spec.yaml_nodes import MAXIMUM_DEPTH, ListNode, MappingNode, Node, ScalarNode, compose


def read(text: str) -> Node | None:
    faults = Faults("f.yml")
    node = compose(text, faults)
    assert [str(fault) for fault in faults.found] == []
    return node


def faults_of(text: str) -> list[str]:
    faults = Faults("f.yml")
    compose(text, faults)
    return [str(fault) for fault in faults.found]


def test_scalars_are_the_text_that_was_written() -> None:
    node = read("[3.10, yes, null, 0o17, 010, 1e3, '3.10', \"a\\tb\", !!str 5, 2024-01-01]")
    assert isinstance(node, ListNode)
    texts = [item.text for item in node.items if isinstance(item, ScalarNode)]
    assert texts == ["3.10", "yes", "null", "0o17", "010", "1e3", "3.10", "a\tb", "5", "2024-01-01"]


def test_only_plain_null_is_nothing() -> None:
    node = read("[~, null, '', '~', \"null\", x]")
    assert isinstance(node, ListNode)
    assert [item.is_null for item in node.items if isinstance(item, ScalarNode)] == [True, True, *[False] * 4]


def test_lines_are_counted_from_one() -> None:
    node = read("# a comment\na: 1\n\nb:\n  - x\n  - y\n")
    assert isinstance(node, MappingNode)
    assert [key.line for key, _ in node.entries] == [2, 4]
    items = node.get("b")
    assert isinstance(items, ListNode)
    assert [item.line for item in items.items] == [5, 6]


def test_modest_aliases_are_read() -> None:
    node = read("a: &x [1, 2]\nb: *x\n")
    assert isinstance(node, MappingNode)
    assert node.get("b") == node.get("a")


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n"])
def test_nothing_is_no_fault(text: str) -> None:
    node = read(text)
    assert node is None or (isinstance(node, ScalarNode) and node.is_null)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: 1\n\tb: 2\n", "f.yml:2: not YAML: .*indent with spaces instead of tabs"),
        ("a: 1\nb: 2\na: 3\n", "f.yml:3: duplicate key `a`; remove one of them: it stands in line 1 already"),
        ("a: b: c\n", "f.yml:1: not YAML: .*check the indentation"),
        ('a: "x\n', "f.yml:1: not YAML: .*close them"),
        ("- *x\n", "f.yml:1: `\\*x` is an alias of YAML"),
        ("a: &x [*x]\n", "f.yml:1: `\\*x` stands inside of `&x`"),
        ("a: 1\n---\nb: 2\n", "f.yml:2: a second YAML document begins here"),
        (
            "a: !!python/object/apply:os.system [ls]\n",
            "f.yml:1: the YAML tag `.*os.system` is not read; remove the tag",
        ),
        ("a: !custom x\n", "f.yml:1: the YAML tag `!custom` is not read"),
        ("? [a, b]\n: c\n", "f.yml:1: expected a text as key, found a list"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "f.yml:3: `<<` \\(a YAML merge key\\) is not read"),
        ("name: {{ name }}\n", "f.yml:1: .*template, render it first"),
        ("a: \x07\n", "f.yml:1: not YAML"),
        ("x\na: \x00\n", "f.yml:2: not YAML"),
        ("a: \ud800\n", "f.yml: the text is not Unicode"),
        ("%YAML 3.0\n---\na: b\n", "f.yml:1: not YAML"),
        ("a: @x\n", "f.yml:1: not YAML: .*quote the value"),
    ],
)
def test_fault_has_line_and_mend(text: str, fault: str) -> None:
    found = faults_of(text)
    assert any(re.match(fault, one) for one in found), found


def test_all_duplicate_keys_are_named() -> None:
    assert len(faults_of("a: 1\na: 2\nb: 1\nb: 2\n")) == 2


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "{a: " * 100_000, "- " * 10_000, "[" * (MAXIMUM_DEPTH + 1) + "]" * (MAXIMUM_DEPTH + 1)],
    ids=["lists", "mappings", "blocks", "closed"],
)
def test_deep_nesting_is_refused_at_once(text: str) -> None:
    started = time.monotonic()
    assert len(faults_of(text)) == 1
    assert time.monotonic() - started < 5


def test_billion_laughs_are_refused_at_once() -> None:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    (fault,) = faults_of("\n".join(lines))
    assert "aliases expanded" in fault


def test_more_values_than_any_file_has_are_refused() -> None:
    (fault,) = faults_of("- a\n" * 200_001)
    assert "200,000 values" in fault

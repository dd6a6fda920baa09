"""Edits of an environment file: what was asked for changes, and every other byte stays."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envmgr.errors import SpecError
from envmgr.spec import requirements, text_edits
from envmgr.spec.command_line import parse_dependency
from envmgr.spec.digest import semantic_digest
from envmgr.spec.edits import Edits, apply
from envmgr.spec.environment_file import read
from envmgr.spec.model import COMMAND_LINE

FILE = """\
# the paper's environment
name: science
channels: [conda-forge]   # the only one

dependencies:
  # numbers
  - numpy =1.26   # until the reviewers answer
  - "tool=1"  # [linux]
  - tool=9  # [win]
  - sel(linux): patchelf
  - python

  # from the index
  - pip:
      - pure==1.0  # pinned
      - other
variables: {A: b}
"""


def edits(*dependencies: str, pip: tuple[str, ...] = (), without: str = "", channels: tuple[str, ...] = ()) -> Edits:
    """Return edits; `without` are names of both halves."""
    return Edits(
        dependencies=tuple(map(parse_dependency, dependencies)),
        pip=tuple(requirements.parse(text, COMMAND_LINE) for text in pip),
        removed=frozenset(without.split()),
        removed_pip=frozenset(without.split()),
        channels=channels,
    )


def edited(text: str, change: Edits, *, platform: str = "linux-64") -> str:
    return text_edits.edited(text, change, source="environment.yml", platform=platform).text


def changed_lines(before: str, after: str) -> list[str]:
    difference = difflib.ndiff(before.splitlines(keepends=True), after.splitlines(keepends=True))
    return [line.rstrip("\n") for line in difference if line[:1] in "+-"]


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        (edits("numpy >=2"), ["-   - numpy =1.26   # until the reviewers answer",
                              "+   - numpy >=2   # until the reviewers answer"]),
        (edits("tool>=2"), ['-   - "tool=1"  # [linux]', '+   - "tool>=2"  # [linux]']),
        (edits("patchelf=0.18"), ["-   - sel(linux): patchelf", "+   - sel(linux): patchelf=0.18"]),
        (edits("scipy", "libblas=*=*_openblas"), ["+   - scipy", "+   - libblas=*=*_openblas"]),
        (edits(pip=("Pure>=2,<3",)), ["-       - pure==1.0  # pinned", "+       - Pure>=2,<3  # pinned"]),
        (edits(pip=("new[x]; python_version > '3'",)), ["+       - new[x]; python_version > '3'"]),
        (edits(without="numpy"), ["-   - numpy =1.26   # until the reviewers answer"]),
        (edits(without="tool"), ['-   - "tool=1"  # [linux]']),
        (edits(without="patchelf"), ["-   - sel(linux): patchelf"]),
        (edits(without="pure"), ["-       - pure==1.0  # pinned"]),
        (edits(without="pure other"), ["-   - pip:", "-       - pure==1.0  # pinned", "-       - other"]),
        (edits(channels=("bioconda",)), ["- channels: [conda-forge]   # the only one",
                                         "+ channels: [conda-forge, bioconda]   # the only one"]),
        (edits("numpy=1.26", pip=("other",), without="absent", channels=("conda-forge",)), []),
    ],
)  # fmt: skip
def test_only_the_lines_meant_change(change: Edits, lines: list[str]) -> None:
    assert changed_lines(FILE, edited(FILE, change)) == lines


def test_lines_of_other_platforms_are_edited_there() -> None:
    changed = changed_lines(FILE, edited(FILE, edits("tool=10"), platform="win-64"))
    assert changed == ["-   - tool=9  # [win]", "+   - tool=10  # [win]"]


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ("dependencies: [a, b, c]\n", edits("zip>=1,<2", without="b"), "dependencies: [a, c, 'zip>=1,<2']\n"),
        ("dependencies: [a]\n", edits(without="a"), "dependencies: []\n"),
        ("dependencies: []\n", edits("a"), "dependencies: [a]\n"),
        ("dependencies: []\n", edits(pip=("x>=1,<2",)), "dependencies: [{pip: ['x>=1,<2']}]\n"),
        ("dependencies: [\n  a, # one\n  b,\n]\n", edits(without="b"), "dependencies: [\n  a, # one\n]\n"),
        ("dependencies: [\n  a,\n  b\n]\n", edits(without="a"), "dependencies: [\n  b\n]\n"),
        ("dependencies:\n  - a # c\n", edits(without="a"), "dependencies: []\n"),
        ("dependencies: # none yet\n", edits("a"), "dependencies: # none yet\n  - a\n"),
        ("dependencies: # none left\n  - a\n", edits(without="a"), "dependencies: [] # none left\n"),
        ("dependencies:\n", edits("a", pip=("x",)), "dependencies:\n  - a\n  - pip:\n      - x\n"),
        ("dependencies:\n- a", edits("b"), "dependencies:\n- a\n- b\n"),
        ("dependencies:\r\n- a", edits("b", without="a"), "dependencies:\r\n- b\r\n"),
        ("\ufeffdependencies:\n- a\n", edits("b"), "\ufeffdependencies:\n- a\n- b\n"),
        ("name: x\ndependencies:\n- a\n", edits(channels=("lab",)),
         "name: x\nchannels:\n  - lab\ndependencies:\n- a\n"),
        ("dependencies:\n  - sel(linux): x\n# end\n", edits("a"), "dependencies:\n  - sel(linux): x\n  - a\n# end\n"),
        ("dependencies:\n  - pip: [a, b]\n", edits("c", pip=("d",), without="a"),
         "dependencies:\n  - c\n  - pip: [b, d]\n"),
        ("dependencies:\n  - pip:\n", edits(pip=("d",)), "dependencies:\n  - pip:\n      - d\n"),
        ("dependencies:\n  - a # [win]\n  - b\n", edits(without="b"), "dependencies:\n  - a # [win]\n"),
        ("dependencies:\n  - a=1\n  - b\n  - a<2\n", edits("a=2"), "dependencies:\n  - a=2\n  - b\n"),
        ("dependencies:\n  - a\n", edits("a>1", "a<9"), "dependencies:\n  - a>1\n  - a<9\n"),
        ("dependencies:\n  - 'a=1'\n", edits("a[version='>1']"), "dependencies:\n  - 'a[version=''>1'']'\n"),
        ("dependencies:\n  - a=1\n", edits("a[version='>1', build='#x']"),
         "dependencies:\n  - 'a[version=''>1'', build=''#x'']'\n"),
    ],
)  # fmt: skip
def test_every_way_to_write_a_list(before: str, change: Edits, after: str) -> None:
    assert edited(before, change) == after


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dependencies:\n  - |\n    a\n", "line 2"),
        ("dependencies:\n  -\n    a\n", "line 3"),
        ("dependencies:\n  - !!str a\n", "line 2"),
        ("dependencies:\n  - &x a\n  - b\n", "line 2"),
        ("dependencies:\n  - &x b\n  - pip: [*x, a]\n  - sel(linux): a\n  - *x\n  - 'a\n    '\n", "cannot edit"),
        ("dependencies:\n  - c\n  - pip:\n    - |\n      a\n      b\n", "line 4"),
    ],
)
def test_what_cannot_be_edited_by_line_is_refused(text: str, said: str) -> None:
    with pytest.raises(SpecError, match=said) as caught:
        edited(text, edits(without="a"))
    assert caught.value.hint is not None
    assert "create -f" in caught.value.hint


def test_a_requirement_of_another_file_is_named() -> None:
    text = "dependencies:\n  - python\n  - pip:\n      - -r more.txt\n"
    for change in (edits(without="pure"), edits(pip=("pure==2",))):
        with pytest.raises(SpecError, match=r"`pure==1` stands in more\.txt:1, and --save edits environment\.yml"):
            text_edits.edited(text, change, source="environment.yml", platform="linux-64", load=lambda _: "pure==1\n")


def test_a_file_with_faults_is_refused_as_by_create() -> None:
    with pytest.raises(SpecError, match=r"environment\.yml:2"):
        edited("dependencies:\n  - a >>1\n", edits("b"))


NAMES = ("aa", "bb", "cc", "dd", "ee")
ITEMS = st.sampled_from([*NAMES, *(f"{name} >=1" for name in NAMES), *(f"'{name}=2'" for name in NAMES)])
COMMENTS = st.sampled_from(["", "  # why", " # [linux]", "  # [win]"])


@st.composite
def files(draw: st.DrawFn) -> str:
    """An environment file of random lines: specs in several spellings, selectors, comments, a pip section."""
    lines = ["# top", "channels:", "  - lab", "dependencies:"]
    for item in draw(st.lists(ITEMS, max_size=5)):
        lines += draw(st.sampled_from([[], ["  # between"], [""]]))
        lines.append(f"  - {item}{draw(COMMENTS)}")
    if draw(st.booleans()):
        lines.append("  - pip:")
        lines += [f"    - {item.strip(chr(39)).replace('=2', '==2')}" for item in draw(st.lists(ITEMS, max_size=3))]
    lines += draw(st.sampled_from([[], ["variables:", "  A: b"], ["# end"]]))
    return draw(st.sampled_from(["\n", "\r\n"])).join([*lines, ""])


@given(files(), st.sets(st.sampled_from(NAMES)), st.lists(st.sampled_from([f"{n}=7" for n in NAMES]), unique=True))
def test_the_file_asks_for_what_was_meant_and_other_lines_stay(text: str, gone: set[str], new: list[str]) -> None:
    change = edits(*(spec for spec in new if spec[:2] not in gone), without=" ".join(gone))
    before = read(text, source="x", platform="linux-64")
    after = edited(text, change)
    assert semantic_digest(read(after, source="x", platform="linux-64")) == semantic_digest(apply(before, change))
    touched = {*gone, *(spec[:2] for spec in new)}
    for line in text.splitlines():
        if not any(name in line for name in touched) and line not in ("dependencies:", "  - pip:"):
            assert line in after.splitlines()

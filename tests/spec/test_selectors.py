from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envmgr.spec import selectors
from envmgr.spec.faults import SpecFault


@pytest.mark.parametrize(
    ("platform", "true"),
    [
        ("linux-64", {"linux", "linux64", "unix", "x86", "x86_64", "x64"}),
        ("linux-32", {"linux", "linux32", "unix", "x86"}),
        ("linux-aarch64", {"linux", "unix", "aarch64"}),
        ("linux-ppc64le", {"linux", "unix", "ppc64le"}),
        ("linux-s390x", {"linux", "unix", "s390x"}),
        ("linux-armv7l", {"linux", "unix", "arm", "armv7l"}),
        ("osx-64", {"osx", "osx64", "unix", "x86", "x86_64", "x64"}),
        ("osx-arm64", {"osx", "unix", "arm64"}),
        ("win-64", {"win", "win64", "x86", "x86_64", "x64"}),
        ("win-32", {"win", "win32", "x86"}),
        ("win-arm64", {"win", "arm64"}),
        ("emscripten-wasm32", {"emscripten", "unix", "wasm32"}),
        ("wasi-wasm32", {"wasi", "wasm32"}),
    ],
)
def test_variables_are_those_of_conda_build(platform: str, true: set[str]) -> None:
    assert {name for name, value in selectors.variables_of(platform).items() if value} == true


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("linux", True),
        ("not win", True),
        ("not not linux", True),
        ("linux and x86_64", True),
        ("linux and aarch64", False),
        ("win or linux and x86_64", True),
        ("(win or linux) and aarch64", False),
        ("not (win or osx)", True),
        ("linux or win and aarch64", True),
        ("not linux or unix", True),
        ("  ( ( linux ) )  ", True),
    ],
)
def test_expression_on_linux_64(expression: str, expected: bool) -> None:
    assert selectors.evaluate(expression, "linux-64") is expected


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "1",
        "py38",
        "py >= 38",
        "linux linux",
        "linux and",
        "and linux",
        "not",
        "(linux",
        "linux)",
        "()",
        "linux == True",
        "__import__('os').system('ls')",
        "build_platform",
        "Linux",
        "(" * 5000 + "linux" + ")" * 5000,
        "not " * 5000 + "linux",
    ],
)
def test_anything_else_is_no_selector(expression: str) -> None:
    with pytest.raises(SpecFault, match="is not a platform selector"):
        selectors.evaluate(expression, "linux-64")


def test_near_variable_is_suggested() -> None:
    with pytest.raises(SpecFault, match="did you mean `linux`"):
        selectors.evaluate("linus", "linux-64")


_NAMES = ("linux", "osx", "win", "unix", "x86_64", "arm64")
_EXPRESSIONS = st.recursive(
    st.sampled_from(_NAMES),
    lambda inner: st.one_of(
        st.builds("not ({})".format, inner),
        st.builds("({}) and ({})".format, inner, inner),
        st.builds("{} or {}".format, inner, inner),
    ),
    max_leaves=5,
).filter(lambda text: len(text) < 200)


@given(_EXPRESSIONS, st.sampled_from(["linux-64", "osx-arm64", "win-64"]))
def test_value_is_that_of_the_same_expression_in_python(expression: str, platform: str) -> None:
    expected = eval(expression, {"__builtins__": {}}, selectors.variables_of(platform))
    assert selectors.evaluate(expression, platform) is expected


def test_false_lines_become_empty_and_lines_stay_where_they_are() -> None:
    text = "a: 1\nb: 2  # [win]\nc: 3  #[linux]\r\nd: 4\t# [osx] only there\n"
    assert selectors.apply_comments(text, "linux-64") == ("a: 1\n\nc: 3  #[linux]\r\n\n", ())


@pytest.mark.parametrize(
    "line",
    [
        'a: "x # [win]"',
        "a: 'x # [win]'",
        "# a: 1  # [win]",
        "a: b#[win]",
        "a: 1 # see [win]",
        "a[build=x]",
        "- numpy",
    ],
)
def test_lines_without_a_selector_comment_are_kept_silently(line: str) -> None:
    assert selectors.apply_comments(line + "\n", "linux-64") == (line + "\n", ())


def test_comment_inside_of_a_block_scalar_is_text() -> None:
    text = "a: |\n  x # [win]\nb: 1 # [win]\n"
    assert selectors.apply_comments(text, "linux-64")[0] == "a: |\n  x # [win]\n\n"


def test_bracketed_remark_is_kept_with_a_warning() -> None:
    text = "a: 1\n- numpy  # [1] see notes\n- scipy  # [py<38]\n"
    kept, warnings = selectors.apply_comments(text, "linux-64")
    assert kept == text
    assert [(line, message.split(" is not")[0]) for line, message in warnings] == [
        (2, "the comment `[1]`"),
        (3, "the comment `[py<38]`"),
    ]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("sel(linux)", True),
        ("sel(unix)", True),
        ("sel( osx )", False),
        ("sel(win)", False),
        ("pip", None),
        ("se", None),
    ],
)
def test_dictionary_selectors(key: str, expected: bool | None) -> None:
    assert selectors.evaluate_key(key, "linux-64") is expected


@pytest.mark.parametrize("key", ["sel(linux and x86_64)", "sel(arm64)", "sel()", "sel(linux", "sel(linux) x"])
def test_dictionary_selectors_know_four_variables_only(key: str) -> None:
    with pytest.raises(SpecFault, match=r"is not one of sel\(linux\)"):
        selectors.evaluate_key(key, "linux-64")


@given(st.text(max_size=80))
def test_any_text_passes(text: str) -> None:
    kept, _ = selectors.apply_comments(text, "linux-64")
    assert len(kept) <= len(text)

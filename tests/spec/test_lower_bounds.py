from __future__ import annotations

import pytest

from envmgr.spec import lower_bounds, requirements
from envmgr.spec.command_line import parse_dependency
from envmgr.spec.model import COMMAND_LINE, EnvironmentSpec


@pytest.mark.parametrize(
    ("text", "version", "expected"),
    [
        ("x >=1.2", "2.0", "x >=2.0"),
        ("x>=1.2,<3", "2.0", "x>=2.0,<3"),
        ("x >=1.2.*", "2.0", "x >=2.0"),
        ("forge::x[version='>=1.2', build=py*]", "2.0", "forge::x[version='>=2.0', build=py*]"),
        ("x >=1.2 py*", "2.0", "x >=2.0 py*"),
        ("x ~=1.4", "1.6.3", "x ~=1.6"),
        ("x ~=1.4", "1", None),
        ("x >=2.0", "2", None),  # the same version
        ("x >=2024b", "2024c", "x >=2024c"),
        ("x >=2.1", "2.0", None),
        ("x", "2.0", None),
        ("x =1.2", "1.2.5", None),
        ("x ==1.2", "1.2", None),
        ("x >1.2", "2.0", None),
        ("x >=1.2|>=3", "4.0", None),
        ("x !=1.5,>=1", "2", "x !=1.5,>=2"),
    ],
)
def test_the_lower_bound_of_a_match_spec_alone_is_raised(text: str, version: str, expected: str | None) -> None:
    edits = lower_bounds.raised(
        EnvironmentSpec(dependencies=(parse_dependency(text, COMMAND_LINE),)), {"x": version}, {}
    )
    assert [each.text for each in edits.dependencies] == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("text", "version", "expected"),
    [
        ("X[extra] >= 1.2; python_version >= '3.9'", "2.0", "X[extra] >= 2.0; python_version >= '3.9'"),
        ("x~=1.4.2", "1.4.9", "x~=1.4.9"),
        ("x>=1.0", "2.0+local", "x>=2.0"),
        ("x>=2.0rc1", "2.0", "x>=2.0"),
        ("x @ https://example.invalid/x-1.0-py3-none-any.whl", "2.0", None),
        (f"x>=1 --hash=sha256:{'0' * 64}", "2.0", None),
    ],
)
def test_the_lower_bound_of_a_requirement_alone_is_raised(text: str, version: str, expected: str | None) -> None:
    edits = lower_bounds.raised(EnvironmentSpec(pip=(requirements.parse(text, COMMAND_LINE),)), {}, {"x": version})
    assert [each.text for each in edits.pip] == ([] if expected is None else [expected])

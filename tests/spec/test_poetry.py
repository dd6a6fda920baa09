from __future__ import annotations

import pytest

from envmgr.errors import SpecError
from envmgr.spec import poetry, pyproject
from envmgr.spec.faults import SpecFault


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("*", ""),
        ("^1.2.3", ">=1.2.3,<2"),
        ("^0.2.3", ">=0.2.3,<0.3"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0.0", ">=0.0,<0.1"),
        ("^1", ">=1,<2"),
        ("^3.10rc1", ">=3.10rc1,<4"),
        ("~1.2.3", ">=1.2.3,<1.3"),
        ("~1", ">=1,<2"),
        ("~=1.2", "~=1.2"),
        ("1.2.*", "==1.2.*"),
        ("1.2", "==1.2"),
        ("=1.2", "==1.2"),
        (">=1.2, <2.0, !=1.5", ">=1.2,<2.0,!=1.5"),
        (">=1.2 <2.0", ">=1.2,<2.0"),
    ],
)
def test_a_constraint_of_poetry_is_said_by_pep_440(written: str, expected: str) -> None:
    assert poetry.constraint(written) == expected


@pytest.mark.parametrize("written", ["^1 || ^2", "latest", "^", "1.2; python_version > '3'"])
def test_what_pep_440_cannot_say_is_a_fault(written: str) -> None:
    with pytest.raises(SpecFault):
        poetry.constraint(written)


PROJECT = """\
[tool.poetry]
name = "thing"
[tool.poetry.dependencies]
python = "^3.10"
rich = "^13"
httpx = {version = "^0.27", extras = ["http2"]}
fast = {version = "*", optional = true}
old = [{version = "<2", python = "<3.9"}, {version = ">=2", python = ">=3.9"}]
windows = {version = "*", platform = "win32"}
own = {git = "https://git.example/own.git", tag = "v1"}
near = {path = "../near", develop = true}
[tool.poetry.extras]
speed = ["fast"]
[tool.poetry.group.dev.dependencies]
pytest = "8.*"
"""


def test_the_table_of_poetry_is_read_where_there_is_no_table_project() -> None:
    def read(**choices: tuple[str, ...]) -> list[str]:
        spec = pyproject.read(PROJECT, source="/work/pyproject.toml", load=lambda _: "", **choices)
        assert [each.text for each in spec.dependencies] == ["python >=3.10,<4"]
        return [each.text for each in spec.pip]

    main = [
        "rich>=13,<14",
        "httpx[http2]>=0.27,<0.28",
        "old<2 ; python_version < '3.9'",
        "old>=2 ; python_version >= '3.9'",
        "windows ; sys_platform == 'win32'",
        "own @ git+https://git.example/own.git@v1",
        "-e ../near",
    ]
    assert read() == main
    assert read(extras=("speed",), groups=("dev",)) == [*main[:2], "fast", *main[2:], "pytest==8.*"]
    with pytest.raises(SpecError, match="there is no dependency group `docs`"):
        read(groups=("docs",))
    with pytest.raises(SpecError, match="has alternatives"):
        pyproject.read(PROJECT.replace("^13", "^13 || ^14"), source="pyproject.toml", load=lambda _: "")


def test_groups_of_pdm_and_uv_before_pep_735_are_known() -> None:
    text = """\
[project]
name = "thing"
dependencies = []
[tool.pdm.dev-dependencies]
test = ["pytest"]
[tool.uv]
dev-dependencies = ["ruff"]
"""
    spec = pyproject.read(text, source="pyproject.toml", groups=("test", "dev"), load=lambda _: "")
    assert [each.text for each in spec.pip] == ["pytest", "ruff"]

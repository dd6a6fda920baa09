from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envmgr.spec import requirements
from envmgr.spec.faults import SpecFault
from envmgr.spec.model import COMMAND_LINE


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("rich", "rich"),
        ("Ruamel.YAML_x", "ruamel-yaml-x"),
        ("rich[jupyter]>=13,<14", "rich"),
        ("rich ==13.*", "rich"),
        ("rich===13.0", "rich"),
        ("rich (>=13)", "rich"),
        ("torch==1.9.0+cu111", "torch"),
        ("tomli>=2; python_version < '3.11' and sys_platform != 'win32'", "tomli"),
        ("opencv-python==4.1.*", "opencv-python"),
    ],
)
def test_requirement_is_read(line: str, name: str) -> None:
    requirement = requirements.parse(line, COMMAND_LINE)
    assert (requirement.name, requirement.text) == (name, line)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-e .", "does not install editable packages yet"),
        ("--editable=./x", "does not install editable packages yet"),
        ("git+https://h.example/x.git", "does not install packages from version control yet"),
        ("x @ git+ssh://h.example/x.git", "does not install packages from version control yet"),
        ("x @ https://h.example/x-1-py3-none-any.whl", "does not install packages by URL yet"),
        ("https://h.example/x.tar.gz", "does not install packages by URL yet"),
        ("./x", "does not install packages from a path yet"),
        ("../x", "does not install packages from a path yet"),
        (".", "does not install packages from a path yet"),
        ("/tmp/x", "does not install packages from a path yet"),
        ("~/x", "does not install packages from a path yet"),
        ("C:\\x", "does not install packages from a path yet"),
        ("x-1-py3-none-any.whl", "does not install packages from a path yet"),
        ("x-1.tar.gz; python_version>'3'", "does not install packages from a path yet"),
        ("-c constraints.txt", "does not read constraint files yet"),
        ("--pre", "does not read options in pip sections yet"),
        ("--index-url https://h.example", "does not read options in pip sections yet"),
        ("x==1 --hash=sha256:00", "does not read the option `--hash` yet"),
        ("x==1 -f https://h.example", "does not read the option `-f` yet"),
    ],
)
def test_what_needs_more_than_a_wheel_says_so(line: str, message: str) -> None:
    with pytest.raises(SpecFault) as caught:
        requirements.parse(line, COMMAND_LINE)
    assert message in caught.value.message
    assert caught.value.mend


@pytest.mark.parametrize(
    ("line", "mend"),
    [
        ("rich=1.2", "write `rich==1.2`"),
        ("rich>=1.0.*", "write `rich>=1.0`"),
        ("rich>=1 <2", "write `rich>=1,<2`"),
        ("rich@1.2", "write `rich==1.2`"),
    ],
)
def test_slip_is_refused_with_the_line_to_write(line: str, mend: str) -> None:
    with pytest.raises(SpecFault) as caught:
        requirements.parse(line, COMMAND_LINE)
    assert caught.value.mend == mend


@pytest.mark.parametrize(
    "line", ["", "a b", "(" * 3000, "x; " + "(" * 3000 + "a" + ")" * 3000, "x" * 5000, "{{ x }}", "é"]
)
def test_what_is_no_requirement_is_a_fault(line: str) -> None:
    with pytest.raises(SpecFault):
        requirements.parse(line, COMMAND_LINE)


@pytest.mark.parametrize(
    ("line", "bare"),
    [
        ("  rich  # why", "rich"),
        ("# all", ""),
        ("", ""),
        ("x @ https://h.example/x#sha256=1", "x @ https://h.example/x#sha256=1"),
        ("rich\t# why", "rich"),
    ],
)
def test_comments_are_those_of_pip(line: str, bare: str) -> None:
    assert requirements.without_comment(line) == bare


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("-r a.txt", "a.txt"),
        ("-ra.txt", "a.txt"),
        ("--requirement a.txt", "a.txt"),
        ("--requirement=a b.txt", "a b.txt"),
        ('-r "a b.txt"', "a b.txt"),
        ("rich", None),
        ("-c a.txt", None),
    ],
)
def test_nested_files(line: str, named: str | None) -> None:
    assert requirements.nested_file(line) == named


def test_credentials_do_not_show() -> None:
    with pytest.raises(SpecFault) as caught:
        requirements.parse("git+https://u:sesame@h.example/x", COMMAND_LINE)
    assert "sesame" not in f"{caught.value.message} {caught.value.mend}"


@given(st.text(max_size=80))
def test_any_line_is_a_requirement_or_a_fault(line: str) -> None:
    with contextlib.suppress(SpecFault):
        requirements.parse(line, COMMAND_LINE)

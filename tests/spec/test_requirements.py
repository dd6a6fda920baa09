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


SHA256 = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("line", "pep508"),
    [
        ("./x[dev]", "file:///base/x"),
        (".", "file:///base"),
        ("../x ; python_version > '3'", 'file:///x ; python_version > "3"'),
        ("file:./x", "file:///base/x"),
        ("file:///x", "file:///x"),
        ("x @ ./y", "x @ file:///base/y"),
        ("X.Y[b,A]@file:///z", "x-y[b,a] @ file:///z"),
        ("dist/x_y-1-py3-none-any.whl", "x-y @ file:///base/dist/x_y-1-py3-none-any.whl"),
        ("x-1.0.tar.gz; python_version>'3'", 'x @ file:///base/x-1.0.tar.gz ; python_version > "3"'),
        ("https://h.example/x-1.0.zip#sha256=" + "0" * 64, "x @ https://h.example/x-1.0.zip"),
        ("https://h.example/archive/main.zip#egg=x&subdirectory=y", "x @ https://h.example/archive/main.zip#subdirectory=y"),
        ("git+https://h.example/x", "git+https://h.example/x"),
        ("git+https://h.example/x.git@main#egg=X[dev]", "x[dev] @ git+https://h.example/x.git@main"),
        ("git+ssh://git@h.example/x.git#egg=x==1.0", "x @ git+ssh://git@h.example/x.git"),
        ("x @ git+https://${TOKEN}@h.example/x@v1#subdirectory=y", "x @ git+https://${TOKEN}@h.example/x@v1#subdirectory=y"),
        ("${WHEELS}/x-1-py3-none-any.whl", "file:${WHEELS}/x-1-py3-none-any.whl"),
        ("x==1 --hash=" + SHA256, "x==1"),
        ("x>=1 --config-settings a=b", "x>=1"),
    ],
)  # fmt: skip
def test_sources_are_those_that_pip_reads(line: str, pep508: str) -> None:
    assert requirements.parse(line, COMMAND_LINE, base="/base").pep508 == pep508


@pytest.mark.parametrize(
    "line", ["-e ./x[dev,test]", "--editable=./x[dev,test]", '-e "./x[dev,test]"', "-e file:./x[dev,test]"]
)
def test_editables_keep_their_extras(line: str) -> None:
    requirement = requirements.parse(line, COMMAND_LINE, base="/base")
    assert (requirement.url, requirement.extras, requirement.is_editable) == ("file:///base/x", ("dev", "test"), True)
    assert not requirement.is_named


def test_hashes_and_settings_are_read_behind_a_requirement() -> None:
    line = f"x==1 --hash={SHA256} --hash=md5:00 --config-settings=a=b -C 'c=d e'"
    requirement = requirements.parse(line, COMMAND_LINE)
    assert (requirement.hashes, requirement.config_settings) == ((SHA256,), ("a=b", "c=d e"))
    archive = requirements.parse("https://h.example/x-1.zip#sha256=" + "0" * 64, COMMAND_LINE)
    assert archive.hashes == (SHA256,)


@pytest.mark.parametrize(
    ("line", "message", "mend"),
    [
        ("hg+https://h.example/x", "hg repositories are not read", "clone it"),
        ("git+git@h.example:o/x.git", "is no URL", "git+ssh://git@h.example/o/x.git"),
        ("-e https://h.example/x.zip", "cannot be edited", "remove the `-e`"),
        ("-e ./x --hash=" + SHA256, "what is edited has no hash", "remove `--hash`"),
        ("x==1 --hash=sha256:00", "is no sha256", "pip hash"),
        ("x==1 --pre", "counts for the whole file", "on a line of its own"),
        ("x==1 --user", "a place of its own", "remove it"),
        ("x==1 --global-option=a", "is for setup.py", "--config-settings"),
        ("file://other/x", "names another machine", "file:///PATH"),
        ("ftp://h.example/x.zip", "no such scheme", "https://"),
        ("./x ; nonsense", "is not a marker", "python_version"),
    ],
)
def test_what_nothing_reads_is_refused_with_its_mend(line: str, message: str, mend: str) -> None:
    with pytest.raises(SpecFault) as caught:
        requirements.parse(line, COMMAND_LINE, base="/base")
    assert message in caught.value.message
    assert mend in (caught.value.mend or "")


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
    "line", ["", "a b", "(" * 3000, "x; " + "(" * 3000 + "a" + ")" * 3000, "x" * 50_000, "{{ x }}", "é"]
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
        requirements.parse("hg+https://u:sesame@h.example/x", COMMAND_LINE)
    assert "sesame" not in f"{caught.value.message} {caught.value.mend}"


@given(st.text(max_size=80))
def test_any_line_is_a_requirement_or_a_fault(line: str) -> None:
    with contextlib.suppress(SpecFault):
        requirements.parse(line, COMMAND_LINE)

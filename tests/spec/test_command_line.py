from __future__ import annotations

import pytest

from envmgr.errors import SpecError
from envmgr.spec.command_line import parse_arguments, parse_dependency
from envmgr.spec.model import COMMAND_LINE


def test_arguments_become_dependencies() -> None:
    spec = parse_arguments(["numpy=1.26", "python>=3.10", "bioconda::samtools"], channels=["a", "nodefaults", "a"])
    assert [one.name for one in spec.dependencies] == ["numpy", "python", "samtools"]
    assert {one.origin for one in spec.dependencies} == {COMMAND_LINE}
    assert spec.dependencies[2].channel == "bioconda"
    assert spec.channels == ("a",)


def test_wrong_argument_has_the_nearest_right_one_as_hint() -> None:
    with pytest.raises(SpecError) as caught:
        parse_dependency("numpy=>1.26")
    assert caught.value.message.startswith("command line: `numpy=>1.26` is not a match spec")
    assert caught.value.hint == "write `numpy>=1.26`"


def test_file_without_its_flag_is_understood() -> None:
    for text in ("environment.yml", "./some/environment.yaml"):
        with pytest.raises(SpecError) as caught:
            parse_dependency(text)
        assert caught.value.hint == f"name an environment file with `-f {text}`"


def test_operator_that_a_shell_has_eaten_is_explained() -> None:
    with pytest.raises(SpecError) as caught:
        parse_dependency("numpy>")
    assert "in quotes" in str(caught.value.hint)


def test_all_wrong_arguments_are_named_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        parse_arguments(["numpy >>1", "scipy", "-x", ""])
    assert len(caught.value.details["faults"]) == 3


def test_a_directory_named_t_is_no_credential() -> None:
    assert parse_dependency("file:///srv/t/channel::a").channel == "file:///srv/t/channel"

from __future__ import annotations

import pytest

from envmgr.errors import SpecError
from envmgr.spec import text_specs


def test_lines_are_match_specs_and_comments_and_blank_lines_are_not() -> None:
    text = "\ufeff# platform: linux-64\n\npython\n  numpy=1.26=py312_0 # why\ntk[build=h5083fa2_1]\n"
    spec = text_specs.read(text, source="list.txt")
    assert [(each.name, str(each.origin)) for each in spec.dependencies] == [
        ("python", "list.txt:3"),
        ("numpy", "list.txt:4"),
        ("tk", "list.txt:5"),
    ]


def test_what_pip_had_installed_is_asked_for_in_the_pip_half() -> None:
    spec = text_specs.read("python=3.12=h1_0\nPy-Yaml=6.0=pypi_0\nnumpy=1.26=pypi_0_py\n", source="list.txt")
    assert [each.name for each in spec.dependencies] == ["python", "numpy"]
    assert [(each.name, each.text, str(each.origin)) for each in spec.pip] == [
        ("py-yaml", "Py-Yaml==6.0", "list.txt:2")
    ]


def test_every_line_that_is_no_match_spec_is_named() -> None:
    with pytest.raises(SpecError) as caught:
        text_specs.read("python\nnumpy >>1\n-r other.txt\n", source="list.txt")
    assert [fault["where"] for fault in caught.value.details["faults"]] == ["list.txt:2", "list.txt:3"]

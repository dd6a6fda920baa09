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


def test_what_pip_installed_is_asked_for_in_the_pip_half() -> None:
    spec = text_specs.read("numpy=1.26.4=py312_0\nTomli_W=1.2.0=pypi_0\nsix=1.17.0=pypi_12\n", source="specs.txt")
    assert [dependency.text for dependency in spec.dependencies] == ["numpy=1.26.4=py312_0"]
    assert [(each.text, each.origin.line) for each in spec.pip] == [("Tomli_W==1.2.0", 2), ("six==1.17.0", 3)]


def test_every_line_that_is_no_match_spec_is_named() -> None:
    with pytest.raises(SpecError) as caught:
        text_specs.read("python\nnumpy >>1\n-r other.txt\n", source="list.txt")
    assert [fault["where"] for fault in caught.value.details["faults"]] == ["list.txt:2", "list.txt:3"]

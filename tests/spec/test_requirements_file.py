from __future__ import annotations

import pytest

from envmgr.errors import SpecError
from envmgr.spec import requirements_file
from envmgr.spec.model import Requirement


def read(files: dict[str, str], first: str = "a.txt") -> tuple[Requirement, ...]:
    def load(location: str) -> str:
        if location not in files:
            raise SpecError(f"{location} does not exist")
        return files[location]

    return requirements_file.read(files[first], location=first, load=load)


def test_lines_comments_blanks_and_continuations() -> None:
    found = read({"a.txt": "# all\n\nrich \\\n  >=13 \\\n  ,<14  # tables\r\nruff\r\n# end \\\nblack\n"})
    assert [(one.text, one.origin.line) for one in found] == [("rich   >=13   ,<14", 3), ("ruff", 6), ("black", 8)]


def test_nested_files_stand_in_place_and_relative_to_their_file() -> None:
    files = {"a.txt": "x\n-r b/b.txt\nz\n", "b/b.txt": "-r c.txt\n", "b/c.txt": "y\n"}
    assert [(one.text, str(one.origin)) for one in read(files)] == [
        ("x", "a.txt:1"),
        ("y", "b/c.txt:1"),
        ("z", "a.txt:3"),
    ]


def test_one_file_may_be_named_twice() -> None:
    assert len(read({"a.txt": "-r b.txt\n-r b.txt\n", "b.txt": "x\n"})) == 2


def test_cycle_is_refused_with_its_chain() -> None:
    with pytest.raises(SpecError) as caught:
        read({"a.txt": "-r b.txt\n", "b.txt": "-r c.txt\n", "c.txt": "x\n-r a.txt\n"})
    assert caught.value.message == "c.txt:2: `-r a.txt` leads back to itself: a.txt → b.txt → c.txt → a.txt"


def test_deep_nesting_is_refused() -> None:
    files = {f"{n}.txt": f"-r {n + 1}.txt\n" for n in range(50)}
    with pytest.raises(SpecError, match="nested more than 10 deep"):
        read(files, "0.txt")


def test_faults_of_all_files_are_reported_each_with_its_file() -> None:
    with pytest.raises(SpecError) as caught:
        read({"a.txt": "-e .\n-r b.txt\n-r missing.txt\n", "b.txt": "x=1\n"})
    places = [fault["where"] for fault in caught.value.details["faults"]]
    assert places == ["a.txt:1", "a.txt:3", "b.txt:1"]

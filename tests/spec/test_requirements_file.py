from __future__ import annotations

from pathlib import Path

import pytest

from envmgr.errors import SpecError
from envmgr.spec import requirements_file
from envmgr.spec.faults import Faults
from envmgr.spec.model import Requirement
from envmgr.spec.requirements_file import RequirementsReader


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
        read({"a.txt": "x=2\n-r b.txt\n-r missing.txt\n", "b.txt": "x=1\n"})
    places = [fault["where"] for fault in caught.value.details["faults"]]
    assert places == ["a.txt:1", "a.txt:3", "b.txt:1"]


def test_variables_are_replaced_but_in_sources_and_urls_where_they_may_be_secret() -> None:
    files = {
        "a.txt": "six==${SIX}\n-r ${DIR}/b.txt\n-c ${DIR}/c.txt\n-r https://${TOKEN}@host/d.txt\n-f ${DIR}\n"
        "--extra-index-url https://${TOKEN}@host/simple\nx @ https://${TOKEN}@host/x.whl\n-e ${DIR}/p\n",
        "sub/b.txt": "attrs\n", "/base/sub/c.txt": "", "sub/c.txt": "", "https://hush@host/d.txt": "rich\n",
    }  # fmt: skip
    variables = {"SIX": "1.16", "DIR": "sub", "TOKEN": "hush"}
    found = RequirementsReader(files.__getitem__, Faults("a.txt"), base="/base", environ=variables)
    lines = [one.text for one in found.read_text(files["a.txt"], ("a.txt",))]
    assert lines == ["six==1.16", "attrs", "rich", "x @ https://${TOKEN}@host/x.whl", "-e ${DIR}/p"]
    assert not found.faults.found
    assert "hush" not in str(found.options)
    assert found.options.indexes.find_links == ("/base/sub",)


@pytest.mark.parametrize("line", ["six==${SIX}", "-r ${SIX}.txt", "-c ${SIX}.txt", "-f ${SIX}", "--no-binary ${SIX}"])
def test_a_variable_that_is_not_set_is_a_fault_of_its_line(line: str) -> None:
    found = RequirementsReader(dict[str, str]().__getitem__, Faults("a.txt"), base="/base", environ={})
    list(found.read_text(f"\n{line}\n", ("a.txt",)))
    (fault,) = found.faults.found
    assert (fault.origin.line, fault.mend) == (2, "export SIX=…")


def reader(files: dict[str, str], first: str = "a.txt", base: str = "/base") -> RequirementsReader:
    def load(location: str) -> str:
        if location not in files:
            raise SpecError(f"{location} does not exist")
        return files[location]

    faults = Faults(first)
    reader = RequirementsReader(load, faults, base=base)
    reader.found = tuple(reader.read_text(files[first], (first,)))  # type: ignore[attr-defined]
    faults.raise_if_any()
    return reader


def test_options_of_all_files_add_up_and_the_last_index_counts() -> None:
    files = {
        "a.txt": "-i https://a.example\n--extra-index-url=https://b.example\n-r b.txt\n--pre --no-deps\n",
        "b.txt": "--index-url https://c.example/${TOKEN}\n--extra-index-url https://d.example\n"
        "--trusted-host d.example\n--no-binary x,Y --only-binary :none:\n"
        "--only-binary=y\n--require-hashes\n--prefer-binary\n",
    }
    options = reader(files).options
    assert options.indexes.index_url == "https://c.example/${TOKEN}"
    assert options.indexes.extra_index_urls == ("https://b.example", "https://d.example")
    assert options.indexes.trusted_hosts == ("d.example",)
    assert (options.no_binary, options.only_binary) == (("x",), ("y",))
    assert (options.pre, options.no_deps, options.require_hashes) == (True, True, True)
    assert options.lines[:2] == ("--index-url https://a.example", "--extra-index-url https://b.example")


def test_constraints_bind_and_ask_for_nothing() -> None:
    files = {"a.txt": "x\n-c c/c.txt\n", "c/c.txt": "y<2\n-c d.txt\n", "c/d.txt": "z==1\n"}
    found = reader(files)
    assert [one.text for one in found.constraints] == ["z==1", "y<2"]
    assert [one.text for one in found.found] == ["x"]  # type: ignore[attr-defined]
    assert "-c c/c.txt" in found.options.lines


@pytest.mark.parametrize("line", ["-e .", "./x", "x[extra]<2"])
def test_a_constraint_has_a_name_and_no_extras(line: str) -> None:
    with pytest.raises(SpecError, match=r"c\.txt:1: .* a constraint"):
        reader({"a.txt": "-c c.txt\n", "c.txt": f"{line}\n"})


def test_a_path_is_one_from_the_outermost_file_or_else_from_its_own(tmp_path: Path) -> None:
    for name in ("here", "sub/there"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "sub/more.txt").write_text("./here\n-e ./there[dev]\n--find-links there\n")
    (tmp_path / "all.txt").write_text("-r sub/more.txt\n")
    location = str(tmp_path / "all.txt")
    faults = Faults(location)
    found = RequirementsReader(lambda name: Path(name).read_text(), faults, base=str(tmp_path))
    here, there = found.read_text("-r sub/more.txt\n", (location,))
    assert (here.text, here.url) == ("./here", f"file://{tmp_path}/here")
    assert (there.text, there.url) == ("-e ./sub/there[dev]", f"file://{tmp_path}/sub/there")
    assert found.options.indexes.find_links == (f"{tmp_path}/sub/there",)
    assert faults.found == []


def test_what_names_an_index_without_a_value_or_two_things_is_a_fault() -> None:
    with pytest.raises(SpecError) as caught:
        reader({"a.txt": "--index-url\n--pre -e .\n--hash=sha256:00\n--user\n"})
    assert [fault["where"] for fault in caught.value.details["faults"]] == ["a.txt:1", "a.txt:2", "a.txt:3", "a.txt:4"]

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envmgr.spec import environment_file, files, writing
from envmgr.spec.digest import semantic_digest
from envmgr.spec.model import EnvironmentSpec
from envmgr.spec.pip_lines import pip_lines


def read(text: str) -> EnvironmentSpec:
    return environment_file.read(text, source="e.yml", platform="linux-64")


def test_text_is_what_a_person_would_write() -> None:
    mapping = writing.to_mapping(
        name="science",
        channels=["conda-forge"],
        dependencies=["python=3.10", "numpy >=1.26,<2", 'x[version=">=1"]'],
        pip=["rich[jupyter]>=13", "tomli; python_version < '3.11'"],
        variables=[("A", "yes")],
    )
    assert writing.dumps(mapping) == (
        "name: science\n"
        "channels:\n"
        "  - conda-forge\n"
        "dependencies:\n"
        "  - python=3.10\n"
        "  - numpy >=1.26,<2\n"
        '  - x[version=">=1"]\n'
        "  - pip:\n"
        "      - rich[jupyter]>=13\n"
        "      - tomli; python_version < '3.11'\n"
        "variables:\n"
        '  A: "yes"\n'
    )


def test_empty_environment_is_a_valid_file() -> None:
    assert writing.dumps(writing.to_mapping()) == "dependencies: []\n"
    assert read(writing.dumps(writing.to_mapping())).dependencies == ()


_NAMES = st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,8}[a-z0-9]", fullmatch=True).filter(lambda name: ".." not in name)
_VERSIONS = st.from_regex(r"[0-9]{1,2}(\.[0-9]{1,2}){0,2}", fullmatch=True)
_CONDA = st.one_of(
    st.sampled_from(["numpy", "yes", "null", "true", "on", "n", "1e3", "0o17", "123", "python=3.10", "_x=1=b*"]),
    st.builds("{}={}".format, st.sampled_from(["numpy", "scipy"]), _VERSIONS),
    st.builds("{} >={},!=1.0.*".format, st.sampled_from(["numpy", "scipy"]), _VERSIONS),
    st.builds("conda-forge::{}[version='{}',build=*x]".format, st.sampled_from(["numpy", "scipy"]), _VERSIONS),
)
_PIP = st.one_of(
    st.sampled_from(["rich", "yes", "rich; python_version < '3.11'", "rich[a,b]", "x!=1.0"]),
    st.builds("{}=={}".format, st.sampled_from(["rich", "ruff"]), _VERSIONS),
)
_VALUES = st.text(max_size=40).filter(lambda text: "\x00" not in text)
_VARIABLES = st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True), _VALUES, max_size=4)


@given(
    st.one_of(st.none(), st.sampled_from(["yes", "123", "a", "é", "null-1", "1e3"])),
    st.lists(st.sampled_from(["conda-forge", "https://h.example/c", "no", "./x", "https://h.example/t/${T}/c"])),
    st.lists(_CONDA, max_size=5),
    st.lists(_PIP, max_size=4),
    _VARIABLES,
)
def test_what_is_written_is_read_back(
    name: str | None, channels: list[str], dependencies: list[str], pip: list[str], variables: dict[str, str]
) -> None:
    channels = list(dict.fromkeys(channels))
    text = writing.dumps(
        writing.to_mapping(
            name=name, channels=channels, dependencies=dependencies, pip=pip, variables=tuple(variables.items())
        )
    )
    spec = read(text)
    assert spec.name == name
    assert spec.channels == tuple(channels)
    assert [one.text for one in spec.dependencies] == dependencies
    assert [one.text for one in spec.pip] == pip
    assert dict(spec.variables) == variables
    assert spec.warnings == ()


def test_selector_in_a_value_stays_text() -> None:
    text = writing.dumps(writing.to_mapping(variables=[("A", "x # [win]"), ("B", "# [win]\n y")]))
    assert dict(read(text).variables) == {"A": "x # [win]", "B": "# [win]\n y"}


@pytest.mark.parametrize(
    "text", ["a\u2028b", "\x85", "\ufeff", "😀", "\t", " ", "", "\\", '"', "a\r\nb", "\x7f", "\x1b[0m"]
)
def test_odd_characters_are_read_back(text: str) -> None:
    assert read(writing.dumps(writing.to_mapping(variables=[("A", text)]))).variables == (("A", text),)


def test_real_files_mean_the_same_when_written_again(shared_data: Path) -> None:
    count = 0
    for path in sorted((shared_data / "env" / "real").glob("*.yml")):
        try:
            spec = environment_file.read(files.read_text(str(path)), source=str(path), platform="linux-64")
        except Exception:  # test_real_files.py tells which are refused
            continue
        again = read(
            writing.dumps(
                writing.to_mapping(
                    channels=spec.channels,
                    dependencies=[one.text for one in spec.dependencies],
                    pip=pip_lines(spec),
                    variables=spec.variables,
                )
            )
        )
        assert semantic_digest(again) == semantic_digest(spec), path.name
        count += 1
    assert count > 30

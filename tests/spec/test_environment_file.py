from __future__ import annotations

import contextlib
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envmgr.errors import SpecError
from envmgr.spec import environment_file
from envmgr.spec.model import EnvironmentSpec


def read(text: str, platform: str = "linux-64") -> EnvironmentSpec:
    return environment_file.read(dedent(text), source="environment.yml", platform=platform)


def error_of(text: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        read(text)
    return caught.value


def faults_of(text: str) -> list[str]:
    return [f"{fault['where']}: {fault['message']}" for fault in error_of(text).details["faults"]]


FULL = """\
    name: science
    prefix: ~/envs/science
    channels:
      - conda-forge
      - nodefaults
      - conda-forge
      - https://lab.example/conda
    dependencies:
      - python=3.10
      - numpy >=1.26,<2
      - bioconda::samtools
      - pip
      - pip:
          - rich[jupyter]>=13  # for tables
          - tomli; python_version < "3.11"
      - scipy
      - pip:
          - Ruff
    variables:
      A: yes
      B: 3.10
      C:
      D: "x y"
    platforms: [linux-64, osx-arm64]
    category: dev
    """


def test_every_key_of_cep_24() -> None:
    spec = read(FULL)
    assert spec.name == "science"
    assert spec.prefix == "~/envs/science"
    assert spec.channels == ("conda-forge", "https://lab.example/conda")
    assert [(one.text, str(one.origin)) for one in spec.dependencies] == [
        ("python=3.10", "environment.yml:9"),
        ("numpy >=1.26,<2", "environment.yml:10"),
        ("bioconda::samtools", "environment.yml:11"),
        ("pip", "environment.yml:12"),
        ("scipy", "environment.yml:16"),
    ]
    assert [(one.text, one.name, one.origin.line) for one in spec.pip] == [
        ("rich[jupyter]>=13", "rich", 14),
        ('tomli; python_version < "3.11"', "tomli", 15),
        ("Ruff", "ruff", 18),
    ]
    assert spec.variables == (("A", "yes"), ("B", "3.10"), ("C", ""), ("D", "x y"))
    assert spec.platforms == ("linux-64", "osx-arm64")
    assert spec.category == "dev"
    assert spec.sources == ("environment.yml",)
    assert spec.warnings == ()


def test_defaults_are_never_added() -> None:
    assert read("channels: [conda-forge]\ndependencies: [numpy]\n").channels == ("conda-forge",)
    assert read("dependencies: [numpy]\n").channels == ()


@pytest.mark.parametrize("text", ["dependencies:\n", "dependencies: []\n", "dependencies: ~\n"])
def test_no_dependencies_are_an_empty_environment(text: str) -> None:
    assert read(text).dependencies == ()


def test_numbers_and_booleans_are_the_text_that_was_written() -> None:
    spec = read("name: 123\ncategory: yes\ndependencies: [python=3.10]\nvariables: {X: 010, Y: 1e3, Z: null}\n")
    assert (spec.name, spec.category) == ("123", "yes")
    assert spec.variables == (("X", "010"), ("Y", "1e3"), ("Z", ""))


@pytest.mark.parametrize("value", ["", "~", "null"])
def test_empty_name_is_absent(value: str) -> None:
    assert read(f"name: {value}\ndependencies: []\n").name is None


def test_byte_order_mark_and_windows_line_ends() -> None:
    text = "\ufeffname: x\r\ndependencies:\r\n  - numpy  # [linux]\r\n  - pywin32  # [win]\r\n"
    spec = environment_file.read(text, source="e.yml", platform="linux-64")
    assert [(one.text, one.origin.line) for one in spec.dependencies] == [("numpy", 3)]


def test_both_selector_dialects() -> None:
    text = """\
        dependencies:
          - sel(linux): cxx-compiler <1.11
          - sel(win): vs2022
          - gdb  # [linux and x86_64]
          - lldb  # [osx or (win and not arm64)]
          - sel(unix): bash
        """
    assert [one.name for one in read(text).dependencies] == ["cxx-compiler", "gdb", "bash"]
    assert [one.name for one in read(text, "osx-arm64").dependencies] == ["lldb", "bash"]
    assert [one.name for one in read(text, "win-64").dependencies] == ["vs2022", "lldb"]
    assert read(text).dependencies[1].origin.line == 4


def test_duplicate_keys_under_different_selectors() -> None:
    text = "name: a  # [linux]\nname: b  # [win]\ndependencies: []\n"
    assert read(text).name == "a"
    assert read(text, "win-64").name == "b"


def test_remark_in_brackets_is_kept_and_warned_of() -> None:
    spec = read("dependencies:\n  - numpy  # [1] see notes\n")
    assert [one.name for one in spec.dependencies] == ["numpy"]
    assert spec.warnings[0].startswith("environment.yml:2: the comment `[1]` is not a platform selector")


def test_unknown_key_is_warned_of() -> None:
    spec = read("dependencies: []\nchanels: [x]\nextras: 1\n")
    assert spec.warnings == (
        "environment.yml:2: the key `chanels` is unknown and ignored; did you mean `channels`?",
        "environment.yml:3: the key `extras` is unknown and ignored",
    )


@pytest.mark.parametrize("name", ["/home/me/envs/lab", "/lab/", r"C:\\Users\\me\\lab", "C:/lab"])
def test_path_that_conda_exports_as_a_name_means_its_last_part(name: str) -> None:
    spec = read(f'name: "{name}"\ndependencies: []\n')
    assert spec.name == "lab"
    assert spec.warnings[0].endswith("is a path; its last part `lab` is the name")


@pytest.mark.parametrize("name", ['""', "", "null"])
def test_empty_name_of_micromamba_is_none(name: str) -> None:
    spec = read(f"name: {name}\ndependencies: []\n")
    assert (spec.name, spec.warnings) == (None, ())


def test_reserved_name_is_left_out_with_a_warning() -> None:
    spec = read("name: base\ndependencies: []\n")
    assert spec.name is None
    assert spec.warnings == ("environment.yml:1: the name `base` is reserved and not used; give one with `-n NAME`",)


@pytest.mark.parametrize("name", ["a b", "a/b", "a:b", '"a#b"', "'a\\b'", ".a", "'-a'", "x" * 300, '"a\\tb"'])
def test_name_that_cep_24_forbids_is_a_fault(name: str) -> None:
    assert faults_of(f"name: {name}\ndependencies: []\n")[0].startswith("environment.yml:1: the name ")


def test_password_in_a_channel_is_warned_of_and_not_shown() -> None:
    spec = read("channels: ['https://u:sesame@h.example/c', 'https://u:${P}@h.example/c']\ndependencies: []\n")
    assert len(spec.warnings) == 1
    assert "sesame" not in spec.warnings[0]


def test_all_faults_are_reported_at_once_with_line_and_mend() -> None:
    error = error_of(
        """\
        name: a b
        channels: conda-forge
        dependencies:
          - numpy >>1.26
          - python: 3.10
          - npm:
              - left-pad
          - [a, b]
          -
          - pip:
              - rich=1.2
              - -e .
              - --proxy https://u:sesame@i.example
          - pip: rich
          - sel(freebsd): x
          - sel(linux): [a]
        variables:
          A-B: 1
          C: [1]
        platforms: [noarch, linux-65]
        category: {a: b}
        """
    )
    lines = error.message.splitlines()
    expected = [
        "environment.yml:1: the name `a b` has a character that names may not have (`/`, `\\`, space, `:`, `#`); "
        "write `name: a-b`",
        "environment.yml:2: `channels`: expected a list, found `conda-forge`; write `channels: [conda-forge]`",
        "environment.yml:4: dependencies[0]: `numpy >>1.26` is not a match spec: unable to parse version spec: >>1.26; "
        "write `numpy >1.26`",
        "environment.yml:5: dependencies[1]: the subsection `python` is unknown; write `- python=3.10` if it is a "
        "package; only `pip:` and `sel(…):` can stand here",
        "environment.yml:6: dependencies[2]: the subsection `npm` is unknown; only `pip:` and `sel(…):` can stand here",
        "environment.yml:8: dependencies[3]: expected a text, found a list; write one package a line",
        "environment.yml:9: dependencies[4] is empty; remove the line, or quote the name if it is one",
        "environment.yml:11: `rich=1.2` is not a PEP 508 requirement: Expected semicolon (after name with no version "
        "specifier) or end; write `rich==1.2`",
        "environment.yml:13: `--proxy https://***@i.example`: `--proxy` is no option that pip reads from a file; "
        "remove it; settings of pip that are for all environments belong into pip's configuration, which envmgr reads",
        "environment.yml:14: `dependencies[6].pip`: expected a list, found `rich`; write `pip: [rich]`",
        "environment.yml:15: dependencies[7]: the selector `sel(freebsd)` is not one of sel(linux), sel(osx), "
        "sel(win), sel(unix); use one of them, or a comment selector such as `# [linux and aarch64]`",
        "environment.yml:16: dependencies[8]: sel(linux) expects one match spec, found a list; "
        "write `- sel(linux): PACKAGE` for each package",
        "environment.yml:18: variables: `A-B` is no name of an environment variable; "
        "use letters, digits and `_`, not beginning with a digit",
        'environment.yml:19: variables.C: expected a text, found a list; write `C: "text"`',
        "environment.yml:20: `noarch` is no platform that can be installed for; remove it",
        "environment.yml:20: the platform `linux-65` is unknown; write `linux-64`",
        "environment.yml:21: `category`: expected a text, found keys and values; write `category: TEXT`",
    ]
    assert lines == expected
    assert error.hint is None


def test_single_fault_has_its_mend_as_hint() -> None:
    error = error_of("dependencies:\n  - numpy >>1.26\n")
    assert error.message == (
        "environment.yml:2: dependencies[0]: `numpy >>1.26` is not a match spec: unable to parse version spec: >>1.26"
    )
    assert error.hint == "write `numpy >1.26`"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "environment.yml: the file is empty"),
        ("# nothing\n", "environment.yml: the file is empty"),
        ("- numpy\n", "environment.yml:1: expected keys such as `dependencies:`, found a list"),
        ("numpy\n", "environment.yml:1: expected keys such as `dependencies:`, found one text"),
        ("@EXPLICIT\nhttps://h.example/x.conda\n", "environment.yml: this is an explicit file"),
        ("name: x\n", "environment.yml: there is no key `dependencies`"),
        ("dependencies: numpy\n", "environment.yml:1: `dependencies`: expected a list, found `numpy`"),
        ("dependencies: {numpy: 1}\n", "environment.yml:1: `dependencies`: expected a list, found keys and values"),
        ("version: 1\nmetadata: {}\npackage: []\n", "environment.yml: this is a conda-lock file"),
        ("dependencies: []\nvariables: [A]\n", "environment.yml:2: `variables`: expected keys and values"),
        ('dependencies: []\nvariables: {A: "\\0"}\n', "environment.yml:2: variables.A: a variable cannot hold NUL"),
        ("dependencies: []\nchannels: [[a]]\n", "environment.yml:2: channels[0]: expected a text, found a list"),
        ("dependencies: []\nchannels: ['']\n", "environment.yml:2: channels[0]: expected a text, found ``"),
        ("name: [a]\ndependencies: []\n", "environment.yml:1: `name`: expected a text, found a list"),
        ("dependencies:\n\t- numpy\n", "environment.yml:2: not YAML"),
        ("dependencies: []\ndependencies: []\n", "environment.yml:2: duplicate key `dependencies`"),
        ("name: {{ x }}\ndependencies: []\n", "environment.yml:1: expected a text as key"),
    ],
)
def test_wrong_file_is_one_clear_error(text: str, fault: str) -> None:
    assert faults_of(text)[0].startswith(fault)


def test_a_misspelt_dependencies_is_named() -> None:
    with pytest.raises(SpecError) as caught:
        read("name: x\ndependencis:\n  - numpy\n")
    assert caught.value.hint == "did you mean it by `dependencis`?"


def test_lines_of_a_block_in_a_pip_section() -> None:
    spec = read("dependencies:\n  - pip:\n    - |\n      rich\n      # a comment\n\n      ruff>=1\n    - black\n")
    assert [(one.text, one.origin.line) for one in spec.pip] == [("rich", 4), ("ruff>=1", 7), ("black", 8)]


def test_empty_pip_section_asks_for_nothing() -> None:
    assert read("dependencies:\n  - pip:\n").pip == ()


def test_nested_requirements_are_relative_to_the_environment_file(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "requirements.txt").write_text("rich\n-r more/dev.txt\nruff\n")
    (tmp_path / "more" / "dev.txt").write_text("-r ../last.txt\npytest>=8  # tests\n")
    (tmp_path / "last.txt").write_text("black\n")
    source = tmp_path / "environment.yml"
    text = "dependencies:\n  - pip:\n    - first\n    - -r requirements.txt\n    - end\n"
    spec = environment_file.read(text, source=str(source), platform="linux-64")
    assert [one.text for one in spec.pip] == ["first", "rich", "black", "pytest>=8", "ruff", "end"]
    assert str(spec.pip[3].origin) == f"{tmp_path / 'more' / 'dev.txt'}:2"


def test_missing_requirements_are_a_fault_of_the_line_that_names_them(tmp_path: Path) -> None:
    text = "dependencies:\n  - pip:\n    - -r nothing.txt\n"
    with pytest.raises(SpecError, match=r"environment\.yml:3: `-r nothing\.txt`: .*nothing\.txt does not exist"):
        environment_file.read(text, source=str(tmp_path / "environment.yml"), platform="linux-64")


def test_requirements_of_a_url_are_asked_of_its_host(tmp_path: Path) -> None:
    asked: list[str] = []

    def load(location: str) -> str:
        asked.append(location)
        return "rich\n"

    text = "dependencies: [{pip: [-r requirements.txt, -r /etc/passwd]}]\n"
    source = "https://u:sesame@h.example/a/environment.yml"
    spec = environment_file.read(text, source=source, platform="linux-64", load=load)
    assert asked == ["https://u:sesame@h.example/a/requirements.txt", "https://u:sesame@h.example/etc/passwd"]
    assert "sesame" not in str(spec)


@given(st.text(alphabet="abcdependencies:chnlpvrsx\n -[]{}&*!|>\"'#/$~=,.0123\t%@", max_size=200))
def test_any_text_gives_a_spec_or_a_spec_error(text: str) -> None:
    for candidate in (text, "dependencies:\n  - " + text, "dependencies: [pip: [" + text + "]]\n"):
        with contextlib.suppress(SpecError):
            read(candidate)

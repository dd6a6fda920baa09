from __future__ import annotations

import pytest

from envmgr.errors import SpecError
from envmgr.spec import environment_file, pip_files
from envmgr.spec.merging import merge
from envmgr.spec.model import EnvironmentSpec


def merged(*texts: str) -> EnvironmentSpec:
    return merge(
        [
            environment_file.read(text, source=f"{number}.yml", platform="linux-64")
            for number, text in enumerate(texts, start=1)
        ]
    )


def test_one_file_stays_itself() -> None:
    spec = environment_file.read("dependencies: [numpy]\n", source="1.yml", platform="linux-64")
    assert merge([spec]) is spec


def test_nothing_merges_to_an_empty_spec() -> None:
    assert merge([]) == EnvironmentSpec()


def test_later_files_add_to_earlier_ones() -> None:
    spec = merged(
        "name: a\nchannels: [x, y]\ndependencies: [numpy>=1, {pip: [rich]}]\nvariables: {A: 1}\ncategory: dev\n",
        "channels: [y, z]\ndependencies: [numpy<2, {pip: [ruff]}]\nvariables: {B: 2}\n",
    )
    assert spec.name == "a"
    assert spec.channels == ("x", "y", "z")
    assert [one.text for one in spec.dependencies] == ["numpy>=1", "numpy<2"]
    assert [str(one.origin) for one in spec.dependencies] == ["1.yml:3", "2.yml:2"]
    assert [one.name for one in spec.pip] == ["rich", "ruff"]
    assert spec.variables == (("A", "1"), ("B", "2"))
    assert spec.category == "dev"
    assert spec.sources == ("1.yml", "2.yml")
    assert spec.warnings == ()


def test_last_name_and_value_win_with_a_warning() -> None:
    spec = merged(
        "name: a\ndependencies: []\nvariables: {A: 1}\n",
        "dependencies: []\nvariables: {A: 1}\n",
        "name: b\ndependencies: []\nvariables: {A: 2}\n",
    )
    assert spec.name == "b"
    assert spec.variables == (("A", "2"),)
    assert spec.warnings == (
        "3.yml: name `b` replaces `a`",
        "3.yml: the variable `A` replaces the value of an earlier file",
    )


def test_other_order_of_channels_is_warned_of() -> None:
    spec = merged("channels: [x, y]\ndependencies: []\n", "channels: [y, x]\ndependencies: []\n")
    assert spec.channels == ("x", "y")
    assert spec.warnings == ("2.yml: its channels are in another order than before; used is `x`, `y`",)


def test_platforms_are_those_that_every_file_allows() -> None:
    spec = merged(
        "dependencies: []\nplatforms: [linux-64, osx-arm64]\n",
        "dependencies: []\n",
        "dependencies: []\nplatforms: [osx-arm64, win-64]\n",
    )
    assert spec.platforms == ("osx-arm64",)


def test_files_without_a_common_platform_are_refused() -> None:
    with pytest.raises(SpecError, match=r"1\.yml: linux-64; 2\.yml: win-64"):
        merged("dependencies: []\nplatforms: [linux-64]\n", "dependencies: []\nplatforms: [win-64]\n")


def test_paths_of_all_files_are_relative_to_the_first_ones_directory() -> None:
    first = environment_file.read("dependencies:\n- pip:\n  - -e ./a\n", source="/base/e.yml", platform="linux-64")
    text = "-c c.txt\n--find-links ./wheels\n./b[x] ; python_version > '3'\nd @ ../d\n-e /e\ngit+https://h/f\n"
    second = pip_files.read(text, source="/base/sub/r.txt", load=lambda _: "g<2\n")
    merged = merge([first, second])
    assert merged.pip_base == "/base"
    assert [one.text for one in merged.pip] == [
        "-e ./a", './sub/b[x] ; python_version > "3"', "d @ ./d", "-e /e", "git+https://h/f",
    ]  # fmt: skip
    assert merged.pip_options.lines == ("-c sub/c.txt", "--find-links sub/wheels")

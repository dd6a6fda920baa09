from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from builders.environments import ended, generation, packages
from builders.packages import Package
from envmgr.errors import SpecError
from envmgr.settings import Settings
from envmgr.spec.command_line import parse_dependency
from envmgr.spec.edits import Edits
from envmgr.workflows import saving

EDITS = Edits(dependencies=(parse_dependency("b"),))


def test_a_file_that_somebody_else_changed_meanwhile_is_left_alone(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "project/environment.yml"
    path.parent.mkdir()
    path.write_text("dependencies: [a]\n")
    edited = saving.edit(str(path), EDITS, settings, platform="linux-64")
    path.write_text("dependencies: [a, c]\n")
    with pytest.raises(SpecError, match="was changed by another program"):
        edited.write()
    assert path.read_text() == "dependencies: [a, c]\n"
    path.unlink()
    with pytest.raises(SpecError, match=r"cannot be written: .*; the environment was changed"):
        edited.write()
    assert list(path.parent.iterdir()) == []


def test_a_byte_order_mark_and_line_ends_stay(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "project/environment.yml"
    path.parent.mkdir()
    path.write_bytes("\ufeffname: é\r\ndependencies:\r\n- a\r\n".encode())
    edited = saving.edit(str(path), EDITS, settings, platform="linux-64")
    edited.write()
    assert path.read_bytes() == "\ufeffname: é\r\ndependencies:\r\n- a\r\n- b\r\n".encode()
    assert [path.name for path in path.parent.iterdir()] == ["environment.yml"]


def test_save_edits_the_file_and_both_agree(science: Envmgr) -> None:
    before = (science.directory / "environment.yml").read_text()
    out = science.ok("install", "-n", "science", "numpy", "--save")
    assert out.endswith("edited: environment.yml\n")
    assert (science.directory / "environment.yml").read_text() == before + "  - numpy\n"
    assert "science is up to date" in science.ok("create", "-f", "environment.yml")
    science("install", "tool=2", "--save", "-f", "./environment.yml")
    text = (science.directory / "environment.yml").read_text()
    assert text == before.replace("tool=1 ", "tool=2 ") + "  - numpy\n"
    assert "science is up to date" in science.ok("create", "-f", "environment.yml")
    science.ok("remove", "-n", "science", "greet", "numpy", "--save")
    assert (science.directory / "environment.yml").read_text() == before.replace("tool=1 ", "tool=2 ").replace(
        "  - greet\n", ""
    )
    document = science("create", "-f", "environment.yml", "--json").json
    assert document["up_to_date"]


def test_what_was_not_saved_before_is_named(science: Envmgr) -> None:
    science.ok("install", "-n", "science", "numpy", "-q")
    done = science("install", "-n", "science", "tool=2", "--save", "--json")
    assert done.json["saved"] == "environment.yml"
    done = science("remove", "-n", "science", "greet", "--save")
    assert ended(done) == (
        0,
        "environment.yml and science differ in `numpy`; `envmgr create -f environment.yml` moves to the file",
    )
    assert set(packages(science)) == {"base-files", "numpy", "tool"}
    assert "numpy" in science.ok("create", "-f", "environment.yml")
    assert set(packages(science)) == {"base-files", "tool"}


def test_without_save_create_moves_back_to_the_file(science: Envmgr) -> None:
    science.ok("install", "-n", "science", "numpy", "-q")
    assert "1 removed" in science.ok("create", "-f", "environment.yml")
    assert packages(science) == {"base-files": "1.0", "greet": "1.0", "tool": "1.0"}


def test_save_of_what_is_installed_already(science: Envmgr) -> None:
    science.ok("install", "-n", "science", "numpy", "-q")
    out = science.ok("install", "-n", "science", "numpy", "--save")
    assert out.startswith("science is up to date")
    assert out.endswith("edited: environment.yml\n")
    assert "science is up to date" in science.ok("create", "-f", "environment.yml")


def test_a_channel_is_saved_too(science: Envmgr, make_channel: Callable[..., LocalChannel]) -> None:
    lab = make_channel("lab").add(Package(name="probe", files={}))
    science.ok("install", "-n", "science", "-c", lab.url, "probe", "--save", "-q")
    assert f"  - {lab.url}\ndependencies:" in (science.directory / "environment.yml").read_text()
    assert "science is up to date" in science.ok("create", "-f", "environment.yml")


def test_a_file_is_written_whole_with_its_mode_through_its_link(science: Envmgr) -> None:
    real = science.directory / "real"
    real.mkdir()
    (science.directory / "environment.yml").rename(real / "env.yml")
    (real / "env.yml").chmod(0o640)
    (science.directory / "environment.yml").symlink_to("real/env.yml")
    science.ok("install", "-n", "science", "numpy", "--save", "-q")
    assert (science.directory / "environment.yml").is_symlink()
    assert "numpy" in (real / "env.yml").read_text()
    assert (real / "env.yml").stat().st_mode & 0o777 == 0o640
    assert [path.name for path in real.iterdir()] == ["env.yml"]


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda directory: (directory / "environment.yml").unlink(), "is not in this directory"),
        (lambda directory: (directory / "environment.yml").write_text("name: other\ndependencies: []\n"),
         "does not name the environment science"),
        (lambda directory: (directory / "environment.yml").write_text("dependencies: []\n"),
         "does not name the environment science"),
    ],
)  # fmt: skip
def test_save_does_not_guess_a_file(science: Envmgr, prepare: Callable[[Path], object], said: str) -> None:
    prepare(science.directory)
    done = science("install", "-n", "science", "numpy", "--save")
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "-f " in done.err.splitlines()[-1]
    assert generation(science) == 1


def test_a_file_that_cannot_be_edited_changes_nothing(science: Envmgr, channel: LocalChannel) -> None:
    text = environment_file(channel, "|\n    tool=1", "greet")
    science.write("environment.yml", text)
    done = science("install", "tool=2", "--save", "-f", "environment.yml")
    assert done.code == 1
    assert "environment.yml: line 6" in done.err or "environment.yml: line 5" in done.err
    assert (generation(science), (science.directory / "environment.yml").read_text()) == (1, text)
    for name in ("-", "https://example.invalid/environment.yml"):
        assert science("install", "-n", "science", "tool=2", "--save", "-f", name).code == 2
    assert science("install", "-n", "science", "tool=2", "--save", "-f", "absent.yml").code == 1

"""`exec` and `tool`, from a real channel and a real index to commands that run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Done, Envmgr
from builders.index_server import IndexServer
from builders.packages import Package
from builders.pip_half import environ_of, python_package
from builders.wheels import Wheel


@pytest.fixture
def on_path(envmgr: Envmgr) -> Path:
    directory = envmgr.directory / "tool bin"
    envmgr.environ["ENVMGR_TOOL_BIN"] = str(directory)
    envmgr.environ["PATH"] = f"{directory}:{os.environ['PATH']}"
    return directory


def _start(envmgr: Envmgr, *command: str) -> Done:
    done = subprocess.run(command, env=envmgr.environ, capture_output=True, text=True, check=False, timeout=60)
    return Done(done.returncode, done.stdout, done.stderr)


def test_exec_runs_from_an_environment_that_is_kept_until_clean(envmgr: Envmgr, channel: LocalChannel) -> None:
    own = ("exec", "-q", "-c", channel.url, "--override-channels")
    done = envmgr.process(*own, "tool", "a b", "--help")
    assert (done.code, done.out, done.err) == (0, "tool 2.0 a b --help\n", "")
    made = list((envmgr.root / "exec").glob("[!.]*"))
    # What is not there any more cannot be asked again.
    (channel.directory / "noarch/repodata.json").rename(envmgr.directory / "aside")
    assert envmgr.process(*own, "tool").out == "tool 2.0\n"
    (envmgr.directory / "aside").rename(channel.directory / "noarch/repodata.json")
    assert envmgr.process(*own, "tool=1", "base-files", "--", "sh", "-c", "tool $1", "x", "y").out == "tool 1.0 y\n"
    assert envmgr.process(*own, "--with", "greet", "tool", "x").out == "tool 2.0 x\n"
    assert len(list((envmgr.root / "exec").glob("[!.]*"))) == len(made) + 2
    assert envmgr("env", "list", "--json").json["envs"] == []
    assert envmgr("clean", "--json", "--yes").code == 0
    assert list((envmgr.root / "exec").glob("[!.]*")) == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "`exec` expects a package"),
        (["--", "true"], 1, "true"),
        (["no-such-thing"], 1, "no-such-thing"),
        (["tool", "--", "toll"], 127, "did you mean `tool`?"),
    ],
)
def test_wrong_uses_of_exec(envmgr: Envmgr, channel: LocalChannel, arguments: list[str], code: int, said: str) -> None:
    done = envmgr.process("exec", "-c", channel.url, "--override-channels", *arguments)
    assert (done.code, done.out) == (code, "")
    assert said in done.err


def test_a_tool_is_installed_listed_upgraded_and_uninstalled(
    envmgr: Envmgr, channel: LocalChannel, on_path: Path
) -> None:
    own = ("-c", channel.url, "--override-channels")
    assert "tool 1.0: tool" in envmgr.ok("tool", "install", "tool <2", "--with", "greet", *own)
    assert _start(envmgr, "tool", "a b") == Done(0, "tool 1.0 a b\n", "")
    assert envmgr.ok("tool", "list").split() == ["tool", "1.0", "tool"]
    document = envmgr("tool", "list", "--json").json[0]
    assert (document["manager"], document["commands"]) == ("conda", {"tool": str(on_path / "tool")})
    assert envmgr("env", "list", "--json").json["envs"] == []
    assert envmgr.ok("tool", "upgrade") == "tool 1.0 is the newest\n"
    envmgr.ok("tool", "install", "tool >=2", *own)
    assert _start(envmgr, "tool").out == "tool 2.0\n"
    envmgr.ok("clean", "--yes")
    assert _start(envmgr, "tool").out == "tool 2.0\n"
    assert envmgr.ok("tool", "uninstall", "tool") == "removed tool: tool\n"
    assert os.listdir(on_path) == []
    assert envmgr.ok("tool", "list").startswith("there are no tools yet")
    assert not list((envmgr.root / "tools").glob("[!.]*"))


def test_files_of_others_are_not_replaced(envmgr: Envmgr, channel: LocalChannel, on_path: Path) -> None:
    on_path.mkdir()
    (on_path / "tool").write_text("mine")
    own = ("tool", "install", "tool", "-c", channel.url, "--override-channels")
    done = envmgr(*own)
    assert (done.code, "tool already exists and belongs to something else" in done.err) == (2, True)
    assert (on_path / "tool").read_text() == "mine"
    assert not list((envmgr.root / "tools").glob("[!.]*"))
    envmgr.ok(*own, "--force")
    assert _start(envmgr, str(on_path / "tool")).out == "tool 2.0\n"
    (on_path / "tool").write_text("mine again")
    envmgr.ok("tool", "uninstall", "tool")
    assert (on_path / "tool").read_text() == "mine again"


def test_wrong_uses_of_tool(envmgr: Envmgr, channel: LocalChannel, on_path: Path) -> None:
    own = ("-c", channel.url, "--override-channels")
    done = envmgr("tool", "install", "numpy", *own)
    assert (done.code, "numpy has no commands, so it is no tool" in done.err) == (2, True)
    envmgr.ok("tool", "install", "tool", *own)
    assert "did you mean `tool`?" in envmgr("tool", "uninstall", "tol").err
    assert "did you mean `envmgr tool install`?" in envmgr("tool", "instal", "x").err


def test_a_list_of_packages_gives_their_commands_and_a_library_none(
    envmgr: Envmgr, channel: LocalChannel, on_path: Path
) -> None:
    """A runtime is none of them: a `python` on PATH would stand before that of the system."""
    channel.add(python_package())
    metadata = {"lib/python3.12/site-packages/all_of-1.dist-info/METADATA": "Name: all-of\n"}
    channel.add(Package(name="all-of", depends=["tool", "python"], files=metadata))
    channel.add(Package(name="library", depends=["tool", "python"], files={"share/library.txt": "x"}))
    own = ("-c", channel.url, "--override-channels")
    assert "all-of 1.0: tool\n" in envmgr.ok("tool", "install", "all-of", *own)
    assert os.listdir(on_path) == ["tool"]
    done = envmgr("tool", "install", "library", *own)
    assert (done.code, "library has no commands, so it is no tool" in done.err) == (2, True)
    assert not (envmgr.root / "tools/library").exists()


def test_what_packages_do_at_activation_is_done_for_a_tool(
    envmgr: Envmgr, channel: LocalChannel, on_path: Path
) -> None:
    scripts = {"etc/conda/activate.d/x.sh": "[[ -n $BASH_VERSION ]] && export SEEN=${BASH_VERSION:+yes}\necho noise\n"}
    show = {"bin/show": '#!/bin/sh\necho "$SEEN $CONDA_PREFIX $*"\n'}
    channel.add(Package(name="show", files={**scripts, **show}, executable=["bin/show"]))
    envmgr.ok("tool", "install", "show", "-c", channel.url, "--override-channels")
    done = _start(envmgr, "show", "a")
    assert (done.out, done.err) == (f"yes {envmgr.root / 'tools/show'} a\n", "noise\n")


def test_a_directory_that_is_not_on_path_is_said(envmgr: Envmgr, channel: LocalChannel) -> None:
    said = envmgr.ok("tool", "install", "tool", "-c", channel.url, "--override-channels")
    directory = Path(envmgr.environ["HOME"]) / ".local/bin"
    assert f"{directory} is not on PATH yet" in said
    assert _start(envmgr, str(directory / "tool")).out == "tool 2.0\n"


def test_tools_and_exec_take_distributions_of_an_index(envmgr: Envmgr, channel: LocalChannel, on_path: Path) -> None:
    channel.add(python_package())
    code = "import sys\ndef main():\n    print('{}', *sys.argv[1:])\n"
    with IndexServer() as index:
        for version in ("1.0", "2.0"):
            files = {"greeter.py": code.format(version)}
            index.add(Wheel(name="greeter", version=version, files=files, scripts=["greet-me = greeter:main"]))
        envmgr.environ = environ_of(envmgr.environ, index) | {"ENVMGR_ADD_PIP_AS_PYTHON_DEPENDENCY": "0"}
        own = ("-c", channel.url, "--override-channels")
        assert "greeter 1.0: greet-me" in envmgr.ok("tool", "install", "--pip", "greeter<2", *own)
        assert _start(envmgr, "greet-me", "a b") == Done(0, "1.0 a b\n", "")
        assert envmgr("tool", "list", "--json").json[0]["manager"] == "pip"
        assert envmgr("tool", "upgrade", "--json").json["tools"][0]["before"] == "1.0"
        done = envmgr.process("exec", "-q", "--pip", "greeter", *own, "--", "greet-me", "-x")
        assert (done.code, done.out) == (0, "2.0 -x\n"), done
        envmgr.ok("tool", "uninstall", "greeter")
    assert os.listdir(on_path) == []

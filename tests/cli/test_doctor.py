from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr
from builders.packages import Package
from envmgr.processes import Owner
from envmgr.shell import scripts


@pytest.fixture
def science(envmgr: Envmgr, channel: LocalChannel) -> Envmgr:
    for command in ("python", "pip"):
        files = {f"bin/{command}": "#!/bin/sh\n"}
        channel.add(Package(name=command, version="3.12", files=files, executable=[f"bin/{command}"]))
    channel.add(Package(name="stdlib", files={"lib/python3.12/os.py": ""}))
    envmgr.ok("create", "-n", "science", "-c", channel.url, "python", "pip", "stdlib", "-q")
    envmgr.ok("create", "-n", "plain", "-c", channel.url, "tool", "-q")
    for name in ("PYTHONPATH", "LD_LIBRARY_PATH", "PIP_USER"):
        envmgr.environ.pop(name, None)
    return envmgr


def findings(envmgr: Envmgr, check: str, **variables: str) -> list[dict[str, str]]:
    done = envmgr("doctor", "--json", **variables)
    document = done.json
    assert done.code == int(any(each["severity"] == "fault" for each in document["findings"]))
    assert document["success"] is (done.code == 0)
    assert all(each["mend"] for each in document["findings"])
    return [each for each in document["findings"] if each["check"] == check]


def active(envmgr: Envmgr, name: str = "science", path: str | None = None) -> dict[str, str]:
    prefix = envmgr.prefix(name)
    return {
        "CONDA_PREFIX": str(prefix),
        "CONDA_SHLVL": "1",
        "PATH": path if path is not None else f"{prefix}/bin:{envmgr.environ['PATH']}",
    }


def test_nothing_wrong_is_said_with_what_was_looked_at(science: Envmgr) -> None:
    assert findings(science, "activation", **active(science)) == []
    assert findings(science, "python", **active(science)) == []
    done = science("doctor", **active(science))
    assert "looked at: activation, python, variables" in done.out


def test_an_activation_that_is_broken_is_a_fault(science: Envmgr) -> None:
    usual = science.environ["PATH"]
    for variables, message in (
        ({"CONDA_SHLVL": "1"}, "CONDA_SHLVL is 1, and no environment is active"),
        ({"CONDA_PREFIX": "/gone", "CONDA_SHLVL": "1"}, "/gone does not exist any more"),
        (active(science, path=usual), "is not on PATH"),
        ({**active(science), "CONDA_SHLVL": "x"}, "CONDA_SHLVL is `x`"),
    ):
        (found,) = findings(science, "activation", **variables)
        assert found["severity"] == "fault"
        assert message in found["message"]


def test_another_python_or_pip_first_on_path_is_a_fault(science: Envmgr, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for command in ("python", "pip"):
        (other / command).write_text("#!/bin/sh\n")
        (other / command).chmod(0o755)
    path = f"{other}:{science.prefix('science')}/bin:/usr/bin:/bin"
    found = findings(science, "python", **active(science, path=path))
    assert [(each["severity"], each["message"].split()[0]) for each in found] == [
        ("fault", "`python`"),
        ("fault", "`pip`"),
    ]
    assert str(other / "python") in found[0]["message"]
    path = f"{science.prefix('plain')}/bin:{other}:/usr/bin:/bin"
    (found_one,) = findings(science, "python", **active(science, "plain", path=path))
    assert (found_one["severity"], found_one["mend"]) == ("notice", "envmgr install -n plain python")


@pytest.mark.parametrize(
    ("name", "value", "severity"),
    [("PYTHONPATH", "/x", "fault"), ("PYTHONHOME", "/x", "fault"), ("PIP_USER", "1", "fault"),
     ("PIP_TARGET", "/x", "fault"), ("LD_LIBRARY_PATH", "/x", "notice")],
)  # fmt: skip
def test_variables_that_leak_in_are_named(science: Envmgr, name: str, value: str, severity: str) -> None:
    (found,) = findings(science, "variables", **{name: value})
    assert (found["severity"], found["mend"]) == (severity, f"unset {name}")


def test_packages_of_the_user_site_are_named_with_who_imports_them(science: Envmgr, home: Path) -> None:
    (home / ".local/lib/python3.12/site-packages/numpy-1.0.dist-info").mkdir(parents=True)
    (home / ".local/lib/python3.9/site-packages/numpy-1.0.dist-info").mkdir(parents=True)
    (found,) = findings(science, "user site")
    assert "python3.12/site-packages holds 1 packages that science import" in found["message"]
    assert findings(science, "user site", PYTHONNOUSERSITE="1") == []


def test_startup_files_in_which_conda_and_envmgr_fight_or_that_are_cut_are_named(science: Envmgr, home: Path) -> None:
    rc = home / ".bashrc"
    science.ok("init", "bash", "-q")
    ours = rc.read_text()
    conda = "# >>> conda initialize >>>\nx\n# <<< conda initialize <<<\n"
    rc.write_text(conda + ours)
    assert findings(science, "startup files") == []
    rc.write_text(ours + conda)
    (found,) = findings(science, "startup files")
    assert "conda's block comes after envmgr's" in found["message"]
    rc.write_text(ours.replace("# <<<", "# <"))
    (found,) = findings(science, "startup files")
    assert "has no end" in found["message"]


def test_hooks_that_are_gone_old_or_of_an_envmgr_that_was_removed_are_named(science: Envmgr, home: Path) -> None:
    science.ok("init", "bash", "-q")
    rc, hook = home / ".bashrc", science.root / "shell/hook.sh"
    block, text = rc.read_text(), hook.read_text()
    assert findings(science, "startup files") == []
    hook.write_text(text.replace(sys.executable, "/removed/bin/python3"))
    (found,) = findings(science, "startup files")
    assert "starts /removed/bin/python3, which does not exist" in found["message"]
    hook.write_text(text.replace(scripts.mark("bash"), "posix-0"))
    (found,) = findings(science, "startup files")
    assert "written by another edition of envmgr" in found["message"]
    hook.unlink()
    (found,) = findings(science, "startup files")
    assert (found["severity"], found["mend"]) == ("fault", "envmgr init bash")
    rc.write_text(block.replace(str(hook), "/other/store/shell/hook.sh"))
    (found,) = findings(science, "startup files")
    assert "the hook of another store" in found["message"]


def test_the_hook_of_another_edition_in_the_running_shell_is_named(science: Envmgr) -> None:
    assert findings(science, "hook", _ENVMGR_HOOK=scripts.mark("fish")) == []
    (found,) = findings(science, "hook", _ENVMGR_HOOK="posix-0", SHELL="/usr/bin/zsh")
    assert (found["severity"], found["mend"]) == ("fault", "envmgr init zsh, and start a new shell")


def test_environments_in_a_git_work_tree_that_does_not_ignore_them_are_named(
    science: Envmgr, channel: LocalChannel
) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    project = science.directory / "project"
    project.mkdir()
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    science.ok("create", "-p", "project/env", "-c", channel.url, "tool", "-q")
    (found,) = findings(science, "git")
    assert found["severity"] == "notice"
    subprocess.run(found["mend"], shell=True, check=True)
    assert findings(science, "git") == []
    status = subprocess.run(["git", "-C", str(project), "status", "-s"], capture_output=True, text=True, check=True)
    assert status.stdout == "?? .gitignore\n"


def test_environments_that_are_gone_and_locks_of_the_dead_are_named(science: Envmgr, home: Path) -> None:
    with (home / ".conda/environments.txt").open("a") as file:
        file.write("/gone/environment\n")
    (found,) = findings(science, "register")
    assert "/gone/environment" in found["message"]
    owner = Owner.current("changing")._replace(pid=2**22 - 1, start_ticks=1)
    lease = science.root / "envs/.leases/science.lease"
    lease.parent.mkdir(exist_ok=True)
    lease.write_text(json.dumps({"schema": 1, "token": "0" * 16, **owner._asdict()}))
    (found,) = findings(science, "locks")
    assert "which has ended" in found["message"]
    science.ok("install", "-n", "science", "numpy", "-q")  # it is taken over
    assert findings(science, "locks") == []


def test_faulty_channels_files_are_named_with_their_line(science: Envmgr) -> None:
    science.write("channels.yaml", "channels:\n  a: 7x\nchanels: []\n")
    (found,) = findings(science, "channels")
    assert (found["severity"], "channels.yaml" in found["message"]) == ("fault", True)


def test_a_cache_and_a_store_on_different_file_systems_are_named(science: Envmgr) -> None:
    if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == science.root.stat().st_dev:
        pytest.skip("there is no second file system here")
    found = findings(science, "store", ENVMGR_CACHE=f"/dev/shm/envmgr-{os.getpid()}")
    assert any("are on different file systems" in each["message"] for each in found)


def test_deep_reads_every_byte_of_the_cache(science: Envmgr) -> None:
    assert "cache" not in science("doctor", "--json").json["checks"]
    rotten = next((science.cache / "pkgs").glob("tool-*/bin/tool"))
    rotten.chmod(0o755)
    rotten.write_text("#!/bin/sh\n# changed in place\n")
    document = science("doctor", "--deep", "--json").json
    (found,) = [each for each in document["findings"] if each["check"] == "cache"]
    assert (found["severity"], found["mend"]) == ("fault", "envmgr verify --cache --fix")
    assert "tool-" in found["message"]

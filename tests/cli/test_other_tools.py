"""conda and micromamba really beside envmgr, where they are on PATH: they see and change ours, and we theirs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr
from builders.packages import Package

HELLO = "etc/conda/activate.d/hello.sh"


class Theirs:
    """One of the tools with caches of its own, and what differs between the two."""

    def __init__(self, path: str, envmgr: Envmgr, channel: LocalChannel) -> None:
        self.path = path
        self.is_conda = Path(path).name == "conda"
        self.envmgr = envmgr
        self.channel = channel
        home = Path(envmgr.environ["HOME"])
        self.environ = envmgr.environ | {
            "CONDA_PKGS_DIRS": str(home / "conda-pkgs"),
            "MAMBA_ROOT_PREFIX": str(home / "mamba"),
            "MAMBA_NO_RC": "true",
        }

    def __call__(self, *arguments: str) -> str:
        return self.run([self.path, *arguments])

    def run(self, command: list[str]) -> str:
        done = subprocess.run(
            command, env=self.environ, cwd=self.envmgr.directory, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def create(self, name: str, *arguments: str, command: str = "create") -> Path:
        """Return the prefix of a new environment of theirs, or of ours with other packages."""
        prefix = self.envmgr.directory / name
        self(command, "-y", "-q", "--override-channels", "-c", self.channel.url, "-p", str(prefix), *arguments)
        return prefix

    def explicit(self, prefix: Path) -> str:
        command = ("list", "--explicit", "--md5") if self.is_conda else ("env", "export", "--explicit", "--md5")
        return self(*command, "-p", str(prefix))

    @property
    def hook(self) -> list[str]:
        return ["shell.bash", "hook"] if self.is_conda else ["shell", "hook", "-s", "bash"]


@pytest.fixture(params=["conda", "micromamba"])
def theirs(request: pytest.FixtureRequest, envmgr: Envmgr, channel: LocalChannel) -> Theirs:
    path = shutil.which(request.param)
    if path is None:
        pytest.skip(f"{request.param} is not on PATH")
    channel.add(
        Package(name="hello", files={HELLO: "export HELLO=there\n", HELLO.replace("activate", "deactivate", 1): ""})
    )
    return Theirs(path, envmgr, channel)


def test_environments_of_theirs_are_listed_run_exported_cloned_adopted_and_changed(
    theirs: Theirs, envmgr: Envmgr, channel: LocalChannel
) -> None:
    prefix = str(theirs.create("theirs", "tool=1", "greet"))
    assert prefix in envmgr("env", "list", "--json").json["envs"]
    listed = {entry["name"]: entry["requested"] for entry in envmgr("list", "-p", prefix, "--json").json}
    assert listed == {"base-files": False, "greet": True, "tool": True}
    assert envmgr.process("run", "-p", prefix, "tool").out == "tool 1.0\n"
    assert envmgr("verify", "-p", prefix, "--json").json["problems"] == []
    assert "  - greet\n  - tool=1\n" in envmgr.ok("export", "-p", prefix)
    envmgr.ok("clone", prefix, "twin", "-q")
    envmgr.ok("adopt", "-p", prefix)
    envmgr.ok("install", "-p", prefix, "hello", "-q")
    assert envmgr("verify", "-p", prefix, "--json").json["problems"] == []
    assert "hello" in theirs("list", "-p", prefix)
    assert "hello" not in theirs("list", "-p", str(envmgr.prefix("twin")))


def test_their_exports_make_the_same_here(theirs: Theirs, envmgr: Envmgr, channel: LocalChannel) -> None:
    prefix = theirs.create("theirs", "tool=1", "greet")
    envmgr.write("environment.yml", theirs("env", "export", "-p", str(prefix)))
    envmgr.write("history.yml", theirs("env", "export", "--from-history", "-p", str(prefix)))
    envmgr.write("explicit.txt", theirs.explicit(prefix))
    for file in ("environment.yml", "history.yml", "explicit.txt"):
        # conda's name is a path, which is warned of, and its --from-history gives the channels of its configuration.
        channels = ("-c", channel.url) if file == "history.yml" else ()
        assert envmgr("create", "-n", "again", "-f", file, *channels, "--no-lock", "--yes", "-q").code == 0
        assert envmgr.ok("diff", str(prefix), "again").endswith("the same packages\n"), file


def test_our_exports_make_the_same_there(theirs: Theirs, envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.ok("create", "-n", "ours", "-c", channel.url, "tool=1", "greet", "-q")
    for kind, file in (("environment", "e.yml"), ("pinned", "p.yml"), ("explicit", "e.txt")):
        envmgr.write(file, envmgr.ok("export", "-n", "ours", "--format", kind))
        prefix = envmgr.directory / kind
        command = ("env", "create") if file.endswith(".yml") else ("create",)
        theirs(*command, "-y", "-q", "-p", str(prefix), "--file", file)
        assert envmgr.ok("diff", "ours", str(prefix)).endswith("the same packages\n"), kind


def test_what_was_asked_for_is_what_they_export_of_ours(theirs: Theirs, envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.ok("create", "-n", "ours", "-c", channel.url, "tool=1", "greet", "-q")
    exported = theirs("env", "export", "--from-history", "-p", str(envmgr.prefix("ours")))
    specs = [line.strip() for line in exported.splitlines() if line.startswith("  - ") and "://" not in line]
    assert sorted(specs) == ["- greet", "- tool=1"]


def test_condas_doctor_finds_ours_in_health(theirs: Theirs, envmgr: Envmgr, channel: LocalChannel) -> None:
    if not theirs.is_conda:
        pytest.skip("micromamba has no doctor")
    channel.add(Package(name="linked", files={"lib/a.so.1": "x"}, symlinks={"lib/a.so": "a.so.1"}))
    envmgr.ok("create", "-n", "ours", "-c", channel.url, "tool=1", "greet", "linked", "-q")
    report = theirs("doctor", "-p", str(envmgr.prefix("ours")))
    assert "There are no packages with altered files" in report
    assert "There are no packages with missing files" in report


def test_what_they_do_in_ours_is_listed_and_can_be_taken_into_the_lock_or_undone(
    theirs: Theirs, envmgr: Envmgr, channel: LocalChannel
) -> None:
    envmgr.ok("create", "-p", "ours", "-c", channel.url, "tool=1", "greet", "-q")
    prefix = str(theirs.create("ours", "hello", command="install"))
    theirs("remove", "-y", "-q", "-p", prefix, "greet")
    listed = {entry["name"]: entry for entry in envmgr("list", "-p", prefix, "--json").json}
    assert (listed["hello"]["foreign"], listed["greet"]["missing"]) == (True, True)
    assert envmgr("verify", "-p", prefix).code == 1
    envmgr.ok("adopt", "-p", prefix)
    assert envmgr("verify", "-p", prefix).code == 0
    envmgr.ok("rollback", "-p", prefix, "-q")
    assert [entry["name"] for entry in envmgr("list", "-p", prefix, "--json").json] == ["base-files", "greet", "tool"]


def test_their_activation_does_what_ours_does(theirs: Theirs, envmgr: Envmgr, channel: LocalChannel) -> None:
    text = f"name: x\nchannels: ['{channel.url}']\ndependencies: [hello, tool=1]\nvariables: {{PLACE: lab}}\n"
    envmgr.write("environment.yml", text)
    envmgr.ok("create", "-f", "environment.yml", "-q")
    hook, tool = theirs(*theirs.hook), Path(theirs.path).name
    for script in (hook, f'{hook}\neval "$(envmgr shell-hook bash)"'):
        activate = f'{tool} activate "{envmgr.prefix("x")}"; echo $HELLO $PLACE; tool'
        leave = "envmgr" if "shell-hook" in script else tool
        out = theirs.run(["bash", "-c", f"{script}\n{activate}; {leave} deactivate; echo [$PLACE]"])
        assert out == "there lab\ntool 1.0\n[]\n"


def test_lock_plugin_of_conda_installs_the_conda_half_of_a_lock(
    theirs: Theirs, envmgr: Envmgr, channel: LocalChannel
) -> None:
    if not theirs.is_conda or "conda-lock-v1" not in theirs("create", "--help"):
        pytest.skip("no conda with conda-lockfiles")
    envmgr.ok("create", "-n", "ours", "-c", channel.url, "tool=1", "greet", "-q")
    envmgr.write("conda-lock.yml", envmgr.ok("export", "-n", "ours", "--format", "conda-lock"))
    prefix = str(envmgr.directory / "by-conda")
    theirs("create", "-y", "-q", "-p", prefix, "--file", "conda-lock.yml", "--format", "conda-lock-v1")
    assert envmgr.ok("diff", "ours", prefix).endswith("the same packages\n")
    written = theirs("export", "-p", prefix, "--format", "conda-lock-v1")
    envmgr.write("conda-lock.yml", written)
    envmgr.ok("create", "-n", "back", "-f", "conda-lock.yml", "-q")
    assert envmgr.ok("diff", "ours", "back").endswith("the same packages\n")

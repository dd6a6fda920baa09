"""`create -f` and `lock -f` of files that know pip alone, with the python of a channel."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from uv import find_uv_bin

from builders.channels import LocalChannel
from builders.commands import Envmgr
from builders.index_server import IndexServer
from builders.pip_half import VERSION, environ_of, python_package
from builders.projects import Project
from builders.wheels import Wheel


@pytest.fixture
def index() -> Iterator[IndexServer]:
    with IndexServer() as server:
        yield server.add(
            *(Wheel(name=name) for name in ("one", "two", "three", "four")), Wheel(name="one", version="2.0")
        )


@pytest.fixture
def machine(envmgr: Envmgr, channel: LocalChannel, index: IndexServer) -> Envmgr:
    """A machine whose channels.yaml names a channel with a python, and whose only index is `index`."""
    channel.add(python_package())
    envmgr.environ = environ_of(envmgr.environ, index) | {"ENVMGR_ADD_PIP_AS_PYTHON_DEPENDENCY": "0"}
    envmgr.write("channels.yaml", f"channels:\n  local:\n    url: {channel.url}\ndefault: [local]\n")
    return envmgr


def pip_half(machine: Envmgr, name: str = "x") -> dict[str, str]:
    listed = machine("list", "-n", name, "--json").json
    return {entry["name"]: entry["version"] for entry in listed if entry["channel"] == "pypi"}


def test_a_requirements_file_gets_the_python_of_the_default_channel(machine: Envmgr) -> None:
    machine.write("requirements.txt", "one<2  # as tested\n-r more/requirements.txt\n")
    (machine.directory / "more").mkdir()
    (machine.directory / "more/requirements.txt").write_text("two\n")
    done = machine("create", "-n", "x", "-f", "requirements.txt", "--python", VERSION)
    assert done.code == 0, done.err
    assert pip_half(machine) == {"one": "1.0", "two": "1.0"}
    assert machine.process("run", "-n", "x", "python", "-c", "import one, two").code == 0
    assert "up to date" in machine.ok("create", "-n", "x", "-f", "requirements.txt", "--python", VERSION)
    exported = machine.ok("export", "-n", "x")
    assert f"  - python {VERSION}.*\n  - pip:\n      - one<2\n      - two\n" in exported

    assert machine("lock", "-f", "requirements.txt", "--python", VERSION, "--check").code == 0
    assert (machine.directory / "requirements.conda-lock.yml").is_file()
    machine.write("requirements.txt", "one==1.0\n")
    assert machine("lock", "-f", "requirements.txt", "--check").code == 1
    assert machine("lock", "-f", "requirements.txt").code == 0
    assert machine("create", "-n", "y", "-f", "requirements.txt", "--locked").code == 0
    assert pip_half(machine, "y") == {"one": "1.0"}


PYPROJECT = """\
[project]
name = "thing"
version = "1.0"
requires-python = ">=3.9"
dependencies = ["one<2"]

[project.optional-dependencies]
Fast = ["two"]
all = ["thing[fast]", "three"]

[dependency-groups]
dev = ["four", {include-group = "test"}]
test = ["three"]
"""


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ((), {"one"}),
        (("--extra", "fast"), {"one", "two"}),
        (("--extra", "all"), {"one", "two", "three"}),
        (("--group", "Dev"), {"one", "three", "four"}),
    ],
)
def test_a_pyproject_gives_its_dependencies_chosen_extras_and_groups(
    machine: Envmgr, options: tuple[str, ...], names: set[str]
) -> None:
    machine.write("pyproject.toml", PYPROJECT)
    done = machine("create", "-n", "x", "-f", "pyproject.toml", *options)
    assert done.code == 0, done.err
    assert set(pip_half(machine)) == names
    assert "  - python >=3.9\n" in machine.ok("export", "-n", "x")


def pylock(machine: Envmgr, index: IndexServer) -> str:
    def wheel(name: str, version: str = "1.0") -> str:
        built = Wheel(name=name, version=version)
        digest = hashlib.sha256(built.content()).hexdigest()
        url = f"http://{index.host}/files/{built.filename}"
        return f"wheels = [{{ name = '{built.filename}', url = '{url}', hashes = {{ sha256 = '{digest}' }} }}]\n"

    Project(name="local").write(machine.directory / "local")
    return (
        'lock-version = "1.0"\nrequires-python = ">=3.9"\nextras = ["more"]\ndependency-groups = ["dev"]\n'
        'default-groups = []\ncreated-by = "somebody"\n'
        f"[[packages]]\nname = 'one'\nversion = '1.0'\n{wheel('one')}"
        f"[[packages]]\nname = 'two'\nversion = '1.0'\nmarker = \"'more' in extras\"\n{wheel('two')}"
        f"[[packages]]\nname = 'three'\nversion = '1.0'\n"
        "marker = \"'dev' in dependency_groups and sys_platform == 'linux'\"\n"
        f"{wheel('three')}"
        f"[[packages]]\nname = 'four'\nversion = '1.0'\nmarker = \"sys_platform == 'win32'\"\n{wheel('four')}"
        "[[packages]]\nname = 'local'\ndirectory = { path = 'local', editable = true }\n"
    )


@pytest.mark.parametrize(
    ("options", "names"),
    [((), {"one", "local"}), (("--extra", "more", "--group", "dev"), {"one", "two", "three", "local"})],
)
def test_a_pylock_is_followed_exactly(
    machine: Envmgr, index: IndexServer, options: tuple[str, ...], names: set[str]
) -> None:
    machine.write("pylock.toml", pylock(machine, index))
    done = machine("create", "-n", "x", "-f", "pylock.toml", *options)
    assert done.code == 0, done.err
    assert pip_half(machine) == dict.fromkeys(names, "1.0")
    assert [path for path in index.requests if path.startswith("/simple")] == []
    assert "up to date" in machine.ok("create", "-n", "x", "-f", "pylock.toml", *options)
    assert "-e local @ ./local" in machine.ok("export", "-n", "x")
    assert machine("install", "-n", "x", "--pip", "four").code == 0
    assert pip_half(machine) == dict.fromkeys({*names, "four"}, "1.0")


def test_a_wheel_that_is_not_the_locked_one_is_refused(machine: Envmgr, index: IndexServer) -> None:
    text = pylock(machine, index)
    digest = hashlib.sha256(Wheel(name="one").content()).hexdigest()
    machine.write("pylock.toml", text.replace(digest, "0" * 64))
    done = machine("create", "-n", "x", "-f", "pylock.toml")
    assert (done.code, "is not the one that was locked" in done.err) == (1, True)


@pytest.mark.parametrize(
    ("name", "text", "options", "said"),
    [
        ("pyproject.toml", PYPROJECT, ["--extra", "fats"], "there is no extra `fats`\n\nhint: did you mean `fast`?"),
        ("pyproject.toml", PYPROJECT, ["--group", "docs"],
         "there is no dependency group `docs`\n\nhint: there are: dev, test"),
        ("pyproject.toml", '[dependency-groups]\na = [{include-group = "b"}]\nb = [{include-group = "a"}]\n',
         ["--group", "a"], "pyproject.toml:2: the dependency group `a` includes itself: a → b → a"),
        ("pyproject.toml", "[tool.poetry]\n", [], "there is no table `[project]`"),
        ("pixi.toml", "[dependencies]\n", [], "hint: envmgr create -n NAME -f pixi.lock"),
        ("uv.lock", "version = 7\n", [], "hint: export it with the uv that wrote it: uv export"),
        ("pyproject.toml", '[project]\nname = "x"\ndynamic = ["dependencies"]\n', [], "only once the project is built"),
        ("pyproject.toml", '[project]\ndependencies = [\n  "one=2",\n]\n', [],
         "pyproject.toml:3: project.dependencies[0]: `one=2`"),
        ("pyproject.toml", "[project\n", [], "not TOML"),
        ("requirements.txt", "one=2\n", [], "requirements.txt:1: `one=2` is not a PEP 508 requirement"),
        ("requirements.txt", "one\n", ["--python", "three"], "--python `three` is no version of python"),
        ("requirements.txt", "one\n", ["--extra", "a"], "--extra a is of a pyproject.toml or a lock of pip's tools"),
        ("pylock.toml", 'lock-version = "2.0"\npackages = []\n', [], "pylock.toml:1: lock-version `2.0` is not known"),
        ("pylock.toml", 'lock-version = "1.0"\nenvironments = ["sys_platform == \'win32\'"]\npackages = []\n', [],
         "pylock.toml:2: the lock is for other machines, not for linux-64"),
        ("pylock.toml", 'lock-version = "1.0"\npackages = []\n', ["--extra", "a"], "the lock has no extra `a`"),
        ("pylock.toml", 'lock-version = "1.0"\n[[packages]]\nname = "one"\n', [], "`one` has no source"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said_with_its_line(
    machine: Envmgr, name: str, text: str, options: list[str], said: str
) -> None:
    machine.write(name, text)
    done = machine("create", "-n", "x", "-f", name, *options)
    assert done.code in (1, 2)
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_lock_that_uv_writes_is_followed(machine: Envmgr, index: IndexServer) -> None:
    pyproject = PYPROJECT.replace("one<2", "one<2\", \"two; sys_platform == 'win32'")
    machine.write("pyproject.toml", pyproject)
    environ = {**machine.environ, "UV_CACHE_DIR": str(machine.cache / "uv-of-others"), "UV_PYTHON": sys.executable}
    locked = subprocess.run(
        [find_uv_bin(), "lock", "--default-index", index.url], cwd=machine.directory, env=environ, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert locked.returncode == 0, locked.stderr
    index.add(Wheel(name="one", version="1.5"))
    done = machine("create", "-n", "x", "-f", "uv.lock", "--extra", "all", "--group", "dev")
    assert (done.code, done.err) == (0, "")
    assert pip_half(machine) == dict.fromkeys(("one", "two", "three", "four"), "1.0")
    assert "is up to date" in machine.ok("create", "-n", "x", "-f", "uv.lock", "--extra", "all", "--group", "dev")
    text = (machine.directory / "uv.lock").read_text()
    digest = hashlib.sha256(Wheel(name="one").content()).hexdigest()
    machine.write("uv.lock", text.replace(digest, "0" * 64))
    done = machine("create", "-n", "y", "-f", "uv.lock")
    assert done.code == 1
    assert not machine.prefix("y").exists()


def test_a_pipfile_and_its_lock_have_locks_of_their_own(machine: Envmgr) -> None:
    digest = hashlib.sha256(Wheel(name="one").content()).hexdigest()
    entry = {"version": "==1.0", "hashes": [f"sha256:{digest}"]}
    machine.write("Pipfile", f"[packages]\none = '*'\n[requires]\npython_version = '{VERSION}'\n")
    machine.write("Pipfile.lock", json.dumps({"_meta": {"pipfile-spec": 6}, "default": {"one": entry}, "develop": {}}))
    assert machine("create", "-n", "x", "-f", "Pipfile.lock", "--python", VERSION).code == 0
    assert machine("create", "-n", "y", "-f", "Pipfile").code == 0
    assert (pip_half(machine, "x"), pip_half(machine, "y")) == ({"one": "1.0"}, {"one": "2.0"})
    assert {path.name for path in machine.directory.glob("*.conda-lock.yml")} == {
        "Pipfile.conda-lock.yml", "Pipfile.lock.conda-lock.yml",
    }  # fmt: skip


def test_a_virtual_environment_is_taken_over(machine: Envmgr) -> None:
    uv, venv = find_uv_bin(), str(machine.directory / ".venv")
    environ = {**machine.environ, "UV_CACHE_DIR": str(machine.cache / "uv-of-others")}
    index = ("--default-index", machine.environ["PIP_INDEX_URL"])
    for command in (["venv", "-q", "-p", sys.executable, venv], ["pip", "install", "-q", "-p", venv, *index, "one<2"]):
        subprocess.run([uv, *command], cwd=machine.directory, env=environ, check=True)
    done = machine("adopt", "-p", ".venv")
    assert (done.code, f"hint: take over what is in it: envmgr create -n NAME -f {venv}" in done.err) == (1, True)
    assert machine("create", "-n", "x", "-f", ".venv").code == 0
    assert pip_half(machine) == {"one": "1.0"}
    assert "is up to date" in machine.ok("create", "-n", "x", "-f", ".venv")
    assert list(machine.directory.glob("*.conda-lock.yml")) == []

"""What the pip half takes from paths, repositories, archives and sdists, as a user asks for it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from uv import find_uv_bin

from builders.channels import LocalChannel
from builders.commands import Envmgr, entries, environment_file
from builders.index_server import IndexServer
from builders.projects import Project, git
from builders.wheels import Wheel
from workflows.conftest import SITE


def file_of(machine: Envmgr, channel: LocalChannel, *lines: str) -> Path:
    text = environment_file(channel, "python", "pip") + "  - pip:\n" + "".join(f"      - {line}\n" for line in lines)
    return machine.write("environment.yml", text)


def pip_half(machine: Envmgr, name: str = "science") -> dict[str, str]:
    listed = machine("list", "-n", name, "--json").json
    return {entry["name"]: entry["version"] for entry in listed if entry["channel"] == "pypi"}


def direct_url(prefix: Path, name: str) -> dict[str, object]:
    (file,) = (prefix / SITE).glob(f"{name}-*.dist-info/direct_url.json")
    found: dict[str, object] = json.loads(file.read_text())
    return found


@pytest.fixture
def sources(machine: Envmgr, index: IndexServer) -> Envmgr:
    """A machine with a project, a repository, archives and an index beside the environment file."""
    work = machine.directory
    Project(name="edited", requires=["helper"]).write(work / "edited")
    Project(name="plain", dynamic=True, version="1.2").write(work / "plain")
    Project(name="gitted").repository(work / "gitted")
    Project(name="packed").write_sdist(work / "archives")
    Wheel(name="wheeled").write(work / "archives")
    index.add_sdist(Project(name="sdist-only"))
    return machine


EVERY = (
    "-e ./edited",
    "./plain --config-settings colour=red",
    "./archives/packed-1.0.tar.gz",
    "wheeled @ ./archives/wheeled-1.0-py3-none-any.whl",
    "sdist-only",
)
EVERY_VERSION = {"edited": "1.0", "gitted": "1.0", "helper": "1.0", "packed": "1.0", "plain": "1.2",
                 "sdist-only": "1.0", "wheeled": "1.0"}  # fmt: skip


def test_every_kind_of_source_is_locked_installed_and_exported(
    sources: Envmgr, channel: LocalChannel, index: IndexServer
) -> None:
    work, prefix = sources.directory, sources.prefix("science")
    lines = (*EVERY, f"git+file://{work}/gitted@v1")
    file_of(sources, channel, *lines)
    done = sources("create", "-f", "environment.yml")
    assert done.code == 0, done.err
    assert "other tools install this lock without edited, gitted, packed, plain, wheeled" in done.err
    assert pip_half(sources) == EVERY_VERSION
    assert direct_url(prefix, "edited") == {"url": f"file://{work}/edited", "dir_info": {"editable": True}}
    assert direct_url(prefix, "plain") == {"url": f"file://{work}/plain", "dir_info": {}}
    commit = git(work / "gitted", "rev-parse", "v1").strip()
    assert direct_url(prefix, "gitted") == {
        "url": f"file://{work}/gitted",
        "vcs_info": {"vcs": "git", "requested_revision": "v1", "commit_id": commit},
    }
    for name in ("packed", "wheeled"):
        assert len(direct_url(prefix, name)["archive_info"]["hashes"]["sha256"]) == 64  # type: ignore[index]
    assert not list((prefix / SITE).glob("sdist_only-*.dist-info/direct_url.json"))
    assert sources.ok("verify", "-n", "science").startswith("science: whole")
    assert "up to date" in sources.ok("create", "-f", "environment.yml")
    assert "fits" in sources.ok("lock", "-f", "environment.yml", "--check")
    assert [line.strip(" -") for line in sources.ok("export", "-n", "science").split("- pip:\n")[1].splitlines()] == [
        line.removeprefix("-").strip() for line in lines
    ]
    program = "import edited, gitted, packed, plain, wheeled, sdist_only; print(plain.SETTINGS, edited.__file__)"
    shown = sources.process("run", "-n", "science", "python", "-c", program)
    assert shown.out == f"{{'colour': 'red'}} {work}/edited/src/edited.py\n", shown.err
    listed = subprocess.run(
        [find_uv_bin(), "pip", "list", "--format", "json", "--python", str(prefix / "bin/python")],
        env=sources.environ, capture_output=True, text=True, check=True,
    )  # fmt: skip
    by_name = {each["name"]: each for each in json.loads(listed.stdout)}
    assert {name: by_name[name]["version"] for name in EVERY_VERSION} == EVERY_VERSION
    assert by_name["edited"]["editable_project_location"] == f"{work}/edited"


def test_a_lock_is_followed_elsewhere_without_a_question_to_an_index(
    sources: Envmgr, channel: LocalChannel, index: IndexServer, tmp_path: Path
) -> None:
    file_of(sources, channel, *EVERY)
    sources("lock", "-f", "environment.yml", "-q")
    lock = sources.directory / "environment.conda-lock.yml"
    first = lock.read_bytes()
    assert str(sources.directory).encode() not in first
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(sources.directory, elsewhere)
    lock.unlink()
    sources("lock", "-f", "environment.yml", "-q")
    assert lock.read_bytes() == first

    shutil.rmtree(sources.directory)
    sources.directory = elsewhere
    sources.environ |= {"ENVMGR_ROOT": str(tmp_path / "root2")}
    index.requests.clear()
    done = sources("create", "-f", "environment.yml", "--locked", "-q")
    assert done.code == 0, done.err
    assert [path for path in index.requests if path.startswith("/simple")] == []
    shown = sources.process("run", "-n", "science", "python", "-c", "import edited; print(edited.__file__)")
    assert shown.out == f"{elsewhere}/edited/src/edited.py\n", shown.err


def test_a_directory_is_locked_by_what_is_in_it(sources: Envmgr, channel: LocalChannel) -> None:
    file_of(sources, channel, "./plain", "-e ./edited")
    sources("create", "-f", "environment.yml", "-q")
    code = sources.directory / "plain/src/plain.py"
    code.write_text("VALUE = 1.5\n")
    assert sources("create", "-f", "environment.yml", "-y", "-q", "--offline").code == 0
    program = ("run", "-n", "science", "python", "-c", "import plain, edited; print(plain.VALUE, edited.VALUE)")
    assert sources.process(*program).out == "1.5 1\n"
    code.write_text("VALUE = 2\n")
    (sources.directory / "edited/src/edited.py").write_text("VALUE = 2\n")
    done = sources("create", "-f", "environment.yml", "--locked")
    assert (done.code, "plain: what is in it has changed" in done.err) == (1, True)
    assert "edited" not in done.err
    sources("create", "-f", "environment.yml", "-y", "-q")
    assert sources.process(*program).out == "2 2\n"
    sources.ok("rollback", "-n", "science", "-y")
    assert sources.process(*program).out == "1.5 2\n"


def test_a_local_file_that_changed_is_locked_anew(sources: Envmgr, channel: LocalChannel) -> None:
    file_of(sources, channel, "./archives/wheeled-1.0-py3-none-any.whl")
    sources("create", "-f", "environment.yml", "-q")
    Wheel(name="wheeled", files={"wheeled/__init__.py": "VALUE = 2\n"}).write(sources.directory / "archives")
    done = sources("create", "-f", "environment.yml", "--locked")
    assert (done.code, "wheeled-1.0-py3-none-any.whl has changed" in done.err) == (1, True)
    assert sources("create", "-f", "environment.yml", "-y", "-q").code == 0
    assert sources.process("run", "-n", "science", "python", "-c", "import wheeled; print(wheeled.VALUE)").out == "2\n"


def test_a_repository_stays_at_its_commit_until_it_is_to_move(sources: Envmgr, channel: LocalChannel) -> None:
    work = sources.directory
    file_of(sources, channel, f"gitted @ git+file://{work}/gitted@main")
    sources("create", "-f", "environment.yml", "-q")
    Project(name="gitted", version="2.0").repository(work / "gitted", tag="v2")
    assert "up to date" in sources.ok("create", "-f", "environment.yml")
    assert sources("install", "-n", "science", "--pip", "helper").code == 0
    assert pip_half(sources)["gitted"] == "1.0"
    assert sources("update", "-n", "science", "gitted", "-y").code == 0
    assert pip_half(sources)["gitted"] == "2.0"
    assert sources("remove", "-n", "science", "gitted", "-y").code == 0
    assert pip_half(sources) == {"helper": "1.0"}


def test_a_source_whose_name_only_its_build_says_is_installed_and_removed_by_name(
    sources: Envmgr, channel: LocalChannel
) -> None:
    file_of(sources, channel, "./plain")
    sources("create", "-f", "environment.yml", "-q")
    assert sources("install", "-n", "science", "--pip", "-e ./edited", "-q").code == 0
    assert pip_half(sources) == {"edited": "1.0", "helper": "1.0", "plain": "1.2"}
    assert sources("remove", "-n", "science", "plain", "-y", "-q").code == 0
    assert sources.ok("export", "-n", "science").endswith("  - pip:\n      - -e ./edited\n")
    file_of(sources, channel, "helper", "-e ./edited  # ours")
    done = sources("remove", "-n", "science", "edited", "--save", "-f", "environment.yml", "-y", "-q")
    assert done.code == 0, done.err
    assert (sources.directory / "environment.yml").read_text().endswith("  - pip:\n      - helper\n")


def test_a_build_that_fails_shows_its_last_lines_and_changes_nothing(
    sources: Envmgr, channel: LocalChannel, index: IndexServer
) -> None:
    file_of(sources, channel, "helper")
    sources("create", "-f", "environment.yml", "-q")
    before = entries(sources.prefix("science"))
    index.add_sdist(Project(name="broken", broken=True))
    file_of(sources, channel, "helper", "broken")
    done = sources("create", "-f", "environment.yml", "-y")
    assert done.code == 1
    assert "broken==1.0 cannot be built" in done.err
    assert "fatal error: nothing works here" in done.err
    assert entries(sources.prefix("science")) == before


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["x @ git+file:///nowhere/x"], "environment.yml:8: `x @ git+file:///nowhere/x` cannot be fetched: "),
        (["./missing"], "environment.yml:8: `./missing`: there is no "),
        (["./archives"], "has neither pyproject.toml nor setup.py"),
        (["sdist-only", "--only-binary=:all:"], "sdist-only would have to be built"),
        (
            ["helper==1.0 --hash=sha256:" + "0" * 64],
            "helper 1.0: no file for this platform and Python has one of the hash",
        ),
        (
            ["./archives/packed-1.0.tar.gz --hash=sha256:" + "0" * 64],
            "and the hash that is given for packed is another",
        ),
        (
            ["helper==1.0 --hash=sha512:" + "0" * 128],
            "helper-1.0-py3-none-any.whl has none of the hashes that are given",
        ),
        (["--require-hashes", "helper"], "environment.yml:9: `helper` has no hash"),
        (
            ["provided @ ./archives/wheeled-1.0-py3-none-any.whl"],
            "would replace provided==1.5, which the conda package",
        ),
        (["x @ git+https://${NO_SUCH_TOKEN}@git.invalid/x"], "names the variable `NO_SUCH_TOKEN`, which is not set"),
        (["./leaky"], "the build of leaky 1.0 wrote the place of the build into"),
        (["-c limits.txt", "pure"], "the pip half cannot be resolved"),
        (["--no-index", "pure"], "no package index in use has `pure`"),
    ],
)
def test_what_cannot_be_had_is_refused_with_its_reason(
    sources: Envmgr, channel: LocalChannel, lines: list[str], said: str
) -> None:
    (sources.directory / "limits.txt").write_text("pure<1\n")
    Project(name="leaky", leaky=True).write(sources.directory / "leaky")
    text = environment_file(channel, "python", "provided") + "  - pip:\n"
    sources.write("environment.yml", text + "".join(f"      - {line}\n" for line in lines))
    done = sources("create", "-f", "environment.yml")
    assert done.code == 1
    assert said in done.err
    assert not sources.prefix("science").exists()


def test_options_of_the_file_count_and_secrets_are_written_nowhere(
    sources: Envmgr, channel: LocalChannel, index: IndexServer
) -> None:
    with IndexServer() as other, IndexServer() as private:
        other.users["__token__"] = private.users["__token__"] = "sesame-7f3a"
        other.add(Wheel(name="inner", requires=["pure"]), Wheel(name="pure", version="9.0rc1"))
        direct = Wheel(name="direct")
        private.add(direct)
        (sources.directory / "limits.txt").write_text("helper==1.0  # as tested\n")
        file_of(
            sources,
            channel,
            f"--extra-index-url http://__token__:${{LAB_TOKEN}}@{other.host}/simple",
            "--pre",
            "-c limits.txt",
            "inner",
            f"direct @ http://__token__:${{LAB_TOKEN}}@{private.host}/files/{direct.filename}",
        )
        sources.environ["LAB_TOKEN"] = "sesame-7f3a"
        done = sources("create", "-f", "environment.yml", "-v")
        assert done.code == 0, done.err
        assert pip_half(sources) == {"direct": "1.0", "inner": "1.0", "pure": "9.0rc1"}
        exported = sources.ok("export", "-n", "science")
        assert f"- --extra-index-url http://__token__:${{LAB_TOKEN}}@{other.host}/simple" in exported
        shutil.rmtree(sources.cache / "uv")
        again = sources("create", "-f", "environment.yml", "-n", "twin")
        assert again.code == 0, again.err
        said = done.out + done.err + again.out + again.err
    assert "sesame-7f3a" not in said
    for directory in (sources.root, sources.directory, sources.cache):
        for path in directory.rglob("*"):
            if path.is_file() and not path.is_symlink():
                assert b"sesame-7f3a" not in path.read_bytes(), path


def test_another_platform_is_locked_from_what_is_static_and_nothing_is_built(
    sources: Envmgr, channel: LocalChannel, index: IndexServer
) -> None:
    sources.environ["BUILD_LOG"] = str(sources.directory / "builds.log")
    index.add_sdist(Project(name="static", requires=["helper"]))
    index.add_sdist(Project(name="told", requires=["helper"], dynamic=True, metadata_version="2.2"))
    index.add_sdist(Project(name="dynamic", dynamic=True))
    lines = ("-e ./edited", "./archives/wheeled-1.0-py3-none-any.whl", "./archives/packed-1.0.tar.gz", "static", "told")
    file_of(sources, channel, *lines)
    done = sources("lock", "-f", "environment.yml", "--platform", "osx-arm64", "-q")
    assert done.code == 0, done.err
    locked = (sources.directory / "environment.conda-lock.yml").read_text()
    assert "static-1.0.tar.gz" in locked
    assert "told-1.0.tar.gz" in locked
    assert "helper-1.0-py3-none-any.whl" in locked
    for line in ("dynamic", "dynamic @ ./archives/dynamic-1.0.tar.gz"):
        Project(name="dynamic", dynamic=True).write_sdist(sources.directory / "archives")
        file_of(sources, channel, line)
        done = sources("lock", "-f", "environment.yml", "--platform", "osx-arm64")
        assert done.code == 1
        assert "would have to be built for osx-arm64" in done.err
        assert f"environment.yml:8: `{line}`" in done.err
    assert not (sources.directory / "builds.log").exists()


def test_a_build_that_needs_what_it_does_not_say_is_told_how_to_have_it(
    sources: Envmgr, channel: LocalChannel, index: IndexServer
) -> None:
    index.add_sdist(Project(name="careless", imports="provided", dynamic=True))
    text = environment_file(channel, "python", "provided")
    sources.write("environment.yml", text + "  - pip: [careless]\n")
    done = sources("create", "-f", "environment.yml")
    assert done.code == 1
    assert "environment.yml:7: `careless`" in done.err
    assert done.err.endswith("UV_NO_BUILD_ISOLATION=1\n")
    assert sources("create", "-f", "environment.yml", "-q", UV_NO_BUILD_ISOLATION="1").code == 0
    assert pip_half(sources) == {"careless": "1.0"}


def test_files_are_held_against_hashes_of_other_kinds(
    sources: Envmgr, channel: LocalChannel, index: IndexServer
) -> None:
    wheel = hashlib.sha512(index.wheels["helper"][0][1]).hexdigest()
    archive = hashlib.md5((sources.directory / "archives/packed-1.0.tar.gz").read_bytes()).hexdigest()
    file_of(sources, channel, f"helper --hash=sha512:{wheel}", f"./archives/packed-1.0.tar.gz#md5={archive}")
    assert sources("lock", "-f", "environment.yml", "-q").code == 0
    file_of(sources, channel, "helper", f"./archives/packed-1.0.tar.gz#md5={'0' * 32}")
    done = sources("lock", "-f", "environment.yml")
    assert (done.code, "packed-1.0.tar.gz has none of the hashes" in done.err) == (1, True), done


@pytest.mark.parametrize("form", ["requirements", "pylock"])
def test_an_export_for_pip_asks_for_the_same_sources(sources: Envmgr, channel: LocalChannel, form: str) -> None:
    work = sources.directory
    file_of(sources, channel, *EVERY, f"git+file://{work}/gitted@v1")
    assert sources("create", "-f", "environment.yml", "-q").code == 0
    name = {"requirements": "exported.txt", "pylock": "pylock.toml"}[form]
    done = sources("export", "-n", "science", "--format", form)
    assert done.code == 0, done.err
    sources.write(name, done.out)
    planned = sources("create", "-n", "other", "-f", name, "-c", channel.url, "--dry-run", "--json")
    assert planned.code == 0, planned.err
    locked = {each["name"]: each["version"] for each in planned.json["pip"]["install"]}
    assert locked == EVERY_VERSION


def test_a_repository_that_asks_for_a_token_is_fetched_again_from_the_lock(
    machine: Envmgr, channel: LocalChannel, tmp_path: Path
) -> None:
    Project(name="hidden").repository(tmp_path / "hidden")
    git(tmp_path, "clone", "-q", "--bare", "hidden", "hidden.git")
    git(tmp_path / "hidden.git", "update-server-info")
    with IndexServer() as private:
        private.users["user"] = "sesame-7f3a"
        for path in (tmp_path / "hidden.git").rglob("*"):
            if path.is_file():
                place = f"/hidden.git/{path.relative_to(tmp_path / 'hidden.git').as_posix()}"
                private.answers[place] = (200, "application/octet-stream", path.read_bytes())
        refs = private.answers["/hidden.git/info/refs"]
        private.answers["/hidden.git/info/refs?service=git-upload-pack"] = (200, "text/plain", refs[2])
        file_of(machine, channel, f"git+http://user:${{LAB_TOKEN}}@{private.host}/hidden.git@v1")
        machine.environ["LAB_TOKEN"] = "sesame-7f3a"
        done = machine("create", "-f", "environment.yml")
        assert done.code == 0, done.err
        assert pip_half(machine) == {"hidden": "1.0"}
        shutil.rmtree(machine.cache / "uv")
        again = machine("create", "-f", "environment.yml", "-n", "twin")
        assert again.code == 0, again.err
    assert "sesame-7f3a" not in json.dumps(direct_url(machine.prefix("twin"), "hidden"))
    assert "sesame-7f3a" not in done.out + done.err + again.out + again.err
    assert b"sesame-7f3a" not in (machine.directory / "environment.conda-lock.yml").read_bytes()

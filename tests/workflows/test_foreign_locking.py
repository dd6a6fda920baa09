"""`create -f` of the locks that other tools write: followed as they are, completed from their artifacts."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from rattler import LockChannel, LockFile, LockPlatform

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from builders.index_server import IndexServer
from builders.packages import Package
from builders.projects import Project
from builders.servers import FileServer
from builders.wheels import Wheel
from envmgr.platforms.subdirs import current_subdir
from envmgr.solve.records import record_of_package

HERE = current_subdir()


def names(envmgr: Envmgr, environment: str) -> list[str]:
    return [package["name"] for package in json.loads(envmgr.ok("list", "-n", environment, "--json"))]


def explicit(channel: LocalChannel, *names: str, hash: str = "sha256", platform: str = HERE) -> str:  # noqa: A002
    lines = [f"# platform: {platform}", "@EXPLICIT"]
    for name in names:
        package = channel.package(name)
        digest = {"sha256": f"#sha256:{package.sha256}", "plain": f"#{package.sha256}", "md5": f"#{package.md5}"}
        lines.append(package.url + digest.get(hash, ""))
    return "\n".join(lines) + "\n"


def conda_lock(channel: LocalChannel, *names: str, category: str = "main") -> str:
    entries = []
    for name in names:
        package = channel.package(name)
        entries.append(
            {
                "name": name, "version": package.version, "manager": "conda", "platform": HERE,
                "dependencies": {text.partition(" ")[0]: text.partition(" ")[2] for text in package.depends},
                "url": package.url, "hash": {"md5": package.md5, "sha256": package.sha256},
                "category": category, "optional": category != "main",
            }
        )  # fmt: skip
    metadata = {
        "content_hash": {HERE: "0" * 64},
        "channels": [{"url": channel.url, "used_env_vars": []}],
        "platforms": [HERE],
        "sources": ["environment.yml"],
    }
    return json.dumps({"version": 1, "metadata": metadata, "package": entries})


def pixi_lock(channel: LocalChannel, path: Path, *names: str, environment: str = "default") -> None:
    lock = LockFile([LockPlatform(HERE)])
    lock.set_channels(environment, [LockChannel(channel.url)])
    for name in names:
        lock.add_conda_package(environment, LockPlatform(HERE), record_of_package(channel.package(name)))
    lock.to_path(path)


@pytest.mark.parametrize("kind", ["sha256", "plain", "md5", "none", "conda-lock", "pixi"])
def test_lock_of_another_tool_is_followed_and_its_records_are_whole(
    envmgr: Envmgr, channel: LocalChannel, kind: str
) -> None:
    names = ("base-files", "greet", "tool")
    if kind == "pixi":
        pixi_lock(channel, envmgr.directory / "the.lock", *names)
    else:
        text = conda_lock(channel, *names) if kind == "conda-lock" else explicit(channel, *names, hash=kind)
        envmgr.write("the.lock", text)
    done = envmgr("create", "-n", "science", "-f", "the.lock", "--json")
    assert done.code == 0, done.err
    linked = {entry["name"]: entry for entry in done.json["actions"]["LINK"]}
    assert linked["tool"]["sha256"] == channel.package("tool").sha256
    assert ("no hash there" in done.err) is (kind == "none")
    record = json.loads((envmgr.prefix("science") / "conda-meta" / "greet-1.0-0.json").read_text())
    assert record["depends"] == list(channel.package("greet").depends)
    assert record["sha256"] == channel.package("greet").sha256
    again = envmgr("create", "-n", "science", "-f", "the.lock")
    assert again.out == f"science is up to date: {envmgr.prefix('science')}\n"
    assert not (envmgr.directory / "the.conda-lock.yml").exists()
    assert envmgr("verify", "-n", "science").code == 0
    assert "numpy" in envmgr.ok("install", "-n", "science", "-c", channel.url, "numpy")


def test_changed_comments_make_no_new_generation_and_a_changed_package_does(
    envmgr: Envmgr, channel: LocalChannel
) -> None:
    text = explicit(channel, "base-files")
    envmgr.write("the.lock", text)
    envmgr.ok("create", "-n", "science", "-f", "the.lock")
    envmgr.write("the.lock", f"# again\n{text}")
    assert "science is up to date" in envmgr.ok("create", "-n", "science", "-f", "the.lock")
    envmgr.write("the.lock", explicit(channel, "base-files", "tool"))
    assert "1 new" in envmgr.ok("create", "-n", "science", "-f", "the.lock")
    assert len(json.loads(envmgr.ok("history", "-n", "science", "--json"))["generations"]) == 2


def test_pristine_leaves_behind_what_nobody_locked(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("explicit.txt", explicit(channel, "greet", "base-files"))
    envmgr.ok("create", "-n", "x", "-f", "explicit.txt")
    (envmgr.prefix("x") / "mine").write_text("mine")
    envmgr.write("explicit.txt", explicit(channel, "base-files"))
    done = envmgr("create", "-n", "x", "-f", "explicit.txt", "--yes", "--pristine")
    assert done.code == 0
    assert "not carried over into the new generation" in done.err
    assert ": mine (--pristine)" in done.err
    assert not (envmgr.prefix("x") / "mine").exists()


def test_warm_cache_needs_no_network(envmgr: Envmgr, channel: LocalChannel) -> None:
    with FileServer(channel.directory) as server:
        envmgr.write("the.lock", explicit(channel, "base-files", "tool", hash="md5").replace(channel.url, server.url))
        envmgr.ok("create", "-n", "one", "-f", "the.lock")
        assert not [path for path in server.requests if path.endswith((".json", ".zst"))], "needs no repodata"
        before = len(server.requests)
        envmgr.ok("create", "-n", "two", "-f", "the.lock", "--offline")
        assert len(server.requests) == before


def test_categories_and_environments_are_chosen_by_name(envmgr: Envmgr, channel: LocalChannel) -> None:
    document = json.loads(conda_lock(channel, "base-files"))
    document["package"] += json.loads(conda_lock(channel, "tool", category="dev"))["package"]
    envmgr.write("conda-lock.yml", json.dumps(document))
    envmgr.ok("create", "-n", "main", "-f", "conda-lock.yml")
    envmgr.ok("create", "-n", "both", "-f", "conda-lock.yml", "--dev")
    assert (names(envmgr, "main"), names(envmgr, "both")) == (["base-files"], ["base-files", "tool"])
    done = envmgr("create", "-n", "no", "-f", "conda-lock.yml", "--category", "docs")
    assert (done.code, "it has main, dev" in done.err) == (2, True)

    pixi_lock(channel, envmgr.directory / "pixi.lock", "base-files", environment="test")
    envmgr.ok("create", "-n", "tested", "-f", "pixi.lock", "--environment", "test")
    assert names(envmgr, "tested") == ["base-files"]
    done = envmgr("create", "-n", "no", "-f", "pixi.lock")
    assert (done.code, "has no environment default; it has test" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@EXPLICIT\n{url}#abc\n", "line 2: expected an md5 or a sha256 after `#`, found `abc`"),
        ("@EXPLICIT\n{url}\n{other}\n", "line 3: tool is in it a second time"),
        ("@EXPLICIT\nhttps://h.example/c/../linux-64/a-1-0.conda\n", "line 2: `https://h.example/c/../linux-64/"),
        ("@EXPLICIT\nhttps://h.example/c/%2e%2e/linux-64/a-1-0.conda\n", "leads out of its channel"),
        ("@EXPLICIT\nftp://h.example/c/noarch/a-1-0.conda\n", "line 2: `ftp://h.example/c/noarch/a-1-0.conda` is no"),
        ("@EXPLICIT\nhttps://h.example/c/noarch/a-1-0.conda?token=s3cr3t\n", "has a query or a fragment"),
        ("@EXPLICIT\nhttps://h.example/c/noarch/a.zip\n", "does not end in name-version-build"),
        ("# platform: osx-64\n@EXPLICIT\n", "is for osx-64, not for"),
        ("@EXPLICIT\nhttps://$NOT_SET@h.example/c/noarch/a-1-0.conda\n", "names the variable `NOT_SET`"),
        ("version: 1\nmetadata: []\npackage: []\n", "`metadata`: expected keys"),
        ("version: 1\nmetadata: {{}}\npackage: {{a: &a [x], b: *a}}\n", "`package`: expected a list"),
        ("version: 1\nmetadata: {{}}\npackage: " + "[" * 3000 + "\n", "nested too deeply"),
        ("version: 6\nenvironments: 3\npackages: []\n", "is no pixi lock file"),
    ],
)
def test_hostile_or_broken_lock_is_refused_with_its_entry(
    envmgr: Envmgr, channel: LocalChannel, text: str, message: str
) -> None:
    url, other = channel.package("tool").url, channel.package("tool").url.replace("-2.0-", "-1.0-")
    envmgr.write("the.lock", text.format(url=url, other=other))
    done = envmgr("create", "-n", "science", "-f", "the.lock")
    assert done.code == 1
    assert message in done.err
    assert "s3cr3t" not in done.err
    assert not envmgr.prefix("science").exists()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("hash", {"sha256": "zz"}, "package[0] (tool): sha256: expected 64 hexadecimal digits, found `zz`"),
        ("hash", {}, "package[0] (tool): `hash`: expected md5 or sha256, found neither"),
        ("hash", {"sha256": "0" * 64}, "expected sha256 " + "0" * 64),
        ("url", "file:///etc/noarch/tool-2.0-0.conda", "which is outside of every channel of the lock"),
        ("version", "9", "package[0] (tool): `version`: 9, and its URL ends in"),
        ("dependencies", {"gone": ">=1"}, "depends on gone >=1, which is not in the lock"),
        ("manager", "npm", "package[0] (tool): `manager`: expected conda or pip, found `npm`"),
        ("name", ["x"], "`name`: expected a text"),
    ],
)
def test_damaged_entry_is_named(envmgr: Envmgr, channel: LocalChannel, key: str, value: object, message: str) -> None:
    document = json.loads(conda_lock(channel, "tool"))
    document["package"][0][key] = value
    envmgr.write("conda-lock.yml", json.dumps(document))
    done = envmgr("create", "-n", "science", "-f", "conda-lock.yml")
    assert done.code == 1
    assert message in done.err
    assert not envmgr.prefix("science").exists()


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB + "version: 1\nmetadata: {platforms: [HERE]}\npackage: [{name: *a11, platform: HERE, manager: conda}]\n",
         "package[0] (list): `name`: expected a text, found list"),
        (BOMB + "version: 1\nmetadata: {platforms: [HERE]}\npackage: *a11\n", "package[0]: expected keys, found list"),
        (BOMB + "version: 6\nenvironments:\n  default: *a11\npackages: []\n", "is no pixi lock file: "),
        ("version: 6\npackages: []\nenvironments: " + "[" * 50_000, "nested too deeply"),
        ("@EXPLICIT\n" + "https://h.example/c/noarch/a-1-0.conda\n" * 200_001, "entries, which no lock has"),
        ("@EXPLICIT\nhttps://h.example/c/noarch/" + "a-" * 1_000_000 + "1-0.conda\n", "is none that an artifact has"),
    ],
    ids=["aliases in an entry", "aliases as entries", "aliases in pixi", "depth", "many entries", "a long line"],
)  # fmt: skip
def test_lock_that_would_be_endless_is_refused_at_once(envmgr: Envmgr, text: str, message: str) -> None:
    envmgr.write("pixi.lock", text.replace("HERE", HERE))
    done = envmgr("create", "-n", "science", "-f", "pixi.lock")
    assert done.code == 1
    assert message in done.err
    assert len(done.err) < 2000


def test_archive_by_path_says_itself_what_it_is_for(envmgr: Envmgr, tmp_path: Path) -> None:
    (tmp_path / "loose").mkdir()
    path = Package(name="alone").write(tmp_path / "loose")
    path.rename(envmgr.directory / path.name)
    envmgr.write("the.lock", f"@EXPLICIT\n./{path.name}\n")
    assert envmgr("create", "-n", "science", "-f", "the.lock").code == 0
    assert names(envmgr, "science") == ["alone"]


def test_what_this_machine_lacks_is_said(envmgr: Envmgr, channel: LocalChannel) -> None:
    channel.add(Package(name="gpu", depends=["__cuda >=99"]))
    envmgr.write("the.lock", explicit(channel, "gpu"))
    lacks = "the lock is for a machine with __cuda >=99, and this one has none: gpu may not work here"
    done = envmgr("create", "-n", "one", "-f", "the.lock")
    assert (done.code, done.err.count(lacks)) == (0, 1)
    pixi_lock(channel, envmgr.directory / "pixi.lock", "gpu")
    done = envmgr("create", "-n", "two", "-f", "pixi.lock")
    assert (done.code, done.err.count(lacks)) == (0, 1)


def test_bound_that_the_channel_has_corrected_since_is_said_and_not_held(envmgr: Envmgr, channel: LocalChannel) -> None:
    channel.add(Package(name="old", depends=["tool <1"]))
    envmgr.write("the.lock", explicit(channel, "old", "tool", "base-files"))
    done = envmgr("create", "-n", "science", "-f", "the.lock")
    assert done.code == 0
    assert "installed as written, though old-1.0-0 depends on tool <1, but tool 2.0 0 is locked" in done.err
    channel.add(Package(name="lonely", depends=["nothing-there"]))
    envmgr.write("the.lock", explicit(channel, "lonely"))
    assert (
        "lonely-1.0-0 depends on nothing-there, which is not in the lock"
        in envmgr("create", "-n", "other", "-f", "the.lock").err
    )


def test_lock_stands_alone(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write("the.lock", explicit(channel, "base-files"))
    done = envmgr("create", "-n", "science", "-f", "the.lock", "tool")
    assert (done.code, "nothing can be added to what it locks" in done.err) == (2, True)
    done = envmgr("create", "-f", "the.lock")
    assert (done.code, "the environment has no name: the.lock gives none" in done.err) == (2, True)
    done = envmgr("create", "-n", "science", "-f", "the.lock", "--locked", "-c", channel.url)
    assert (done.code, done.err) == (0, "warning: the.lock names each of its packages: -c changes nothing\n")
    done = envmgr("lock", "-f", "the.lock")
    assert (done.code, "the.lock is a lock already" in done.err) == (2, True)


def test_pip_half_of_a_pixi_lock_may_lie_beside_it(machine: Envmgr, channel: LocalChannel, index: IndexServer) -> None:
    work = machine.directory
    Project(name="edited", requires=["helper"]).write(work / "edited")
    Wheel(name="beside").write(work / "wheels")
    index.add_sdist(Project(name="packed"))
    entries = (index.sdists["packed"][0], index.wheels["helper"][0][2])
    sdist, wheel = ((f"http://{index.host}{entry['url']}", entry["hashes"]["sha256"]) for entry in entries)
    pixi_lock(channel, work / "pixi.lock", "python", "pip")
    text = (work / "pixi.lock").read_text()
    listed = "".join(
        f"      - pypi: {each}\n" for each in ("./edited", "./wheels/beside-1.0-py3-none-any.whl", sdist[0], wheel[0])
    )
    text = text.replace("\npackages:\n", f"\n{listed}packages:\n")
    text += (
        "- pypi: ./edited\n  name: edited\n  version: '1.0'\n  requires_dist:\n  - helper\n  editable: true\n"
        "- pypi: ./wheels/beside-1.0-py3-none-any.whl\n  name: beside\n  version: '1.0'\n"
        f"- pypi: {sdist[0]}\n  name: packed\n  version: '1.0'\n  sha256: {sdist[1]}\n"
        f"- pypi: {wheel[0]}\n  name: helper\n  version: '1.0'\n  sha256: {wheel[1]}\n"
    )
    machine.write("pixi.lock", text)
    done = machine("create", "-n", "science", "-f", "pixi.lock")
    assert done.code == 0, done.err
    shown = machine.process(
        "run", "-n", "science", "python", "-c", "import edited, beside, packed, helper; print(edited.__file__)"
    )
    assert shown.out == f"{work}/edited/src/edited.py\n", shown.err
    assert machine("verify", "-n", "science").code == 0
    path = Wheel(name="helper").write(work / "files")  # an index may be a directory
    there = text.replace(wheel[0], path.as_uri()).replace(wheel[1], hashlib.sha256(path.read_bytes()).hexdigest())
    machine.write("pixi.lock", there)
    assert machine("create", "-n", "science", "-f", "pixi.lock", "-y").code == 0
    machine.write("pixi.lock", text.replace("./edited", "../edited"))
    done = machine("create", "-n", "other", "-f", "pixi.lock")
    assert (done.code, "pypi: edited 1.0: comes from `../edited`, which is outside of" in done.err) == (1, True)


@pytest.mark.parametrize(
    ("name", "requires", "message"),
    [
        ("provided", {}, "provided is locked twice: by pip, and by the conda package provided"),
        ("helper", {"missing": ">=1"}, "helper 1.0 requires missing >=1, which is not in the lock"),
        ("helper", {"provided": ">=2"}, "helper 1.0 requires provided >=2, but provided 1.5 is locked"),
        ("helper", {"provided": ">=1"}, ""),
    ],
)
def test_pip_half_is_held_against_what_the_conda_half_provides(
    machine: Envmgr, channel: LocalChannel, index: IndexServer, name: str, requires: dict[str, str], message: str
) -> None:
    document = json.loads(conda_lock(channel, "python", "pip", "provided"))
    entry = index.wheels[name][0][2]
    document["package"].append(
        {
            "name": name, "version": entry["filename"].split("-")[1], "manager": "pip", "platform": HERE,
            "dependencies": requires, "url": f"http://{index.host}{entry['url']}", "hash": entry["hashes"],
        }
    )  # fmt: skip
    machine.write("conda-lock.yml", json.dumps(document))
    done = machine("create", "-n", "science", "-f", "conda-lock.yml")
    assert (done.code, message in done.err) == (1 if message else 0, True), done.err
    assert machine.prefix("science").exists() is not bool(message)


def test_envmgrs_own_lock_is_followed_with_all_that_it_says_and_what_lies_beside_it(
    machine: Envmgr, channel: LocalChannel
) -> None:
    Project(name="edited", requires=["helper"]).write(machine.directory / "edited")
    lines = "  - pip:\n      - -e ./edited\nvariables: {A: b}\n"
    machine.write("environment.yml", environment_file(channel, "python", "pip", name="first", more=lines))
    assert machine("create", "-f", "environment.yml").code == 0
    done = machine("create", "-n", "second", "-f", "environment.conda-lock.yml")
    assert done.code == 0, done.err
    assert machine.ok("diff", "first", "second") == "first → second: the same packages\n"
    assert machine.ok("export", "-n", "second") == machine.ok("export", "-n", "first").replace("first", "second")

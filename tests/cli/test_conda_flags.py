"""What conda's users type: done as conda does it, accepted since it is so anyway, or refused with a way."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr, entries, environment_file
from builders.environments import asked, generation, packages
from builders.packages import Package


@pytest.fixture
def app(envmgr: Envmgr, channel: LocalChannel) -> Envmgr:
    """A user with an environment `x` of app 1, which needs part 1 and base-files; newer ones of all are out by now."""
    channel.add(
        Package(name="part", version="1", files={"share/part.txt": "one\n"}),
        Package(name="app", version="1", depends=["part", "base-files", "__unix"], files={}),
    )
    envmgr.ok("create", "-n", "x", "-c", channel.url, "app", "-q")
    channel.add(Package(name="part", version="2", files={}), Package(name="other", depends=["part >=2"], files={}))
    channel.add(Package(name="other", version="0.5", depends=["part"], files={}))
    return envmgr


def test_what_is_so_anyway_is_accepted(app: Envmgr, channel: LocalChannel) -> None:
    common = [
        "--no-shortcuts",
        "--clobber",
        "--show-channel-urls",
        "--strict-channel-priority",
        "--repodata-fn",
        "current_repodata.json",
        "--experimental",
        "jlap",
        "--no-repodata-use-zst",
    ]
    app.ok("create", "-n", "y", "-c", channel.url, "greet", "-m", "--no-default-packages", *common, "-O", "-q")
    app.ok("install", "-n", "y", "greet", "-S", "--update-specs", "--no-lock", *common, "-q")
    app.ok("remove", "-n", "y", "greet", "--no-lock", *common, "-q")
    app.write("environment.yml", environment_file(channel, "greet", name="z"))
    app.ok("env", "create", "--force", "--no-default-packages", "-q")
    app.ok("env", "update", "--prune", "-q")
    done = app("install", "-n", "y", "greet", "-C", "-q")
    assert (done.code, done.err) == (
        0,
        "-C: an index that is no longer fresh is asked for changes all the same; --offline takes it as it is\n",
    )


@pytest.mark.parametrize("command", ["create", "install", "update", "remove"])
def test_help_names_what_is_accepted(envmgr: Envmgr, command: str) -> None:
    text = " ".join(envmgr.ok(command, "--help").split())
    assert "(conda's) Accepted, since it is so anyway: --clobber, " in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["install", "-n", "x", "app", "--no-deps"], "write `--no-deps` into the pip section"),
        (["install", "-n", "x", "app", "--use-local"], "-c file:///"),
        (["search", "app", "-k"], "envmgr config set ssl_verify "),
        (["update", "-n", "x", "--all", "--insecure"], "envmgr config set ssl_verify "),
        (["remove", "-n", "x", "part", "--force"], "`envmgr why PACKAGE` names it"),
        (["remove", "-n", "x", "part", "--keep-env"], "add --all"),
        (["create", "-n", "y", "app", "--repodata-fn", "old.json"], "--exclude-newer DATE"),
        (["create", "--clone", "x", "-n", "y", "-c", "lab"], "leave -c out, or solve anew: envmgr export x"),
        (["create", "--clone", "x", "-n", "y", "--platform", "osx-64"], "leave --platform out"),
        (["install", "-n", "x", "--pip", "y", "--only-deps"], "envmgr create -n NAME -f pyproject.toml"),
    ],
)
def test_what_would_mean_something_else_is_refused_with_a_way(app: Envmgr, arguments: list[str], said: str) -> None:
    before = entries(app.root)
    done = app(*arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err.splitlines()[-1]
    assert entries(app.root) == before


def test_force_reinstall_makes_the_same_packages_anew(app: Envmgr) -> None:
    damaged = app.prefix("x") / "share/part.txt"
    damaged.unlink()
    assert "is up to date" in app.ok("install", "-n", "x", "app")
    assert not damaged.exists()
    assert "x is ready" in app.ok("install", "-n", "x", "app", "--force-reinstall")
    assert damaged.read_text() == "one\n"
    assert (generation(app, "x"), packages(app, "x")) == (2, {"app": "1", "base-files": "1.0", "part": "1"})


def test_download_only_fills_the_cache_and_touches_no_environment(app: Envmgr, channel: LocalChannel) -> None:
    before = entries(app.root)
    assert "the environment was not touched" in app.ok("install", "-n", "x", "numpy", "--download-only")
    assert "the environment was not touched" in app.ok(
        "create", "-n", "y", "-c", channel.url, "greet", "--download-only"
    )
    assert entries(app.root) == before
    assert "nothing to download" in app.ok("install", "-n", "x", "numpy", "greet", "--dry-run", "--offline")


def test_only_deps_asks_for_what_a_package_needs(app: Envmgr, channel: LocalChannel, tmp_path: Path) -> None:
    app.ok("create", "-n", "y", "-c", channel.url, "app", "--only-deps", "-q")
    assert packages(app, "y") == {"base-files": "1.0", "part": "2"}
    assert asked(app, "y") == ["part", "base-files"]
    assert "is up to date" in app.ok("create", "-n", "y", "-c", channel.url, "app", "--only-deps")
    app.ok("install", "-n", "x", "other", "--only-deps", "-q")
    assert packages(app, "x") == {"app": "1", "base-files": "1.0", "part": "2"}
    assert asked(app, "x") == ["app", "part >=2"]
    app.write("environment.yml", environment_file(channel, "app", name="z"))
    app.ok("create", "-f", "environment.yml", "--only-deps", "-q")
    assert packages(app, "z") == {"base-files": "1.0", "part": "2"}
    assert not (app.directory / "environment.conda-lock.yml").exists()


def test_freeze_installed_changes_nothing_but_what_is_named(app: Envmgr) -> None:
    app.ok("install", "-n", "x", "other", "--freeze-installed", "-q")
    assert packages(app, "x") == {"app": "1", "base-files": "1.0", "other": "0.5", "part": "1"}
    done = app("install", "-n", "x", "other=1", "--freeze-installed")
    assert done.code == 1
    assert "--freeze-installed" in done.err
    assert packages(app, "x")["other"] == "0.5"


def test_update_deps_moves_what_a_package_needs(app: Envmgr) -> None:
    assert "is up to date" in app.ok("update", "-n", "x", "app")
    app.ok("update", "-n", "x", "app", "--update-deps", "-q")
    assert packages(app, "x")["part"] == "2"


def test_install_with_update_all_moves_everything(app: Envmgr) -> None:
    app.ok("install", "-n", "x", "greet", "--update-all", "-q")
    assert packages(app, "x") == {"app": "1", "base-files": "1.0", "greet": "1.0", "part": "2"}
    assert asked(app, "x") == ["app", "greet"]


def test_no_pin_leaves_pins_out(app: Envmgr) -> None:
    (app.prefix("x") / "conda-meta/pinned").write_text("part 1\n")
    assert "is up to date" in app.ok("update", "-n", "x", "--all")
    app.ok("update", "-n", "x", "--all", "--no-pin", "-q", ENVMGR_PINNED_PACKAGES="part=1")
    assert packages(app, "x")["part"] == "2"


def test_remove_all_with_keep_env_leaves_an_empty_environment(app: Envmgr) -> None:
    app.ok("remove", "-n", "x", "--all", "--keep-env", "-y", "-q")
    assert (packages(app, "x"), generation(app, "x")) == ({}, 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list", "-n", "x", "--fields", "name"], "envmgr list --json"),
        (["list", "-n", "x", "--size"], "envmgr env du ENVIRONMENT"),
        (["list", "-n", "x", "--auth"], "channels.yaml"),
        (["init", "--system"], "/etc/profile.d"),
        (["info", "--unsafe-channels"], "leave it out"),
    ],
)
def test_other_commands_refuse_what_they_do_not_do(envmgr: Envmgr, arguments: list[str], said: str) -> None:
    done = envmgr(*arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err.splitlines()[-1]


def test_other_commands_take_what_is_so_anyway(app: Envmgr) -> None:
    app.ok("info", "-s", "--offline", "--debug")
    app.ok("list", "-n", "x", "--trace")
    app.ok("init", "bash", "--user", "--dry-run")
    assert "is up to date" in app.ok("update", "-n", "x", "--update-all", "--freeze-installed")
    assert app.process("run", "--dev", "-n", "x", "true").code == 0


@pytest.mark.parametrize(
    ("command", "hint"),
    [("sync", "envmgr create -f environment.yml"), ("add", "envmgr install PACKAGE --save"),
     ("check", "envmgr verify -n NAME"),
     ("compare", "envmgr diff FILE NAME"), ("x", "envmgr exec SPEC -- COMMAND")],
)  # fmt: skip
def test_commands_of_other_tools_are_answered_with_ours(envmgr: Envmgr, command: str, hint: str) -> None:
    done = envmgr(command, "something")
    assert (done.code, done.err) == (2, f"error: envmgr has no command `{command}`\n\nhint: {hint}\n")


def test_clean_with_force_takes_what_environments_were_made_of(app: Envmgr) -> None:
    assert app("clean", "-tipsy").code == 0
    app.ok("clean", "-afy", "-q")
    assert not [path for path in (app.cache / "pkgs").iterdir() if path.name.startswith("app-")]
    assert app.ok("verify", "-n", "x").startswith("x: whole")
    (app.prefix("x") / "share/part.txt").unlink()
    app.ok("verify", "-n", "x", "--fix", "-q")
    assert (app.prefix("x") / "share/part.txt").exists()


def test_env_update_makes_what_is_not_there(app: Envmgr, channel: LocalChannel) -> None:
    app.write("environment.yml", environment_file(channel, "greet", name="new"))
    assert app("update", "-f", "environment.yml").code == 1
    assert "new is ready" in app.ok("env", "update", "-f", "environment.yml", "--prune")
    assert "new is up to date" in app.ok("env", "update", "--file", "environment.yml")


def test_there_is_no_base_environment(envmgr: Envmgr) -> None:
    done = envmgr("update", "-n", "base", "-c", "defaults", "conda", "-y")
    assert (done.code, "envmgr is in no environment; pip updates it" in done.err) == (2, True)


def test_copy_gives_files_of_their_own(app: Envmgr, channel: LocalChannel) -> None:
    app.ok("create", "-n", "y", "-c", channel.url, "tool", "part=1", "--copy", "-q")
    file = app.prefix("y") / "share/part.txt"
    assert file.stat().st_nlink == 1
    assert (app.prefix("y") / "bin/tool").stat().st_mode & 0o111
    file.write_text("edited\n")
    assert (app.prefix("x") / "share/part.txt").read_text() == "one\n"
    app.ok("config", "--set", "always_copy", "true")
    app.ok("create", "-n", "z", "-c", channel.url, "part=1", "-q")
    assert (app.prefix("z") / "share/part.txt").stat().st_nlink == 1
    assert (app.prefix("z") / "share/part.txt").read_text() == "one\n"
    assert app.ok("verify", "-n", "z").startswith("z: whole")


def test_a_file_is_held_against_what_conda_calls_it(app: Envmgr, channel: LocalChannel) -> None:
    app.write("environment.yml", environment_file(channel, "greet", name="new"))
    app.ok("create", "-f", "environment.yml", "--env-spec", "environment.yml", "-q")
    app.ok("env", "update", "-f", "environment.yml", "--format", "cep-24", "-q")
    done = app("create", "-f", "environment.yml", "--format", "conda-lock-v1")
    assert (done.code, "environment.yml is an environment file (CEP 24)" in done.err) == (2, True)
    assert "did you mean `explicit`?" in app("create", "-f", "environment.yml", "--format", "explicitt").err


def test_search_in_environments(app: Envmgr) -> None:
    assert app.ok("search", "part", "--envs").splitlines()[1].split() == ["part", "1", "channel", "x"]
    (found,) = app("search", "p*", "--envs", "--json").json
    assert found["location"] == str(app.prefix("x"))
    assert [record["name"] for record in found["package_records"]] == ["part"]
    assert app.ok("search", "part>=2", "--envs") == "no environment has part>=2\n"
    assert app("search", "part", "--envs", "-n", "x").code == 2

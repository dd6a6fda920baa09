from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from builders.index_server import IndexServer
from builders.wheels import Wheel
from envmgr.errors import PipError
from envmgr.lock.model import PipPackage
from envmgr.platforms.model import VirtualPackage
from envmgr.pypi.resolve import PipRequest, resolve
from envmgr.settings import Settings
from pypi.conftest import Artifact, CollectingReporter

Ask = Callable[..., PipRequest]
Load = Callable[..., Settings]
Make = Callable[..., Artifact]


@pytest.fixture
def settings(load: Load) -> Settings:
    return load()


def pins(packages: tuple[PipPackage, ...]) -> list[str]:
    return [f"{package.name}=={package.version}" for package in packages]


def test_extras_and_markers_are_followed(
    index: IndexServer, settings: Settings, request_for: Ask, reporter: CollectingReporter
) -> None:
    index.add(
        Wheel(name="app", requires=["base", "winonly; sys_platform == 'win32'"], extras={"fast": ["turbo>=1"]}),
        Wheel(name="base"), Wheel(name="turbo"), Wheel(name="winonly"), Wheel(name="skipped"),
    )  # fmt: skip
    found = resolve(request_for(["app[fast]", "skipped; python_version < '3'"]), settings=settings, reporter=reporter)

    assert pins(found.packages) == ["app==1.0", "base==1.0", "turbo==1.0"]
    app = found.packages[0]
    assert app.requires == ("base", "turbo")
    assert app.requested == ("app[fast]",)
    assert found.packages[1].requested == ()


def test_a_wheel_is_locked_by_url_size_and_sha256(
    index: IndexServer, settings: Settings, request_for: Ask, reporter: CollectingReporter
) -> None:
    wheel = Wheel(name="app")
    index.add(wheel)
    [package] = resolve(request_for(["app"]), settings=settings, reporter=reporter).packages

    assert package == PipPackage(
        name="app",
        version="1.0",
        url=f"http://{index.host}/files/app-1.0-py3-none-any.whl",
        filename="app-1.0-py3-none-any.whl",
        sha256=hashlib.sha256(wheel.content()).hexdigest(),
        size=len(wheel.content()),
        index_url=index.url,
        requested=("app",),
    )


@pytest.mark.parametrize(
    ("platform", "virtual", "expected"),
    [
        ("linux-64", ("__glibc", "2.36"), "app-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"),
        ("linux-64", ("__glibc", "2.17"), "app-1.0-cp312-cp312-manylinux2014_x86_64.whl"),
        ("linux-aarch64", ("__glibc", "2.36"), "app-1.0-py3-none-any.whl"),
        ("osx-arm64", ("__osx", "14.0"), "app-1.0-cp310-abi3-macosx_11_0_arm64.whl"),
        ("win-64", ("__win", "10"), "app-1.0-cp312-cp312-win_amd64.whl"),
    ],
)
def test_the_wheel_is_that_of_the_platform(
    platform: str, virtual: tuple[str, str], expected: str,
    index: IndexServer, settings: Settings, request_for: Ask, reporter: CollectingReporter,
) -> None:  # fmt: skip
    for tag in (
        "py3-none-any", "cp312-cp312-manylinux2014_x86_64", "cp312-cp312-manylinux_2_28_x86_64",
        "cp312-cp312-win_amd64", "cp310-abi3-macosx_11_0_arm64", "cp311-cp311-manylinux_2_28_x86_64",
    ):  # fmt: skip
        index.add(Wheel(name="app", tag=tag))
    asked = request_for(["app"], platform=platform, virtual_packages=(VirtualPackage(*virtual),))

    assert resolve(asked, settings=settings, reporter=reporter).packages[0].filename == expected


def test_what_conda_provides_is_not_installed_again(
    index: IndexServer, settings: Settings, request_for: Ask, artifact: Make, reporter: CollectingReporter
) -> None:
    index.add(Wheel(name="app", requires=["torch"]), Wheel(name="torch", version="2.1"))
    pytorch = artifact("pytorch", "2.1", Wheel(name="torch", version="2.1"))
    found = resolve(request_for(["app", "torch>=2"], pytorch), settings=settings, reporter=reporter)

    assert pins(found.packages) == ["app==1.0"]
    assert found.packages[0].requires == ("torch",)
    [satisfied] = found.satisfied
    assert (satisfied.requirement.text, satisfied.distribution.package.name) == ("torch>=2", "pytorch")


def test_nothing_is_asked_of_an_index_when_conda_provides_everything(
    index: IndexServer, settings: Settings, request_for: Ask, artifact: Make, reporter: CollectingReporter
) -> None:
    found = resolve(request_for(["x"], artifact("x", "1", Wheel(name="x"))), settings=settings, reporter=reporter)

    assert found.packages == ()
    assert index.requests == []


def test_a_conda_version_that_the_index_lacks_does_not_push_to_ancient_releases(
    index: IndexServer, settings: Settings, request_for: Ask, artifact: Make, reporter: CollectingReporter
) -> None:
    index.add(
        Wheel(name="app", version="0.1"), Wheel(name="app", version="9.0", requires=["lib>=3"]),
        Wheel(name="lib", version="2.0"),
    )  # fmt: skip
    lib = artifact("lib", "3.1", Wheel(name="lib", version="3.1"))

    assert pins(resolve(request_for(["app"], lib), settings=settings, reporter=reporter).packages) == ["app==9.0"]


def test_the_index_s_metadata_of_a_conda_package_drags_nothing_in(
    index: IndexServer, settings: Settings, request_for: Ask, artifact: Make, reporter: CollectingReporter
) -> None:
    index.add(Wheel(name="app", requires=["lib"]), Wheel(name="lib", requires=["dragged"]), Wheel(name="dragged"))
    lib = artifact("lib", "1.0", Wheel(name="lib", requires=["dragged"]))

    assert pins(resolve(request_for(["app"], lib), settings=settings, reporter=reporter).packages) == ["app==1.0"]


def test_an_extra_of_a_conda_package_brings_what_conda_s_own_metadata_says(
    index: IndexServer, settings: Settings, request_for: Ask, artifact: Make, reporter: CollectingReporter
) -> None:
    index.add(Wheel(name="lib", extras={"e": ["wrong"]}), Wheel(name="right"), Wheel(name="wrong"))
    lib = artifact("lib", "1.0", Wheel(name="lib", extras={"e": ["right"]}))
    found = resolve(request_for(["lib[e,nope]"], lib), settings=settings, reporter=reporter)

    assert pins(found.packages) == ["right==1.0"]
    assert reporter.warnings == [
        "environment.yml:5: `lib[e,nope]`: lib 1.0 of the conda package lib has no extra `nope`"
    ]


def test_a_clash_names_line_package_and_the_conda_spec_that_settles_it(
    index: IndexServer, settings: Settings, request_for: Ask, artifact: Make, reporter: CollectingReporter
) -> None:
    pytorch = artifact("pytorch", "1.9", Wheel(name="torch", version="1.9"), build="cpu_0")
    with pytest.raises(PipError) as caught:
        resolve(request_for(["other", "torch >=2,<3"], pytorch), settings=settings, reporter=reporter)

    assert caught.value.message == (
        "environment.yml:6: `torch >=2,<3` needs torch<3,>=2, "
        "but the conda package pytorch 1.9 (cpu_0) provides torch 1.9"
    )
    assert caught.value.hint == "write `pytorch <3,>=2` in dependencies"
    assert index.requests == []


def test_a_clash_further_down_names_the_line_that_leads_to_it(
    index: IndexServer, settings: Settings, request_for: Ask, artifact: Make, reporter: CollectingReporter
) -> None:
    index.add(
        Wheel(name="app", requires=["middle"]), Wheel(name="middle", requires=["numpy>=2.1"]),
        Wheel(name="numpy", version="2.2"), Wheel(name="innocent", version="7"),
        Wheel(name="fine", requires=["innocent"]),
    )  # fmt: skip
    numpy = artifact("numpy", "1.26.4", Wheel(name="numpy", version="1.26.4"))
    innocent = artifact("innocent", "6", Wheel(name="innocent", version="6"))
    with pytest.raises(PipError) as caught:
        resolve(request_for(["fine", "app"], numpy, innocent), settings=settings, reporter=reporter)

    assert caught.value.message == (
        "environment.yml:6: `app` needs numpy>=2.1 (through middle), "
        "but the conda package numpy 1.26.4 (0) provides numpy 1.26.4"
    )
    assert caught.value.hint == "write `numpy >=2.1` in dependencies"


def test_a_package_that_conda_holds_back_is_named_with_the_reason(
    index: IndexServer, settings: Settings, request_for: Ask, artifact: Make, reporter: CollectingReporter
) -> None:
    index.add(
        Wheel(name="app", version="1.0", requires=["numpy<2"]), Wheel(name="app", version="2.0", requires=["numpy>=2"]),
        Wheel(name="numpy", version="2.2"),
    )  # fmt: skip
    numpy = artifact("numpy", "1.26.4", Wheel(name="numpy", version="1.26.4"))
    found = resolve(request_for(["app"], numpy), settings=settings, reporter=reporter)

    assert [str(held) for held in found.held_back] == [
        "pip package app is 1.0 instead of 2.0, to fit conda's numpy 1.26.4"
    ]


def test_locked_versions_are_kept_while_they_are_allowed(
    index: IndexServer, settings: Settings, request_for: Ask, reporter: CollectingReporter
) -> None:
    index.add(Wheel(name="app", version="1.0"), Wheel(name="lib", version="1.0"))
    locked = resolve(request_for(["app", "lib"]), settings=settings, reporter=reporter).packages
    index.add(Wheel(name="app", version="2.0"), Wheel(name="lib", version="2.0"))
    found = resolve(request_for(["app", "lib>=2"], locked=locked), settings=settings, reporter=reporter)

    assert pins(found.packages) == ["app==1.0", "lib==2.0"]


def test_same_question_same_answer(
    index: IndexServer, settings: Settings, request_for: Ask, reporter: CollectingReporter
) -> None:
    index.add(Wheel(name="app", requires=["b", "a"]), Wheel(name="a"), Wheel(name="b"))
    first = resolve(request_for(["app"]), settings=settings, reporter=reporter)

    assert resolve(request_for(["app"]), settings=settings, reporter=reporter) == first


def test_yanked_releases_are_passed_over(
    index: IndexServer, settings: Settings, request_for: Ask, reporter: CollectingReporter
) -> None:
    index.add(Wheel(name="app", version="1.0")).add(Wheel(name="app", version="2.0"), yanked="broken")

    assert pins(resolve(request_for(["app"]), settings=settings, reporter=reporter).packages) == ["app==1.0"]


def test_nothing_newer_than_the_date_is_taken(
    index: IndexServer, settings: Settings, request_for: Ask, reporter: CollectingReporter
) -> None:
    index.add(Wheel(name="app", version="1.0"))
    index.add(Wheel(name="app", version="2.0"), **{"upload-time": "2025-01-01T00:00:00Z"})
    asked = request_for(["app"], exclude_newer=datetime(2024, 6, 1, tzinfo=timezone.utc))

    assert pins(resolve(asked, settings=settings, reporter=reporter).packages) == ["app==1.0"]


def test_an_unknown_name_is_named_with_its_line(
    index: IndexServer, settings: Settings, request_for: Ask, reporter: CollectingReporter
) -> None:
    with pytest.raises(PipError) as caught:
        resolve(request_for(["no-such-thing>=1"]), settings=settings, reporter=reporter)

    assert caught.value.message == (
        "environment.yml:5: no package index in use has `no-such-thing` (asked for as `no-such-thing>=1`)"
    )


def test_a_conflict_between_lines_shows_the_lines_and_no_temporary_file(
    index: IndexServer, settings: Settings, request_for: Ask, reporter: CollectingReporter
) -> None:
    index.add(Wheel(name="app", requires=["lib<1"]), Wheel(name="lib", version="2"))
    with pytest.raises(PipError) as caught:
        resolve(request_for(["lib>=1", "app"]), settings=settings, reporter=reporter)

    assert caught.value.message.startswith("the pip half cannot be resolved\n")
    assert "environment.yml:5: `lib>=1`" in caught.value.message
    assert "environment.yml:6: `app`" in caught.value.message
    assert "envmgr-pip-" not in caught.value.message


def test_a_package_without_a_wheel_for_the_platform_is_refused(
    index: IndexServer, settings: Settings, request_for: Ask, reporter: CollectingReporter
) -> None:
    index.add(Wheel(name="app", tag="cp312-cp312-win_amd64"))
    with pytest.raises(PipError, match="no wheels with a matching"):
        resolve(request_for(["app"]), settings=settings, reporter=reporter)


@pytest.mark.parametrize(
    ("status", "message", "hint"),
    [
        (500, r"/simple/app/ answered 500 Internal Server Error", "try again later"),
        (401, r"answered 401 Unauthorized", "give the user and password in PIP_INDEX_URL"),
        (403, r"answered 403 Forbidden", "this user may not read it"),
        (404, r"no package index in use has `app`", "check the spelling"),
    ],
)
def test_an_index_that_refuses_is_named_with_its_answer(
    status: int, message: str, hint: str,
    index: IndexServer, settings: Settings, request_for: Ask, reporter: CollectingReporter,
) -> None:  # fmt: skip
    index.answers["/simple/app/"] = (status, "text/plain", b"no")
    with pytest.raises(PipError, match=message) as caught:
        resolve(request_for(["app"]), settings=settings, reporter=reporter)

    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("kind", "body"), [("text/html", b"<html>please log in"), ("application/vnd.pypi.simple.v1+json", b"{ nonsense")]
)
def test_an_answer_that_is_no_index_is_an_error(
    kind: str, body: bytes, index: IndexServer, settings: Settings, request_for: Ask, reporter: CollectingReporter
) -> None:
    index.answers["/simple/app/"] = (200, kind, body)
    with pytest.raises(PipError):
        resolve(request_for(["app"]), settings=settings, reporter=reporter)


def test_an_index_that_is_down_is_named(load: Load, request_for: Ask, reporter: CollectingReporter) -> None:
    settings = load(PIP_INDEX_URL="http://127.0.0.1:9/simple")
    with pytest.raises(PipError, match=r"http://127\.0\.0\.1:9/simple/app/ cannot be reached: Connection refused"):
        resolve(request_for(["app"]), settings=settings, reporter=reporter)


def test_credentials_reach_the_index_and_nothing_else(
    index: IndexServer, load: Load, request_for: Ask, reporter: CollectingReporter
) -> None:
    index.add(Wheel(name="app")).users["me"] = "s3cret"
    settings = load(PIP_INDEX_URL=index.url.replace("//", "//me:s3cret@"))
    found = resolve(request_for(["app"]), settings=settings, reporter=reporter)

    assert pins(found.packages) == ["app==1.0"]
    assert "s3cret" not in repr(found)
    with pytest.raises(PipError) as caught:
        resolve(request_for(["nope"]), settings=settings, reporter=reporter)
    assert "s3cret" not in f"{caught.value} {caught.value.hint} {caught.value.details}"


def test_the_first_index_that_has_a_name_answers_for_it(
    index: IndexServer, load: Load, request_for: Ask, reporter: CollectingReporter
) -> None:
    index.add(Wheel(name="internal", version="99.0"))
    with IndexServer() as private:
        private.add(Wheel(name="internal", version="1.0"))
        settings = load(PIP_EXTRA_INDEX_URL=private.url)
        [package] = resolve(request_for(["internal"]), settings=settings, reporter=reporter).packages

    assert (package.version, package.index_url) == ("1.0", private.url)


def test_a_version_that_only_a_later_index_has_is_not_taken_and_the_way_out_is_named(
    index: IndexServer, load: Load, request_for: Ask, reporter: CollectingReporter
) -> None:
    index.add(Wheel(name="internal", version="99.0"))
    with IndexServer() as private:
        private.add(Wheel(name="internal", version="1.0"))
        variables = {"PIP_EXTRA_INDEX_URL": private.url}
        with pytest.raises(PipError) as caught:
            resolve(request_for(["internal>2"]), settings=load(**variables), reporter=reporter)
        variables["UV_INDEX_STRATEGY"] = "unsafe-best-match"
        [package] = resolve(request_for(["internal>2"]), settings=load(**variables), reporter=reporter).packages

    assert (caught.value.hint or "").endswith("set UV_INDEX_STRATEGY=unsafe-best-match")
    assert package.version == "99.0"


def test_pre_releases_are_taken_or_not_as_uv_s_variable_says(
    index: IndexServer, load: Load, request_for: Ask, reporter: CollectingReporter
) -> None:
    index.add(Wheel(name="app", requires=["lib>=1.5"]))
    index.add(Wheel(name="lib", version="1.0"), Wheel(name="lib", version="2.0rc1"))
    packages = resolve(request_for(["app"]), settings=load(UV_PRERELEASE="allow"), reporter=reporter).packages
    assert pins(packages) == ["app==1.0", "lib==2.0rc1"]

    with pytest.raises(PipError) as caught:
        resolve(request_for(["app"]), settings=load(UV_PRERELEASE="disallow"), reporter=reporter)
    assert "--" not in (caught.value.hint or "")  # envmgr has no such flag


def test_wheels_of_a_find_links_directory_are_hashed(
    tmp_path: Path, load: Load, request_for: Ask, reporter: CollectingReporter
) -> None:
    path = Wheel(name="app").write(tmp_path / "my wheels, here")
    configuration = tmp_path / "pip.conf"
    configuration.write_text(f"[global]\nno-index = true\nfind-links = {(tmp_path / 'my wheels, here').as_uri()}\n")
    settings = load(PIP_CONFIG_FILE=str(configuration), PIP_INDEX_URL="")
    [package] = resolve(request_for(["app"]), settings=settings, reporter=reporter).packages

    assert package.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert package.size == path.stat().st_size


def test_a_wheel_without_a_hash_in_the_index_is_hashed_before_it_is_locked(
    index: IndexServer, settings: Settings, request_for: Ask, reporter: CollectingReporter
) -> None:
    index.add(Wheel(name="app"), hashes={})
    [package] = resolve(request_for(["app"]), settings=settings, reporter=reporter).packages

    assert package.sha256 == hashlib.sha256(Wheel(name="app").content()).hexdigest()


def test_a_wheel_of_which_the_index_knows_an_md5_alone_is_held_against_it_and_locked_by_its_sha256(
    index: IndexServer, settings: Settings, request_for: Ask, reporter: CollectingReporter
) -> None:
    data = Wheel(name="app").content()
    index.add(Wheel(name="app"), hashes={"md5": hashlib.md5(data).hexdigest()})
    index.add(Wheel(name="forged"), hashes={"md5": "0" * 32})
    found = resolve(request_for(["app"]), settings=settings, reporter=reporter).packages
    assert [package.sha256 for package in found] == [hashlib.sha256(data).hexdigest()]
    index.requests.clear()
    again = resolve(replace(request_for(["app"]), locked=found), settings=settings, reporter=reporter).packages
    assert (again, f"/files/{found[0].filename}" in index.requests) == (found, False)
    with pytest.raises(PipError, match="is not what the index says: expected md5 0000"):
        resolve(request_for(["forged"]), settings=settings, reporter=reporter)


def test_configuration_of_the_current_directory_has_no_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    index: IndexServer, settings: Settings, request_for: Ask, reporter: CollectingReporter,
) -> None:  # fmt: skip
    index.add(Wheel(name="app"))
    project = tmp_path / "project"
    project.mkdir()
    (project / "uv.toml").write_text('[[index]]\nurl = "http://127.0.0.1:9/"\n')
    (project / "pyproject.toml").write_text("[tool.uv]\nconstraint-dependencies = ['app>7']\n")
    monkeypatch.chdir(project)

    assert pins(resolve(request_for(["app"]), settings=settings, reporter=reporter).packages) == ["app==1.0"]


def test_variables_that_unlock_or_redirect_uv_are_not_passed(
    tmp_path: Path, index: IndexServer, load: Load, request_for: Ask, reporter: CollectingReporter
) -> None:
    index.add(Wheel(name="app"))
    settings = load(
        UV_PYTHON="/nowhere/python", UV_WORKING_DIR="/nowhere", UV_COMPILE_BYTECODE="1", RUST_LOG="trace", COLUMNS="20"
    )

    assert pins(resolve(request_for(["app"]), settings=settings, reporter=reporter).packages) == ["app==1.0"]


def test_a_size_that_no_index_says_is_asked_of_the_server_and_kept(
    index: IndexServer, load: Load, request_for: Ask, reporter: CollectingReporter
) -> None:
    wheel, bare = Wheel(name="app"), Wheel(name="bare")
    index.add(wheel, bare)
    del index.wheels["bare"][0][2]["size"]
    asked = request_for([f"app @ http://{index.host}/files/{wheel.filename}", "bare"])
    found = resolve(asked, settings=load(), reporter=reporter).packages
    assert [package.size for package in found] == [len(wheel.content()), len(bare.content())]
    again = resolve(replace(asked, locked=found), settings=load(ENVMGR_OFFLINE="1"), reporter=reporter).packages
    assert [package.size for package in again] == [package.size for package in found]


def test_pip_s_constraint_counts(
    tmp_path: Path, index: IndexServer, load: Load, request_for: Ask, reporter: CollectingReporter
) -> None:
    index.add(Wheel(name="app", version="1.0"), Wheel(name="app", version="2.0"))
    (tmp_path / "constraints.txt").write_text("app<2\n")
    settings = load(PIP_CONSTRAINT=str(tmp_path / "constraints.txt"))

    assert pins(resolve(request_for(["app"]), settings=settings, reporter=reporter).packages) == ["app==1.0"]
    with pytest.raises(PipError) as caught:
        resolve(request_for(["app>=2"]), settings=settings, reporter=reporter)
    assert caught.value.hint == f"constraints count too: {tmp_path}/constraints.txt (PIP_CONSTRAINT)"


def test_offline_answers_from_a_warm_cache_and_names_what_a_cold_one_lacks(
    tmp_path: Path, index: IndexServer, load: Load, request_for: Ask, reporter: CollectingReporter
) -> None:
    index.add(Wheel(name="app", requires=["lib"]), Wheel(name="lib"))
    online = resolve(request_for(["app"]), settings=load(), reporter=reporter)
    seen = len(index.requests)
    offline = load(ENVMGR_OFFLINE="1")

    assert resolve(request_for(["app"]), settings=offline, reporter=reporter) == online
    assert len(index.requests) == seen
    with pytest.raises(PipError, match=r"offline, and the cache lacks what the pip half needs: app$"):
        resolve(request_for(["app"]), settings=offline._replace(cache=tmp_path / "cold"), reporter=reporter)


@pytest.mark.parametrize(
    "case",
    [
        (">=2", ">=2", ">=2"), ("<1", "<1", "<1"), ("~=2.1", ">=2.1,<3.dev0", ">=2.1,<3"), ("!=1.5", "!=1.5", "!=1.5"),
        ("[fast]==3.*", "==3.*", "3.*"),
    ],
)  # fmt: skip
def test_a_clash_with_what_no_index_has_is_named_like_any_other(
    index: IndexServer, settings: Settings, request_for: Ask, artifact: Make, reporter: CollectingReporter,
    case: tuple[str, str, str],
) -> None:  # fmt: skip
    asked, wanted, conda = case
    index.add(
        Wheel(name="app", requires=["middle", "also-conda"]), Wheel(name="middle", requires=[f"only-conda{asked}"])
    )
    wheel = Wheel(name="only-conda", version="1.5", extras={"fast": []})
    packages = (artifact("only-conda-package", "1.5", wheel), artifact("also-conda", "1", Wheel(name="also-conda")))
    with pytest.raises(PipError) as caught:
        resolve(request_for(["app"], *packages), settings=settings, reporter=reporter)

    assert caught.value.message == (
        f"environment.yml:5: `app` needs only-conda{wanted} (through middle), "
        "but the conda package only-conda-package 1.5 (0) provides only-conda 1.5"
    )
    assert caught.value.hint == f"write `only-conda-package {conda}` in dependencies"


def test_what_conda_holds_back_is_named_beside_what_no_index_has(
    index: IndexServer, settings: Settings, request_for: Ask, artifact: Make, reporter: CollectingReporter
) -> None:
    index.add(
        Wheel(name="app", version="1.0", requires=["numpy<2", "only-conda"]),
        Wheel(name="app", version="2.0", requires=["numpy>=2", "only-conda"]), Wheel(name="numpy", version="2.2"),
    )  # fmt: skip
    numpy = artifact("numpy", "1.26.4", Wheel(name="numpy", version="1.26.4"))
    only = artifact("only-conda", "1", Wheel(name="only-conda"))
    found = resolve(request_for(["app"], numpy, only), settings=settings, reporter=reporter)

    assert [held.newest for held in found.held_back] == ["2.0"]


def test_another_python_gets_the_wheels_of_its_own_and_keeps_the_versions(
    index: IndexServer, settings: Settings, request_for: Ask, artifact: Make, reporter: CollectingReporter
) -> None:
    for tag in ("cp311-cp311-manylinux_2_28_x86_64", "cp312-cp312-manylinux_2_28_x86_64", "cp39-abi3-linux_x86_64"):
        index.add(Wheel(name="bound" if "abi3" not in tag else "stable", version="1", tag=tag))
    old = request_for(["bound", "stable"], conda=(artifact("python", "3.11.9"),))
    before = resolve(old, settings=settings, reporter=reporter).packages
    index.add(Wheel(name="bound", version="2", tag="cp312-cp312-manylinux_2_28_x86_64"))
    after = resolve(request_for(["bound", "stable"], locked=before), settings=settings, reporter=reporter).packages

    assert [package.filename.split("-")[2] for package in before] == ["cp311", "cp39"]
    assert [package.filename.split("-")[2] for package in after] == ["cp312", "cp39"]
    assert pins(after) == ["bound==1", "stable==1"]

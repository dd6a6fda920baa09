from __future__ import annotations

import json
from pathlib import Path

import pytest

from envmgr.errors import SpecError
from envmgr.spec import virtual_environment
from envmgr.spec.kinds import FileKind, kind_of
from envmgr.spec.model import EnvironmentSpec


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    directory = tmp_path / "venv"
    (directory / "lib/python3.12/site-packages").mkdir(parents=True)
    (directory / "pyvenv.cfg").write_text("home = /usr/bin\nversion_info = 3.12.4\n")
    return directory


def put(venv: Path, name: str, version: str, *, requested: bool = False, origin: object = None) -> None:
    info = venv / f"lib/python3.12/site-packages/{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    if requested:
        (info / "REQUESTED").touch()
    if origin is not None:
        (info / "direct_url.json").write_text(json.dumps(origin))


def read(venv: Path, **more: bool) -> EnvironmentSpec:
    text = virtual_environment.text_of(venv)
    assert kind_of(str(venv), text) is FileKind.VIRTUAL_ENVIRONMENT
    return virtual_environment.read(text, source=str(venv), **more)


def test_what_was_asked_for_is_asked_for_and_the_rest_is_a_constraint(venv: Path) -> None:
    put(venv, "rich", "13.0", requested=True)
    put(venv, "pygments", "2.0")
    put(venv, "pip", "24.0", requested=True)
    spec = read(venv)
    assert [each.text for each in spec.dependencies] == ["python 3.12.*"]
    assert [each.text for each in spec.pip] == ["rich==13.0"]
    assert [each.text for each in spec.pip_constraints] == ["pygments==2.0"]
    assert read(venv, with_python=False).dependencies == ()


def test_where_nothing_says_that_it_was_asked_for_everything_is(venv: Path) -> None:
    put(venv, "rich", "13.0")
    put(venv, "pygments", "2.0")
    put(venv, "pip", "24.0", requested=True)
    assert [each.text for each in read(venv).pip] == ["pygments==2.0", "rich==13.0"]


def test_what_came_from_elsewhere_is_named_by_where_it_came_from(venv: Path) -> None:
    put(venv, "editable", "1", origin={"url": "file:///work/editable", "dir_info": {"editable": True}})
    put(venv, "built", "1", origin={"url": "file:///work/built", "dir_info": {}})
    put(venv, "cloned", "1", origin={
        "url": "https://git.example/x.git", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}, "subdirectory": "py",
    })  # fmt: skip
    put(venv, "loaded", "1", origin={"url": "https://h.example/loaded-1.tar.gz", "archive_info": {}})
    put(venv, "odd", "1", origin=["what?"])
    assert [each.text for each in read(venv).pip] == [
        "built @ /work/built",
        "cloned @ git+https://git.example/x.git@c0ffee#subdirectory=py",
        "-e /work/editable",
        "loaded @ https://h.example/loaded-1.tar.gz",
        "odd==1",
    ]


def test_damage_is_one_error(venv: Path) -> None:
    put(venv, "rich", "13 ; evil")
    with pytest.raises(SpecError, match="rich: "):
        read(venv)
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\n")
    with pytest.raises(SpecError, match="found no version of python"):
        virtual_environment.text_of(venv)
    for text in ('{"pyvenv.cfg": "3.12"}', '{"pyvenv.cfg": "3.12", "distributions": [1]}', '{"pyvenv.cfg":'):
        with pytest.raises(SpecError, match="does not describe a virtual environment"):
            virtual_environment.read(text, source="venv")

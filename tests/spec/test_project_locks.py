"""Locks of pip's project tools, read: what is taken of them for a platform, extras and groups, and what is refused."""

from __future__ import annotations

import json
from typing import NoReturn

import pytest

from envmgr.errors import SpecError
from envmgr.spec import project_locks
from envmgr.spec.kinds import FileKind
from envmgr.spec.model import EnvironmentSpec

A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


def no_file(_location: str) -> NoReturn:
    raise AssertionError("nothing else is read")


def read(
    kind: FileKind, text: str, *, platform: str = "linux-64", extras: tuple[str, ...] = (), groups: tuple[str, ...] = ()
) -> EnvironmentSpec:
    return project_locks.read(
        text, source="/project/lock", kind=kind, platform=platform, extras=extras, groups=groups, load=no_file
    )


def lines(spec: EnvironmentSpec) -> list[str]:
    return [requirement.text for requirement in spec.pip]


def python(spec: EnvironmentSpec) -> list[str]:
    return [dependency.text for dependency in spec.dependencies]


PIPFILE_LOCK = json.dumps(
    {
        "_meta": {"pipfile-spec": 6, "requires": {"python_version": "3.11"}, "sources": []},
        "default": {
            "rich": {"version": "==13.0", "hashes": [A, B], "index": "pypi", "markers": "python_version >= '3.8'"},
            "httpx": {"version": "==0.27", "extras": ["http2"], "hashes": [A]},
            "colorama": {"version": "==0.4", "hashes": [A], "markers": "sys_platform == 'win32'"},
            "own": {"git": "https://git.example/own.git", "ref": "c0ffee", "subdirectory": "py"},
            "here": {"path": ".", "editable": True},
        },
        "develop": {"pytest": {"version": "==8.0", "hashes": [B]}},
        "docs": {"sphinx": {"version": "*"}},
    },
    indent=4,
)


def test_a_pipfile_lock_gives_its_default_packages_with_their_hashes() -> None:
    spec = read(FileKind.PIPFILE_LOCK, PIPFILE_LOCK)
    assert lines(spec) == [
        f"rich==13.0 ; python_version >= '3.8' --hash={A} --hash={B}",
        f"httpx[http2]==0.27 --hash={A}",
        "own @ git+https://git.example/own.git@c0ffee#subdirectory=py",
        "-e .",
    ]
    assert spec.pip_options.no_deps
    assert python(spec) == ["python 3.11.*"]
    assert spec.pip[0].origin.line == 10
    assert lines(read(FileKind.PIPFILE_LOCK, PIPFILE_LOCK, groups=("dev", "docs")))[-2:] == [
        f"pytest==8.0 --hash={B}",
        "sphinx",
    ]


def test_a_pipfile_is_resolved() -> None:
    text = """\
[[source]]
url = "https://index.example/simple"
name = "pypi"
[[source]]
url = "https://user:secret@lab.example/simple"
name = "lab"
[packages]
rich = ">=13"
httpx = {version = "<0.28", extras = ["http2"]}
colorama = {version = "*", sys_platform = "== 'win32'"}
local = {file = "./local.whl"}
[dev-packages]
pytest = "*"
[requires]
python_version = "3.11"
"""
    spec = read(FileKind.PIPFILE, text, groups=("dev",))
    assert lines(spec) == ["rich>=13", "httpx[http2]<0.28", "local @ ./local.whl", "pytest"]
    assert not spec.pip_options.no_deps
    (warning,) = spec.warnings
    assert "it takes packages from https://" in warning
    assert "lab.example/simple too" in warning
    assert "secret" not in warning
    assert "index.example" not in warning
    assert "colorama ; sys_platform == 'win32'" in lines(read(FileKind.PIPFILE, text, platform="win-64"))


POETRY_LOCK = f"""\
[[package]]
name = "rich"
version = "13.9.4"
groups = ["main", "dev"]
files = [
    {{file = "rich.whl", hash = "{A}"}},
    {{file = "rich.tar.gz", hash = "md5:{"0" * 32}"}},
]

[[package]]
name = "colorama"
version = "0.4"
groups = ["main"]
markers = "sys_platform == \\"win32\\""
files = []

[[package]]
name = "fast"
version = "1"
optional = true
groups = ["main"]
markers = "extra == \\"speed-ups\\""
files = [{{file = "f", hash = "{B}"}}]

[[package]]
name = "both"
version = "1"
groups = ["main", "dev"]
markers = {{main = "python_version < \\"3.9\\"", dev = "python_version >= \\"3.12\\""}}
files = []

[[package]]
name = "pytest"
version = "8"
groups = ["dev"]
files = []

[[package]]
name = "own"
version = "1"
groups = ["main"]
files = []

[package.source]
type = "git"
url = "git@git.example:own.git"
reference = "main"
resolved_reference = "c0ffee"

[[package]]
name = "near"
version = "1"
groups = ["main"]
develop = true
files = []

[package.source]
type = "directory"
url = "../near"

[extras]
"Speed_Ups" = ["fast"]

[metadata]
lock-version = "2.1"
python-versions = "^3.10"
"""


def test_a_poetry_lock_gives_its_group_main_and_those_that_are_chosen() -> None:
    spec = read(FileKind.POETRY_LOCK, POETRY_LOCK)
    assert lines(spec) == [
        f"rich==13.9.4 --hash={A}",
        'both==1 ; python_version < "3.9"',
        "own @ git+ssh://git@git.example/own.git@c0ffee",
        "-e ../near",
    ]
    assert python(spec) == ["python >=3.10,<4"]
    assert f"fast==1 --hash={B}" in lines(read(FileKind.POETRY_LOCK, POETRY_LOCK, extras=("speed-ups",)))
    dev = lines(read(FileKind.POETRY_LOCK, POETRY_LOCK, groups=("dev",)))
    assert "pytest==8" in dev
    assert 'both==1 ; (python_version < "3.9") or (python_version >= "3.12")' in dev


PDM_LOCK = f"""\
[metadata]
groups = ["default", "test", "Fast_er"]
strategy = ["inherit_metadata"]
lock_version = "4.5.0"

[[metadata.targets]]
requires_python = ">=3.10"

[[package]]
name = "rich"
version = "13.0"
groups = ["default", "test"]
marker = "python_version >= \\"3.8\\""
files = [{{file = "rich.whl", hash = "{A}"}}]

[[package]]
name = "rich"
version = "13.0"
extras = ["jupyter"]
groups = ["default"]
files = [{{file = "rich.whl", hash = "{A}"}}]

[[package]]
name = "pytest"
version = "8"
groups = ["test"]
files = [{{url = "https://index.example/pytest.whl", hash = "{B}"}}]

[[package]]
name = "quick"
version = "1"
groups = ["fast-er"]
files = []

[[package]]
name = "own"
version = "1"
git = "https://git.example/own.git"
ref = "main"
revision = "c0ffee"
groups = ["default"]
"""


def test_a_pdm_lock_gives_its_default_group_and_those_that_are_chosen() -> None:
    spec = read(FileKind.PDM_LOCK, PDM_LOCK)
    assert lines(spec) == [
        f'rich==13.0 ; python_version >= "3.8" --hash={A}',
        "own @ git+https://git.example/own.git@c0ffee",
    ]
    assert python(spec) == ["python >=3.10"]
    assert f"pytest==8 --hash={B}" in lines(read(FileKind.PDM_LOCK, PDM_LOCK, groups=("test",)))
    assert "quick==1" in lines(read(FileKind.PDM_LOCK, PDM_LOCK, extras=("fast-er",)))


UV_LOCK = f"""\
version = 1
revision = 3
requires-python = ">=3.10"

[[package]]
name = "app"
version = "0.1"
source = {{ editable = "." }}
dependencies = [
    {{ name = "array", version = "1", marker = "python_full_version < '3.11'" }},
    {{ name = "array", version = "2", marker = "python_full_version >= '3.11'" }},
    {{ name = "client", extra = ["http2"] }},
    {{ name = "windows", marker = "sys_platform == 'win32'" }},
    {{ name = "own" }},
    {{ name = "member" }},
]

[package.optional-dependencies]
fast = [{{ name = "quick" }}]

[package.dev-dependencies]
dev = [{{ name = "checker" }}]

[[package]]
name = "array"
version = "1"
source = {{ registry = "https://a.example/simple" }}
sdist = {{ url = "https://a.example/array.tar.gz", hash = "{A}" }}

[[package]]
name = "array"
version = "2"
source = {{ registry = "https://a.example/simple" }}
dependencies = [{{ name = "deep", marker = "python_full_version < '3.13'" }}]
wheels = [{{ url = "https://a.example/array.whl", hash = "{B}" }}]

[[package]]
name = "deep"
version = "1"
source = {{ registry = "https://a.example/simple" }}

[[package]]
name = "client"
version = "1"
source = {{ registry = "https://a.example/simple" }}

[package.optional-dependencies]
http2 = [{{ name = "protocol" }}, {{ name = "client" }}]

[[package]]
name = "protocol"
version = "1"
source = {{ registry = "https://b.example/simple" }}

[[package]]
name = "windows"
version = "1"
source = {{ registry = "https://a.example/simple" }}

[[package]]
name = "quick"
version = "1"
source = {{ url = "https://h.example/quick-1.tar.gz" }}
sdist = {{ hash = "{A}" }}

[[package]]
name = "checker"
version = "1"
source = {{ registry = "https://a.example/simple" }}

[[package]]
name = "own"
version = "1"
source = {{ git = "https://git.example/own.git?subdirectory=py&rev=v1#c0ffee" }}

[[package]]
name = "member"
version = "1"
source = {{ editable = "packages/member" }}
dependencies = [{{ name = "deep" }}]
"""


def test_a_uv_lock_gives_what_its_project_leads_to_and_for_which_python() -> None:
    spec = read(FileKind.UV_LOCK, UV_LOCK)
    assert lines(spec) == [
        f"array==1 ; python_version < '3.11' --hash={A}",
        f"array==2 ; python_version >= '3.11' --hash={B}",
        "deep==1",
        "client==1",
        "protocol==1",
        "own @ git+https://git.example/own.git@c0ffee#subdirectory=py",
        "-e ./packages/member",
    ]
    assert python(spec) == ["python >=3.10"]
    (warning,) = spec.warnings
    assert "it takes packages from https://b.example/simple too" in warning
    more = lines(read(FileKind.UV_LOCK, UV_LOCK, extras=("fast",), groups=("dev",)))
    assert f"quick @ https://h.example/quick-1.tar.gz --hash={A}" in more
    assert "checker==1" in more
    assert "windows==1" in lines(read(FileKind.UV_LOCK, UV_LOCK, platform="win-64"))


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (FileKind.UV_LOCK, "version = 2\n", "version `2` of the format is not known"),
        (FileKind.UV_LOCK, "version = 1\n", "which project is meant is not known: it has none"),
        (FileKind.UV_LOCK, "version = 1\n[[package]]\nname = 'a'\n", "is not a uv.lock"),
        (FileKind.UV_LOCK, "version = 1\npackage = 3\n", "is not a uv.lock"),
        (FileKind.UV_LOCK, "version = [\n", "not TOML"),
        (
            FileKind.UV_LOCK,
            UV_LOCK.replace("sys_platform == 'win32'", "no marker"),
            "is not a uv.lock",
        ),
        (FileKind.POETRY_LOCK, "[metadata]\nlock-version = '1.1'\n", "does not say which group a package is for"),
        (FileKind.POETRY_LOCK, POETRY_LOCK.replace("^3.10", "^3.10 || ^4"), "has alternatives"),
        (FileKind.POETRY_LOCK, POETRY_LOCK.replace('markers = "sys', 'markers = "((sys'), "is no marker (PEP 508)"),
        (FileKind.PDM_LOCK, "[metadata]\nlock_version = '3'\n", "lock_version `3` is not known"),
        (FileKind.PDM_LOCK, "[metadata]\nlock_version = '4.4'\n[[package]]\nname = 'a'\n", "which group they are for"),
        (FileKind.PIPFILE_LOCK, "{}", "is not a Pipfile.lock"),
        (FileKind.PIPFILE_LOCK, "[]", "is not a Pipfile.lock"),
        (FileKind.PIPFILE_LOCK, "[" * 100_000, "not JSON"),
        (FileKind.PIPFILE_LOCK, '{"_meta": {"pipfile-spec": 9}}', "pipfile-spec `9` is not known"),
        (FileKind.PIPFILE, "[packages]\na = {git = 3}\n", "`git`: expected a text, found `3`"),
        (FileKind.PIPFILE_LOCK, '{"_meta": {"pipfile-spec": 6}, "default": [1]}', "`default`: expected a table"),
        (FileKind.PIPFILE, "[packages]\nrich = 3\n", "`rich`: expected a version or a table, found `3`"),
        (FileKind.PIPFILE, "[packages]\n'rich --index-url http://evil' = '*'\n", "/project/lock:2:"),
        (FileKind.PIPFILE, "[packages]\nrich = '; evil'\n", "/project/lock:2:"),
    ],
)
def test_what_is_wrong_is_one_error(kind: FileKind, text: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        read(kind, text)
    assert said in caught.value.message


@pytest.mark.parametrize("kind", [FileKind.UV_LOCK, FileKind.POETRY_LOCK, FileKind.PDM_LOCK, FileKind.PIPFILE_LOCK])
def test_an_extra_or_a_group_that_is_not_there_is_an_error_with_the_nearest(kind: FileKind) -> None:
    texts = {
        FileKind.UV_LOCK: UV_LOCK,
        FileKind.POETRY_LOCK: POETRY_LOCK,
        FileKind.PDM_LOCK: PDM_LOCK,
        FileKind.PIPFILE_LOCK: PIPFILE_LOCK,
    }
    with pytest.raises(SpecError) as caught:
        read(kind, texts[kind], extras=("nothing",), groups=("devv",))
    assert "there is no extra `nothing`" in caught.value.message
    assert "there is no dependency group `devv`" in caught.value.message

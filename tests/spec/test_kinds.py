from __future__ import annotations

import pytest

from envmgr.spec.kinds import FileKind, kind_of

CONDA_LOCK = "version: 1\nmetadata:\n  platforms: [linux-64]\npackage: []\n"
PIXI = "version: 6\nenvironments:\n  default: {}\npackages: []\n"
ENVIRONMENT = "name: a\ndependencies:\n  - python\n"
EXPLICIT = "# platform: linux-64\n  @EXPLICIT  \nhttps://h.example/c/noarch/a-1-0.conda\n"


@pytest.mark.parametrize(
    ("source", "text", "kind"),
    [
        ("environment.yml", ENVIRONMENT, FileKind.ENVIRONMENT),
        ("-", ENVIRONMENT, FileKind.ENVIRONMENT),
        ("environment.txt", ENVIRONMENT, FileKind.ENVIRONMENT),
        ("environment.yml", "", FileKind.ENVIRONMENT),
        ("environment.json", '{"name": "a", "dependencies": ["python"]}', FileKind.ENVIRONMENT),
        ("conda-lock.yml", CONDA_LOCK, FileKind.CONDA_LOCK),
        ("-", CONDA_LOCK, FileKind.CONDA_LOCK),
        ("pixi.lock", CONDA_LOCK, FileKind.CONDA_LOCK),
        ("lock.json", '# made by\n{"version": 1, "metadata": {}, "package": []}', FileKind.CONDA_LOCK),
        ("pixi.lock", PIXI, FileKind.PIXI_LOCK),
        ("https://h.example/r/pixi.lock?x=1", PIXI, FileKind.PIXI_LOCK),
        ("spec.txt", EXPLICIT, FileKind.EXPLICIT),
        ("requirements.txt", EXPLICIT, FileKind.EXPLICIT),
        ("linux-64.lock", EXPLICIT.replace("\n", "\r\n"), FileKind.EXPLICIT),
        ("-", EXPLICIT, FileKind.EXPLICIT),
        ("requirements.txt", "rich>=13\nnumpy==1.26\n", FileKind.REQUIREMENTS),
        ("dev-requirements.in", "rich\n", FileKind.REQUIREMENTS),
        ("requirements/dev.txt", "rich >=13  # text\n-r base.txt\n", FileKind.REQUIREMENTS),
        ("list.txt", "# $ conda create --name <env> --file <this file>\npython\n", FileKind.TEXT_SPECS),
        ("list.txt", "numpy=1.26=py312_0\n", FileKind.TEXT_SPECS),
        ("list.txt", "conda-forge::numpy\n", FileKind.TEXT_SPECS),
        ("list.txt", "numpy 1.26.*\n", FileKind.TEXT_SPECS),
        ("list.txt", "numpy==1.26 ; python_version > '3'\nrich @ https://h.example/a.whl\n", FileKind.REQUIREMENTS),
        ("list.txt", "numpy==1.26 \\\n    --hash=sha256:00\n", FileKind.REQUIREMENTS),
        ("list.txt", "--index-url=https://h.example/simple\nrich\n", FileKind.REQUIREMENTS),
        (
            "requirements.txt",
            "# $ conda create --name <env> --file <this file>\nnumpy=1.26=py312_0\n",
            FileKind.TEXT_SPECS,
        ),
        ("pyproject.toml", "", FileKind.PYPROJECT),
        ("sub/pylock.toml", "", FileKind.PYLOCK),
        ("pylock.dev.toml", "", FileKind.PYLOCK),
        ("other.toml", 'lock-version = "1.0"\n', FileKind.PYLOCK),
        ("C:\\work\\pyproject.toml", "", FileKind.PYPROJECT),
        ("Pipfile", "[packages]\n", FileKind.PIPFILE),
        ("sub/Pipfile.lock", '{"_meta": {}, "package": 1}', FileKind.PIPFILE_LOCK),
        ("poetry.lock", "", FileKind.POETRY_LOCK),
        ("pdm.lock", "", FileKind.PDM_LOCK),
        ("https://h.example/uv.lock", "version = 1\n", FileKind.UV_LOCK),
        ("pixi.toml", "", FileKind.PIXI_MANIFEST),
        (".venv", '{"pyvenv.cfg": "3.12", "distributions": []}', FileKind.VIRTUAL_ENVIRONMENT),
    ],
)
def test_kind_is_told_by_name_where_a_standard_fixes_it_and_else_by_content(
    source: str, text: str, kind: FileKind
) -> None:
    assert kind_of(source, text) is kind


def test_locks_of_conda_artifacts_are_told_from_files_that_have_to_be_solved() -> None:
    assert {kind for kind in FileKind if kind.is_conda_lock} == {
        FileKind.EXPLICIT,
        FileKind.CONDA_LOCK,
        FileKind.PIXI_LOCK,
    }

"""What kind of file `-f` names: the one place that decides it, by name where a standard fixes it, else by content.

Light: every `create -f` asks. Nothing is parsed here; each kind has its own reader, which says what is wrong.
"""

from __future__ import annotations

import functools
import re
from enum import Enum

from envmgr.urls import file_name, is_url

_EXPLICIT = re.compile(r"^[ \t]*@EXPLICIT[ \t]*\r?$", re.MULTILINE)
_TOP_KEY = re.compile(r"^[\"']?([A-Za-z_][\w-]*)[\"']?[ \t]*:(?=\s|$)", re.MULTILINE)
_JSON_KEY = re.compile(r"[\"']?(metadata|package|packages|environments|dependencies)[\"']?[ \t]*:")
_PYLOCK_NAME = re.compile(r"pylock(?:\.[^.]+)?\.toml")  # PEP 751
_PYLOCK = re.compile(r"^[ \t]*lock-version[ \t]*=", re.MULTILINE)
_REQUIREMENTS_NAME = re.compile(r"(?:.*[._-])?(?:requirements|reqs|constraints)(?:[._-].*)?", re.IGNORECASE)
_CONDA_HEADER = re.compile(r"^#[ \t]*(?:\$ (?:conda|mamba|micromamba) |platform:)", re.MULTILINE)
_CONDA_LINE = re.compile(
    r"""^[ \t]*(?:
        [A-Za-z0-9_.-]+[ \t]*=(?![=])[^#\s]  # numpy=1.26, numpy=1.26=py312_0
        | [\w./:-]+::[A-Za-z0-9_.-]          # conda-forge::numpy
        | [A-Za-z0-9_.-]+[ \t]+\d[\w.*]*     # numpy 1.26
    )""",
    re.MULTILINE | re.VERBOSE,
)
_PIP_OPTION = re.compile(r"^[ \t]*--?[A-Za-z]", re.MULTILINE)  # no match spec begins so
_YAML_NAMES = (".yml", ".yaml", ".json")
_TEXT_NAMES = (".txt", ".in", ".pip")


VIRTUAL_ENVIRONMENT_MARK = '{"pyvenv.cfg":'
"""How the text begins that stands for a virtual environment."""


class FileKind(Enum):
    """The kinds of file that name an environment."""

    ENVIRONMENT = "an environment file (CEP 24)"
    TEXT_SPECS = "a text spec file (CEP 23)"
    REQUIREMENTS = "a requirements file"
    PYPROJECT = "a pyproject.toml"
    PYLOCK = "a pylock.toml (PEP 751)"
    PIPFILE = "a Pipfile"
    PIPFILE_LOCK = "a Pipfile.lock"
    POETRY_LOCK = "a poetry.lock"
    PDM_LOCK = "a pdm.lock"
    UV_LOCK = "a uv.lock"
    PIXI_MANIFEST = "a pixi.toml"
    VIRTUAL_ENVIRONMENT = "a virtual environment"
    EXPLICIT = "an explicit file (CEP 23)"
    CONDA_LOCK = "a conda-lock file (CEP 37)"
    PIXI_LOCK = "a pixi lock file"

    @property
    def has_groups(self) -> bool:
        """Whether dependency groups, and mostly extras, can be chosen of it."""
        return self in _GROUPED

    @property
    def is_of_pip(self) -> bool:
        """Whether it knows pip's world alone, so that it needs a python that it may not name."""
        return self in _OF_PIP

    @property
    def is_conda_lock(self) -> bool:
        """Whether it locks conda artifacts, so that nothing is left to solve."""
        return self in _LOCKS


_BY_NAME = {
    "Pipfile": FileKind.PIPFILE,
    "Pipfile.lock": FileKind.PIPFILE_LOCK,
    "poetry.lock": FileKind.POETRY_LOCK,
    "pdm.lock": FileKind.PDM_LOCK,
    "uv.lock": FileKind.UV_LOCK,
    "pixi.toml": FileKind.PIXI_MANIFEST,
}
_PROJECT_TOOLS = frozenset(
    {FileKind.PIPFILE, FileKind.PIPFILE_LOCK, FileKind.POETRY_LOCK, FileKind.PDM_LOCK, FileKind.UV_LOCK}
)
_GROUPED = frozenset({FileKind.PYPROJECT, FileKind.PYLOCK}) | _PROJECT_TOOLS
_OF_PIP = _GROUPED | {FileKind.REQUIREMENTS, FileKind.VIRTUAL_ENVIRONMENT}
_LOCKS = frozenset({FileKind.EXPLICIT, FileKind.CONDA_LOCK, FileKind.PIXI_LOCK})


@functools.lru_cache(maxsize=4)  # asked several times of each file of a command; a large lock takes milliseconds
def kind_of(source: str, text: str) -> FileKind:
    """Return what the file `source` (a path, `-` or a URL) with the content `text` is.

    Never raises: what nothing speaks for is an environment file, whose reader says what is wrong with it.
    """
    name = _name(source)
    if text.startswith(VIRTUAL_ENVIRONMENT_MARK):
        return FileKind.VIRTUAL_ENVIRONMENT
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name.endswith(".toml"):
        is_lock = name != "pyproject.toml" and (_PYLOCK_NAME.fullmatch(name) or _PYLOCK.search(text))
        return FileKind.PYLOCK if is_lock else FileKind.PYPROJECT
    if _EXPLICIT.search(text):
        return FileKind.EXPLICIT
    keys = _top_keys(text)
    if "package" in keys and "dependencies" not in keys:
        return FileKind.CONDA_LOCK
    if {"environments", "packages"} <= keys:
        return FileKind.PIXI_LOCK
    is_yaml = name.endswith(_YAML_NAMES) or "dependencies" in keys
    return FileKind.ENVIRONMENT if is_yaml else _text_kind(name, text)


def _text_kind(name: str, text: str) -> FileKind:
    if _CONDA_HEADER.search(text):  # `conda list --export > requirements.txt`
        return FileKind.TEXT_SPECS
    if _REQUIREMENTS_NAME.fullmatch(name.rpartition(".")[0] or name):
        return FileKind.REQUIREMENTS
    if name.endswith(_TEXT_NAMES):
        is_conda = not _PIP_OPTION.search(text) and _CONDA_LINE.search(text)
        return FileKind.TEXT_SPECS if is_conda else FileKind.REQUIREMENTS
    return FileKind.ENVIRONMENT


def _top_keys(text: str) -> frozenset[str]:
    start = re.search(r"^[ \t]*[^#\s]", text, re.MULTILINE)
    if start is not None and text[start.end() - 1] == "{":  # JSON, which is YAML
        keys = frozenset(_JSON_KEY.findall(text))  # of every depth: packages of a lock have dependencies too
        return keys - {"dependencies"} if {"package", "metadata"} <= keys else keys
    return frozenset(_TOP_KEY.findall(text))


def _name(source: str) -> str:
    return file_name(source) if is_url(source) else re.split(r"[/\\]", source)[-1]

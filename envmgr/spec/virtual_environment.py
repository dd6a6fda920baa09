"""A virtual environment (PEP 405) as what is wanted: its python, and what is installed in it, version by version.

What somebody asked pip or uv for (REQUESTED, PEP 376) is asked for; all else is a constraint, so that it comes in the
same version where it is needed. Installations from a repository, a URL or a directory are named by PEP 610.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from envmgr.errors import SpecError
from envmgr.spec import pip_files, requirements
from envmgr.spec.faults import Faults, SpecFault
from envmgr.spec.kinds import VIRTUAL_ENVIRONMENT_MARK
from envmgr.spec.model import EnvironmentSpec, Origin, Requirement
from envmgr.urls import path_of_file_url, redact

_BROUGHT = frozenset({"pip", "setuptools", "wheel"})  # by whatever made it
_VERSION = re.compile(r"^version(?:_info)?\s*=\s*(\d+\.\d+)", re.MULTILINE)


def text_of(directory: Path) -> str:
    """Return what is in the virtual environment at `directory`, as the text that `read` reads.

    Raises SpecError where its pyvenv.cfg says no version of python, or nothing of it can be read.
    """
    try:
        configuration = (directory / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace")
        sites = [*sorted(directory.glob("lib/python*/site-packages")), *directory.glob("Lib/site-packages")]
        found = [_described(each) for site in sites for each in distributions(path=[str(site)])]
    except OSError as error:
        raise SpecError(f"{error.filename or directory} cannot be read: {error.strerror}") from error
    version = _VERSION.search(configuration)
    if version is None:
        raise SpecError(f"{directory / 'pyvenv.cfg'}: expected `version = 3.12.1`, found no version of python")
    listed = sorted((each for each in found if each["name"]), key=lambda each: str(each["name"]))
    return f'{VIRTUAL_ENVIRONMENT_MARK} "{version[1]}", "distributions": {json.dumps(listed, indent=1)}}}'


def read(text: str, *, source: str, with_python: bool = True) -> EnvironmentSpec:
    """Return what the text of `text_of` asks for; without its python where another is asked for.

    Raises one SpecError that names every fault.
    """
    label = redact(source)
    faults = Faults(label)
    try:
        document = json.loads(text)
        listed, version = list(document["distributions"]), str(document["pyvenv.cfg"])
        lines = [(bool(each["requested"]), str(each["name"]), str(each["line"])) for each in listed]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SpecError(f"{label} does not describe a virtual environment: {error}") from error
    origin = Origin(source=label)
    pip: list[Requirement] = []
    constraints: list[Requirement] = []
    is_known = any(is_requested for is_requested, name, _ in lines if name not in _BROUGHT)
    for is_requested, name, line in lines:
        if name in _BROUGHT:
            continue
        try:
            target = pip if is_requested or not is_known else constraints
            target.append(requirements.parse(line, origin))
        except SpecFault as fault:
            faults.add(None, f"{name}: {fault.message}", fault.mend)
    python = (pip_files.python(version, origin),) if with_python else ()
    faults.raise_if_any()
    return EnvironmentSpec(dependencies=python, pip=tuple(pip), pip_constraints=tuple(constraints), sources=(label,))


def _described(distribution: Distribution) -> Mapping[str, Any]:
    metadata = distribution.metadata
    name = str(canonicalize_name(metadata["Name"] or "")) if metadata is not None else ""
    try:
        origin = json.loads(distribution.read_text("direct_url.json") or "null")
    except (ValueError, RecursionError):
        origin = None
    line = next(_from_elsewhere(name, origin), None) if isinstance(origin, Mapping) else None
    return {
        "name": name,
        "line": line or f"{name}=={distribution.version}",
        "requested": distribution.read_text("REQUESTED") is not None,
    }


def _from_elsewhere(name: str, origin: Mapping[str, Any]) -> Iterator[str]:
    """Yield the line for what came from a repository, a directory or a URL (PEP 610)."""
    url, subdirectory = str(origin.get("url", "")), origin.get("subdirectory")
    behind = f"#subdirectory={subdirectory}" if subdirectory else ""
    repository, directory = origin.get("vcs_info"), origin.get("dir_info")
    path = path_of_file_url(url)
    if isinstance(repository, Mapping):
        yield f"{name} @ {repository.get('vcs', 'git')}+{url}@{repository.get('commit_id', '')}{behind}"
    elif isinstance(directory, Mapping) and path is not None:
        yield f"-e {path}" if directory.get("editable") else f"{name} @ {path}"
    elif url:
        yield f"{name} @ {url}{behind}"

"""Requirements that name a source (a path, an archive, a repository), made ready for a resolution: there, and named."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.utils import canonicalize_name

from envmgr.errors import PipError
from envmgr.lock.model import PipPackage
from envmgr.pypi import directories
from envmgr.pypi.uv import RESOLVE_SECONDS, Uv, UvFailed
from envmgr.spec import pip_sources
from envmgr.spec.model import COMMAND_LINE, Requirement
from envmgr.urls import path_of_file_url, redact

_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")  # those that pip reads
_ANSWER = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?(?: @ |==)\S")


def secrets(requirements: Sequence[Requirement], environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return (value, `${NAME}`) of every variable that the requirements name, for messages without them."""
    names = {name for requirement in requirements for name in _VARIABLE.findall(requirement.url or "")}
    return tuple((environ[name], f"${{{name}}}") for name in sorted(names) if environ.get(name))


def expanded(url: str | None, environ: Mapping[str, str]) -> str | None:
    """Return a URL with its variables replaced; secret. Raises PipError for one that is not set."""
    unset = [name for name in _VARIABLE.findall(url or "") if name not in environ]
    if unset:
        raise PipError(
            f"{redact(url or '')} names the variable `{unset[0]}`, which is not set", hint=f"export {unset[0]}=…"
        )
    return _VARIABLE.sub(lambda match: environ[match[1]], url) if url is not None else None


def placed(requirements: Sequence[Requirement], environ: Mapping[str, str]) -> tuple[Requirement, ...]:
    """Return the requirements with the variables of local paths replaced, all local sources there.

    Variables in other URLs stay: uv replaces them, where they are used. Raises PipError that names every line whose
    variable is not set or whose path is not there, or is no project.
    """
    found, faults = [], list[tuple[str, str]]()
    for requirement in requirements:
        unset = [name for name in _VARIABLE.findall(requirement.url or "") if name not in environ]
        if unset:
            faults.append((f"{requirement.origin}: `{requirement.text}` names the variable `{unset[0]}`, which is not "
                           "set", f"export {unset[0]}=…"))  # fmt: skip
            continue
        placed = _expanded(requirement, environ)
        faults += _missing(placed)
        found.append(placed)
    if faults:
        raise PipError("\n".join(message for message, _ in faults), hint=faults[0][1])
    return tuple(found)


def named(requirement: Requirement, uv: Uv, build_python: Callable[[], Path] | None) -> Requirement:
    """Return a requirement with the name of what its source is: as the directory says, or as building it shows.

    Raises PipError where that fails.
    """
    if requirement.is_named:
        return requirement
    path = path_of_file_url(requirement.url or "")
    name = directories.name_of(_below(path, requirement)) if path is not None and path.is_dir() else None
    if name is None and build_python is None:
        raise PipError(
            f"{requirement.origin}: `{requirement.text}` does not say which package it is, and to look may take a "
            "build, which is for the python of another platform",
            hint=f"write `NAME @ {requirement.url}`",
        )
    return replace(requirement, name=name or _looked_up(requirement, uv, build_python()))  # type: ignore[misc]


def locked(package: PipPackage, requirements: Sequence[Requirement]) -> PipPackage:
    """Return what a resolution gave for a source as the lock has it: a directory's contents, build settings."""
    asked = [requirement for requirement in requirements if requirement.name == package.name]
    settings = tuple(sorted({each for requirement in asked for each in requirement.config_settings}))
    if package.kind not in ("directory", "editable"):
        is_checkout = package.kind == "vcs" and any(requirement.is_editable for requirement in asked)
        return package._replace(config_settings=settings, kind="checkout" if is_checkout else package.kind)
    is_editable = any(requirement.is_editable for requirement in asked)
    path = path_of_file_url(package.url.partition("#")[0])
    if path is None:
        raise PipError(f"{package.name}: `{package.url}` is no directory of this machine")
    return package._replace(
        kind="editable" if is_editable else "directory",
        sha256=directories.metadata_digest(path) if is_editable else directories.digest(path),
        config_settings=settings,
    )


def changed(packages: Sequence[PipPackage]) -> Iterator[str]:
    """Yield the directories and local files that are not as they were locked, one sentence each."""
    for package in packages:
        if package.kind == "archive" and package.is_local:
            file = path_of_file_url(package.url.partition("#")[0])
            if file is None or not file.is_file():
                yield f"pip: {package.name}: {file or package.url} is not there"
            elif _sha256(file) != package.sha256:
                yield f"pip: {package.name}: {file} has changed"
        elif package.kind in ("directory", "editable"):
            path = path_of_file_url(package.url.partition("#")[0])
            if path is None or not path.is_dir():
                yield f"pip: {package.name}: {path or package.url} is not there"
            elif locked(package, [_of(package)]).sha256 != package.sha256:
                what = "what it requires" if package.kind == "editable" else "what is in it"
                yield f"pip: {package.name}: {what} has changed in {path}"


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    try:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise PipError(f"{file} cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def _of(package: PipPackage) -> Requirement:
    return Requirement(text="", name=package.name, origin=COMMAND_LINE, is_editable=package.kind == "editable")


def _expanded(requirement: Requirement, environ: Mapping[str, str]) -> Requirement:
    url = requirement.url
    if url is None or not url.startswith("file:") or "${" not in url:
        return requirement
    text = _VARIABLE.sub(lambda match: environ[match[1]], url)
    source = pip_sources.parse(text if text.startswith("file:///") else text.removeprefix("file:"), base="/")
    name = requirement.name if requirement.is_named else (source.name or requirement.name)
    return replace(requirement, url=source.url, name=name)


def _missing(requirement: Requirement) -> Iterator[tuple[str, str]]:
    path = path_of_file_url(requirement.url or "")
    if path is None:
        return
    where = f"{requirement.origin}: `{requirement.text}`"
    if not path.exists():
        yield f"{where}: there is no {path}", "name a directory with a pyproject.toml, a wheel or an sdist"
    elif path.is_dir() and not directories.is_project(_below(path, requirement)):
        yield (
            f"{where}: {path} has neither pyproject.toml nor setup.py, so nothing there can be installed",
            ("name the directory that has one"),
        )
    elif path.is_file() and requirement.is_editable:
        yield f"{where}: {path} is a file, and only a directory can be edited", "remove the `-e`"


def _below(path: Path, requirement: Requirement) -> Path:
    match = re.search(r"#(?:.*&)?subdirectory=([^&]+)", requirement.url or "")
    return path / match[1] if match else path


def _looked_up(requirement: Requirement, uv: Uv, python: Path) -> str:
    with TemporaryDirectory(prefix="envmgr-pip-") as directory:
        asked, answer = Path(directory, "requirements.in"), Path(directory, "requirements.txt")
        asked.write_text(f"{requirement.url}\n", encoding="utf-8")
        try:
            uv.run(
                ["pip", "compile", asked, "--no-deps", "--no-header", "--no-annotate", "--no-sources", "--quiet",
                 "--python", python, "--output-file", answer],
                hidden=secrets([requirement], uv.environ),
                timeout=RESOLVE_SECONDS,
            )  # fmt: skip
        except UvFailed as failure:
            from envmgr.pypi import failures  # start-up time: what only a failure needs

            raise failures.explain(failure, [requirement], offline=uv.offline, near=lambda _: ()) from failure
        match = _ANSWER.search(answer.read_text(encoding="utf-8"))
    if match is None:
        raise PipError(
            f"{requirement.origin}: `{requirement.text}` does not say which package it is",
            hint=f"write `NAME @ {requirement.url}`",
        )
    return canonicalize_name(match["name"])

"""An answer that may need builds: with wheels alone first, then with what cannot be had otherwise, built.

What is built is built by uv, isolated (PEP 517), by the python of the conda half, and kept in uv's cache.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from email.parser import HeaderParser
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envmgr.errors import PipError
from envmgr.lock.model import PipPackage
from envmgr.pypi import clashes, compilation, directories, failures, nearest, offers, pins, pylock
from envmgr.pypi.compilation import Builds, Question
from envmgr.pypi.provided import Distribution
from envmgr.pypi.uv import RESOLVE_SECONDS, Uv, UvFailed
from envmgr.reporting import Reporter
from envmgr.spec.model import Requirement
from envmgr.urls import path_of_file_url

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
# What uv (0.13) says of a package that has an sdist, and no wheel for the target
_WITHOUT_WHEEL = re.compile(
    rf"({_NAME})(?:\[[^\]]*\])?(?:[<>=!~,.\w*+]*|\s+v[\w.]+) (?:has|have) no usable wheels\b"
    rf"|Wheels are required for `({_NAME})`"
)
_BUILD_NEEDED = re.compile(r"Building source distributions (?:for `[^`]*` )?is disabled")
_MOST_ROUNDS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an answer is for: the requirements that hold, what conda provides, the interpreter for builds (None:
    nothing can be built for this platform here), where wheels that stand for others are kept, and the `constraints`, by
    name, as messages have them."""

    requirements: tuple[Requirement, ...]
    distributions: Mapping[str, Distribution]
    build_python: Callable[[], Path] | None
    stubs: Path
    constraints: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The packages of a resolution, and the question in the form that it was answered in."""

    packages: tuple[PipPackage, ...]
    question: Question


def answer(uv: Uv, question: Question, asked: Asked, reporter: Reporter) -> Answer:
    """Return the answer to `question`, with as few builds as can be.

    Raises PipError as `resolve` does, and for what would have to be built and must not or cannot be.
    """
    if question.builds.names:
        question = _allowed(question, question.builds.names, asked)
    for _ in range(_MOST_ROUNDS):
        settled = pins.settled(
            uv, question, {requirement.name for requirement in asked.requirements}, directory=asked.stubs
        )
        try:
            packages = compilation.packages(uv, settled, reporter)
        except UvFailed as failure:
            more = _to_build(failure.text, question, asked, uv)
            if not more:
                raise _explained(failure, uv, settled, asked) from failure
            question = _allowed(question, more, asked)
            continue
        except PipError as error:
            raise _with_line(error, asked.requirements) from error
        pins.check(settled, [package.name for package in packages], uv)
        return Answer(packages=packages, question=settled)
    raise PipError("the pip half cannot be resolved: more and more packages would have to be built")


def with_version(package: PipPackage, uv: Uv, build_python: Callable[[], Path] | None) -> PipPackage:
    """Return a package of a directory with its version: as its files say, or as its build does. Raises PipError."""
    path = path_of_file_url(package.url.partition("#")[0])
    static = directories.version_of(path) if path is not None else None
    if static is not None:
        return package._replace(version=static)
    if build_python is None:
        raise PipError(
            f"{package.name}: its version is known once it is built, and it cannot be built for another platform here",
            hint=f"write `version = …` into {path}/pyproject.toml, or lock on that platform",
        )
    with TemporaryDirectory(prefix="envmgr-pip-") as name:
        order = Path(name, "pylock.toml")
        order.write_text(pylock.write([package]), encoding="utf-8")
        try:
            uv.run(
                ["pip", "sync", order, "--python", build_python(), "--target", Path(name, "tree"), "--no-sources",
                 "--preview-features", "pylock", "--quiet", *uv.anew(package.name)],
                timeout=RESOLVE_SECONDS,
            )  # fmt: skip
        except UvFailed as failure:
            raise failures.explain_installation(failure) or failure from failure
        for metadata in Path(name, "tree").glob("*.dist-info/METADATA"):
            headers = HeaderParser().parsestr(metadata.read_text(encoding="utf-8", errors="replace"))
            if canonicalize_name(str(headers["Name"])) == package.name:
                return package._replace(version=_version(str(headers["Version"]), package))
    raise PipError(f"{package.name}: what was built of {path} is another package")


def _version(text: str, package: PipPackage) -> str:
    try:
        return str(Version(text))
    except InvalidVersion as error:
        raise PipError(f"{package.name}: its build says version `{text}`, which is none (PEP 440)") from error


def _allowed(question: Question, names: frozenset[str], asked: Asked) -> Question:
    python = asked.build_python() if asked.build_python is not None else None
    builds = Builds(names=question.builds.names | names, python=python, settings=question.builds.settings)
    return replace(question, builds=builds)


def _to_build(text: str, question: Question, asked: Asked, uv: Uv) -> frozenset[str]:
    """Return the packages that a failure says cannot be had without a build, and that may be built."""
    found = _named_without_wheel(text)
    sources = {each.name for each in asked.requirements if each.url and not each.url.endswith(".whl")}
    if _BUILD_NEEDED.search(text):
        found |= sources
    new = found - question.builds.names - set(question.stubs)
    kept = set(question.options.only_binary)
    if uv.indexes.sdists_forbidden or ":all:" in kept:
        new &= sources
    return frozenset(new - kept)


def _with_line(error: PipError, requirements: Sequence[Requirement]) -> PipError:
    """Return an error about one package with the lines that ask for it."""
    lines = [each for each in requirements if error.message.startswith(f"{each.name} ")]
    where = "".join(f"\n  {each.origin}: `{each.text}`" for each in lines)
    return PipError(error.message + where, hint=error.hint, details=error.details)


def _explained(failure: UvFailed, uv: Uv, question: Question, asked: Asked) -> PipError:
    if "No solution found" in failure.text:
        refused = clashes.indirect(
            uv, question, failure, asked.requirements, asked.distributions, directory=asked.stubs
        )
        if refused:
            return clashes.Clashed(refused)
    unbuilt = _without_wheel(failure, uv, question, asked)
    if unbuilt is not None:
        return unbuilt
    known = {*asked.distributions, *(requirement.name for requirement in asked.requirements)}

    def near(name: str) -> tuple[str, ...]:
        return nearest.nearest(name, known | offers.listed(uv)) or offers.known_well(name, uv, question)

    def elsewhere(name: str) -> str | None:
        return offers.pinned_to_others(name, uv)

    def offered(name: str) -> tuple[str, ...]:
        return offers.newest(name, uv, question)

    return failures.explain(
        failure,
        asked.requirements,
        offline=uv.offline,
        near=near,
        elsewhere=elsewhere,
        offered=offered,
        constraints=[
            *(text for name, text in asked.constraints if failures.mentions(failure.text, name)),
            *uv.indexes.constraints_on(lambda name: failures.mentions(failure.text, name)),
        ],
    )


def _without_wheel(failure: UvFailed, uv: Uv, question: Question, asked: Asked) -> PipError | None:
    """Return the error for what would have to be built, and is not to be or cannot be."""
    names: set[str] = {
        canonicalize_name(name) for names in _WITHOUT_WHEEL.findall(failure.text) for name in names if name
    }
    if _BUILD_NEEDED.search(failure.text):
        names |= {each.name for each in asked.requirements if each.url and not each.url.endswith(".whl")}
    names -= question.builds.names
    if asked.build_python is None and compilation.NOT_STATIC in failure.text:
        names = _named_as_built(failure.text)
    if not names:
        return None
    lines = [each for each in asked.requirements if each.name in names]
    where = "".join(f"\n  {each.origin}: `{each.text}`" for each in lines)
    what = f"{', '.join(sorted(names))} would have to be built"
    details = {"names": sorted(names), "engine": failure.text}
    if asked.build_python is None:
        return PipError(
            f"{what} for {question.target.platform}, which only a machine of that platform can{where}",
            hint="lock on that platform, or ask for a version that has a wheel for it, or whose sdist says its "
            "dependencies without being built (PKG-INFO 2.2 or later, or pyproject.toml)",
            details=details,
        )
    why = "--only-binary"
    if uv.indexes.sdists_forbidden:
        why = f"{uv.indexes.sdists_forbidden}: `sdists: forbid`"
    return PipError(f"{what}, and {why} does not allow it{where}", details=details)


def _named_as_built(text: str) -> set[str]:
    return {canonicalize_name(name) for name in re.findall(rf"Failed to (?:download and )?build `({_NAME})", text)}


def _named_without_wheel(text: str) -> set[str]:
    return {canonicalize_name(name) for names in _WITHOUT_WHEEL.findall(text) for name in names if name}

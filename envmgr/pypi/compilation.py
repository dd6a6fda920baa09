"""`uv pip compile`: one question (requirements, bound by stubs, for a target), answered as wheels and as a graph."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.utils import canonicalize_name

from envmgr.errors import PipError
from envmgr.lock.model import PipPackage
from envmgr.pypi import indexes, pylock, unhashed
from envmgr.pypi.pylock import Choice
from envmgr.pypi.target import Target
from envmgr.pypi.uv import RESOLVE_SECONDS, Uv, UvFailed
from envmgr.reporting import Reporter
from envmgr.spec.model import NO_OPTIONS, PipOptions
from envmgr.urls import without_credentials

_PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?(?:==(?P<version>\S+)| @ \S+)")

_NOT_FOUND = re.compile(
    r"\b([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])? was not found in the "
    r"(?:package registry|provided package locations)"
)
_YANKED = re.compile(r"`(?P<name>[^`=]+)==(?P<version>[^`]+)` is yanked(?: \(reason: \"(?P<reason>.*)\"\))?")

NOT_STATIC = "envmgr: its metadata is not static"
_GUARD = f"import os\nos.write(2, b'{NOT_STATIC}\\n')\nos._exit(1)\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Builds:
    """What may be built on the way to an answer: the packages in `names`, or every one (`:all:` among them) by the
    interpreter `python`, which is the target's (None: nothing can be built, and an sdist whose metadata is static, as
    its PKG-INFO or pyproject.toml says, has to do).

    `settings` are `NAME:KEY=VALUE` for their builds.
    """

    names: frozenset[str] = frozenset()
    python: Path | None = None
    settings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`requirements` are lines that uv reads; `stubs` bind a name to its stub wheel (`name @ file://…`); `locked` are
    preferred where they are allowed; nothing uploaded after `exclude_newer` counts. The packages in `pinned` are in
    the answer, each from the index that it is pinned to; those in `blocked` are bound to what nothing has.

    `constraints` are lines that bind too, `hashes` are those that a package's file must have one of, `editables` are
    names by URL, and `secrets` are (text, stands for) pairs for messages."""

    requirements: tuple[str, ...]
    target: Target
    stubs: Mapping[str, str]
    locked: tuple[PipPackage, ...] = ()
    exclude_newer: datetime | None = None
    pinned: tuple[str, ...] = ()
    blocked: Mapping[str, str] = field(default_factory=dict)
    constraints: tuple[str, ...] = ()
    hashes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    editables: Mapping[str, str] = field(default_factory=dict)
    options: PipOptions = NO_OPTIONS
    builds: Builds = Builds()
    secrets: tuple[tuple[str, str], ...] = ()

    def without_stubs(self, *names: str) -> Question:
        """Return the question with the stubs of `names` left out, or all of them where no name is given."""
        kept = {name: stub for name, stub in self.stubs.items() if names and name not in names}
        return replace(self, stubs=kept)

    def bound_by(self, names: Collection[str]) -> Question:
        """Return the question with the stubs of `names` alone."""
        return replace(self, stubs={name: stub for name, stub in self.stubs.items() if name in names})


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One distribution of a resolution: `version` is None for a stub, `parents` are the names that require it."""

    version: str | None
    index_url: str | None
    parents: tuple[str, ...]


Graph = Mapping[str, Node]


def packages(uv: Uv, question: Question, reporter: Reporter) -> tuple[PipPackage, ...]:
    """Return what answers `question`, stubs left out, sorted by name, each with the index that has it and
    the names that it requires here. Yanked ones (PEP 592) are said.

    Raises UvFailed where there is no answer, PipError where uv's two accounts of it differ.
    """
    with _files(question) as directory:
        output = directory / "pylock.toml"
        output.write_text(pylock.write(question.locked), encoding="utf-8")
        warnings = _compile(uv, question, directory, "--format", "pylock.toml", "--output-file", output)
        text = output.read_text(encoding="utf-8")
        found = pylock.read(text, choice=_choice(question, uv), directory=directory, without=question.stubs)
    for warning in warnings:
        yanked = _YANKED.fullmatch(warning)
        if yanked is not None:
            reason = f": {yanked['reason']}" if yanked["reason"] else ""
            reporter.warning(
                f"{yanked['name']} {yanked['version']} was yanked from its index{reason} (it is taken because exactly "
                "that version is asked for)"
            )
    try:
        # What the first run has just cached, so that both see the same index
        nodes = graph(uv, question, offline=True)
    except UvFailed:
        nodes = graph(uv, question)
    if not _agree(found, {name: node for name, node in nodes.items() if name not in question.stubs}):
        raise PipError("the package index changed its answers between two requests", hint="run the command again")
    requires: dict[str, list[str]] = {}
    for name, node in nodes.items():
        for parent in node.parents:
            requires.setdefault(parent, []).append(name)
    return tuple(
        package._replace(
            index_url=nodes[package.name].index_url, requires=tuple(sorted(requires.get(package.name, ())))
        )
        for package in found
    )


def graph(uv: Uv, question: Question, *, offline: bool = False) -> Graph:
    """Return every distribution that answers `question`, stubs included, by name. Raises UvFailed."""
    with _files(question) as directory:
        output = directory / "requirements.txt"
        pins = (f"{each.name}=={each.version}\n" for each in question.locked if each.kind in ("wheel", "sdist"))
        output.write_text("".join(pins))
        _compile(
            uv, question, directory, "--no-header", "--annotation-style", "split", "--emit-index-annotation",
            "--quiet", "--output-file", output, offline=offline,
        )  # fmt: skip
        return dict(_nodes(output.read_text(encoding="utf-8").splitlines(), question.editables))


def unbound(uv: Uv, question: Question) -> Graph:
    """Return what would answer `question` without conda's versions, those kept that no index has anything of.

    Raises UvFailed.
    """
    kept: set[str] = set()
    while True:
        try:
            return graph(uv, question.bound_by(kept))
        except UvFailed as failure:
            unknown = {name for name in names_not_found(failure.text) if name in question.stubs} - kept
            if not unknown:
                raise
            kept |= unknown


def names_not_found(text: str) -> frozenset[str]:
    """Return the names that, as uv says, no index has."""
    return frozenset(canonicalize_name(name) for name in _NOT_FOUND.findall(text))


@contextmanager
def _files(question: Question) -> Iterator[Path]:
    with TemporaryDirectory(prefix="envmgr-pip-") as name:
        directory = Path(name)
        (directory / "requirements.in").write_text("".join(f"{line}\n" for line in question.requirements), "utf-8")
        (directory / "constraints.txt").write_text(
            "".join(
                f"{line}\n" for line in (*question.stubs.values(), *question.blocked.values(), *question.constraints)
            ),
            "utf-8",
        )
        yield directory


def _compile(
    uv: Uv, question: Question, directory: Path, *options: str | Path, offline: bool = False
) -> tuple[str, ...]:
    target = question.target
    arguments: list[str | Path] = [
        "pip", "compile", directory / "requirements.in", "--constraints", directory / "constraints.txt",
        *_formats(question), "--python", question.builds.python or sys.executable,
        "--python-version", target.python_version, "--python-platform", target.python_platform, *options,
    ]  # fmt: skip
    arguments += ["--prerelease", "allow"] if question.options.pre else []
    arguments += ["--no-deps"] if question.options.no_deps else []
    for setting in question.builds.settings:
        arguments += ["--config-settings-package", setting]
    for constraint in uv.indexes.constraints:
        arguments += ["--constraints", constraint]
    if question.pinned:
        arguments.insert(3, directory / "pyproject.toml")  # whose sources are the pins
        (directory / "pyproject.toml").write_text(uv.indexes.project(question.pinned), encoding="utf-8")
    else:
        arguments.append("--no-sources")
    if question.exclude_newer is not None:
        arguments += ["--exclude-newer", question.exclude_newer.isoformat()]
    variables = dict(target.variables)
    if question.builds.names and question.builds.python is None:
        # uv has no option that takes static metadata and builds nothing: whatever a build would start, ends here
        arguments.append("--no-build-isolation")
        (directory / "sitecustomize.py").write_text(_GUARD, encoding="utf-8")
        variables["PYTHONPATH"] = str(directory)
    return uv.run(
        arguments,
        variables=variables,
        offline=offline,
        hidden=((str(directory / "requirements.in"), "the pip section"), (f"{directory}/", ""), *question.secrets),
        timeout=RESOLVE_SECONDS,
    )


def _formats(question: Question) -> list[str]:
    """Return the options that keep uv to wheels, apart from what may be built."""
    names = question.builds.names
    if ":all:" in names:
        kept = {*question.options.only_binary, *question.stubs, *question.blocked}  # those are wheels
        return ["--no-binary", ":all:", *(f"--only-binary={name}" for name in sorted(kept))]
    return ["--only-binary", ":all:", *(f"--no-binary={name}" for name in sorted(names))]


def _choice(question: Question, uv: Uv) -> Choice:
    known = {package.url: package.sha256 for package in question.locked}

    def hashing(url: str, said: Mapping[str, str]) -> str:
        return known.get(without_credentials(url)) or unhashed.sha256_of(url, said, uv)

    return Choice(tags=question.target.tags, built=question.builds.names, hashes=question.hashes, hashing=hashing)


def _agree(found: Iterable[PipPackage], nodes: Graph) -> bool:
    """Whether both accounts of an answer have the same packages, in the same versions where both say one."""
    versions = {package.name: package.version for package in found}
    return versions.keys() == nodes.keys() and all(
        node.version is None or node.version == versions[name] for name, node in nodes.items()
    )


def _nodes(lines: Iterable[str], editables: Mapping[str, str]) -> Iterator[tuple[str, Node]]:
    """Read pins and their `# via` and `# from` annotations, as `--annotation-style split` writes them."""
    name, version, parents, index_url = "", None, list[str](), None
    for line in lines:
        pin = _PIN.match(_named(line, editables))
        text = line.strip().removeprefix("#").strip()
        if pin is not None:
            if name:
                yield name, Node(version=version, index_url=index_url, parents=tuple(parents))
            name, version, parents, index_url = canonicalize_name(pin["name"]), pin["version"], [], None
        elif text.startswith("from "):
            index_url = without_credentials(text.removeprefix("from ").strip())
        elif line.strip().startswith("#"):
            parent = text.removeprefix("via").strip().partition("[")[0].partition(" (")[0]
            if parent and not parent.startswith("-") and parent != indexes.PROJECT:  # `-r FILE` and `-c FILE` are ours
                parents.append(canonicalize_name(parent))
    if name:
        yield name, Node(version=version, index_url=index_url, parents=tuple(parents))


def _named(line: str, editables: Mapping[str, str]) -> str:
    """Return a line of uv's answer with the name in front, which it leaves out of what is edited."""
    url = line.removeprefix("-e ").strip()
    return f"{editables[url]} @ {url}" if line.startswith("-e ") and url in editables else line

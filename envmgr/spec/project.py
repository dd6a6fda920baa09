"""What the files of pip's project tools say, and what is wanted of it."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from packaging.markers import InvalidMarker
from packaging.utils import canonicalize_name

from envmgr.spec import pip_files
from envmgr.spec.faults import Faults, SpecFault, shown
from envmgr.spec.files import base_of
from envmgr.spec.machine_markers import ALWAYS, NEVER, may_hold
from envmgr.spec.model import NO_OPTIONS, EnvironmentSpec, Origin, Requirement
from envmgr.spec.requirements_file import RequirementsReader
from envmgr.urls import redact

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
# `name = "rich"`, `"rich": {`, `rich = "*"`, `"rich" = "*"`
_NAMING = re.compile(r"""\s*(?:name\s*=\s*["']([^"']+)["']|["']([^"']+)["']\s*[:=]|([\w.-]+)\s*=)""")
_EXTRA = re.compile(r"""extra\s*(?P<sign>==|!=|in)\s*["'](?P<name>[^"']+)["']""")


class Wish(NamedTuple):
    """What is taken of a project: for a platform (a subdir), with normalised names of extras and groups."""

    platform: str
    extras: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()


class Entry(NamedTuple):
    """One requirement line without hashes, the hashes that its artifact has one of, and what it is called there."""

    text: str
    name: str
    marker: str = ""
    hashes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What a file of such a tool says: entries, the python it allows (PEP 440), the extras and groups that it has.

    `indexes` are those of its entries, where each names one, and `sources` those that it names beside the tool's own
    default. With `is_lock` nothing is resolved beside the entries.
    """

    entries: tuple[Entry, ...]
    python: str = ""
    extras: frozenset[str] | None = frozenset()
    groups: frozenset[str] = frozenset()
    indexes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    is_lock: bool = True
    warnings: tuple[str, ...] = ()


def text_of(table: Mapping[str, Any], key: str, default: str = "") -> str:
    """Return the text of a key, which is `default` where it is not there; raises SpecFault for what is no text."""
    value = table.get(key, default)
    if not isinstance(value, str):
        raise SpecFault(f"`{key}`: expected a text, found {shown(str(value))}")
    return value


class Elsewhere(NamedTuple):
    """Where a package comes from that is from no index: one of a repository, a URL and a path."""

    git: str = ""
    url: str = ""
    path: str = ""
    revision: str = ""
    subdirectory: str = ""
    is_editable: bool = False

    def line(self, name: str, extras: Iterable[str] = ()) -> str:
        """Return the requirement line for a package of this name."""
        listed = f"[{','.join(sorted(extras))}]" if extras else ""
        behind = f"#subdirectory={self.subdirectory}" if self.subdirectory else ""
        if self.git:
            where = self.git if "://" in self.git else "ssh://" + self.git.replace(":", "/", 1)
            return f"{name}{listed} @ git+{where}{f'@{self.revision}' if self.revision else ''}{behind}"
        if self.url:
            return f"{name}{listed} @ {self.url}{behind}"
        where = self.path if self.path.startswith((".", "/")) else f"./{self.path}"
        return f"-e {where}{listed}" if self.is_editable else f"{name}{listed} @ {where}"


def spec_of(
    project: Project, text: str, source: str, wish: Wish, faults: Faults, load: Callable[[str], str]
) -> EnvironmentSpec:
    """Return a project as what is wanted; raises one SpecError that names every fault."""
    label = faults.source
    check_chosen(wish.extras, project.extras, "extra", faults)
    check_chosen(wish.groups, project.groups, "dependency group", faults)
    reader = RequirementsReader(load, faults, base=base_of(source))
    numbers = _numbers(text)
    found: list[Requirement] = []
    for entry in project.entries:
        number = numbers.get(entry.name)
        if not _NAME.fullmatch(entry.name):
            faults.add(number, f"{shown(entry.name)} is no name of a package (PEP 503)")
            continue
        try:
            marker = settled(entry.marker, wish.extras)
            if not may_hold(marker, wish.platform):
                continue
        except (InvalidMarker, RecursionError):
            faults.add(number, f"{shown(entry.name)}: {shown(entry.marker)} is no marker (PEP 508)")
            continue
        hashes = "".join(f" --hash={each}" for each in sorted(set(entry.hashes)) if each.startswith("sha256:"))
        line = f"{entry.text}{f' ; {marker}' if marker else ''}{hashes}"
        found.extend(reader.read_line(line, Origin(source=label, line=number), (source,)))
    dependencies = _python(project.python, text.splitlines(), label, faults)
    faults.raise_if_any()
    options = replace(NO_OPTIONS, no_deps=True, lines=("--no-deps",)) if project.is_lock else NO_OPTIONS
    return EnvironmentSpec(
        dependencies=dependencies,
        pip=tuple(found),
        pip_options=options,
        pip_base=base_of(source),
        sources=(label,),
        warnings=(*project.warnings, *_other_indexes(project, label)),
    )


def settled(marker: str, extras: Collection[str]) -> str:
    """Return a marker without what it says of extras, which are chosen."""

    def settle(match: re.Match[str]) -> str:
        is_chosen = canonicalize_name(match["name"]) in extras
        return ALWAYS if is_chosen is (match["sign"] != "!=") else NEVER

    text = _EXTRA.sub(settle, marker)
    return "" if text == ALWAYS else text


def check_chosen(names: Iterable[str], there: Collection[str] | None, what: str, faults: Faults) -> None:
    """Add a fault for each name that is none of those there are (None: not known)."""
    for name in sorted(names):
        if there is not None and name not in there:
            near = difflib.get_close_matches(name, sorted(there), n=1)
            mend = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(sorted(there)) or 'none'}"
            faults.add(None, f"there is no {what} {shown(name)}", mend)


def _python(specifier: str, lines: Sequence[str], label: str, faults: Faults) -> tuple[Any, ...]:
    if not specifier.strip() or specifier.strip() == "*":
        return ()
    number = next((number for number, line in enumerate(lines, start=1) if "python" in line.lower()), None)
    try:
        return (pip_files.python(specifier, Origin(source=label, line=number)),)
    except SpecFault as fault:
        faults.add_fault(number, fault)
        return ()


def _other_indexes(project: Project, label: str) -> tuple[str, ...]:
    """Say which indexes it names beside the usual one: none of them is added here."""
    others = [*project.sources, *(url for url, _ in Counter(project.indexes).most_common()[1:])]
    if not others:
        return ()
    named = ", ".join(dict.fromkeys(redact(url) for url in others))
    return (f"{label}: it takes packages from {named} too; what is asked are the indexes of this machine "
            "(`envmgr info`), more of them by PIP_EXTRA_INDEX_URL",)  # fmt: skip


def _numbers(text: str) -> Mapping[str, int]:
    """Return the first line that names each package: neither TOML's nor JSON's parser tells it."""
    found: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        match = _NAMING.match(line)
        if match is not None:
            found.setdefault(next(filter(None, match.groups())), number)
    return found

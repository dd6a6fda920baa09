"""Poetry: poetry.lock (lock-version 2), and the `[tool.poetry]` table of a pyproject.toml."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from packaging.utils import canonicalize_name

from envmgr.spec.faults import SpecFault, shown
from envmgr.spec.project import Elsewhere, Entry, Project, Wish, text_of

_MAIN = "main"
_PART = re.compile(r"(?P<sign>\^|~(?!=)|~=|>=|<=|==|!=|=|>|<)?\s*(?P<version>v?\d[\w.+!]*(?:\.\*)?|\*)")


def read_lock(document: Mapping[str, Any], wish: Wish) -> Project:
    """Return what a poetry.lock has in the group `main` and the groups that were chosen.

    Raises SpecFault for a lock that does not say its groups: poetry writes them since 2.0.
    """
    metadata = document["metadata"]
    version = str(metadata.get("lock-version", ""))
    packages = document.get("package", [])
    if version.partition(".")[0] != "2" or (packages and not any("groups" in package for package in packages)):
        raise SpecFault(
            f"lock-version {shown(version)} does not say which group a package is for",
            "lock it with poetry 2 (`poetry lock`), or export it: poetry export -o requirements.txt",
        )
    extras = {str(canonicalize_name(name)) for name in document.get("extras", {})}
    groups = {str(canonicalize_name(group)) for package in packages for group in package.get("groups", ())}
    chosen = {_MAIN, *wish.groups}
    entries = tuple(entry for package in packages for entry in _locked(package, chosen))
    sources = [package.get("source", {}) for package in packages]
    return Project(
        entries=entries,
        python=constraint(str(metadata.get("python-versions", "*"))),
        extras=frozenset(extras),
        groups=frozenset(groups - {_MAIN}),
        indexes=tuple(str(source["url"]) for source in sources if source.get("type") == "legacy"),
    )


def read_project(poetry: Mapping[str, Any], wish: Wish) -> Project:
    """Return what the table `[tool.poetry]` asks for, with the extras and groups that were chosen.

    Raises SpecFault for a constraint that PEP 440 cannot say.
    """
    tables = {
        str(canonicalize_name(name)): group.get("dependencies", {}) for name, group in poetry.get("group", {}).items()
    }
    if "dev-dependencies" in poetry:
        tables.setdefault("dev", poetry["dev-dependencies"])
    extras = {str(canonicalize_name(name)): names for name, names in poetry.get("extras", {}).items()}
    optional = {str(canonicalize_name(name)) for extra in wish.extras for name in extras.get(extra, ())}
    main = dict(poetry.get("dependencies", {}))
    python = main.pop("python", "*")
    entries = [entry for name, value in main.items() for entry in _asked(name, value, optional)]
    for group in sorted(wish.groups):
        entries += [entry for name, value in tables.get(group, {}).items() for entry in _asked(name, value, optional)]
    return Project(
        entries=tuple(entries),
        python=constraint(python if isinstance(python, str) else str(python.get("version", "*"))),
        extras=frozenset(extras),
        groups=frozenset(tables),
        sources=tuple(str(each["url"]) for each in poetry.get("source", ()) if "url" in each),
        is_lock=False,
    )


def constraint(text: str) -> str:
    """Return a constraint of poetry's (`^1.2`, `~1.2`, `1.*`, `>=1,<2`) by PEP 440, empty for any.

    Raises SpecFault for alternatives (`||`) and for what is none.
    """
    if "||" in text or "|" in text:
        raise SpecFault(
            f"{shown(text)} has alternatives, which PEP 440 cannot say", "write one of them, or follow poetry.lock"
        )
    parts = []
    for piece in re.split(r"\s*,\s*|(?<=[\w*])\s+(?=[<>=!~^])", text.strip()):
        if piece in ("", "*"):
            continue
        match = _PART.fullmatch(piece)
        if match is None:
            raise SpecFault(f"{shown(text)} is no constraint of poetry's", "write for example `^1.2`")
        parts.append(_part(match["sign"] or "==", match["version"].lstrip("v")))
    return ",".join(parts)


def _part(sign: str, version: str) -> str:
    if sign not in ("^", "~"):
        return f"{'==' if sign == '=' else sign}{version}"
    release = [int(number) for number in re.match(r"[\d.]*\d", version)[0].split(".")]  # type: ignore[index]
    if sign == "~":
        at = min(1, len(release) - 1)
    else:
        at = next((index for index, number in enumerate(release) if number), len(release) - 1)
    upper = [*release[:at], release[at] + 1]
    return f">={version},<{'.'.join(map(str, upper))}"


def _locked(package: Mapping[str, Any], chosen: set[str]) -> Iterator[Entry]:
    groups = [str(canonicalize_name(group)) for group in package.get("groups", ())]
    wanted = [group for group in groups if group in chosen]
    if not wanted:
        return
    name, source = str(package["name"]), package.get("source", {})
    kind, where = source.get("type", ""), text_of(source, "url")
    hashes = tuple(str(file["hash"]) for file in package.get("files", ()))
    if kind == "git":
        hashes = ()
        text = Elsewhere(
            git=where, revision=text_of(source, "resolved_reference"),
            subdirectory=text_of(source, "subdirectory"),
        ).line(name)  # fmt: skip
    elif kind == "url":
        text = Elsewhere(url=where).line(name)
    elif kind in ("directory", "file"):
        hashes = () if kind == "directory" else hashes
        text = Elsewhere(path=where, is_editable=bool(package.get("develop"))).line(name)
    else:
        text = f"{name}=={package['version']}"
    marker = package.get("markers", "")
    if isinstance(marker, Mapping):
        parts = list(dict.fromkeys(text_of(marker, group) for group in wanted))
        several = " or ".join(f"({part})" for part in parts) if len(parts) > 1 else parts[0]
        marker = several if all(parts) else ""
    yield Entry(text, name, str(marker), hashes)


def _asked(name: str, value: Any, optional: set[str]) -> Iterator[Entry]:
    for each in value if isinstance(value, list) else [value]:
        table = {"version": each} if isinstance(each, str) else each
        if not isinstance(table, Mapping):
            raise SpecFault(f"{shown(name)}: expected a constraint or a table, found {shown(str(each))}")
        if table.get("optional") and canonicalize_name(name) not in optional:
            continue
        extras = sorted(str(extra) for extra in table.get("extras", ()))
        listed = f"[{','.join(extras)}]" if extras else ""
        git, path, url = (text_of(table, key) for key in ("git", "path", "url"))
        if git or path or url:
            revision = str(table.get("rev") or table.get("tag") or table.get("branch") or "")
            text = Elsewhere(
                git=git, url=url, path=path or text_of(table, "file"), revision=revision,
                subdirectory=text_of(table, "subdirectory"), is_editable=bool(table.get("develop")),
            ).line(name, extras)  # fmt: skip
        else:
            text = f"{name}{listed}{constraint(text_of(table, 'version', '*'))}"
        yield Entry(text, name, _marker(table))


def _marker(table: Mapping[str, Any]) -> str:
    parts = [str(table["markers"])] if table.get("markers") else []
    if table.get("python"):
        clauses = constraint(str(table["python"])).split(",")
        parts += [re.sub(r"^([<>=!~]=?)(.*)$", r"python_version \1 '\2'", clause) for clause in clauses if clause]
    if table.get("platform"):
        parts.append(f"sys_platform == '{table['platform']}'")
    return " and ".join(f"({part})" for part in parts) if len(parts) > 1 else "".join(parts)

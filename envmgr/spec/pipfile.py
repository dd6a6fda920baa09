"""Pipenv's Pipfile and Pipfile.lock (pipfile-spec 6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from packaging.utils import canonicalize_name

from envmgr.spec.faults import SpecFault, shown
from envmgr.spec.project import Elsewhere, Entry, Project, Wish, text_of

_OF_PIPFILE = {"packages": "", "dev-packages": "dev"}
_OF_LOCK = {"default": "", "develop": "dev"}
_DEFAULT_SOURCE = "pypi"  # pipenv's name for it
_TABLES = frozenset({"source", "requires", "scripts", "pipenv", "pipfile", "_meta", "build-system", "tool"})
_MARKERS = ("sys_platform", "platform_system", "platform_machine", "os_name", "python_version", "python_full_version",
            "implementation_name", "platform_python_implementation")  # fmt: skip


def read(document: Mapping[str, Any], wish: Wish) -> Project:
    """Return what a Pipfile asks for: `[packages]`, and the groups that were chosen (`dev` is `[dev-packages]`).

    Raises SpecFault for an entry that cannot be read.
    """
    return _project(document, wish, _OF_PIPFILE, document, is_lock=False)


def read_lock(document: Mapping[str, Any], wish: Wish) -> Project:
    """Return what a Pipfile.lock has: `default`, and the groups that were chosen (`dev` is `develop`).

    Raises SpecFault for an entry that cannot be read.
    """
    meta = document["_meta"]
    if str(meta.get("pipfile-spec")) != "6":
        raise SpecFault(f"pipfile-spec {shown(str(meta.get('pipfile-spec')))} is not known; this envmgr reads 6")
    return _project(document, wish, _OF_LOCK, meta, is_lock=True)


def _project(
    document: Mapping[str, Any], wish: Wish, names: Mapping[str, str], meta: Mapping[str, Any], *, is_lock: bool
) -> Project:
    for key in names:
        if not isinstance(document.get(key, {}), Mapping):
            raise SpecFault(f"`{key}`: expected a table, found {shown(str(document[key]))}")
    tables = {
        names.get(key, str(canonicalize_name(key))): value
        for key, value in document.items()
        if key not in _TABLES and isinstance(value, Mapping)
    }
    chosen = ("", *sorted(wish.groups))
    entries = tuple(entry for group in chosen for entry in _entries(tables.get(group, {})))
    requires = meta.get("requires", {})
    sources = [*meta.get("source", ()), *meta.get("sources", ())]
    python = str(requires.get("python_full_version") or requires.get("python_version") or "")
    return Project(
        entries=tuple(dict.fromkeys(entries)),
        python=python,
        groups=frozenset({*tables, "dev"} - {""}),
        sources=tuple(str(source["url"]) for source in sources if source.get("name") != _DEFAULT_SOURCE),
        is_lock=is_lock,
    )


def _entries(table: Mapping[str, Any]) -> Iterator[Entry]:
    for name, value in table.items():
        if isinstance(value, str):
            value = {"version": value}  # noqa: PLW2901
        if not isinstance(value, Mapping):
            raise SpecFault(f"{shown(name)}: expected a version or a table, found {shown(str(value))}")
        extras = sorted(str(extra) for extra in value.get("extras", ()))
        listed = f"[{','.join(extras)}]" if extras else ""
        version = text_of(value, "version", "*")
        git = text_of(value, "git")
        path, url = text_of(value, "path"), text_of(value, "file")
        if git or path or url:
            is_url = "://" in url
            text = Elsewhere(
                git=git, url=url if is_url else "", path=path or ("" if is_url else url),
                revision=text_of(value, "ref"), subdirectory=text_of(value, "subdirectory"),
                is_editable=bool(value.get("editable")),
            ).line(name, extras)  # fmt: skip
        else:
            text = f"{name}{listed}{'' if version in ('*', '') else version}"
        yield Entry(text, name, _marker(value), tuple(map(str, value.get("hashes", ()))))


def _marker(value: Mapping[str, Any]) -> str:
    """Return the marker of an entry: `markers`, and keys as `sys_platform = "== 'win32'"`."""
    parts = [str(value["markers"])] if value.get("markers") else []
    parts += [f"{key} {value[key]}" for key in _MARKERS if value.get(key)]
    return " and ".join(f"({part})" for part in parts) if len(parts) > 1 else "".join(parts)

"""The link plan of one artifact: what an installation does with its paths, thought through once and kept.

A plan depends on the contents of the artifact and, for noarch python, on where the environment's python has its
packages. It holds for every prefix: what depends on the prefix leaves a gap in the text of the prefix record.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring as quoted
from typing import Any, Literal, NamedTuple

from envmgr.artifacts.contents import ListedPath

SCHEMA = 2
_SHA256 = re.compile(r"[0-9a-f]{64}")
_UPWARD = re.compile(rb'(?:["/]|\\n)\.\.(?:["/]|\\n)')

# text, binary: the prefix is written into a copy. copy: as it is, into every prefix. softlink: a symbolic link.
# script: an entry point of noarch python, which no file of the artifact holds.
How = Literal["text", "binary", "copy", "softlink", "script"]


class Placed(NamedTuple):
    """Where noarch python artifacts go, relative to the prefix (CEP 20)."""

    site_packages: str
    scripts: str


class Group(NamedTuple):
    """Files of one directory, linked under their own names: `source` is in the artifact, `target` in the prefix."""

    source: str
    target: str
    names: Sequence[str]


class Made(NamedTuple):
    """A path that no hard link makes; `what` is the placeholder, or else `module:function` of a script.

    `sha256` is that of the contents in the artifact (None: not known, or there are none).
    """

    how: How
    source: str
    target: str
    what: str = ""
    sha256: str | None = None


class Plan(NamedTuple):
    """`directories` are those of the prefix, each after the one that it is in. `record` are the pieces of the prefix
    record from `files` to `paths_data` (CEP 32), with a gap after all but the last: for the hash and the size of those
    `made` whose contents depend on the prefix, in their order.
    """

    directories: Sequence[str]
    groups: Sequence[Group]
    made: Sequence[Made]
    record: Sequence[bytes]


def depends_on_prefix(how: How) -> bool:
    """Whether what is made so has other contents in every prefix."""
    return how in ("text", "binary", "script")


def make(
    directory: str,
    listing: Sequence[ListedPath],
    entry_points: Sequence[str] = (),
    placed: Placed | None = None,
) -> Plan | None:
    """Return the plan for the artifact in `directory`; None for what has to be linked by rattler.

    `placed` is for noarch python alone, and so are `entry_points`. Raises OSError where the artifact is not what the
    listing says.
    """
    rows = []
    for entry in listing:
        target = _target(entry.path, placed)
        rows.append((target.split("/"), target, entry))
    for entry_point in entry_points:
        if placed is None:
            return None
        name, _, function = entry_point.partition("=")
        target = f"{placed.scripts}/{name.strip()}"
        rows.append((target.split("/"), target, ListedPath(function.strip(), "script", None, None, None, None)))
    # As rattler has them: by components, so that `a/b` comes before `a-b`
    rows.sort(key=lambda row: row[0])
    files, paths, made = [], [], []
    groups: dict[tuple[str, str], list[str]] = {}
    directories: set[str] = set()
    for components, target, entry in rows:
        above = target.rpartition("/")[0]
        if above not in directories:
            _add_directories(directories, above)
        if entry.kind == "directory":
            _add_directories(directories, target)
        how = _how(entry)
        if how is None:
            source = entry.path.rpartition("/")[0]
            if entry.kind == "hardlink":
                groups.setdefault((source, above), []).append(components[-1])
        elif how in {"copy", "text", "binary"} and entry.kind != "hardlink":
            return None
        else:
            made.append(_made(how, entry, target))
        text = _record_entry(directory, entry, target, how)
        if text is None:
            return None
        files.append(f"    {quoted(target)}")
        paths.append(text)
    record = _listed("  ", "files", files) + ',\n  "paths_data": {\n    "paths_version": 1,\n'
    record += _listed("    ", "paths", paths) + "\n  },\n"
    return Plan(
        tuple(sorted(directories)),
        [Group(source, target, names) for (source, target), names in groups.items()],
        made,
        record.encode().split(b"\0"),
    )


def dumps(plan: Plan, placed: Placed | None = None) -> bytes:
    """Return a plan as it is kept: a line of JSON, then the pieces of the record, with zero bytes between."""
    head = {
        "schema": SCHEMA,
        "placed": placed,
        "directories": "\n".join(plan.directories),
        # One text of many names is read ten times as fast as many texts
        "groups": [(source, target, "/".join(names)) for source, target, names in plan.groups],
        "made": plan.made,
    }
    return json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" + b"\0".join(plan.record)


def loads(content: bytes, placed: Placed | None = None) -> Plan | None:
    """Return the plan in the bytes, None where they are none of this schema for packages placed so.

    A plan with paths that lead out of artifact or prefix is none, whoever wrote it.
    """
    line, _, record = content.partition(b"\n")
    try:
        if b"\\u" in line or (b".." in line and _UPWARD.search(line)):  # `..`, or what could hide it
            return None
        head: Any = json.loads(line)
        if head["schema"] != SCHEMA or head["placed"] != (None if placed is None else list(placed)):
            return None
        plan = Plan(
            head["directories"].split("\n") if head["directories"] else [],
            [Group(source, target, names.split("/")) for source, target, names in head["groups"]],
            [Made(*each) for each in head["made"]],
            record.split(b"\0"),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    above = {group.target for group in plan.groups} | {each.target.rpartition("/")[0] for each in plan.made}
    paths = [*plan.directories, *(group.source for group in plan.groups)]
    paths += [path for each in plan.made for path in (each.source, each.target)]
    # Whoever makes all directories before any link writes through none then
    if not above <= {"", *plan.directories} or any(path.startswith("/") for path in paths):
        return None
    gaps = sum(depends_on_prefix(each.how) for each in plan.made)
    return plan if len(plan.record) == gaps + 1 and record.endswith(b"\n  },\n") else None


def aside(plan: Plan, paths: Mapping[str, str], closed: Sequence[str] = ()) -> Plan:
    """Return the plan with some paths of the prefix, no directories, elsewhere: the keys are where they were.

    No directory is made at the `closed` paths nor below them; all that was to be there is among the `paths`.
    """
    directories = {each for each in plan.directories if not any(f"{each}/".startswith(f"{path}/") for path in closed)}
    for target in paths.values():
        _add_directories(directories, target.rpartition("/")[0])
    moved = {path.rpartition("/")[0] for path in paths}
    groups = []
    for group in plan.groups:
        staying = list(group.names)
        for name in group.names if group.target in moved else ():
            path = f"{group.target}/{name}" if group.target else name
            if path in paths:
                staying.remove(name)
                groups.append(Group(group.source, paths[path].rpartition("/")[0], [name]))
        if staying:
            groups.append(group._replace(names=staying))
    made = [each._replace(target=paths.get(each.target, each.target)) for each in plan.made]
    record = b"\0".join(plan.record)
    for path, target in paths.items():
        old, new = (quoted(each).encode() for each in (path, target))
        # A line break is structure always: within a text, JSON escapes it
        record = record.replace(b"\n    %b" % old, b"\n    %b" % new, 1)
        record = record.replace(
            b'\n        "_path": %b,' % old, b'\n        "_path": %b,\n        "original_path": %b,' % (new, old), 1
        )
    return Plan(sorted(directories), groups, made, record.split(b"\0"))


def _target(path: str, placed: Placed | None) -> str:
    if placed is not None:
        if path.startswith("site-packages/"):
            return f"{placed.site_packages}/{path[14:]}"
        if path.startswith("python-scripts/"):
            return f"{placed.scripts}/{path[15:]}"
    return path


def _add_directories(directories: set[str], path: str) -> None:
    while path and path not in directories:
        directories.add(path)
        path = path.rpartition("/")[0]


def _how(entry: ListedPath) -> How | None:
    if entry.kind == "script":
        return "script"
    if entry.placeholder is not None:
        return "text" if entry.file_mode == "text" else "binary"
    if entry.no_link:
        return "copy"
    return "softlink" if entry.kind == "softlink" else None


def _made(how: How, entry: ListedPath, target: str) -> Made:
    if how == "script":
        return Made(how, "", target, entry.path)
    return Made(how, entry.path, target, entry.placeholder or "", entry.sha256)


def _record_entry(directory: str, entry: ListedPath, target: str, how: How | None) -> str | None:
    """Return the entry of `paths_data` as rattler writes it; None for one that it would not write."""
    sha256 = None if entry.sha256 is None else entry.sha256.lower()
    if sha256 is not None and _SHA256.fullmatch(sha256) is None:
        return None
    lines = [f'"_path": {quoted(target)}']
    lines.append(f'"path_type": "{"unix_python_entry_point" if how == "script" else entry.kind}"')
    if entry.no_link:
        lines.append('"no_link": true')
    if sha256 is not None:
        lines.append(f'"sha256": "{sha256}"')
    if how is not None and depends_on_prefix(how):
        lines.append("\0")
    else:
        where = f"{directory}/{entry.path}"
        found, key = None, "sha256_in_prefix"
        if how == "softlink":
            # rattler gives it the other key, by which conda and micromamba have the hash of what the link leads to.
            found, key = hashlib.sha256(os.fsencode(os.readlink(where))).hexdigest(), "sha256_of_target_name"
        elif sha256 is None and entry.kind == "hardlink":
            found = _sha256_of(where)
        if found is not None and found != sha256:
            lines.append(f'"{key}": "{found}"')
        size = entry.size if entry.size is not None or entry.kind == "directory" else os.lstat(where).st_size
        if size is not None:
            if size < 0:
                return None
            lines.append(f'"size_in_bytes": {size}')
    if how in {"text", "binary"}:
        lines.append(f'"file_mode": "{how}"')
        lines.append(f'"prefix_placeholder": {quoted(entry.placeholder or "")}')
    return "      {\n        " + ",\n        ".join(lines) + "\n      }"


def _sha256_of(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _listed(indent: str, name: str, items: Sequence[str]) -> str:
    if not items:
        return f'{indent}"{name}": []'
    return f'{indent}"{name}": [\n' + ",\n".join(items) + f"\n{indent}]"

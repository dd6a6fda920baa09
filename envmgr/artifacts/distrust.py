"""Distrust: what is checked of every artifact before anything of it may be installed.

py-rattler links what info/paths.json says without asking: a path with `..` is written outside of the prefix, an
absolute one aborts the process. What passes here is what CEP 34 and CEP 32 allow: relative paths of existing
files, outside of conda-meta/, links that stay in the prefix, entry points that are names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from envmgr.artifacts.contents import Faulty, ListedPath, read_entry_points, read_index, read_listing
from envmgr.artifacts.manifest import Manifest
from envmgr.artifacts.trees import Tree
from envmgr.errors import CorruptPackage
from envmgr.lock.model import UNKNOWN, CondaPackage
from envmgr.urls import redact

_MOST_FAULTS = 5  # named in one message
_COMPONENT = r"(?!\.\.?(?:/|\Z))[^/\\\0-\x1f\x7f\ud800-\udfff]+"
_SAFE_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_BACKSLASH_COMPONENT = _COMPONENT.replace(r"\\", "")
_SAFE_POSIX_PATH = re.compile(rf"{_BACKSLASH_COMPONENT}(?:/{_BACKSLASH_COMPONENT})*")
_WINDOWS_ODDITY = re.compile(r"[:<>|?*\"]|[. ](?:/|\Z)")
# What the installer keeps for itself: its records (CEP 32), and where rattler puts the losers of contested paths
_INSTALLERS = re.compile(r"(?P<directory>conda-meta|__clobbers__)(?:/|\Z)", re.IGNORECASE)
_ENTRY_POINT = re.compile(r"(?P<name>[\w.+@-]+)\s*=\s*(?P<module>[\w.]+)\s*:\s*(?P<attribute>[\w.]+)")
_DISTRIBUTION = re.compile(r"(?:.*/)?[^/]+\.(?:dist|egg)-info(?=/|\Z)")
_LINK_SCRIPT = re.compile(r"(?:bin|Scripts)/\.(?P<name>.+)-(?P<kind>pre-link|post-link|pre-unlink)\.(?:sh|bat)")
_ABSOLUTE = re.compile(r"/[^/\0\n]|[A-Za-z]:[\\/]|\\\\")


def inspect(directory: Path, package: CondaPackage, *, sha256: str, md5: str, is_fresh: bool = False) -> Manifest:
    """Return the manifest of the artifact extracted in `directory`, when nothing about it is amiss.

    One that is fresh from its archive may have no hard links to elsewhere. Raises CorruptPackage that names the
    artifact, its channel and up to five faults, and OSError when the directory cannot be read.
    """
    return inspect_listing(directory, package, sha256=sha256, md5=md5, is_fresh=is_fresh)[0]


def inspect_listing(
    directory: Path, package: CondaPackage, *, sha256: str, md5: str, is_fresh: bool = False
) -> tuple[Manifest, list[ListedPath]]:
    """Return the manifest as `inspect` does, and what the artifact says it installs."""
    tree = Tree.read(directory)
    try:
        index = read_index(directory, tree)
        listing = read_listing(directory, tree)
        entry_points = read_entry_points(directory, tree)
    except Faulty as fault:
        raise corrupt(package, [(fault.path, fault.what)]) from fault
    faults = [
        *tree.faults,
        *(tree.shared if is_fresh else ()),
        *_index_faults(index, package),
        *_listing_faults(listing, tree, package),
        *_link_faults(tree),
        *_entry_point_faults(entry_points),
    ]
    if faults:
        raise corrupt(package, faults)
    paths = sorted(entry.path for entry in listing if entry.kind != "directory")
    scripts = {match["kind"] for match in map(_LINK_SCRIPT.fullmatch, paths) if match and match["name"] == package.name}
    manifest = Manifest(
        name=package.name,
        version=package.version,
        build=package.build,
        subdir=package.subdir,
        sha256=sha256,
        md5=md5,
        noarch=noarch_kind(index.get("noarch")),
        paths=tuple(paths),
        links=tuple(path for path in paths if path in tree.links),
        placeholders=tuple(sorted(entry.path for entry in listing if entry.placeholder)),
        python_distributions=tuple(sorted(set(_distributions(paths)))),
        entry_points=tuple(entry_points),
        link_scripts=tuple(sorted(scripts)),
        activation=tuple(path for path in paths if path.startswith(("etc/conda/activate.d/", "etc/conda/deactivate.d/",
                                                                    "etc/conda/env_vars.d/"))),
        bytes=tree.bytes,
        files=len(tree.files) + len(tree.links) + len(tree.directories),
    )  # fmt: skip
    return manifest, listing


def check_record(package: CondaPackage, manifest: Manifest) -> None:
    """Return when what a record says beside the hash is what was checked of the artifact with that hash.

    rattler goes by the record of python for the place of every noarch python package, so a second channel could
    misuse what a first one brought into the cache. Raises CorruptPackage.
    """
    faults = list(_site_packages_faults("the channel's record", package.python_site_packages_path))
    for key in ("version", "build", "subdir"):
        found, said = getattr(manifest, key), getattr(package, key)
        if found != said:
            faults.append((f"the channel's record says {key} {said}", f"of an artifact with {key} {found}"))
    if manifest.name.lower() != package.name.lower():
        faults.append((f"the channel's record says name {package.name}", f"of an artifact named {manifest.name}"))
    said = manifest.noarch if package.noarch == UNKNOWN else noarch_kind(package.noarch)
    if "python" in {said, manifest.noarch} and said != manifest.noarch:
        faults.append(("info/index.json", f"says noarch `{manifest.noarch}`, the channel says `{said}`"))
    if faults:
        raise corrupt(package, faults)


def corrupt(package: CondaPackage, faults: list[tuple[str, str]]) -> CorruptPackage:
    """Return the error that says what is wrong with which paths of an artifact."""
    lines = [f"{package.filename or package.dist_name} from {redact(package.channel)} cannot be trusted:"]
    lines += [f"  {printable(path)} {what}" for path, what in faults[:_MOST_FAULTS]]
    if len(faults) > _MOST_FAULTS:
        lines.append(f"  and {len(faults) - _MOST_FAULTS} more")
    return CorruptPackage(
        "\n".join(lines),
        hint="tell the maintainers of the channel; nothing of the package was installed",
        details={"package": package.dist_name, "url": redact(package.url), "paths": [path for path, _ in faults]},
    )


def printable(path: str) -> str:
    """Return a path as it may be shown in a terminal: no control characters, not longer than a line."""
    text = path.encode("utf-8", "backslashreplace").decode()
    text = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
    return f"`{text if len(text) <= 200 else text[:200] + '…'}`"


def noarch_kind(value: object) -> str | None:
    """Return `python`, `generic` or None from what index.json or a record says (`true` is an old `generic`)."""
    if value is True:
        return "generic"
    return str(value) if value in {"python", "generic"} else None


def _index_faults(index: Mapping[str, Any], package: CondaPackage) -> Iterator[tuple[str, str]]:
    for key in ("name", "version", "build", "subdir"):
        expected, found = getattr(package, key), index.get(key)
        if key == "subdir" and found is None:
            continue  # packages from before 2014 have `platform` and `arch` instead
        if found != expected and not (key == "name" and str(found).lower() == expected.lower()):
            yield "info/index.json", f"says {key} {printable(str(found))}, the channel says {printable(expected)}"
    said = noarch_kind(index.get("noarch"))
    recorded = said if package.noarch == UNKNOWN else noarch_kind(package.noarch)
    if "python" in {said, recorded} and said != recorded:  # which decides where the files go
        yield "info/index.json", f"says noarch `{said}`, the channel says `{recorded}`"
    yield from _site_packages_faults("info/index.json", index.get("python_site_packages_path"))
    yield from _site_packages_faults("the channel's record", package.python_site_packages_path)


def _site_packages_faults(where: str, directory: object) -> Iterator[tuple[str, str]]:
    if directory is None:
        return
    if not isinstance(directory, str) or not _SAFE_PATH.fullmatch(directory) or _INSTALLERS.match(directory):
        yield where, f"has python_site_packages_path {printable(str(directory))}, which is not below the prefix"


def _listing_faults(listing: list[ListedPath], tree: Tree, package: CondaPackage) -> Iterator[tuple[str, str]]:
    for_windows = package.subdir.startswith("win-")
    is_safe = (_SAFE_PATH if for_windows or package.subdir == "noarch" else _SAFE_POSIX_PATH).fullmatch
    folds = for_windows or package.subdir.startswith("osx-")
    seen: set[str] = set()
    for entry in listing:
        path = entry.path
        if not is_safe(path) or (for_windows and _WINDOWS_ODDITY.search(path)):
            yield path, "is not a path below the prefix"
            continue
        key = path.casefold() if folds else path
        if key in seen:
            yield path, "is listed twice"
        seen.add(key)
        if (reserved := _INSTALLERS.match(path)) is not None:
            yield path, f"lies in {reserved['directory'].lower()}, which belongs to the installer (CEP 32)"
        if (fault := _content_fault(entry, tree)) is not None:
            yield path, fault
        if entry.placeholder is not None and (fault := _placeholder_fault(entry)) is not None:
            yield path, fault


def _content_fault(entry: ListedPath, tree: Tree) -> str | None:
    """Say how a listed path differs from what was extracted; None where it does not."""
    path = entry.path
    if entry.kind == "directory":
        return None if path in tree.directories else "is listed as a directory, but is none"
    if entry.kind == "softlink":
        return None if path in tree.links else "is listed as a symbolic link, but is none"
    size = tree.files.get(path)
    if size is None:
        if path in tree.links:
            return "is listed as a file, but is a symbolic link"
        return "is listed, but not in the package"
    if entry.size is not None and entry.size != size:
        return f"has {size} bytes, expected {entry.size}"
    return None


def _placeholder_fault(entry: ListedPath) -> str | None:
    placeholder = entry.placeholder or ""
    if _ABSOLUTE.match(placeholder) is None or "\0" in placeholder or "\n" in placeholder:
        return f"has the prefix placeholder {printable(placeholder)}, which is not an absolute path"
    if entry.file_mode not in {"text", "binary"}:
        return f"has file_mode `{entry.file_mode}`; expected text or binary"
    return None


def _link_faults(tree: Tree) -> Iterator[tuple[str, str]]:
    for path, target in tree.links.items():
        if leads_out(path, target, tree.links):
            yield path, f"is a symbolic link to {printable(target)}, which is outside of the prefix"


def leads_out(path: str, target: str, links: Mapping[str, str]) -> bool:
    """Whether the link `path` → `target` leaves the tree, other `links` of the tree followed as a kernel would."""
    where = path.split("/")[:-1]
    pending = target.split("/")[::-1]
    if target.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", target):
        return True
    followed = 0
    while pending:
        component = pending.pop()
        if component in {"", "."}:
            continue
        if component == "..":
            if not where:
                return True
            where.pop()
            continue
        where.append(component)
        further = links.get("/".join(where))
        if further is not None and pending:
            followed += 1
            if followed > 40:
                return False  # a loop leads nowhere
            if further.startswith("/"):
                return True
            where.pop()
            pending.extend(further.split("/")[::-1])
    return False


def _entry_point_faults(entry_points: list[str]) -> Iterator[tuple[str, str]]:
    for text in entry_points:
        match = _ENTRY_POINT.fullmatch(text.strip())
        if match is None or match["name"] in {".", ".."} or not all(
            piece.isidentifier() for piece in f"{match['module']}.{match['attribute']}".split(".")
        ):  # fmt: skip
            yield "info/link.json", f"has the entry point {printable(text)}; expected `name = module:attribute`"


def _distributions(paths: list[str]) -> Iterator[str]:
    for path in paths:
        if "-info" in path:
            match = _DISTRIBUTION.match(path)
            if match is not None:
                yield match[0]

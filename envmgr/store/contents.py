"""Files held against what their packages recorded: kind, size, link target, and every byte, in several threads."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from envmgr.reporting import Progress, Reporter
from envmgr.store.inventory import Entry, Inventory, sha256_of
from envmgr.store.owned import Owned
from envmgr.store.problems import Problem

_BATCH = 64  # files a thread takes at once: most are small
_NAMES = {"file": "a file", "link": "a symbolic link", "directory": "a directory", "other": "no file"}
_WANTED = {"hardlink": "file", "softlink": "link", "directory": "directory"}


class _Job(NamedTuple):
    """A file to hash: `path` is where it really lies, `claims` are those of its owners."""

    path: str
    size: int
    claims: tuple[Owned, ...]


class Compared(NamedTuple):
    """The result: problems, the changed files by path, and how much was looked at."""

    problems: tuple[Problem, ...]
    changed: tuple[Owned, ...]
    files: int
    bytes: int


def compare(inventory: Inventory, owned: Iterable[Owned], reporter: Reporter) -> Compared:
    """Hold the entries of a tree against what is recorded of them; a path with several owners may be any one's.

    Nothing outside of the tree is looked at, and nothing is raised for what cannot be read.
    """
    claims: dict[str, list[Owned]] = {}
    for each in owned:
        claims.setdefault(each.path, []).append(each)
    problems: list[Problem] = []
    changed: list[Owned] = []
    jobs: list[_Job] = []
    for path, claimed in claims.items():
        real = inventory.resolve(path)
        if real is None:
            problems += _absent(inventory, claimed[-1])
            continue
        found, job = _look(inventory, real, tuple(claimed))
        if found is not None:
            problems.append(found)
            changed.append(claimed[-1])
        elif job is not None:
            jobs.append(job)
    total = sum(job.size for job in jobs)
    with reporter.start("check", f"{len(claims)} files", total=total, unit="bytes") as progress:
        for job, found in zip(jobs, _hash_all(inventory.root, jobs, progress), strict=True):
            if found is not None:
                problems.append(found)
                if found.kind == "changed":
                    changed.append(job.claims[-1])
    return Compared(tuple(problems), tuple(changed), len(claims), total)


def _absent(inventory: Inventory, owned: Owned) -> list[Problem]:
    directory = owned.path
    while directory:
        directory = os.path.dirname(directory)
        reason = inventory.unreadable.get(directory or ".")
        if reason is not None:
            return [Problem("fault", "unreadable", owned.path, owned.package, None, reason)]
    return [] if owned.is_derived else [Problem("fault", "missing", owned.path, owned.package, _wanted(owned), None)]


def _look(inventory: Inventory, real: str, claims: tuple[Owned, ...]) -> tuple[Problem | None, _Job | None]:
    """Return what is wrong with an entry without reading it, or how it is to be read."""
    entry, last = inventory.entries[real], claims[-1]
    fitting = tuple(each for each in claims if each.kind is None or _WANTED[each.kind] == entry.kind)
    if not fitting:
        return _changed(last, _wanted(last), _NAMES[entry.kind]), None
    if entry.kind == "link":
        return _look_at_link(inventory, real, fitting), None
    if entry.kind != "file":
        return None, None
    sized = tuple(each for each in fitting if each.size in (None, entry.size))
    if not sized:
        return _changed(last, f"{last.size} bytes", f"{entry.size} bytes"), None
    if any(not each.hashes for each in sized):
        return None, None
    return None, _Job(real, entry.size, sized)


def _look_at_link(inventory: Inventory, real: str, claims: tuple[Owned, ...]) -> Problem | None:
    target = inventory.entries[real].target or ""
    last = claims[-1]
    hashes = {digest for each in claims for digest in each.hashes}
    # Of a link rattler records the hash of its target's name, and did record that of what it leads to.
    if hashlib.sha256(os.fsencode(target)).hexdigest() in hashes:
        return None
    if inventory.leads_out(real):
        return _changed(last, "a link inside of the environment", f"a link to {target}")
    if any(not each.hashes for each in claims):
        return None
    end = inventory.follow(real)
    if end is not None and inventory.entries[end].kind == "file":
        try:
            if sha256_of(os.path.join(inventory.root, end)) in hashes:
                return None
        except OSError as error:
            return Problem("fault", "unreadable", last.path, last.package, None, error.strerror)
    return _changed(last, "the link that was installed", f"a link to {target}")


def _hash_all(root: str, jobs: Sequence[_Job], progress: Progress) -> Iterable[Problem | None]:
    batches = [jobs[start : start + _BATCH] for start in range(0, len(jobs), _BATCH)]
    with ThreadPoolExecutor() as pool:
        for found in pool.map(lambda batch: [_hash(root, job, progress) for job in batch], batches):
            yield from found


def _hash(root: str, job: _Job, progress: Progress) -> Problem | None:
    last = job.claims[-1]
    try:
        digest = sha256_of(os.path.join(root, job.path))
    except FileNotFoundError:
        return Problem("fault", "missing", last.path, last.package, _wanted(last), None)
    except OSError as error:
        return Problem("fault", "unreadable", last.path, last.package, None, error.strerror or str(error))
    finally:
        progress.advance(job.size)
    if any(digest in each.hashes for each in job.claims):
        return None
    return _changed(last, f"sha256 {last.hashes[0]}", f"sha256 {digest}")


def _changed(owned: Owned, expected: str, found: str) -> Problem:
    # Python writes bytecode anew where a source is newer, into a new file.
    return Problem("notice" if owned.is_derived else "fault", "changed", owned.path, owned.package, expected, found)


def _wanted(owned: Owned) -> str:
    if owned.hashes and owned.kind != "softlink":
        return f"sha256 {owned.hashes[0]}"
    return _NAMES[_WANTED[owned.kind]] if owned.kind is not None else "a file"


def is_shared(entry: Entry) -> bool:
    """Whether a file has further hard links, in the cache or in another tree."""
    return entry.kind == "file" and entry.links > 1

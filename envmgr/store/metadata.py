"""The metadata of an installed environment (CEP 32): prefix records, history, state, and the lock beside them."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from envmgr import __version__
from envmgr.errors import CorruptPackage, LockError
from envmgr.lock import conda_lock
from envmgr.lock.model import CondaPackage, Lock
from envmgr.store.layout import LOCK_FILE
from envmgr.urls import redact, without_credentials

# rattler writes records with two spaces and escapes line ends in strings, so a line break is always structure.
_REQUESTED = b'\n  "requested_specs": []'
_EXTRACTED = b'\n  "extracted_package_dir": '
_LINK = b'\n  "link": '
_SOURCE = b'\n    "source": '
_HASH_OF_LINK = re.compile(
    rb'("path_type": "softlink",\n(?: {8}"(?:no_link|sha256)": [^\n]*\n)*) {8}"sha256_in_prefix": '
)
_STRING = re.compile(rb'"(?:[^"\\\n]|\\.)*"')
_ALIAS = "https://conda.anaconda.org/"


def complete_records(staged: Path, packages: Sequence[CondaPackage], directories: Mapping[str, Path]) -> None:
    """Make each prefix record say what was asked for and where the package really lies in the cache.

    `directories` maps `name-version-build` to the extracted package; rattler wrote the path of a passing view
    there. The hash of a link's target, as a name, gets a key of its own: conda has the hash of what it leads to under
    rattler's. Raises CorruptPackage when the records are not those of the packages.
    """
    records = staged / "conda-meta"
    # rattler lets nobody but the owner read them, and others list and verify a shared environment.
    mode = records.stat().st_mode & 0o666
    for package in packages:
        path = os.path.join(records, f"{package.dist_name}.json")
        directory = json.dumps(str(directories[package.dist_name])).encode()
        # py-rattler 0.28 hands requested specs to its core in a form that the core refuses (TypeError).
        requested = b'\n  "requested_specs": ' + json.dumps(package.requested).encode()
        with open(path, "r+b") as file:
            content = file.read()
            start = content.rfind(_LINK)
            head, link = _with(_EXTRACTED, directory, content[:start]), _with(_SOURCE, directory, content[start:])
            if start < 0 or head is None or link is None or _REQUESTED not in head:
                raise CorruptPackage(f"{path} does not have the form of a prefix record (CEP 32)")
            file.seek(0)
            head = _HASH_OF_LINK.sub(rb'\1        "sha256_of_target_name": ', head)
            file.write(head.replace(_REQUESTED, requested, 1) + link)
            file.truncate()
        os.chmod(path, mode)


def _with(key: bytes, value: bytes, content: bytes) -> bytes | None:
    """Return JSON text with another value behind the first `key`; None where no string stands there."""
    at = content.find(key)
    found = _STRING.match(content, at + len(key)) if at >= 0 else None
    return None if found is None else content[: found.start()] + value + content[found.end() :]


def write_state(staged: Path, variables: Iterable[tuple[str, str]]) -> None:
    """Write conda-meta/state with the variables of the environment, or remove it where there are none."""
    values = dict(variables)
    if not values:
        (staged / "conda-meta/state").unlink(missing_ok=True)
    else:
        content = json.dumps({"env_vars": values}, indent=1, ensure_ascii=False)
        (staged / "conda-meta/state").write_text(content + "\n", encoding="utf-8")


def write_history(staged: Path, old: Path | None, block: str) -> None:
    """Write conda-meta/history: that of the `old` prefix, continued with `block`."""
    before = b""
    if old is not None:
        try:
            before = (old / "conda-meta/history").read_bytes()
        except FileNotFoundError:
            before = b""
    if before and not before.endswith(b"\n"):
        before += b"\n"
    (staged / "conda-meta/history").write_bytes(before + block.encode())


def write_created_at(staged: Path, old: Path | None, moment: float) -> None:
    """Write conda-meta/created_at, from which conda knows the age of an environment: as in the `old` prefix, where
    there is one that has it, or else `moment` (seconds since the epoch) where the environment is new."""
    created = b"%f" % moment
    if old is not None:
        try:
            created = (old / "conda-meta/created_at").read_bytes()
        except OSError:
            return
    target = staged / "conda-meta/created_at"
    target.unlink(missing_ok=True)
    target.write_bytes(created)


def history_block(lock: Lock, before: Sequence[CondaPackage], *, command: Sequence[str], moment: float) -> str:
    """Return one action block of conda-meta/history: what came (+), what went (-), and what was asked for.

    `moment` is in seconds since the epoch; the block has it in local time, as conda writes it.
    """
    old = {_history_line(package) for package in before}
    new = {_history_line(package) for package in lock.conda}
    lines = [
        f"==> {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(moment))} <==",
        f"# cmd: {one_line(command)}",
        f"# envmgr version: {__version__}",
        *(f"-{line}" for line in sorted(old - new)),
        *(f"+{line}" for line in sorted(new - old)),
    ]
    if lock.request.dependencies:
        lines.append(f"# update specs: {list(lock.request.dependencies)!r}")
    return "\n".join(lines) + "\n"


def redacted(command: Sequence[str]) -> tuple[str, ...]:
    """Return an argv as it may be kept: no credentials, and nothing that breaks a line."""
    return tuple(re.sub(r"[\x00-\x1f\x7f]", "?", redact(argument)) for argument in command)


def one_line(command: Sequence[str]) -> str:
    """Return a redacted argv as one line."""
    return " ".join(redacted(command))


def record_names(prefix: Path) -> frozenset[str]:
    """Return `name-version-build` of every package that has a record in the prefix."""
    try:
        entries = os.listdir(prefix / "conda-meta")
    except OSError:
        return frozenset()
    return frozenset(entry.removesuffix(".json") for entry in entries if entry.endswith(".json"))


def read_lock(prefix: Path) -> Lock | None:
    """Return the lock inside an environment, None where there is none that can be read."""
    path = prefix / LOCK_FILE
    try:
        return next(iter(conda_lock.loads(path.read_bytes(), source=str(path)).values()), None)
    except (OSError, LockError):
        return None


def _history_line(package: CondaPackage) -> str:
    channel = without_credentials(package.channel).removeprefix(_ALIAS).rstrip("/")
    return f"{channel}/{package.subdir}::{package.dist_name}"

"""Unpacking and checking one archive: what an unpacking process does.

py-rattler holds the interpreter lock while it extracts, and a hostile archive may do to the process what it
likes, so this runs in processes of its own (see `unpackers`); `serve` is their loop.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import signal
import sys
from pathlib import Path

from rattler.package_streaming import extract

from envmgr.artifacts import plans
from envmgr.artifacts.distrust import corrupt, inspect_listing
from envmgr.artifacts.manifest import Manifest
from envmgr.errors import (
    ChannelError,
    ChecksumMismatch,
    CorruptPackage,
    EnvmgrError,
    NoSpace,
    ReadOnlyStore,
    StoreError,
)
from envmgr.lock.model import UNKNOWN, CondaPackage
from envmgr.urls import redact

_OS_ERROR = re.compile(r"\(os error (?P<number>[0-9]+)\)")


def unpack(archive: Path, destination: Path, package: CondaPackage) -> Manifest:
    """Extract `archive` into the absent directory `destination`, and return its manifest when nothing is amiss.

    Its link plan is beside it then, where it is not noarch python.

    rattler reads the file once from beginning to end and hashes exactly the bytes that it extracts from. Raises
    ChecksumMismatch when they are not what the record promises, CorruptPackage when the archive cannot be
    unpacked or its contents cannot be trusted, ChannelError when there is no archive, and NoSpace,
    ReadOnlyStore or StoreError when the directory cannot be written.
    """
    try:
        sha256, md5 = extract(archive, destination)
    except OSError as error:
        raise _translated(error, archive, package) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # how pyo3 shows that rust gave up; no Exception
            raise
        raise CorruptPackage(f"{package.filename} cannot be unpacked: {error}") from error
    _compare(package, sha256.hex(), md5.hex(), archive)
    manifest, listing = inspect_listing(destination, package, sha256=sha256.hex(), md5=md5.hex(), is_fresh=True)
    if manifest.noarch != "python":
        with contextlib.suppress(OSError):  # whoever links it first makes one
            plans.write_beside(destination, listing)
    return manifest


def serve() -> None:
    """Answer requests on standard input, one JSON document a line, until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one decides
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing that a library prints may be taken for an answer
    for line in sys.stdin:
        request = json.loads(line)
        _limit_file_size(request["bound"])
        try:
            package = CondaPackage(**request["package"])
            manifest = unpack(Path(request["archive"]), Path(request["destination"]), package)
            answer: dict[str, object] = {"manifest": manifest.to_json()}
        except EnvmgrError as error:
            answer = {"error": [type(error).__name__, error.message, error.hint, error.details]}
        except OSError as error:
            answer = {"error": ["StoreError", f"{error.filename or package.filename}: {error.strerror}", None, {}]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def os_error(message: str, what: str) -> EnvmgrError | None:
    """Return the error for what the operating system refused to rust, or None when it refused nothing."""
    match = _OS_ERROR.search(message)
    number = int(match["number"]) if match else 0
    kind = {
        errno.ENOSPC: NoSpace,
        errno.EDQUOT: NoSpace,
        errno.EROFS: ReadOnlyStore,
        errno.EACCES: ReadOnlyStore,
        errno.EPERM: ReadOnlyStore,
        errno.EMFILE: StoreError,
        errno.ENFILE: StoreError,
        errno.EIO: StoreError,
    }.get(number)
    return None if kind is None else kind(f"{what} cannot be unpacked into the cache: {message}")


def _limit_file_size(limit: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # absent on Windows

        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        soft = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _compare(package: CondaPackage, sha256: str, md5: str, archive: Path) -> None:
    for kind, expected, found in (("sha256", package.sha256, sha256), ("md5", package.md5, md5)):
        if not expected:
            continue
        if expected.lower() == found:
            return
        size = archive.stat().st_size
        sizes = f"; {size} bytes instead of {package.size}" if package.size not in {None, size} else ""
        raise ChecksumMismatch(
            f"{redact(package.url)}: expected {kind} {expected}, found {found}{sizes}",
            hint="the file is damaged, or not the one that the channel describes; nothing of it was installed",
            details={"package": package.dist_name, "expected": expected, "found": found},
        )
    if package.noarch == UNKNOWN:  # a line of an explicit file without a hash: what has come is locked with its own
        return
    raise ChecksumMismatch(f"{redact(package.url)}: its record has neither sha256 nor md5, so it cannot be verified")


def _translated(error: OSError, archive: Path, package: CondaPackage) -> EnvmgrError:
    message = redact(" ".join(str(error).split()))[:500]  # rattler quotes the archive, padding and all
    if not archive.is_file():
        return ChannelError(f"{archive} does not exist, but its channel {redact(package.channel)} lists it")
    if f"(os error {errno.EFBIG})" in message:
        return corrupt(package, [("the archive", "has a file larger than any archive of its size may have")])
    refused = os_error(message, package.filename)
    if refused is not None:
        return refused
    size = archive.stat().st_size
    if package.size is not None and size != package.size:
        message = f"it has {size} bytes, expected {package.size} ({message})"
    return CorruptPackage(
        f"{redact(package.url)} cannot be unpacked: {message}",
        details={"package": package.dist_name, "url": redact(package.url)},
    )

"""One artifact from its URL into a directory, hashed while it is read, bounded while it unpacks."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import random
import re
from pathlib import Path
from typing import NamedTuple

import rattler
from rattler.package_streaming import download_and_extract

from envmgr.artifacts.distrust import corrupt
from envmgr.artifacts.trees import measure, remove
from envmgr.errors import (
    ChannelError,
    ChecksumMismatch,
    CorruptPackage,
    EnvmgrError,
    NoSpace,
    ReadOnlyStore,
    StoreError,
)
from envmgr.lock.model import CondaPackage
from envmgr.urls import file_url, path_of_file_url, redact

ATTEMPTS = 4
FIRST_PAUSE = 0.5  # seconds before the second attempt; doubled before each further one
_SMALLEST_BOUND = 2 * 1024**3  # bytes that any artifact may unpack to
_LARGEST_RATIO = 100  # unpacked bytes by archive byte; the best of real packages reach 20
_MOST_ENTRIES = 2_000_000
_LOOK_AFTER = 1.0  # seconds of unpacking before the first look at its size
_STATUS = re.compile(r"\((?P<status>[45][0-9]{2}) ")
_OS_ERROR = re.compile(r"\(os error (?P<number>[0-9]+)\)")


class Hashes(NamedTuple):
    """The hashes of all bytes of an archive, in lower-case hexadecimal."""

    sha256: str
    md5: str


async def download(client: rattler.Client, package: CondaPackage, destination: Path) -> Hashes:
    """Download and extract one artifact into the absent directory `destination` and return what it hashed to.

    rattler reads the archive once from beginning to end and hashes every byte that it extracts from. Raises
    ChecksumMismatch when the hashes are not the record's, CorruptPackage when the archive cannot be unpacked or
    unpacks to absurdly much, ChannelError when the channel does not deliver it, NoSpace, ReadOnlyStore and
    StoreError when it cannot be written.
    """
    url = _checked_url(package)
    pause = FIRST_PAUSE
    for attempt in range(1, ATTEMPTS + 1):
        try:
            sha256, md5 = await _bounded(client, url, package, destination)
        except OSError as error:
            await asyncio.to_thread(remove, destination)
            if attempt == ATTEMPTS or not _is_worth_another_try(url, str(error)):
                raise _translated(error, package, url) from error
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 # parallel downloads must not march in step
            pause *= 2
        else:
            found = Hashes(sha256.hex(), md5.hex())
            _compare(package, found)
            return found
    raise AssertionError("the last attempt returns or raises")


def _checked_url(package: CondaPackage) -> str:
    """Return the URL to read, with a local path in the one form that rattler cannot stumble over."""
    local = path_of_file_url(package.url)
    url = package.url if local is None else file_url(local) if local.is_absolute() else ""
    if not url.split("?")[0].split("#")[0].endswith((".conda", ".tar.bz2")):
        raise CorruptPackage(
            f"{redact(package.url)} is not the URL of a conda artifact; expected one that ends in .conda or .tar.bz2"
        )
    return url


async def _bounded(client: rattler.Client, url: str, package: CondaPackage, destination: Path) -> tuple[bytes, bytes]:
    """Extract while looking now and then whether it has become absurdly large (an archive bomb)."""
    bound = max(_SMALLEST_BOUND, _LARGEST_RATIO * (package.size or 0))
    extraction = asyncio.ensure_future(download_and_extract(client, url, destination, bytes.fromhex(package.sha256)))
    pause = _LOOK_AFTER
    try:
        while True:
            done, _ = await asyncio.wait({extraction}, timeout=pause)
            if done:
                return extraction.result()
            pause *= 1.5
            size = await asyncio.to_thread(measure, destination)
            if size["bytes"] > bound or size["entries"] > _MOST_ENTRIES:
                raise corrupt(
                    package, [("the archive", f"unpacks to more than {bound:,} bytes or {_MOST_ENTRIES:,} files")]
                )
    finally:
        extraction.cancel()


def _compare(package: CondaPackage, found: Hashes) -> None:
    for kind, expected, actual in (("sha256", package.sha256, found.sha256), ("md5", package.md5, found.md5)):
        if expected:
            if expected != actual:
                raise ChecksumMismatch(
                    f"{redact(package.url)}: expected {kind} {expected}, found {actual}",
                    hint="the channel changed or damaged the file; nothing of it was installed",
                    details={"package": package.dist_name, "expected": expected, "found": actual},
                )
            return
    raise ChecksumMismatch(f"{redact(package.url)}: the channel gives neither sha256 nor md5, so it cannot be verified")


def _is_worth_another_try(url: str, message: str) -> bool:
    if url.startswith("file:") or (_OS_ERROR.search(message) is not None and "connect" not in message.lower()):
        return False
    status = _STATUS.search(message)
    return status is None or status["status"] in {"408", "425", "429"} or status["status"].startswith("5")


def _translated(error: OSError, package: CondaPackage, url: str) -> EnvmgrError:
    message = redact(str(error))
    number = int(match["number"]) if (match := _OS_ERROR.search(message)) else 0
    if number in {errno.ENOSPC, errno.EDQUOT}:
        return NoSpace(f"{package.filename} cannot be unpacked into the cache: {message}")
    local = path_of_file_url(url)
    if local is not None and not local.is_file():
        return ChannelError(f"{local} does not exist, but the channel {redact(package.channel)} lists it")
    if number in {errno.EROFS, errno.EACCES, errno.EPERM}:
        return ReadOnlyStore(f"{package.filename} cannot be unpacked into the cache: {message}")
    if number in {errno.EMFILE, errno.ENFILE, errno.EIO}:
        return StoreError(f"{package.filename} cannot be unpacked into the cache: {message}")
    if local is not None:
        return _local_fault(local, package, message)
    status = _STATUS.search(message)
    if status is not None or "error sending request" in message or "error decoding" in message:
        return ChannelError(f"{redact(url)} cannot be downloaded: {message}")
    return CorruptPackage(
        f"{redact(url)} is truncated or damaged, {ATTEMPTS} times in a row: {message}",
        details={"package": package.dist_name, "url": redact(url)},
    )


def _local_fault(path: Path, package: CondaPackage, message: str) -> EnvmgrError:
    """Tell a file that is not the one that the channel describes from one that is, but cannot be unpacked."""
    try:
        with path.open("rb") as file:
            digest = hashlib.sha256()
            while block := file.read(2**20):
                digest.update(block)
            size = file.tell()
    except OSError as error:
        return ChannelError(f"{path} cannot be read: {error.strerror}")
    if package.sha256 and digest.hexdigest() != package.sha256:
        return ChecksumMismatch(
            f"{path} is damaged: expected sha256 {package.sha256} of {package.size} bytes, "
            f"found {digest.hexdigest()} of {size} bytes",
            details={"package": package.dist_name, "expected": package.sha256, "found": digest.hexdigest()},
        )
    return CorruptPackage(
        f"{path} cannot be unpacked: {message}", details={"package": package.dist_name, "url": redact(package.url)}
    )

"""One archive from its channel's server into a file, with another try where the line broke."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Protocol

import rattler
from rattler.package_streaming import download_to_path

from envmgr.artifacts.unpack import os_error
from envmgr.errors import ChannelError, CorruptPackage, EnvmgrError
from envmgr.lock.model import CondaPackage
from envmgr.urls import redact

ATTEMPTS = 3
FIRST_PAUSE = 0.5  # seconds before the second attempt, doubled before the third
_LOOK_EVERY = 0.2  # seconds between two reports of what has arrived


class Count(Protocol):
    """Told how many more bytes have arrived."""

    def __call__(self, amount: int, /) -> None: ...


async def download(client: rattler.Client, package: CondaPackage, destination: Path, count: Count) -> None:
    """Download the archive of a package into a new file.

    The client itself retries connections and answers that promise to pass (5xx, 429); a body that ends too early
    is retried here. Raises ChannelError when the server does not deliver, CorruptPackage when the archive stays
    truncated, NoSpace, ReadOnlyStore or StoreError when the file cannot be written.
    """
    arrived = 0

    def arrive(size: int) -> None:
        nonlocal arrived
        if size > arrived:
            count(size - arrived)
            arrived = size

    pause = FIRST_PAUSE
    for attempt in range(1, ATTEMPTS + 1):
        watch = asyncio.ensure_future(_watch(destination, arrive))
        try:
            await download_to_path(client, package.url, destination)
        except OSError as error:
            if attempt == ATTEMPTS:
                raise _broken(error, package) from error
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 # parallel downloads out of step
            pause *= 2
        except (RuntimeError, ValueError) as error:
            raise ChannelError(
                f"{redact(package.url)} cannot be downloaded: {redact(str(error))}",
                details={"package": package.dist_name, "url": redact(package.url)},
            ) from error
        else:
            arrive(package.size or destination.stat().st_size)
            return
        finally:
            watch.cancel()


async def _watch(destination: Path, arrive: Count) -> None:
    while True:
        await asyncio.sleep(_LOOK_EVERY)
        try:
            arrive(destination.stat().st_size)
        except FileNotFoundError:
            continue


def _broken(error: OSError, package: CondaPackage) -> EnvmgrError:
    written = os_error(str(error), package.filename)
    if written is not None:
        return written
    return CorruptPackage(
        f"{redact(package.url)} is truncated, {ATTEMPTS} times in a row: {redact(str(error))}",
        details={"package": package.dist_name, "url": redact(package.url)},
    )

"""What py-rattler alone takes: solve and install every package of a channel, verifying nothing.

usage: bare_rattler.py CHANNEL_URL PREFIX CACHE NAME...
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from rattler import Gateway, VirtualPackage, install, solve


async def main(channel: str, prefix: str, cache: Path, names: list[str]) -> None:
    records = await solve(
        [channel],
        names,
        gateway=Gateway(cache_dir=cache / "repodata"),
        platforms=["linux-64", "noarch"],
        virtual_packages=[package.into_generic() for package in VirtualPackage.detect()],
    )
    await install(records, prefix, cache_dir=cache / "pkgs", show_progress=False)


asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4:]))
sys.stdout.flush()
os._exit(0)  # its runtime sometimes crashes at interpreter exit

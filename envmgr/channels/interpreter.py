"""The Python that runs envmgr: what the embedded channel packs, and what its recipes may refer to.

Imports nothing but the standard library's cheapest modules: the up-to-date check of a channel asks it.
"""

from __future__ import annotations

import os
import sys
from typing import NamedTuple


class Interpreter(NamedTuple):
    """One installed CPython, with absolute paths.

    `prefix` is the base installation, never a virtual environment; `standard_library` is its lib/pythonX.Y;
    `abi` is the wheel tag, such as `cp311`, and `cp313t` for a free-threaded build; `stamp` changes when the
    executable is replaced.
    """

    executable: str
    prefix: str
    standard_library: str
    version: str
    abi: str
    stamp: str

    @classmethod
    def running(cls) -> Interpreter:
        """Return the base installation behind this process."""
        executable = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
        major, minor, micro = sys.version_info[:3]
        level = {"alpha": "a", "beta": "b", "candidate": "rc"}.get(sys.version_info.releaselevel)
        try:
            facts = os.stat(executable)
            stamp = f"{executable} {facts.st_size} {facts.st_mtime_ns}"
        except OSError:
            stamp = executable
        return cls(
            executable=executable,
            prefix=os.path.realpath(sys.base_prefix),
            standard_library=os.path.realpath(os.path.dirname(os.__file__)),
            version=f"{major}.{minor}.{micro}" + (f"{level}{sys.version_info.serial}" if level else ""),
            abi=f"cp{major}{minor}{'t' if 't' in getattr(sys, 'abiflags', '') else ''}",
            stamp=f"{stamp} {sys.version}",
        )

    @property
    def minor(self) -> str:
        """The version without the patch level, such as `3.11`."""
        return ".".join(self.version.split(".")[:2])

    @property
    def site_packages(self) -> str:
        """The site-packages directory, relative to a prefix."""
        return f"lib/python{self.minor}{'t' if self.abi.endswith('t') else ''}/site-packages"

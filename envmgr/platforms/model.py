"""A virtual package (CEP 30) as a plain value."""

from __future__ import annotations

from typing import NamedTuple


class VirtualPackage(NamedTuple):
    """One property of a machine that packages may depend on, as `__glibc 2.36 0`."""

    name: str
    version: str
    build: str = "0"

    def __str__(self) -> str:
        return f"{self.name}={self.version}={self.build}"

"""What is in an environment, as commands say it."""

from __future__ import annotations

import json

from builders.commands import Done, Envmgr


def packages(envmgr: Envmgr, name: str = "science") -> dict[str, str]:
    return {entry["name"]: entry["version"] for entry in envmgr("list", "-n", name, "--json").json}


def asked(envmgr: Envmgr, name: str = "science") -> list[str]:
    """Return the lines of what was asked for, as `export` gives them."""
    return [line[4:] for line in envmgr.ok("export", "-n", name).splitlines() if line.startswith("  - ")][1:]


def generation(envmgr: Envmgr, name: str = "science") -> int:
    return int(json.loads((envmgr.prefix(name) / "conda-meta/envmgr/generation.json").read_text())["number"])


def ended(done: Done) -> tuple[int, str]:
    """Return the exit code and what was said on stderr."""
    return done.code, done.err.rstrip("\n")

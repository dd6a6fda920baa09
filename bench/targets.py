"""The targets, and whether they were reached in this run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from measure import Result
from rows import SHELLS, TOGETHER

Results = Mapping[str, Result]
_QUICK = (  # the name of the row after `envmgr`, and milliseconds over a bare interpreter
    ("create (nothing to do)", 120),
    ("run -n bench true", 20),
    ("run -f bench.yml true (nothing to do)", 50),
    ("list", 100),
    ("env list", 100),
    ("--version", 15),
    ("--help", 80),
)


class Met(NamedTuple):
    """One target: what is measured, what it may be, and what it was."""

    measure: str
    target: str
    here: str
    is_met: bool


def about_cold(results: Results) -> list[Met]:
    ratio = results["envmgr create"].seconds / results["py-rattler"].seconds
    return [_ratio("cold create, hashes verified", ratio, 1.3, "bare py-rattler, which verifies nothing")]


def about_warm(results: Results) -> list[Met]:
    floor = results["cp -al"].seconds + results["python -c pass"].seconds
    solved, followed = results["envmgr create --no-lock (solves)"], results["envmgr create (follows the lock)"]
    together = results[f"{TOGETHER} × envmgr create at once"].seconds / followed.seconds
    what = "(`cp -al` + interpreter)"
    peak = solved.peak_bytes / 2**20
    return [
        _ratio("warm create, solved", solved.seconds / floor, 1.5, what),
        _ratio("warm create from the lock", followed.seconds / floor, 1.4, what),
        _ratio("install of one package more", results["envmgr install (one package more)"].seconds / floor, 1.6, what),
        _ratio(f"{TOGETHER} identical creates at once", together, 2, "one"),
        Met("peak memory of a warm create", "≤ 200 MiB", f"{peak:.0f} MiB", peak <= 200),
    ]


def about_quick(results: Results) -> list[Met]:
    start = results["python -c pass"].seconds
    return [_milliseconds(f"`{name}`", results[f"envmgr {name}"].seconds - start, bound) for name, bound in _QUICK]


def about_shells(results: Results) -> list[Met]:
    met = []
    for shell in (each for each in SHELLS if each in results):
        bare, initialised = results[shell].seconds, results[f"{shell}, initialised"].seconds
        activated = results[f"{shell}, activate"].seconds
        met.append(_milliseconds(f"start of an initialised {shell}", initialised - bare, 5, "without"))
        met.append(_milliseconds(f"activate in {shell}", activated - initialised, 10, "the shell itself"))
    if "bash, complete" in results:
        took = results["bash, complete"].seconds - results["bash"].seconds
        met.append(_milliseconds("completion of a package in bash", took, 100, "the shell itself"))
    return met


def about_rollback(results: Results) -> list[Met]:
    took = results["envmgr rollback"].seconds - results["python -c pass"].seconds
    return [_milliseconds("rollback to a kept generation", took, 500)]


def about_kept(share: float) -> list[Met]:
    return [Met("a kept generation beyond its directories", "≤ 3 % of the bytes", f"{share:.2%}", share <= 0.03)]


def about_pip(half: float, results: Results) -> list[Met]:
    """`half` is what the pip half adds to a create, in seconds."""
    faster = results["pip install"].seconds / half
    return [
        _ratio("the pip half", half / results["uv pip install"].seconds, 1.3, "uv pip install"),
        Met("the pip half beside pip", "≥ 5 × faster", f"{faster:.1f} × faster", faster >= 5),
    ]


def _ratio(measure: str, ratio: float, bound: float, what: str) -> Met:
    return Met(measure, f"≤ {bound} × {what}", f"{ratio:.2f} ×", ratio <= bound)


def _milliseconds(measure: str, seconds: float, bound: int, over: str = "a bare interpreter") -> Met:
    return Met(measure, f"≤ {bound} ms over {over}", f"{seconds * 1000:.1f} ms", seconds * 1000 <= bound)

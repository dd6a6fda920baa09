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
    met = [_over(results, "python -c pass", f"envmgr {name}", f"`{name}`", bound) for name, bound in _QUICK]
    theirs = results.get("micromamba run -p … true")
    if theirs is not None:
        ratio = results["envmgr run -n bench true"].seconds / theirs.seconds
        met.append(_ratio("`run -n bench true` beside micromamba", ratio, 0.5, "micromamba run"))
    return met


def about_shells(results: Results) -> list[Met]:
    met = []
    for shell in (each for each in SHELLS if each in results):
        initialised = f"{shell}, initialised"
        met.append(_over(results, shell, initialised, f"start of an initialised {shell}", 5, "one without"))
        met.append(_over(results, initialised, f"{shell}, activate", f"activate in {shell}", 10, "the shell itself"))
    if "bash, complete" in results:
        what = "completion of a package in bash"
        met.append(_over(results, "bash", "bash, complete", what, 100, "the shell itself"))
    return met


def about_rollback(results: Results) -> list[Met]:
    return [_over(results, "python -c pass", "envmgr rollback", "rollback to a kept generation", 500)]


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


def _over(results: Results, bare: str, name: str, measure: str, bound: int, over: str = "a bare interpreter") -> Met:
    """Return what a row takes over a bare one: by the clock, and in processor time, which others on the machine
    disturb less."""
    took = (results[name].seconds - results[bare].seconds) * 1000
    processor = (results[name].processor_seconds - results[bare].processor_seconds) * 1000
    here = f"{took:.1f} ms ({processor:.0f} ms of processor time)"
    return Met(measure, f"≤ {bound} ms over {over}", here, took <= bound)

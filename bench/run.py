"""Measure envmgr beside the tools it is judged by, in one run on one channel, and print Markdown tables.

usage: python bench/run.py --channel DIR [--runs N] [--work DIR] [--only TABLE…]

DIR is a channel directory with a `python` package and its wheels as conda packages; every package of it is
installed. uv, micromamba and conda take part where they are on PATH. envmgr, py-rattler and the interpreter
are those that run this file. The table `pip` needs a Python package index in reach.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import kept
import rows
from measure import Result
from pip_half import pip_half
from place import Place
from targets import Met, about_cold, about_kept, about_pip, about_quick, about_rollback, about_shells, about_warm

Print = Callable[[str], None]
TABLES = ("cold", "warm", "quick", "shells", "rollback", "pip")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--channel", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--work", type=Path, help="where everything is written (one file system; default: temporary)")
    parser.add_argument("--only", nargs="+", choices=TABLES, default=TABLES)
    options = parser.parse_args()
    work = options.work or Path(tempfile.mkdtemp(prefix="envmgr-bench-"))
    work.mkdir(parents=True, exist_ok=True)
    place = Place(options.channel.resolve(), work.resolve(), options.runs)
    print(f"{dt.date.today()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}, {len(place.names)} packages,")
    print(f"medians of {place.runs} runs in turn")
    met: list[Met] = []
    for name in options.only:
        met += _TABLES[name](place)
    print("\n## Against the targets\n\n| measure | target | here | |\n|---|---|---|---|")
    for each in met:
        print(f"| {each.measure} | {each.target} | {each.here} | {'' if each.is_met else 'missed'} |")
    if options.work is None:
        shutil.rmtree(work, ignore_errors=True)


def _cold(place: Place) -> list[Met]:
    results = rows.cold(place)
    bare = results["py-rattler"].seconds
    _table("Cold create from a file:// channel", results, lambda row: f"{row.seconds / bare:.2f} × py-rattler")
    return about_cold(results)


def _warm(place: Place) -> list[Met]:
    results = rows.warm(place)
    files = sum(len(names) for _, _, names in os.walk(place.work / "original"))
    floor = results["cp -al"].seconds + results["python -c pass"].seconds
    _table(f"Warm create, {files} files", results, lambda row: f"{row.seconds / floor:.2f} × (cp -al + interpreter)")
    return about_warm(results)


def _quick(place: Place) -> list[Met]:
    results = rows.quick(place)
    _table("Nothing to do, looking, and run", results, _over_python(results))
    return about_quick(results)


def _shells(place: Place) -> list[Met]:
    results = rows.shells(place)
    _table("Shells", results, _over_python(results))
    return about_shells(results)


def _rollback(place: Place) -> list[Met]:
    results = rows.going_back(place)
    _table("Rollback to a kept generation", results, _over_python(results))
    generations = place.work / "root/envs/.generations/back"
    newest = max((each for each in generations.iterdir() if each.is_dir()), key=lambda each: int(each.name))
    return [*about_rollback(results), *about_kept(kept.cost(newest, place.work / "root/envs/back"))]


def _pip(place: Place) -> list[Met]:
    results, count = pip_half(place)
    half = results["envmgr create, both halves"].seconds - results["envmgr create, conda half"].seconds
    _table(
        f"The pip half, {count} distributions",
        results,
        lambda row: f"{row.seconds / results['uv pip install'].seconds:.2f} × uv",
    )
    return about_pip(half, results)


_TABLES: dict[str, Callable[[Place], list[Met]]] = {
    "cold": _cold,
    "warm": _warm,
    "quick": _quick,
    "shells": _shells,
    "rollback": _rollback,
    "pip": _pip,
}


def _over_python(results: rows.Results) -> Callable[[Result], str]:
    start = results["python -c pass"].seconds
    return lambda row: f"{(row.seconds - start) * 1000:+.0f} ms"


def _table(title: str, results: rows.Results, reference: Callable[[Result], str]) -> None:
    print(f"\n### {title}\n\n| | median s | min–max s | CPU s | peak MiB | |\n|---|---|---|---|---|---|")
    for result in results.values():
        print(
            f"| {result.name} | {result.seconds:.3f} | {result.fastest:.3f}–{result.slowest:.3f} "
            f"| {result.processor_seconds:.3f} | {result.peak_bytes / 2**20:.0f} | {reference(result)} |",
            flush=True,
        )


if __name__ == "__main__":
    main()

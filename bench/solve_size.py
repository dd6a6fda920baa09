"""Measure a solve at conda-forge's size beside bare py-rattler: whole processes, in turn, in one run.

usage: python bench/solve_size.py --channel DIR [--runs N] [SPEC…]

DIR is a channel directory with linux-64 and noarch repodata.json. libmamba takes part where libmambapy can be
imported. Each subject reads the repodata from disk, through the cache that its first, uncounted run has left.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from envmgr.solve.select import is_libmamba_present
from measure import Subject, compare

SPECS = ["python=3.12", "numpy", "pandas", "scipy", "scikit-learn", "matplotlib", "jupyterlab"]

_BARE = """
import asyncio, os, sys
from rattler import Gateway, VirtualPackage, solve
found = asyncio.run(solve([sys.argv[1]], sys.argv[3:], gateway=Gateway(cache_dir=sys.argv[2]),
    platforms=["linux-64", "noarch"], virtual_packages=[p.into_generic() for p in VirtualPackage.detect()]))
print(len(found), flush=True)
os._exit(0)
"""
_OURS = """
import os, sys
from rattler import Gateway
from envmgr.channels.model import Channel
from envmgr.platforms.detect import detect
from envmgr.solve.base import SolveRequest
from envmgr.solve.select import solver
from envmgr.spec.command_line import parse_dependency
request = SolveRequest(specs=tuple(parse_dependency(text) for text in sys.argv[4:]),
    channels=(Channel(name="big", url=sys.argv[1]),), platform="linux-64", virtual_packages=detect("linux-64", {}),
    add_pip=False)
print(len(solver(sys.argv[3], Gateway(cache_dir=sys.argv[2])).solve(request).packages), flush=True)
os._exit(0)
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--channel", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("specs", nargs="*", default=SPECS)
    arguments = parser.parse_args()
    url = arguments.channel.absolute().as_uri()
    engines = ["rattler", *(["libmamba"] if is_libmamba_present() else [])]
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)

        def subject(name: str, *command: str) -> Subject:
            specs = arguments.specs
            return Subject(
                name=name,
                command=[sys.executable, "-c", *command, *specs],
                environ=dict(os.environ),
                prepare=lambda: None,
            )

        subjects = [
            subject("bare py-rattler", _BARE, url, str(work / "bare")),
            *(subject(f"envmgr, {engine}", _OURS, url, str(work / engine), engine) for engine in engines),
        ]
        results = compare(subjects, runs=arguments.runs, log=work / "log.txt")
        counts = {line for line in (work / "log.txt").read_text().splitlines() if line.isdigit()}
    base = results["bare py-rattler"]
    print(
        f"{' '.join(arguments.specs)}: {', '.join(sorted(counts))} packages, medians of {arguments.runs} runs in turn\n"
    )
    print("| | median s | min–max s | peak MiB | |\n|---|---|---|---|---|")
    for result in results.values():
        print(
            f"| {result.name} | {result.seconds:.2f} | {result.fastest:.2f}–{result.slowest:.2f} "
            f"| {result.peak_bytes >> 20} | {result.seconds / base.seconds:.2f} × time, "
            f"{result.peak_bytes / base.peak_bytes:.2f} × memory |"
        )


if __name__ == "__main__":
    main()

"""Count how many requests without a solution get an edit that solves, and how long that takes.

usage: python bench/conflicts.py --data DIR [--cases N] [--seed N] [--solver NAME] [--verbose]

DIR is the folder of real repodata that tests/solve/unsatisfiable.py reads; N requests are made from it, the same
number from each universe.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from envmgr.errors import SolveError
from envmgr.solve.select import solver
from solve.indexes import open_gateway
from solve.unsatisfiable import UNIVERSES, lay, requests


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--solver", default="rattler")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    solved = without_loss = total = 0
    seconds = []
    with tempfile.TemporaryDirectory() as directory:
        for number, name in enumerate(UNIVERSES):
            share = arguments.cases // len(UNIVERSES) + (number < arguments.cases % len(UNIVERSES))
            universe = lay(arguments.data, name, Path(directory))
            gateway = open_gateway(Path(directory) / "cache")
            for asked in itertools.islice(requests(universe, gateway, arguments.seed), share):
                before = time.perf_counter()
                try:
                    solver(arguments.solver, gateway).solve(asked)
                except SolveError as error:
                    edits = error.details["edits"]
                    hint = error.hint
                else:
                    raise SystemExit(f"{arguments.solver} solves {[spec.text for spec in asked.specs]}")
                seconds.append(time.perf_counter() - before)
                total += 1
                solved += bool(edits)
                without_loss += any(len(edit["add"]) == len(edit["remove"]) for edit in edits)
                if arguments.verbose:
                    print(name, [spec.text for spec in asked.specs], asked.exclude_newer or "", f"{seconds[-1]:.2f} s")
                    print(hint, flush=True)
    print(f"| {total} requests, seed {arguments.seed}, {arguments.solver} | {solved} | {without_loss} "
          f"| {statistics.median(seconds):.2f} | {max(seconds):.2f} |")  # fmt: skip


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # rattler's runtime sometimes crashes at interpreter exit

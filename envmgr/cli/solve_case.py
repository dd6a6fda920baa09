"""`envmgr solve-case`: a recorded solve, run again."""

from __future__ import annotations

from pathlib import Path

import click

from envmgr.cli import options
from envmgr.cli.messages import say, say_json
from envmgr.settings import SOLVERS
from envmgr.workflows.solve_case import Rerun, solve_again


@click.command(
    "solve-case",
    short_help="Run a recorded solve again.",
    epilog=options.examples("envmgr create -f environment.yml --solver-debug case", "envmgr solve-case case"),
)
@click.option("--solver", type=click.Choice(SOLVERS), help="By default auto: libmamba where present.")
@options.EXPLAIN_TIMEOUT
@options.output
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
def solve_case(solver: str | None, as_json: bool, quiet: bool, verbose: bool, directory: Path) -> int:
    """Run the solve again that --solver-debug recorded in DIR, without any other channel, and compare the answers.

    Exit code 1 where they differ.
    """
    settings = options.load_settings(solver=solver)
    found = solve_again(directory, settings)
    if as_json:
        say_json({"success": found.is_same, "recorded": found.recorded._asdict(), "now": found.now._asdict(),
                  "recorded_solver": found.recorded_solver, "solver": found.solver})  # fmt: skip
    else:
        say(_text(found, quiet=quiet))
    return 0 if found.is_same else 1


def _text(found: Rerun, *, quiet: bool) -> str:
    lines = [] if quiet else [f"recorded ({found.recorded_solver or 'no solution'}): {found.recorded.label}"]
    lines.append(f"now ({found.solver}): {found.now.label}")
    old, new = set(found.recorded.packages), set(found.now.packages)
    lines += [f"  - {each}" for each in sorted(old - new)] + [f"  + {each}" for each in sorted(new - old)]
    lines.append("the same answer" if found.is_same else "another answer")
    return "\n".join(lines)

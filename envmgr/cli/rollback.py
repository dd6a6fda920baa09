"""`envmgr rollback`: a generation of before becomes the next one."""

from __future__ import annotations

import sys
import time

import click

from envmgr.cli import options
from envmgr.cli.messages import say, say_json
from envmgr.cli.outcome import asking
from envmgr.cli.plan import as_json as plan_as_json
from envmgr.cli.progress import reporter
from envmgr.store import layout
from envmgr.workflows.rollback import RolledBack, Wish
from envmgr.workflows.rollback import rollback as roll_back


@click.command(
    "rollback",
    short_help="Go back to a generation of before.",
    epilog=options.examples("envmgr rollback -n science", "envmgr rollback -n science 2"),
)
@options.environment
@options.confirmation
@options.pristine
@options.waiting
@options.override_frozen
@click.option("--offline", is_flag=True, help="Use only what is on this machine.")
@options.output
@click.argument("number", type=click.IntRange(min=1), required=False, metavar="[N]")
def rollback(
    name: str | None, prefix: str | None, yes: bool, dry_run: bool, override_frozen: bool, pristine: bool,
    offline: bool, as_json: bool, quiet: bool, verbose: bool, number: int | None,
) -> None:  # fmt: skip
    """Make generation N the next generation, by default the one before the current one; `history` lists them.

    Nothing is lost: the state before is kept as every other one, and can be gone back to as well.
    """
    started = time.monotonic()
    options.one_of_name_and_prefix(name, prefix)
    settings = options.load_settings(offline=offline)
    location = layout.find(settings, name=name, prefix=prefix)
    report = reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json)

    confirm = asking(
        yes=yes or dry_run or settings.always_yes, as_json=as_json, quiet=quiet, verbose=verbose, pristine=pristine
    )
    wish = Wish(location, number, options.command_line(), override_frozen, pristine)
    done = roll_back(wish, settings, report, confirm=confirm, dry_run=dry_run)
    _print(done, as_json=as_json, quiet=quiet, dry_run=dry_run, seconds=time.monotonic() - started)


def _print(done: RolledBack, *, as_json: bool, quiet: bool, dry_run: bool, seconds: float) -> None:
    outcome = done.outcome
    if as_json:
        document = plan_as_json(outcome, dry_run=dry_run)
        say_json(document | {"generation": done.generation, "rolled_back_to": done.target})
        return
    if outcome.declined:
        raise click.Abort
    if quiet:
        return
    location = outcome.location
    if outcome.up_to_date:
        what = "is at generation" if done.target == done.generation else "already is as it was at generation"
        say(f"{location.label} {what} {done.target}: nothing to do")
    elif dry_run:
        say(f"dry run: nothing was changed at {location.prefix}")
    else:
        say(
            f"{location.label} is as it was at generation {done.target}, now generation {done.generation} "
            f"(in {seconds:.1f} s)\nuse it: envmgr run {location.arguments} COMMAND"
        )

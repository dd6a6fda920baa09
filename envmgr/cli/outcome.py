"""How the commands that make a generation ask, and what they say in the end."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from envmgr.cli import drift
from envmgr.cli.messages import say, say_json
from envmgr.cli.plan import as_json as plan_as_json
from envmgr.cli.plan import as_text as plan_as_text
from envmgr.errors import UsageError
from envmgr.store import layout
from envmgr.workflows.create import Outcome, Plan


def asking(*, yes: bool, as_json: bool, quiet: bool, verbose: bool, pristine: bool = False) -> Callable[[Plan], bool]:
    """Return what shows a plan, and asks on a terminal where it changes something that exists.

    What is `pristine` loses something, and needs a yes: without a terminal that is UsageError.
    """

    def confirm(plan: Plan) -> bool:
        if not as_json and not quiet:
            say(plan_as_text(plan, verbose=verbose))
        if pristine and not yes and layout.is_environment(plan.location.prefix):
            return _agrees_to_loss(plan, as_json=as_json)
        if yes or as_json or plan.previous is None or not sys.stdin.isatty():
            return True
        return click.confirm(f"change {plan.location.label}? the state before is kept", default=True, err=True)

    return confirm


def _agrees_to_loss(plan: Plan, *, as_json: bool) -> bool:
    label = plan.location.label
    if as_json or not sys.stdin.isatty():
        raise UsageError(
            f"--pristine leaves behind what people put into {label}, and there is no terminal to ask on",
            hint="add --yes",
        )
    return click.confirm(f"change {label}, and leave behind what people put into it?", default=False, err=True)


def print_outcome(
    outcome: Outcome, *, as_json: bool, quiet: bool, dry_run: bool, seconds: float, saved: str | None = None
) -> None:
    """Print how a command ended, after `seconds`; `saved` is the environment file that it edited too.

    Raises click.Abort where the plan was declined.
    """
    if as_json:
        say_json(plan_as_json(outcome, dry_run=dry_run) | ({"saved": saved} if saved is not None else {}))
        return
    if outcome.declined:
        raise click.Abort
    if quiet:
        return
    location = outcome.location
    where = f": {location.prefix}" if location.name is not None else ""
    written = f", lock written to {outcome.written}" if outcome.written is not None else ""
    if (outcome.up_to_date or dry_run) and outcome.location.prefix.is_dir():
        drift.tell(location)
    if outcome.up_to_date:
        say(f"{location.label} is up to date{written}{where}")
    elif outcome.is_downloaded:
        say(f"the package cache has what {location.label} needs; the environment was not touched")
    elif dry_run:
        say(f"dry run: nothing was changed at {location.prefix}")
    else:
        say(f"{location.label} is ready in {seconds:.1f} s{written}{where}")
        say(f"use it: envmgr run {location.arguments} COMMAND")
    if saved is not None:
        say(f"{'dry run: would be edited' if dry_run else 'edited'}: {saved}")

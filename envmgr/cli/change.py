"""What `install`, `remove` and `update` share: options, and one change from the request to what is printed."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from envmgr.cli import conda_flags
from envmgr.cli.options import EXPLAIN_TIMEOUT, SOLVER_DEBUG
from envmgr.cli.outcome import asking, print_outcome
from envmgr.cli.progress import reporter
from envmgr.errors import EnvmgrError, UsageError
from envmgr.settings import CHANNEL_PRIORITIES, SOLVERS, Settings
from envmgr.store import layout
from envmgr.store.survey_ahead import Ahead
from envmgr.workflows.request import ChangeRequest

if TYPE_CHECKING:  # start-up time: what solves
    from envmgr.workflows.moving import Changed

F = TypeVar("F", bound=Callable[..., Any])


def solving(command: F) -> F:
    """Add the options that decide the solve of an environment that exists: its platform is its own."""
    for option in reversed(
        (
            click.option(
                "-c",
                "--channel",
                "channels",
                multiple=True,
                metavar="CHANNEL",
                help="One more channel, behind those of the environment.",
            ),
            click.option("-O", "--override-channels", is_flag=True, help="From now on use the -c channels only."),
            click.option(
                "--virtual-package",
                "virtual_packages",
                multiple=True,
                metavar="NAME=VERSION",
                help="Solve as if the machine had this, as __cuda=12.8.",
            ),
            click.option("--exclude-newer", metavar="DATE", help="Ignore what came after DATE, as 2026-01-31 or 14d."),
            click.option("--channel-priority", type=click.Choice(CHANNEL_PRIORITIES), help="By default strict."),
            click.option("--solver", type=click.Choice(SOLVERS), help="By default auto: libmamba where present."),
            click.option("--offline", is_flag=True, help="Use only what is on this machine."),
            EXPLAIN_TIMEOUT,
            SOLVER_DEBUG,
        )
    ):
        command = option(command)
    return conda_flags.of_environments(conda_flags.of_channels(command))


def save(command: F) -> F:
    """Add `--save` and `-f`."""
    command = click.option("-f", "--file", "file", metavar="FILE", help="The file that --save edits.")(command)
    return click.option(
        "--save", is_flag=True, help="Edit the environment file too, keeping its comments and its order."
    )(command)


def pip_names(command: F) -> F:
    """Add `--pip NAME`: packages that are meant only where they are in the pip half."""
    return click.option("--pip", "pip", multiple=True, metavar="NAME", help="A package of the pip half.")(command)


def check_file(file: str | None, *, save: bool) -> None:
    """Raise UsageError for a file that nothing would be done with."""
    if file is not None and not save:
        raise UsageError(f"-f {file} names the file that --save edits", hint="add --save")


def run(
    request: ChangeRequest, settings: Settings, *, yes: bool, dry_run: bool, as_json: bool, quiet: bool, verbose: bool
) -> None:
    """Make the change that was asked for, and say how it ended."""
    started = time.monotonic()
    report = reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json)
    confirm = asking(
        yes=yes or dry_run or settings.always_yes,
        as_json=as_json,
        quiet=quiet,
        verbose=verbose,
        pristine=request.pristine,
    )
    with contextlib.ExitStack() as stack:
        ahead = None if dry_run else _looking(request, settings)
        if ahead is not None:
            stack.enter_context(ahead)
        from envmgr.workflows import change  # start-up time: the environment is looked through meanwhile

        changed = change.change(request, settings, report, confirm=confirm, dry_run=dry_run, ahead=ahead)
    print_changed(changed, as_json=as_json, quiet=quiet, dry_run=dry_run, started=started)


def _looking(request: ChangeRequest, settings: Settings) -> Ahead | None:
    """Begin to look through the environment that is to be changed, where it can be told already which that is."""
    if request.name is None and request.prefix is None and request.save:
        return None
    try:
        return Ahead.of(layout.find(settings, name=request.name, prefix=request.prefix))
    except EnvmgrError:
        return None  # said with the rest


def print_changed(changed: Changed, *, as_json: bool, quiet: bool, dry_run: bool, started: float) -> None:
    """Print how a change ended that began at `started` (monotonic seconds), and which file was edited with it."""
    print_outcome(
        changed.outcome,
        as_json=as_json,
        quiet=quiet,
        dry_run=dry_run,
        seconds=time.monotonic() - started,
        saved=changed.saved.source if changed.saved is not None and changed.saved.is_changed else None,
    )

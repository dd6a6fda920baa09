"""`envmgr clone` and `envmgr rename`: the same lock at another prefix."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import click

from envmgr.cli import options
from envmgr.cli.messages import say, say_json
from envmgr.cli.plan import as_json as plan_as_json
from envmgr.cli.progress import reporter
from envmgr.cli.tables import plural, size
from envmgr.errors import UsageError
from envmgr.settings import Settings
from envmgr.store import layout
from envmgr.store.layout import Location
from envmgr.workflows.clone import CloneRequest
from envmgr.workflows.clone import clone as clone_environment
from envmgr.workflows.create import Outcome, Plan
from envmgr.workflows.rename import Wish
from envmgr.workflows.rename import rename as rename_environment


@click.command(
    "clone",
    short_help="Make the same environment at another place.",
    epilog=options.examples(
        "envmgr clone science science-2", "envmgr clone science@3 old-science", "envmgr clone science -p ./environment"
    ),
)
@options.environment
@click.option("--offline", is_flag=True, help="Use only what is on this machine.")
@options.confirmation
@options.output
@click.argument("source", metavar="SOURCE")
@click.argument("target", required=False, metavar="[TARGET]")
def clone(
    name: str | None, prefix: str | None, offline: bool, yes: bool, dry_run: bool, as_json: bool, quiet: bool,
    verbose: bool, source: str, target: str | None,
) -> None:  # fmt: skip
    """Realise the lock of SOURCE at TARGET: both halves, variables, what was asked for.

    SOURCE is a name, a path, or either with @N for a generation; TARGET a name, or a path with a slash in it.
    """
    settings = options.load_settings(offline=offline)
    where = _target(settings, name, prefix, target, what="clone")
    run_clone(source, where, settings, dry_run=dry_run, as_json=as_json, quiet=quiet)


def run_clone(source: str, target: Location, settings: Settings, *, dry_run: bool, as_json: bool, quiet: bool) -> None:
    """Clone and say how it ended; also for `create --clone`."""
    started = time.monotonic()
    report = reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json)
    request = CloneRequest(source, target, options.command_line())
    confirm = _showing(source, as_json=as_json, quiet=quiet, ask=False)
    outcome = clone_environment(request, settings, report, confirm=confirm, dry_run=dry_run)
    _print(outcome, {"cloned_from": source}, as_json=as_json, quiet=quiet, dry_run=dry_run, started=started)


@click.command(
    "rename",
    short_help="Give an environment another name or place.",
    epilog=options.examples("envmgr rename science science-2026", "envmgr rename -p ./environment science"),
)
@options.environment
@click.option("--offline", is_flag=True, help="Use only what is on this machine.")
@options.confirmation
@options.waiting
@options.override_frozen
@options.output
@click.argument("names", nargs=-1, metavar="[OLD] NEW")
def rename(
    name: str | None, prefix: str | None, offline: bool, yes: bool, dry_run: bool, override_frozen: bool,
    as_json: bool, quiet: bool, verbose: bool, names: tuple[str, ...],
) -> None:  # fmt: skip
    """Let the environment OLD go on as NEW: its lock is realised there, its history goes on, and the old place is left.

    OLD is a name or a path, or given with -n or -p as in conda; NEW is a name, or a path with a slash in it. Locks of
    earlier generations come along, so `rollback` works; a prefix is named in the files of packages, which is why the
    environment is made anew and not moved.
    """
    started = time.monotonic()
    options.one_of_name_and_prefix(name, prefix)
    settings = options.load_settings(offline=offline)
    given = name is not None or prefix is not None
    if len(names) != (1 if given else 2):
        raise UsageError(
            f"`rename` expects {'the new name' if given else 'the old name and the new one'}, found {len(names)} names",
            hint="envmgr rename OLD NEW, or: envmgr rename -n OLD NEW",
        )
    old = layout.find(settings, name=name, prefix=prefix) if given else layout.find_called(settings, names[0])
    report = reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json)
    wish = Wish(old, layout.called(settings, names[-1]), options.command_line(), override_frozen)
    confirm = _showing(old.label, as_json=as_json, quiet=quiet, ask=not (yes or dry_run or settings.always_yes))
    outcome = rename_environment(wish, settings, report, confirm=confirm, dry_run=dry_run)
    more = {"renamed_from": str(old.prefix)}
    _print(outcome, more, as_json=as_json, quiet=quiet, dry_run=dry_run, started=started)


def _target(settings: Settings, name: str | None, prefix: str | None, target: str | None, *, what: str) -> Location:
    options.one_of_name_and_prefix(name, prefix)
    given = [each for each in (name, prefix, target) if each is not None]
    if len(given) != 1:
        raise UsageError(
            f"`{what}` expects one target, found {len(given) or 'none'}", hint=f"envmgr {what} SOURCE TARGET"
        )
    if target is not None:
        return layout.called(settings, target)
    return layout.named(settings, name) if name is not None else layout.at_path(settings, prefix or "")


def _showing(source: str, *, as_json: bool, quiet: bool, ask: bool) -> Callable[[Plan], bool]:
    def confirm(plan: Plan) -> bool:
        if not as_json and not quiet:
            total = plural(len(plan.lock.conda) + len(plan.lock.pip), "package")
            pip = f", {len(plan.lock.pip)} of them from pip" if plan.lock.pip else ""
            download = sum(package.size or 0 for package in plan.fetched)
            rest = f"; {size(download)} to download" if plan.fetched else "; nothing to download"
            say(f"{source} → {plan.location.label}: {total}{pip}, as locked{rest}")
        if not ask or as_json or not sys.stdin.isatty():
            return True
        return click.confirm(f"rename {source} to {plan.location.label}?", default=True, err=True)

    return confirm


def _print(
    outcome: Outcome, more: dict[str, str], *, as_json: bool, quiet: bool, dry_run: bool, started: float
) -> None:
    if as_json:
        say_json(plan_as_json(outcome, dry_run=dry_run) | more)
        return
    if outcome.declined:
        raise click.Abort
    if quiet:
        return
    location = outcome.location
    if dry_run:
        say(f"dry run: nothing was changed, and nothing is at {location.prefix}")
        return
    where = f": {location.prefix}" if location.name is not None else ""
    say(f"{location.label} is ready in {time.monotonic() - started:.1f} s{where}")
    say(f"use it: envmgr run {location.arguments} COMMAND")

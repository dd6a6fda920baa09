"""`envmgr remove`: packages of an environment, or the environment as a whole."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import click

from envmgr.cli import change, conda_flags, options
from envmgr.cli.messages import say, say_json
from envmgr.cli.progress import reporter
from envmgr.cli.shapes import linked, pip_linked
from envmgr.errors import EnvmgrError, UsageError
from envmgr.store.layout import Location
from envmgr.workflows import remove as workflow
from envmgr.workflows.reading import lock_of
from envmgr.workflows.request import ChangeRequest


@click.command(
    "remove",
    short_help="Remove packages from an environment, or all of it.",
    epilog=options.examples(
        "envmgr remove -n science scipy",
        "envmgr remove scipy --save -f environment.yml",
        "envmgr remove -n science --all",
    ),
)
@options.environment
@change.save
@change.pip_names
@change.solving
@conda_flags.of_remove
@options.confirmation
@options.pristine
@options.waiting
@options.override_frozen
@options.output
@click.option("--all", "everything", is_flag=True, help="Remove the environment with everything in it.")
@click.option("--keep-env", is_flag=True, help="With --all: the environment stays, with nothing in it.")
@click.argument("packages", nargs=-1, metavar="[PACKAGE…]")
def remove(
    name: str | None,
    prefix: str | None,
    save: bool,
    file: str | None,
    pip: tuple[str, ...],
    channels: tuple[str, ...],
    override_channels: bool,
    virtual_packages: tuple[str, ...],
    exclude_newer: str | None,
    channel_priority: str | None,
    solver: str | None,
    offline: bool,
    yes: bool,
    dry_run: bool,
    override_frozen: bool,
    pristine: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    everything: bool,
    keep_env: bool,
    packages: tuple[str, ...],
) -> None:
    """Remove packages of either half, and what only they needed; with --all the environment, kept generations too."""
    packages = (*packages, *pip)
    options.one_of_name_and_prefix(name, prefix)
    if everything and (packages or save):
        what = "packages" if packages else "--save"
        raise UsageError(f"`remove` expects packages or --all, found --all and {what}", hint="leave one of them out")
    if keep_env and not everything:
        raise UsageError("--keep-env says what --all leaves, and there is no --all", hint="add --all, or leave it out")
    if everything and not keep_env:
        _remove(name, prefix, yes=yes, dry_run=dry_run, as_json=as_json, quiet=quiet, override_frozen=override_frozen)
        return
    change.check_file(file, save=save)
    if not packages and not everything:
        arguments = _arguments(name, prefix)
        raise UsageError(
            "`remove` expects packages, or --all for the whole environment",
            hint=f"envmgr remove {arguments} PACKAGE, or: envmgr remove {arguments} --all",
        )
    request = ChangeRequest(
        command=options.command_line(),
        name=name,
        prefix=options.absolute(prefix),
        removed=packages,
        pip=pip,
        save=save,
        file=file,
        channels=channels,
        override_channels=override_channels,
        virtual_packages=virtual_packages,
        exclude_newer=exclude_newer,
        override_frozen=override_frozen,
        pristine=pristine,
        manner=conda_flags.manner(),
        empties=everything and keep_env,
    )
    settings = options.load_settings(offline=offline, channel_priority=channel_priority, solver=solver)
    change.run(request, settings, yes=yes, dry_run=dry_run, as_json=as_json, quiet=quiet, verbose=verbose)


@click.command("remove", epilog=options.examples("envmgr env remove -n science"))
@options.environment
@options.confirmation
@options.waiting
@options.override_frozen
@options.output
def remove_environment(
    name: str | None, prefix: str | None, yes: bool, dry_run: bool, as_json: bool, quiet: bool, verbose: bool,
    override_frozen: bool,
) -> None:  # fmt: skip
    """Remove an environment, its kept generations included."""
    _remove(name, prefix, yes=yes, dry_run=dry_run, as_json=as_json, quiet=quiet, override_frozen=override_frozen)


def _remove(
    name: str | None, prefix: str | None, *, yes: bool, dry_run: bool, as_json: bool, quiet: bool, override_frozen: bool
) -> None:
    options.one_of_name_and_prefix(name, prefix)
    if name is None and prefix is None:
        raise UsageError(
            "`remove` does not guess which environment is meant, not even the active one",
            hint="add -n NAME or -p PATH; `envmgr env list` shows them",
        )
    settings = options.load_settings()
    location = workflow.find(settings, name=name, prefix=prefix)
    what = f"{location.label} ({location.prefix})" if location.name is not None else location.label
    if not dry_run and not yes and not settings.always_yes:
        if not sys.stdin.isatty() or as_json:
            raise UsageError(
                f"{location.label} would be lost, and there is no terminal to ask on",
                hint=f"envmgr remove {location.arguments} --all --yes",
            )
        click.confirm(f"remove {what} with everything in it?", abort=True, err=True)
    document = _as_json(location, dry_run=dry_run) if as_json else {}
    if not dry_run:
        report = reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json)
        workflow.remove(location, settings, report, override_frozen=override_frozen)
    if as_json:
        say_json(document)
    elif not quiet:
        say(f"{'dry run: would remove' if dry_run else 'removed'} {what}")


def _as_json(location: Location, *, dry_run: bool) -> dict[str, Any]:
    """Return conda's shape: everything is unlinked. What cannot be read can be removed all the same."""
    try:
        lock = lock_of(location)
    except EnvmgrError:
        lock = None
    prefix = str(location.prefix)
    return {
        "success": True,
        "prefix": prefix,
        "dry_run": dry_run,
        "up_to_date": False,
        "actions": {
            "FETCH": [],
            "LINK": [],
            "UNLINK": [linked(package) for package in lock.conda] if lock is not None else [],
            "PREFIX": prefix,
        },
        "pip": {"install": [], "remove": [pip_linked(package) for package in lock.pip] if lock is not None else []},
    }


def _arguments(name: str | None, prefix: str | None) -> str:
    if name is not None:
        return f"-n {shlex.quote(name)}"
    return f"-p {shlex.quote(prefix)}" if prefix is not None else "-n NAME"

"""`envmgr update`: newer versions within what was asked for, or a changed file."""

from __future__ import annotations

import sys
import time

import click

from envmgr.cli import change, conda_flags, options
from envmgr.cli.outcome import asking
from envmgr.cli.progress import reporter
from envmgr.errors import UsageError
from envmgr.workflows.create import create as create_environment
from envmgr.workflows.moving import Changed
from envmgr.workflows.request import CreateRequest
from envmgr.workflows.sources import read_sources
from envmgr.workflows.update import Moves
from envmgr.workflows.update import update as update_environment


@click.command(
    "update",
    short_help="Move packages to newer versions, or follow a changed file.",
    epilog=options.examples(
        "envmgr update -n science numpy",
        "envmgr update -n science --all",
        "envmgr update -f environment.yml",
        "envmgr update -n science numpy --save",
    ),
)
@options.environment
@click.option(
    "-f", "--file", "files", multiple=True, metavar="FILE", help="An environment file: a path, - or an https URL."
)
@click.option(
    "--save",
    is_flag=True,
    help="Raise the lower bounds in the environment file too, keeping its comments and its order.",
)
@click.option("--all", "--update-all", "everything", is_flag=True, help="Everything as new as the specs allow.")
@click.option("--prune", is_flag=True, hidden=True, help="Always so: what left the file leaves the environment.")
@change.pip_names
@change.solving
@conda_flags.of_changes
@conda_flags.of_files
@options.confirmation
@options.pristine
@options.waiting
@options.override_frozen
@options.output
@click.argument("packages", nargs=-1, metavar="[PACKAGE…]")
def update(
    name: str | None,
    prefix: str | None,
    files: tuple[str, ...],
    save: bool,
    everything: bool,
    prune: bool,
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
    packages: tuple[str, ...],
) -> None:
    """Move packages of either half to the newest versions that the specs allow, with what they force.

    All others stay. With a file alone the environment is changed to what the file says, as by create.
    """
    started = time.monotonic()
    packages, files = (*packages, *pip), options.condas_files(files, packages, pip, everything)
    options.one_of_name_and_prefix(name, prefix)
    if packages and everything:
        raise UsageError("`update` expects packages or --all, found both", hint="leave one of them out")
    if not packages and not everything and not files:
        raise UsageError(
            "`update` expects packages, --all, or a file",
            hint="envmgr update -n NAME --all, or: envmgr update -f environment.yml",
        )
    if save and not packages and not everything:
        raise UsageError(
            "`update --save` writes the versions that packages are moved to, and no package is to be moved",
            hint=f"envmgr update -f {files[0]} --save --all",
        )
    settings = options.load_settings(offline=offline, channel_priority=channel_priority, solver=solver)
    sources = read_sources(files, settings)
    conda_flags.check_files(sources)
    request = CreateRequest(
        command=options.command_line(),
        name=name,
        prefix=options.absolute(prefix),
        files=sources,
        channels=channels,
        override_channels=override_channels,
        virtual_packages=virtual_packages,
        exclude_newer=exclude_newer,
        override_frozen=override_frozen,
        pristine=pristine,
        manner=conda_flags.manner(),
    )
    report = reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json)
    agreed = yes or dry_run or settings.always_yes
    confirm = asking(yes=agreed, as_json=as_json, quiet=quiet, verbose=verbose, pristine=pristine)
    if options.is_of_env() and not packages and not everything:  # conda's makes what is not there
        changed = Changed(create_environment(request, settings, report, confirm=confirm, dry_run=dry_run))
    else:
        moves = Moves(packages, pip, everything, save)
        changed = update_environment(request, settings, report, moves=moves, confirm=confirm, dry_run=dry_run)
    change.print_changed(changed, as_json=as_json, quiet=quiet, dry_run=dry_run, started=started)

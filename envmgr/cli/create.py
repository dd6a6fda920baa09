"""`envmgr create`: the whole line, from an environment file or specs to an environment that runs."""

from __future__ import annotations

import os
import sys
import time

import click

from envmgr.cli import conda_flags, create_line, hot, options
from envmgr.cli.outcome import asking, print_outcome
from envmgr.cli.progress import reporter
from envmgr.errors import UsageError
from envmgr.settings import process_environ
from envmgr.shell.conda_layout import ACTIVATE
from envmgr.store import followed, generations, layout
from envmgr.workflows.create import Outcome
from envmgr.workflows.create import create as create_environment
from envmgr.workflows.request import CreateRequest, Wanted, reads_other_files
from envmgr.workflows.sources import read_sources


@click.command(
    "create",
    short_help="Create an environment from a file or from specs.",
    epilog=options.examples(
        "envmgr create -f environment.yml",
        "envmgr create -n science -c conda-forge python=3.12 numpy",
        "envmgr create -p ./environment -f environment.yml --dry-run",
    ),
)
@options.environment
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    metavar="FILE",
    help="An environment file or a lock: a path, - or an https URL.",
)
@options.channels
@options.host_profile
@click.option(
    "--virtual-package",
    "virtual_packages",
    multiple=True,
    metavar="NAME=VERSION",
    help="Solve as if the machine had this, as __cuda=12.8.",
)
@click.option("--exclude-newer", metavar="DATE", help="Ignore what was published after DATE, as 2026-01-31 or 14d.")
@click.option("--locked", is_flag=True, help="Follow the lock beside FILE without solving, or fail.")
@options.part_of_lock
@click.option("--no-lock", is_flag=True, help="Neither read nor write a lock beside FILE.")
@click.option("--clone", "source", metavar="ENV", help="With the lock of this environment: a name, a path, NAME@N.")
@options.pip_half
@options.wanted
@conda_flags.of_environments
@conda_flags.only_dependencies
@conda_flags.of_files
@click.option("--force", is_flag=True, hidden=True, expose_value=False, help="An environment that is there is moved.")
@options.confirmation
@options.pristine
@options.waiting
@options.override_frozen
@options.output
@click.argument("specs", nargs=-1, metavar="[SPEC…]")
def create(
    name: str | None,
    prefix: str | None,
    files: tuple[str, ...],
    channels: tuple[str, ...],
    override_channels: bool,
    platform: str | None,
    channel_priority: str | None,
    solver: str | None,
    offline: bool,
    host_profile: str | None,
    virtual_packages: tuple[str, ...],
    exclude_newer: str | None,
    python: str | None,
    extras: tuple[str, ...],
    groups: tuple[str, ...],
    locked: bool,
    no_lock: bool,
    source: str | None,
    environment: str | None,
    categories: tuple[str, ...],
    dev: bool,
    override_frozen: bool,
    pristine: bool,
    pip_prefer_conda: bool,
    compile_bytecode: bool,
    externally_managed: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    specs: tuple[str, ...],
) -> None:
    """Create an environment from a file or from specs; run again, it does nothing until something changed."""
    started = time.monotonic()
    line = create_line.parse(sys.argv[2:])
    taken = followed.stamps(line.file, process_environ()) if line is not None else {}
    files = options.condas_files(files, specs, source)
    options.one_of_name_and_prefix(name, prefix)
    settings = options.load_settings(
        pip_prefer_conda=pip_prefer_conda,
        compile_bytecode=compile_bytecode,
        externally_managed=externally_managed,
        offline=offline,
        channel_priority=channel_priority,
        solver=solver,
    )
    if source is not None:
        from envmgr.cli.clone import run_clone  # start-up time: what links packages

        _check_clone(files, specs, name, prefix)
        for flag, value in (("-c", channels or override_channels), ("--platform", platform), ("--python", python),
                            ("--exclude-newer", exclude_newer), ("--virtual-package", virtual_packages)):  # fmt: skip
            if value:
                raise UsageError(
                    f"--clone makes what is locked in {source}, and {flag} would change nothing of it",
                    hint=f"leave {flag} out, or solve anew: envmgr export {source} > environment.yml",
                )
        target = layout.named(settings, name) if name is not None else layout.at_path(settings, prefix or "")
        run_clone(source, target, settings, dry_run=dry_run, as_json=as_json, quiet=quiet)
        return
    sources = read_sources(files, settings)
    conda_flags.check_files(sources)
    request = CreateRequest(
        command=options.command_line(),
        name=name,
        prefix=options.absolute(prefix),
        files=sources,
        specs=specs,
        channels=channels,
        override_channels=override_channels,
        platform=platform,
        virtual_packages=virtual_packages,
        host_profile=host_profile,
        exclude_newer=exclude_newer,
        wanted=Wanted(python, extras, groups),
        override_frozen=override_frozen,
        pristine=pristine,
        locked=locked,
        no_lock=no_lock,
        part=options.choice(environment, categories, dev=dev),
        manner=conda_flags.manner(),
    )
    report = reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json)
    confirm = asking(
        yes=yes or dry_run or settings.always_yes, as_json=as_json, quiet=quiet, verbose=verbose, pristine=pristine
    )
    outcome = create_environment(request, settings, report, confirm=confirm, dry_run=dry_run)
    if not dry_run and not os.path.exists(settings.root / ACTIVATE):
        from envmgr.workflows import shells  # start-up time: only for the first environment of a store

        shells.write_conda_layout(settings, hot.own_command())
    if line is not None and _is_followed(outcome, request):
        followed.remember(str(settings.root), line.question, taken, str(outcome.location.prefix), settings.environ)
    print_outcome(outcome, as_json=as_json, quiet=quiet, dry_run=dry_run, seconds=time.monotonic() - started)


def _is_followed(outcome: Outcome, request: CreateRequest) -> bool:
    """Whether the environment is that of the file, and the next one need not say anything but that."""
    if outcome.declined or outcome.is_downloaded or reads_other_files(request):
        return False
    present = generations.current(outcome.location.prefix)
    return present is not None and bool(present.inputs_digest)


def _check_clone(files: tuple[str, ...], specs: tuple[str, ...], name: str | None, prefix: str | None) -> None:
    if files or specs:
        raise UsageError("--clone takes everything from the environment that it names, and no file or spec beside it",
                         hint="clone first, then: envmgr install SPEC")  # fmt: skip
    if name is None and prefix is None:
        raise UsageError("--clone needs the name or the path of the new environment", hint="add -n NAME or -p PATH")

"""`envmgr install`: more packages, or other versions of them, in an environment that exists."""

from __future__ import annotations

import click

from envmgr.cli import change, conda_flags, options
from envmgr.errors import UsageError
from envmgr.workflows.request import ChangeRequest
from envmgr.workflows.sources import read_sources


@click.command(
    "install",
    short_help="Add packages to an environment.",
    epilog=options.examples(
        "envmgr install -n science scipy 'numpy>=2'",
        "envmgr install -n science --pip 'rich>=13'",
        "envmgr install scipy --save -f environment.yml",
        "envmgr install -n science -f more.txt",
        "envmgr install -n science --adopt",
    ),
)
@options.environment
@click.option("--save", is_flag=True, help="Edit the environment file too, keeping its comments and its order.")
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    metavar="FILE",
    help="The file that --save edits; without it, a file whose packages are added.",
)
@click.option("--pip", "pip", multiple=True, metavar="REQUIREMENT", help="A requirement for the pip half, as rich>=13.")
@click.option(
    "--adopt", is_flag=True, help="Take into the lock what was installed with pip past it: all, or the named ones."
)
@click.option(
    "--revision", "--rev", "revision", type=click.IntRange(min=1), metavar="N", help="As `envmgr rollback N`."
)
@change.solving
@conda_flags.of_changes
@conda_flags.only_dependencies
@conda_flags.of_files
@conda_flags.update_all
@options.pip_half
@options.confirmation
@options.pristine
@options.waiting
@options.override_frozen
@options.output
@click.argument("specs", nargs=-1, metavar="[SPEC…]")
@click.pass_context
def install(
    context: click.Context,
    name: str | None,
    prefix: str | None,
    save: bool,
    files: tuple[str, ...],
    pip: tuple[str, ...],
    adopt: bool,
    revision: int | None,
    channels: tuple[str, ...],
    override_channels: bool,
    virtual_packages: tuple[str, ...],
    exclude_newer: str | None,
    channel_priority: str | None,
    solver: str | None,
    offline: bool,
    pip_prefer_conda: bool,
    compile_bytecode: bool,
    externally_managed: bool,
    yes: bool,
    dry_run: bool,
    override_frozen: bool,
    pristine: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    specs: tuple[str, ...],
) -> None:
    """Add packages to an environment, or ask for other versions of those that were asked for.

    What is there already stays as it is where the new specs allow it. With -f, a file says more of them. With --adopt,
    the specs name distributions that `pip install` brought; without any, all of them.
    """
    options.one_of_name_and_prefix(name, prefix)
    if save and len(files) > 1:
        raise UsageError(f"--save edits one file, found {len(files)}", hint="name it with -f FILE")
    if revision is not None:
        if specs or pip or adopt or save:
            raise UsageError(f"--revision {revision} is a whole state", hint="leave the packages out, or --revision")
        from envmgr.cli.rollback import rollback  # start-up time

        context.invoke(
            rollback, name=name, prefix=prefix, yes=yes, dry_run=dry_run, override_frozen=override_frozen,
            pristine=pristine, offline=offline, as_json=as_json, quiet=quiet, verbose=verbose, number=revision,
        )  # fmt: skip
        return
    if not specs and not pip and not adopt and (save or not files):
        raise UsageError("`install` expects at least one package", hint="envmgr install -n NAME numpy")
    settings = options.load_settings(
        pip_prefer_conda=pip_prefer_conda,
        compile_bytecode=compile_bytecode,
        externally_managed=externally_managed,
        offline=offline,
        channel_priority=channel_priority,
        solver=solver,
    )
    sources = () if save else read_sources(files, settings)
    conda_flags.check_files(sources)
    request = ChangeRequest(
        command=options.command_line(),
        name=name,
        prefix=options.absolute(prefix),
        specs=() if adopt else specs,
        adopted=specs if adopt else None,
        pip=pip,
        save=save,
        file=files[0] if save and files else None,
        files=sources,
        channels=channels,
        override_channels=override_channels,
        virtual_packages=virtual_packages,
        exclude_newer=exclude_newer,
        override_frozen=override_frozen,
        pristine=pristine,
        manner=conda_flags.manner(),
    )
    change.run(request, settings, yes=yes, dry_run=dry_run, as_json=as_json, quiet=quiet, verbose=verbose)

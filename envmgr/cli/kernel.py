"""`envmgr kernel`: environments as kernels of Jupyter."""

from __future__ import annotations

import os
from pathlib import Path

import click

from envmgr.cli import options
from envmgr.cli.hot import own_command
from envmgr.cli.messages import say, say_json
from envmgr.cli.tables import columns
from envmgr.integrations import jupyter
from envmgr.settings import Settings
from envmgr.store import layout
from envmgr.workflows import integrating

_where = click.option("--jupyter-prefix", "below", metavar="PATH", help="In the Jupyter installed there, not yours.")


@click.group(
    "kernel",
    invoke_without_command=True,
    short_help="Register environments as Jupyter kernels.",
    epilog=options.examples("envmgr kernel install -n science", "envmgr kernel list"),
)
@click.pass_context
def kernel(context: click.Context) -> None:
    """Register environments as Jupyter kernels, which have everything that activation sets."""
    options.help_without_command(context)


@kernel.command(
    "install",
    short_help="Register an environment.",
    epilog=options.examples(
        "envmgr kernel install -n science", "envmgr kernel install -n science --display-name 'Python (GPU)'"
    ),
)
@options.environment
@click.option("--kernel-name", metavar="KERNEL", help="The kernel's name; by default the environment's.")
@click.option("--display-name", metavar="TEXT", help="What people see, by default as Python (science).")
@click.option("--user", is_flag=True, help="For you, in every Jupyter (by default).")
@_where
@click.option("-y", "--yes", is_flag=True, help="Also in the place of another kernel of that name.")
@options.output
def install(
    name: str | None,
    prefix: str | None,
    kernel_name: str | None,
    display_name: str | None,
    user: bool,
    below: str | None,
    yes: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Register an environment that has ipykernel (or r-irkernel) with Jupyter."""
    options.one_of_name_and_prefix(name, prefix)
    settings = Settings.load()
    made = integrating.install_kernel(
        layout.find(settings, name=name, prefix=prefix),
        settings,
        command=own_command(),
        name=kernel_name,
        display_name=display_name,
        below=options.absolute(below) if not user else None,
        replace=yes,
    )
    if as_json:
        say_json({"success": True, "name": made.name, "directory": str(made.directory), "prefix": made.prefix})
    elif not quiet:
        say(f"Jupyter has the kernel {made.name}, shown as {made.display_name}: {made.directory}")


@kernel.command("list", short_help="Show what is registered.", epilog=options.examples("envmgr kernel list"))
@_where
@options.output
def list_kernels(below: str | None, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Show the kernels that envmgr registered, and whose environment is gone."""
    found = jupyter.kernels(integrating.data_directory(Settings.load(), options.absolute(below)))
    if as_json:
        say_json([{**each._asdict(), "exists": os.path.isdir(each.prefix)} for each in found])
    elif found:
        rows = [(each.name, each.display_name, each.prefix, "" if os.path.isdir(each.prefix) else "gone")
                for each in found]  # fmt: skip
        say(columns([("# kernel", "shown as", "environment", ""), *rows]))
    elif not quiet:
        say("no kernel is registered; make one with: envmgr kernel install -n NAME")


@kernel.command("remove", short_help="Take one back.", epilog=options.examples("envmgr kernel remove science"))
@_where
@options.output
@click.argument("kernel_name", metavar="KERNEL")
def remove(below: str | None, as_json: bool, quiet: bool, verbose: bool, kernel_name: str) -> None:
    """Take a kernel back that envmgr registered; the environment stays."""
    gone = jupyter.remove(integrating.data_directory(Settings.load(), options.absolute(below)), kernel_name)
    if as_json:
        say_json({"success": True, "name": gone.name, "directory": str(gone.directory)})
    elif not quiet:
        say(f"removed: {gone.directory}")


@click.group(
    "ide",
    invoke_without_command=True,
    short_help="Tell an editor which interpreter to use.",
    epilog=options.examples("envmgr ide vscode -n science"),
)
@click.pass_context
def ide(context: click.Context) -> None:
    """Tell an editor which interpreter to use."""
    options.help_without_command(context)


@ide.command(
    "vscode",
    short_help="Write the interpreter into the settings of a workspace.",
    epilog=options.examples("envmgr ide vscode -n science", "envmgr ide vscode -n science ~/project"),
)
@options.environment
@options.output
@click.argument("workspace", required=False, metavar="[DIR]", type=click.Path(path_type=Path))
def set_vscode(
    name: str | None, prefix: str | None, as_json: bool, quiet: bool, verbose: bool, workspace: Path | None
) -> None:
    """Write the interpreter of an environment into .vscode/settings.json; comments in it stay."""
    options.one_of_name_and_prefix(name, prefix)
    location = layout.find(Settings.load(), name=name, prefix=prefix)
    path, is_changed = integrating.set_interpreter(location, (workspace or Path()).absolute())
    if as_json:
        say_json({"success": True, "file": str(path), "changed": is_changed})
    elif not quiet:
        say(f"{path} {'names' if is_changed else 'names already'} the interpreter of {location.label}")

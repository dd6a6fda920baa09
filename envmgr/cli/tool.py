"""`envmgr tool`: commands on PATH from environments of their own."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import click

from envmgr.cli import execution, options
from envmgr.cli.messages import say, say_json
from envmgr.cli.progress import reporter
from envmgr.cli.tables import columns
from envmgr.errors import UsageError
from envmgr.settings import Settings
from envmgr.store import toolbox
from envmgr.store.toolbox import Tool
from envmgr.workflows import tools as workflow
from envmgr.workflows.throwaway import Wanted


@click.group(
    "tool",
    invoke_without_command=True,
    epilog=options.examples("envmgr tool install ruff", "envmgr tool list", "envmgr tool upgrade"),
)
@click.pass_context
def tool(context: click.Context) -> None:
    """Put commands on PATH, each tool from an environment of its own."""
    options.help_without_command(context)


@tool.command(
    "install",
    short_help="Install a tool.",
    epilog=options.examples(
        "envmgr tool install ruff", "envmgr tool install snakemake --with graphviz", "envmgr tool install --pip black"
    ),
)
@click.argument("spec", required=False)
@execution.WITH
@execution.PIP
@execution.CHANNEL
@execution.OVERRIDE
@execution.OFFLINE
@click.option("--force", is_flag=True, help="Replace files of the same name that are not the tool's own.")
@options.output
def install(
    spec: str | None, others: tuple[str, ...], pip: tuple[str, ...], channels: tuple[str, ...],
    override_channels: bool, offline: bool, force: bool, as_json: bool, quiet: bool, verbose: bool,
) -> None:  # fmt: skip
    """Install the package SPEC (or with --pip a distribution) and put its commands on PATH.

    They go to ~/.local/bin, or to the directory that ENVMGR_TOOL_BIN names.
    """
    if spec is None and not pip:
        raise UsageError("`tool install` expects a package", hint="envmgr tool install ruff")
    settings = options.load_settings(offline=offline)
    wanted = Wanted((*((spec,) if spec is not None else ()), *others), pip, channels, override_channels)
    if spec is None and others:
        package = Wanted((), pip).package
        raise UsageError(f"--with {others[0]} goes with a conda package, and {package[0]} comes from PyPI",
                         hint="name further distributions with --pip")  # fmt: skip
    report = reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json)
    installed = workflow.install(
        wanted, settings, report, command=options.command_line(), confirm=lambda _plan: True, force=force
    )
    if as_json:
        say_json({"success": True, "tool": _document(installed, settings)})
    elif not quiet:
        say(f"{installed.name} {workflow.version(installed, settings) or ''}: {_named(installed)}")
    _say_path(settings, as_json or quiet)


@tool.command(
    "list", short_help="List the installed tools.",
    epilog=options.examples("envmgr tool list", "envmgr tool list --json"),
)  # fmt: skip
@options.output
def list_tools(as_json: bool, quiet: bool, verbose: bool) -> None:
    """List the installed tools with their versions and commands."""
    settings = Settings.load()
    found = toolbox.tools(settings)
    if as_json:
        say_json([_document(each, settings) for each in found])
    elif not found:
        say("there are no tools yet; install one with: envmgr tool install ruff")
    else:
        say(columns([(each.name, workflow.version(each, settings) or "damaged", _named(each)) for each in found]))


@tool.command(
    "upgrade", short_help="Move tools to newer versions.",
    epilog=options.examples("envmgr tool upgrade", "envmgr tool upgrade ruff"),
)  # fmt: skip
@click.argument("names", nargs=-1, metavar="[TOOL…]")
@execution.OFFLINE
@options.output
def upgrade(names: tuple[str, ...], offline: bool, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Move tools (all, or TOOL…) to the newest versions that what they were asked for as allows."""
    settings = options.load_settings(offline=offline)
    chosen = [workflow.find(name, settings).name for name in names] or [each.name for each in toolbox.tools(settings)]
    report = reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json)
    documents = []
    for name in chosen:
        moved, before, now = workflow.upgrade(
            name, settings, report, command=options.command_line(), confirm=lambda _plan: True
        )
        documents.append({**_document(moved, settings), "before": before})
        if not as_json and not quiet:
            say(f"{name} {before} → {now}" if before != now else f"{name} {now} is the newest")
    if as_json:
        say_json({"success": True, "tools": documents})


@tool.command("uninstall", short_help="Remove a tool.", epilog=options.examples("envmgr tool uninstall ruff"))
@click.argument("names", nargs=-1, required=True, metavar="TOOL…")
@options.output
def uninstall(names: tuple[str, ...], as_json: bool, quiet: bool, verbose: bool) -> None:
    """Remove tools: their commands and their environments."""
    settings = Settings.load()
    chosen = [workflow.find(name, settings).name for name in names]
    report = reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json)
    removed = [workflow.uninstall(name, settings, report) for name in chosen]
    if as_json:
        say_json({"success": True, "removed": [each.name for each in removed]})
    elif not quiet:
        for each in removed:
            say(f"removed {each.name}: {_named(each)}")


def _named(installed: Tool) -> str:
    return ", ".join(command for command, _ in installed.commands)


def _document(installed: Tool, settings: Settings) -> dict[str, Any]:
    return {
        "name": installed.name,
        "version": workflow.version(installed, settings),
        "manager": "pip" if installed.is_pip else "conda",
        "prefix": str(toolbox.tool_prefix(settings, installed.name)),
        "commands": dict(installed.commands),
    }


def _say_path(settings: Settings, is_silent: bool) -> None:
    directory = workflow.bin_directory(settings)
    if not is_silent and not workflow.is_on_path(directory, settings):
        line = f"export PATH={shlex.quote(str(directory))}:$PATH"
        say(f"{directory} is not on PATH yet; in the rc file of the shell: {line}")

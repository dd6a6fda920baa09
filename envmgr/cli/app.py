"""The command tree: each command's module is imported only when that command runs."""

from __future__ import annotations

import difflib
import importlib

import click

from envmgr import __version__
from envmgr.cli import options
from envmgr.errors import UsageError

COMMANDS = {
    "activate": ("activation", "activate", "Activate an environment (needs the shell hook)."),
    "adopt": ("adopt", "adopt", "Give an environment of another tool, or one changed by hand, a lock."),
    "channel": ("channel", "channel", "Build and list the channels of channels.yaml."),
    "clean": ("clean", "clean", "Remove what no environment needs any more."),
    "completion": ("completion", "completion", "Print the completion of bash, zsh or fish."),
    "config": ("config", "config", "Show and change settings, and where each comes from."),
    "clone": ("clone", "clone", "Make the same environment at another place."),
    "create": ("create", "create", "Create an environment from a file or from specs."),
    "deactivate": ("activation", "deactivate", "Deactivate the active environment (needs the shell hook)."),
    "diff": ("diff", "diff", "Compare two environments, generations or locks."),
    "doctor": ("doctor", "doctor", "Look for the usual mistakes, and say how to mend them."),
    "env": ("environments", "env", "List environments; conda's spellings of other commands."),
    "exec": ("execution", "execute", "Run a command from a throw-away environment."),
    "export": ("export", "export", "Print the file that creates the same environment elsewhere."),
    "history": ("history", "history", "List the generations of an environment and what each changed."),
    "host-profile": ("host_profile", "host_profile", "Save what a machine offers to packages, as its GPU driver."),
    "ide": ("kernel", "ide", "Tell an editor which interpreter to use."),
    "info": ("info", "info", "Show where things are and what this machine is."),
    "init": ("init", "init", "Make `envmgr activate` work in every new shell."),
    "install": ("install", "install", "Add packages to an environment."),
    "kernel": ("kernel", "kernel", "Register environments as Jupyter kernels."),
    "lock": ("lock", "lock", "Write the lock beside an environment file, or check that it fits."),
    "list": ("listing", "list_packages", "List the packages of an environment, both halves."),
    "remove": ("remove", "remove", "Remove packages from an environment, or all of it."),
    "rename": ("clone", "rename", "Give an environment another name or place."),
    "report": ("report", "report", "Write a page about an environment: packages, sizes, licences, graph, history."),
    "rollback": ("rollback", "rollback", "Go back to a generation of before."),
    "run": ("run", "run", "Run a command in an environment."),
    "search": ("search", "search", "Show what the channels have of a package."),
    "shell": ("activation", "shell", "Open a shell in an environment."),
    "solve-case": ("solve_case", "solve_case", "Run a recorded solve again."),
    "shell-hook": ("activation", "shell_hook", "Print the shell functions that make `envmgr activate` work."),
    "tool": ("tool", "tool", "Put commands on PATH, each tool from an environment of its own."),
    "tree": ("tree", "tree", "Show the packages of an environment as a tree."),
    "uninstall": ("remove", "remove", "Another spelling of remove."),
    "update": ("update", "update", "Move packages to newer versions, or follow a changed file."),
    "upgrade": ("update", "update", "Another spelling of update."),
    "verify": ("verify", "verify", "Compare an environment, or the package cache, with what it should be."),
    "why": ("why", "why", "Show why a package is in an environment."),
}


# Those with `--wait`; `env` has conda's spellings of them.
_WAITING = frozenset({"create", "env", "install", "remove", "rename", "rollback", "uninstall", "update", "upgrade"})


class LazyGroup(click.Group):
    """A group whose commands are looked up in a table and imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(f"envmgr.cli.{module}"), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from envmgr.cli.other_tools import HINTS  # only to word an error

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = HINTS.get(args[0]) or (f"did you mean `envmgr {near[0]}`?" if near else "envmgr --help")
            raise UsageError(f"envmgr has no command `{args[0]}`", hint=hint)
        if args and args[0] in _WAITING:
            args = [args[0], *options.with_values(args[1:])]
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, _, summary) in sorted(COMMANDS.items())])


def _print_version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    click.echo(f"envmgr {__version__}")
    ctx.exit()


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=options.examples(
        "envmgr create -f environment.yml",
        "envmgr run -n science python",
        'eval "$(envmgr shell-hook bash)" && envmgr activate science',
    ),
)
@click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version.",
)
@click.pass_context
def main(context: click.Context) -> None:
    """Environments of conda and pip packages from one lock, always whole."""
    options.help_without_command(context)

"""`envmgr init`: `envmgr activate` in every new shell, by a block in its startup file."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence

import click

from envmgr.cli import completion, conda_flags, hot, options
from envmgr.cli.messages import say, say_json
from envmgr.settings import Settings
from envmgr.shell import autorun, scripts
from envmgr.workflows import shells as workflow
from envmgr.workflows.shells import Change

_EVERYWHERE = ("bash", "zsh", "fish", "tcsh", "xonsh", "nushell", "elvish", "pwsh")
_ALL = (*_EVERYWHERE, "powershell", "cmd") if sys.platform == "win32" else _EVERYWHERE


@click.command(
    "init",
    short_help="Make `envmgr activate` work in every new shell.",
    epilog=options.examples("envmgr init", "envmgr init zsh fish --dry-run", "envmgr init --reverse bash"),
)
@click.argument("shells", nargs=-1, metavar="[SHELL…]")
@click.option("--all", "everything", is_flag=True, help=f"These shells: {', '.join(_ALL)}.")
@conda_flags.of_init
@click.option("--reverse", is_flag=True, help="Take the block out again: the file is as it was before.")
@options.confirmation
@options.output
def init(
    shells: tuple[str, ...], everything: bool, reverse: bool, yes: bool, dry_run: bool, as_json: bool, quiet: bool,
    verbose: bool,
) -> None:  # fmt: skip
    """Make `envmgr activate` work in every new shell, by a block of a few lines in its startup file.

    Without SHELL, for the one that this command is typed in. The change is shown first. The block sources a file in
    the store: no Python starts with a shell.
    """
    settings = options.load_settings()
    chosen = _ALL if everything else shells or (workflow.detect(settings),)
    changes = workflow.plan(chosen, settings, reverse=reverse)
    needed = [change for change in changes if change.is_needed]
    if not as_json and not quiet:
        for change in changes:
            say(_difference(change) if change.is_needed else f"nothing to change in {change.path}")
    if needed and not dry_run and not yes and not as_json and sys.stdin.isatty():
        click.confirm("write this?", default=True, abort=True, err=True)
    if not dry_run:
        _write(chosen, needed, settings, reverse=reverse)
    if as_json:
        files = [{"shell": each.shell, "path": str(each.path), "changed": each.is_needed} for each in changes]
        say_json({"success": True, "dry_run": dry_run, "files": files})
    elif dry_run and not quiet:
        say("dry run: nothing was changed")
    elif needed and not quiet:
        say("done; new shells know it" if not reverse else "done; the files are as they were before")


def _write(chosen: Sequence[str], needed: Sequence[Change], settings: Settings, *, reverse: bool) -> None:
    if any(scripts.family_of(shell) is scripts.CMD for shell in chosen):
        autorun.check_platform()
    if not reverse:
        workflow.write_conda_layout(settings, hot.own_command())
    for shell in () if reverse else chosen:
        workflow.write_hook(shell, settings, hot.own_command())
        if shell in completion.SHELLS:
            workflow.write_completion(shell, settings, completion.script(shell, settings))
    for change in needed:
        workflow.apply(change, settings)


def _difference(change: Change) -> str:
    before, after = (_lines(content) for content in (change.before, change.after))
    name = str(change.path)
    old, new = name if change.before is not None else "/dev/null", name if change.after is not None else "/dev/null"
    lines = difflib.unified_diff(before, after, old, new)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ no line end\n" for line in lines).rstrip("\n")


def _lines(content: bytes | None) -> list[str]:
    return (content or b"").decode("utf-8", errors="backslashreplace").splitlines(keepends=True)

"""`activate`, `deactivate` and `shell-hook`, as they are when no shell function stands before them."""

from __future__ import annotations

import os

import click

from envmgr.cli import hot, options
from envmgr.errors import UsageError
from envmgr.settings import Settings
from envmgr.shell.files import SHELLS


@click.command(short_help="Activate an environment (needs the shell hook).")
@click.argument("environment", metavar="NAME|PATH")
@click.option("--stack/--no-stack", expose_value=False, help="Keep the PATH of the environment that is active now.")
def activate(environment: str) -> None:
    """Activate an environment in this shell.

    \b
    Once in a shell (or in its rc file):
      eval "$(envmgr shell-hook bash)"
    and then:
      envmgr activate science
      envmgr activate ./environment
    """
    raise _no_hook(f"envmgr activate {environment}")


@click.command(
    epilog=options.examples("envmgr deactivate"),
    short_help="Deactivate the active environment (needs the shell hook).",
)
def deactivate() -> None:
    """Return to what was before the last `envmgr activate`."""
    raise _no_hook("envmgr deactivate")


@click.command("shell-hook", short_help="Print the shell functions that make `envmgr activate` work.")
@click.argument("shell", metavar=f"[{'|'.join(SHELLS)}]", default="bash")
def shell_hook(shell: str) -> None:
    """Print the shell functions that make `envmgr activate` work.

    \b
    Put this line into ~/.bashrc, or type it:
      eval "$(envmgr shell-hook bash)"
    """
    hot.dispatch(["shell-hook", shell], Settings.load().environ)


def _no_hook(command: str) -> UsageError:
    shell = os.path.basename(Settings.load().environ.get("SHELL", ""))
    shell = shell if shell in SHELLS else "bash"
    return UsageError(
        f"`{command}` changes the shell that it is typed in, so it is a shell function, and this shell has it not yet",
        hint=f'eval "$(envmgr shell-hook {shell})" && {command}',
    )

"""`activate`, `deactivate` and `shell-hook`, as they are when no shell function stands before them, and `shell`."""

from __future__ import annotations

import os
import sys

import click

from envmgr.cli import hot, options
from envmgr.errors import UsageError
from envmgr.settings import Settings
from envmgr.shell import files, process, scripts
from envmgr.store import layout, settling

# How each family of shells takes the hook of `shell-hook`, where `init` has not been run.
SPELLINGS = {
    "posix": 'eval "$(envmgr shell-hook {shell})"',
    "fish": "envmgr shell-hook fish | source",
    "csh": "eval `envmgr shell-hook tcsh`",
    "xonsh": "execx($(envmgr shell-hook xonsh))",
    "nushell": "envmgr shell-hook nushell | save --force ~/.envmgr.nu\nsource ~/.envmgr.nu",
    "elvish": "eval (envmgr shell-hook elvish | slurp)",
    "powershell": "(& envmgr shell-hook powershell) | Out-String | Invoke-Expression",
    "cmd": "for /f \"delims=\" %i in ('envmgr shell-hook cmd') do @%i",
}


@click.command(short_help="Activate an environment (needs the shell hook).")
@click.argument("environment", metavar="NAME|PATH", required=False)
@click.option("-n", "--name", metavar="NAME", help="Name of the environment.")
@click.option("-p", "--prefix", metavar="PATH", help="Path of the environment, instead of a name.")
@click.option("--stack/--no-stack", expose_value=False, help="Keep the PATH of the environment that is active now.")
def activate(environment: str | None, name: str | None, prefix: str | None) -> None:
    """Activate an environment in this shell.

    \b
    Once, for all shells to come:
      envmgr init
    or in a shell, or in a script:
      eval "$(envmgr shell-hook bash)"
    and then:
      envmgr activate science
      envmgr activate ./environment
      envmgr activate --stack tools
    """
    given = environment or name or prefix
    if given is None:
        raise UsageError("activate takes one environment, found 0", hint="envmgr activate NAME")
    raise _no_hook(f"envmgr activate {given}")


@click.command(
    epilog=options.examples("envmgr deactivate"),
    short_help="Deactivate the active environment (needs the shell hook).",
)
def deactivate() -> None:
    """Return to what was before the last `envmgr activate`."""
    raise _no_hook("envmgr deactivate")


@click.command("shell-hook", short_help="Print the shell functions that make `envmgr activate` work.")
@click.argument("shell", metavar="[SHELL]", default="bash")
def shell_hook(shell: str) -> None:
    """Print the shell functions that make `envmgr activate` work, for scripts and for whoever does not want `init`.

    SHELL is bash (by default), zsh, dash, ksh, fish, tcsh, xonsh, nushell, elvish, powershell or cmd.

    \b
    Each in its own spelling:
      eval "$(envmgr shell-hook bash)"
      envmgr shell-hook fish | source
      eval `envmgr shell-hook tcsh`
      execx($(envmgr shell-hook xonsh))
      envmgr shell-hook nushell | save --force ~/.envmgr.nu
      source ~/.envmgr.nu
      eval (envmgr shell-hook elvish | slurp)
      (& envmgr shell-hook powershell) | Out-String | Invoke-Expression
    """
    hot.dispatch(["shell-hook", shell], Settings.load().environ)


@click.command(
    "shell",
    short_help="Open a shell in an environment.",
    epilog=options.examples("envmgr shell -n science", "envmgr shell -p ./environment --shell zsh"),
)
@options.environment
@click.option("--shell", metavar="SHELL", help="Not the shell that this command is typed in.")
def shell(name: str | None, prefix: str | None, shell: str | None) -> None:
    """Open a shell in an environment; `exit` leaves it. It needs neither `init` nor the hook."""
    from envmgr.workflows import shells, subshells  # start-up time: the other commands here need none of it

    options.one_of_name_and_prefix(name, prefix)
    settings = Settings.load()
    location = layout.find(settings, name=name, prefix=prefix)
    settling.require_whole(location)
    chosen = shell or shells.detect(settings)
    scripts.family_of(chosen)
    plan, environ, command = files.load(str(location.prefix)), dict(settings.environ), hot.own_command()
    program = process.find(chosen, environ.get("PATH", os.defpath))
    started = subshells.plan(chosen, program, str(location.prefix), settings, command)
    sys.stdout.flush()
    sys.stderr.flush()
    if started is None:
        process.run(plan, [program], environ, command=command)
    process.execute(program, started.argv, {**environ, **started.variables})


def _no_hook(command: str) -> UsageError:
    from envmgr.workflows import shells  # start-up time: the other commands here need none of it

    try:
        shell = shells.detect(Settings.load())
    except UsageError:
        shell = "bash"
    spelling = SPELLINGS[scripts.family_of(shell).name].format(shell=shell)
    # Most others know what a line defines on the next one only.
    separator = {"posix": " && ", "fish": "; ", "powershell": "; "}.get(scripts.family_of(shell).name, "\n")
    return UsageError(
        f"`{command}` changes the shell that it is typed in, so it is a shell function, and this shell has it not yet",
        hint=f"{spelling}{separator}{command}\nor for every shell to come: envmgr init {shell}",
    )

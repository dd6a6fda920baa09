"""`envmgr run`: a command in an environment, by exec. The plain forms never get here, see `hot.py`."""

from __future__ import annotations

import os
import sys

import click

from envmgr.cli import hot, options
from envmgr.cli.progress import reporter
from envmgr.errors import UsageError
from envmgr.settings import Settings
from envmgr.shell import files, process
from envmgr.store import layout, settling
from envmgr.store.layout import Location


@click.command(
    "run",
    context_settings={"allow_interspersed_args": False},
    epilog=options.examples("envmgr run -n science python script.py", "envmgr run -f environment.yml -- pytest -q"),
)
@options.environment
@click.option(
    "-f", "--file", "paths", multiple=True, metavar="FILE", help="First create or update what FILE describes."
)
@click.option("--cwd", metavar="DIR", help="Run COMMAND in the directory DIR.")
@click.option("--no-capture-output", "--live-stream", "-s", is_flag=True, hidden=True, help="Always so.")
@click.argument("command", nargs=-1, required=True, metavar="COMMAND…")
def run(
    name: str | None, prefix: str | None, paths: tuple[str, ...], cwd: str | None, no_capture_output: bool,
    command: tuple[str, ...],
) -> None:  # fmt: skip
    """Replace this process by COMMAND in an environment: stdio, signals and exit code are the command's own."""
    options.one_of_name_and_prefix(name, prefix)
    settings = Settings.load()
    location = _created(paths, name, prefix, settings) if paths else layout.find(settings, name=name, prefix=prefix)
    settling.require_whole(location)
    environ = dict(settings.environ)
    if cwd is not None:
        try:
            os.chdir(cwd)
        except OSError as error:
            raise UsageError(f"--cwd {cwd}: {error.strerror}") from error
        environ["PWD"] = os.getcwd()
    sys.stdout.flush()
    sys.stderr.flush()
    process.run(files.load(str(location.prefix)), command, environ, command=hot.own_command())


def _created(paths: tuple[str, ...], name: str | None, prefix: str | None, settings: Settings) -> Location:
    from envmgr.workflows.create import create  # start-up time: only with -f
    from envmgr.workflows.request import CreateRequest
    from envmgr.workflows.sources import read_sources

    request = CreateRequest(
        command=options.command_line(),
        name=name,
        prefix=options.absolute(prefix),
        files=read_sources(paths, settings),
    )
    report = reporter(sys.stderr, settings.environ)
    return create(request, settings, report, confirm=lambda _plan: True).location

"""`envmgr run`: a command in an environment, by exec. The plain forms never get here, see `hot.py`."""

from __future__ import annotations

import sys

import click

from envmgr.cli import hot, options, run_line
from envmgr.cli.progress import reporter
from envmgr.cli.run_line import RunLine
from envmgr.settings import Settings
from envmgr.store import followed, layout, settling
from envmgr.store.layout import Location


@click.command(
    "run",
    context_settings={"allow_interspersed_args": False},
    epilog=options.examples(
        "envmgr run -n science python script.py",
        "envmgr run -f environment.yml -- pytest -q",
        "envmgr run -n science --env OMP_NUM_THREADS=4 --cwd data ./prepare",
        "#!/usr/bin/env -S envmgr run -f environment.yml python",
    ),
)
@options.environment
@click.option(
    "-f", "--file", "paths", multiple=True, metavar="FILE", help="First create or update what FILE describes."
)
@click.option("--cwd", metavar="DIR", help="Run COMMAND in the directory DIR.")
@click.option("--env", "env", multiple=True, metavar="NAME=VALUE", help="Set a variable for COMMAND.")
@click.option("--clean-env", is_flag=True, help="Without the variables of this shell, but for HOME and its like.")
@click.option("-v", "--verbose", is_flag=True, help="Say on stderr what is executed, and where.")
@click.option("--no-capture-output", "--live-stream", "-s", is_flag=True, help="Always so; conda's spelling.")
@click.option("--dev", "--debug-wrapper-scripts", is_flag=True, hidden=True, expose_value=False)
@click.argument("command", nargs=-1, required=True, metavar="COMMAND…")
def run(
    name: str | None, prefix: str | None, paths: tuple[str, ...], cwd: str | None, env: tuple[str, ...],
    clean_env: bool, verbose: bool, no_capture_output: bool, command: tuple[str, ...],
) -> None:  # fmt: skip
    """Replace this process by COMMAND in an environment: stdio, signals and exit code are the command's own.

    In the first line of a script, the FILE of -f is relative to the script.
    """
    options.one_of_name_and_prefix(name, prefix)
    settings = Settings.load()
    line = RunLine(command=command, cwd=cwd, env=env, is_clean=clean_env, is_verbose=verbose)
    run_line.additions(line)
    paths = tuple(run_line.beside_script(path, command) for path in paths)
    location = _created(paths, name, prefix, settings) if paths else layout.find(settings, name=name, prefix=prefix)
    settling.require_whole(location)
    sys.stdout.flush()
    sys.stderr.flush()
    hot.start(str(location.prefix), line, settings.environ)


def _created(paths: tuple[str, ...], name: str | None, prefix: str | None, settings: Settings) -> Location:
    from envmgr.workflows.create import create  # start-up time: only with -f
    from envmgr.workflows.request import CreateRequest, reads_other_files
    from envmgr.workflows.sources import read_sources

    is_local = len(paths) == 1 and paths[0] != "-" and "://" not in paths[0]
    stamps = followed.stamps(paths[0], settings.environ) if is_local else {}
    request = CreateRequest(
        command=options.command_line(),
        name=name,
        prefix=options.absolute(prefix),
        files=read_sources(paths, settings),
    )
    report = reporter(sys.stderr, settings.environ)
    location = create(request, settings, report, confirm=lambda _plan: True).location
    if stamps and not reads_other_files(request):
        question = (paths[0], name or "", prefix or "")
        followed.remember(str(settings.root), question, stamps, str(location.prefix), settings.environ)
    return location

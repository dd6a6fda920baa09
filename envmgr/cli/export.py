"""`envmgr export`: the file from which a colleague, or another tool, creates the same environment."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from envmgr.cli import drift, options
from envmgr.cli.messages import say_json
from envmgr.cli.progress import reporter
from envmgr.errors import UsageError
from envmgr.store import layout
from envmgr.workflows.export import FORMATS, ExportRequest
from envmgr.workflows.export import export as workflow

# What conda and its plug-ins call the formats.
_SPELLINGS = {
    "environment-yaml": "pinned",
    "yaml": "pinned",
    "yml": "pinned",
    "environment-json": "json",
    "reqs": "requirements",
    "txt": "requirements",
    "conda-lock-v1": "conda-lock",
    "pixi-lock-v6": "pixi-lock",
    "rattler-lock-v6": "pixi-lock",
}
_BY_NAME = (
    (re.compile(r"(?:.*\.)?conda-lock\.ya?ml"), "conda-lock"),
    (re.compile(r"pixi\.lock"), "pixi-lock"),
    (re.compile(r"pylock(?:\..+)?\.toml"), "pylock"),
    (re.compile(r"(?:.*[._-])?explicit(?:[._-].*)?\.(?:txt|lock)"), "explicit"),
    (re.compile(r"(?:.*[._-])?requirements(?:[._-].*)?\.txt"), "requirements"),
    (re.compile(r".*\.json"), "json"),
)


@click.command(
    "export",
    short_help="Print the file that creates the same environment elsewhere.",
    epilog=options.examples(
        "envmgr export -n science > environment.yml",
        "envmgr export -n science --format explicit --file explicit.txt",
        "envmgr export -n science --file conda-lock.yml --platform osx-arm64",
        "envmgr export pixi.lock --format conda-lock",
    ),
)
@options.environment
@options.output
@click.option("-f", "--file", "path", metavar="PATH", help="Write to PATH instead of stdout; its name says the format.")
@click.option(
    "--format",
    "form",
    type=click.Choice([*FORMATS, *_SPELLINGS]),
    metavar="FORMAT",
    help=f"One of {', '.join(FORMATS)}, or as conda calls them; by default environment.",
)
@click.option(
    "--platform",
    "--subdir",
    "platforms",
    multiple=True,
    metavar="SUBDIR",
    help="For another platform, as osx-arm64; conda-lock and pixi-lock take several.",
)
@click.option("--from-history", is_flag=True, help="What was asked for; the default.")
@click.option("--no-builds", is_flag=True, help="Every package by version, without its build.")
@click.option("--ignore-channels", is_flag=True, help="Leave out the channels.")
@click.option("-c", "--channel", "channels", multiple=True, metavar="CHANNEL", help="Write this channel before others.")
@click.option("-O", "--override-channels", is_flag=True, help="Write the -c channels only.")
@options.part_of_lock
@click.argument("source", required=False, metavar="[SOURCE]")
def export(
    name: str | None,
    prefix: str | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    path: str | None,
    form: str | None,
    platforms: tuple[str, ...],
    from_history: bool,
    no_builds: bool,
    ignore_channels: bool,
    channels: tuple[str, ...],
    override_channels: bool,
    environment: str | None,
    categories: tuple[str, ...],
    dev: bool,
    source: str | None,
) -> None:
    """Print what was asked for, both halves: portable, with neither builds nor paths of this machine.

    SOURCE is a lock file of any kind, a generation as NAME@N, or an environment.
    """
    options.one_of_name_and_prefix(name, prefix)
    settings = options.load_settings()
    if source is not None and (name is not None or prefix is not None):
        raise UsageError(f"{source} and the option both name what to export", hint="give one of them")
    if override_channels and not channels:
        raise UsageError("--override-channels leaves no channel", hint="add -c CHANNEL")
    chosen = _format(form, path, from_history=from_history, no_builds=no_builds)
    location = None if source is not None else layout.find(settings, name=name, prefix=prefix)
    exported = workflow(
        ExportRequest(
            form=chosen,
            source=source,
            location=location,
            platforms=platforms,
            with_builds=not no_builds,
            with_channels=not ignore_channels,
            channels=channels,
            override_channels=override_channels,
            part=options.choice(environment, categories, dev=dev),
        ),
        settings,
        reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json),
    )
    if location is not None and not as_json and not quiet:
        drift.tell(location)
    if path is None and as_json and exported.mapping is not None:
        say_json(exported.mapping)
    elif path is None and as_json:
        say_json({"success": True, "format": chosen, "text": exported.text})
    elif path is None:
        click.echo(exported.text, nl=False)
    else:
        Path(path).expanduser().write_text(exported.text, encoding="utf-8")
        if as_json:
            say_json({"success": True, "file": path, "format": chosen})


def _format(form: str | None, path: str | None, *, from_history: bool, no_builds: bool) -> str:
    """Return the format: as asked for, else as the name of the file says, else as conda's flags mean."""
    if form is not None:
        found = _SPELLINGS.get(form, form)
    else:
        name = Path(path).name if path is not None else ""
        found = next((form for pattern, form in _BY_NAME if pattern.fullmatch(name)), "environment")
    if from_history and found == "pinned":
        return "environment"
    if no_builds and not from_history and form is None and found == "environment":
        return "pinned"
    return found

"""`envmgr report`: one HTML page of an environment, or its bill of materials."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from envmgr.cli import options
from envmgr.cli.messages import say, say_json
from envmgr.cli.progress import reporter
from envmgr.cli.report_page import html
from envmgr.errors import EnvmgrError, UsageError
from envmgr.replacing import replace_file
from envmgr.settings import Settings
from envmgr.workflows.report import Report
from envmgr.workflows.report import report as make_report


@click.command(
    "report",
    short_help="Write a page about an environment: packages, sizes, licences, graph, history.",
    epilog=options.examples(
        "envmgr report -n science",
        "envmgr report -n science -o science.html",
        "envmgr report -n science --sbom bom.json",
    ),
)
@options.environment
@click.option("-o", "--output", "target", metavar="FILE", help="The page; by default NAME.html, - for stdout.")
@click.option("--sbom", metavar="FILE", help="A CycloneDX bill of materials (JSON) instead; - for stdout.")
@options.output
def report(
    name: str | None,
    prefix: str | None,
    target: str | None,
    sbom: str | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Write one self-contained HTML page about an environment, or with --sbom its bill of materials.

    The page needs no network and nothing beside it: packages of both halves with sizes and licences, a treemap, the
    graph of who needs whom, and the history.
    """
    options.one_of_name_and_prefix(name, prefix)
    if sbom is not None and target is not None:
        raise UsageError("--sbom and --output name two files; give one", hint="envmgr report --sbom bom.json")
    settings = Settings.load()
    found = make_report(
        settings, reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json), name=name, prefix=prefix
    )
    if sbom is not None:
        from envmgr.integrations import sbom as materials  # start-up time: a library of its own

        written, where = materials.document(found.lock, _licenses(found)), sbom
    else:
        label = found.location.name or found.location.prefix.name
        written, where = html(found), target or f"{label}.html"
    if where == "-":
        say(written.rstrip("\n"))
        return
    path = Path(where).expanduser().absolute()
    try:
        replace_file(path, written.encode())
    except OSError as error:
        raise EnvmgrError(
            f"{path} cannot be written: {error.strerror}",
            hint="name a file in a directory that exists and is yours: -o FILE",
        ) from error
    if as_json:
        say_json({"success": True, "file": str(path)})
    elif not quiet:
        say(f"written: {path}")


def _licenses(found: Report) -> dict[tuple[str, str], str]:
    return {(part.node.manager, part.node.name): part.license for part in found.parts if part.license != "not said"}

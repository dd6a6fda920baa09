"""`envmgr doctor`: the usual mistakes, each with its mend."""

from __future__ import annotations

import sys

import click

from envmgr.cli import options
from envmgr.cli.messages import say, say_json
from envmgr.cli.progress import reporter
from envmgr.cli.tables import plural
from envmgr.settings import Settings
from envmgr.workflows.doctor import diagnose


@click.command(
    "doctor",
    short_help="Look for the usual mistakes, and say how to mend them.",
    epilog=options.examples("envmgr doctor", "envmgr doctor --deep --json"),
)
@click.option("--deep", is_flag=True, help="Read every byte of the package cache too.")
@options.output
def doctor(deep: bool, as_json: bool, quiet: bool, verbose: bool) -> int:
    """Look for the usual mistakes of this shell and this installation; nothing is changed.

    Another Python first on PATH, variables and packages that leak in, a broken activation, a store that cannot link,
    stale locks and so on. Exit code 1 where something is wrong.
    """
    settings = Settings.load()
    report = reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json)
    found = diagnose(settings, report, deep=deep)
    if as_json:
        findings = [finding._asdict() for finding in found.findings]
        say_json({"success": not found.has_faults, "checks": list(found.checks), "findings": findings})
    else:
        for finding in found.findings:
            say(f"{finding.severity}: {finding.message}\n  mend: {finding.mend}")
        if not quiet and not found.findings:
            say(f"nothing is wrong; looked at: {', '.join(found.checks)}")
        elif not quiet:
            say(f"{plural(len(found.findings), 'finding')}; looked at: {', '.join(found.checks)}")
    return 1 if found.has_faults else 0

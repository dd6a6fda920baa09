"""`envmgr info`: this installation."""

from __future__ import annotations

from typing import Any

import click

from envmgr.cli import conda_flags, options
from envmgr.cli.environments import environments_text
from envmgr.cli.messages import say, say_json
from envmgr.cli.tables import columns
from envmgr.settings import Settings
from envmgr.workflows import info as workflow
from envmgr.workflows.environments import environments


@click.command("info", epilog=options.examples("envmgr info", "envmgr info --json"))
@click.option("-e", "--envs", is_flag=True, help="List the environments.")
@click.option("--base", is_flag=True, help="Print the root of the store.")
@click.option("-a", "--all", "everything", is_flag=True, hidden=True)
@conda_flags.of_info
@options.output
def info(envs: bool, base: bool, everything: bool, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Show where things are and what this machine is."""
    settings = Settings.load()
    if base and not as_json:
        say(str(settings.root))
    elif envs and not as_json:
        say(environments_text(environments(settings)))
    else:
        found = workflow.information(settings)
        if as_json and envs:
            found |= environments(settings)
        if as_json:
            say_json(dict(sorted(found.items())))
        else:
            say(_text(found))


def _text(found: dict[str, Any]) -> str:
    solvers = [f"{name} {version or '(not installed)'}" for name, version in found["solvers"].items()]
    rows = [
        ("envmgr", found["envmgr_version"]),
        ("python", f"{found['python_version']} ({found['sys.executable']})"),
        ("platform", found["platform"]),
        ("virtual packages", _lines(["=".join(package) for package in found["virtual_pkgs"]])),
        ("solvers", ", ".join(solvers)),
        ("store", found["root_prefix"]),
        ("package cache", _lines(found["pkgs_dirs"])),
        ("configuration", _lines(found["config_files"]) or "none"),
        ("default channels", ", ".join(found["channels"])),
        *(
            ("" if number else "pinned", f"{pin['spec']} ({pin['where']})")
            for number, pin in enumerate(found["pinned_packages"])
        ),
        *(("" if number else "pip half", _stated(each)) for number, each in enumerate(found["pip"])),
        ("active environment", found["active_prefix"] or "none"),
        ("environments", str(len(found["envs"]))),
    ]
    return columns([(f"{key}:" if key else "", value) for key, value in rows])


def _stated(each: dict[str, str]) -> str:
    where = f" ({each['origin']})" if each["origin"] else ""
    return "; ".join(f"{each['key']} {each['value']}{where}".splitlines())


def _lines(values: list[str]) -> str:
    return ", ".join(values)

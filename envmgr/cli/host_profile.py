"""`envmgr host-profile`: what a machine offers to packages, saved for solves elsewhere."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import click

from envmgr.cli import options
from envmgr.cli.messages import say, say_json
from envmgr.cli.progress import reporter
from envmgr.cli.tables import columns
from envmgr.platforms import host_profile as profiles
from envmgr.platforms.host_profile import HostProfile
from envmgr.settings import Settings
from envmgr.workflows import host_profiles


@click.group(
    "host-profile",
    invoke_without_command=True,
    short_help="Save what a machine offers to packages, as its GPU driver.",
    epilog=options.examples(
        "srun -p gpu envmgr host-profile capture gpu",
        "envmgr create -f environment.yml --host-profile gpu",
    ),
)
@click.pass_context
def host_profile(context: click.Context) -> None:
    """Save the virtual packages of a machine, so that others can solve for it.

    A login node has no GPU: what is solved there gets CPU builds, unless it is solved for a profile of the compute
    node, named with --host-profile or by `host_profile:` in the environment file.
    """
    options.help_without_command(context)


@host_profile.command(
    "capture",
    short_help="Write this machine's profile.",
    epilog=options.examples("envmgr host-profile capture gpu", "envmgr host-profile capture gpu --user"),
)
@click.option("--user", "scope", flag_value="user", help="Among your own, for every environment.")
@click.option("--site", "scope", flag_value="site", help="For every user of the site.")
@click.option("-y", "--yes", is_flag=True, help="Also in the place of one that says something else.")
@options.output
@click.argument("name", required=False, metavar="[NAME]")
def capture(name: str | None, scope: str | None, yes: bool, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Write what this machine offers into host-profiles/NAME.yaml, by default of the current directory.

    NAME is by default the machine's own.
    """
    settings = Settings.load()
    report = reporter(sys.stderr, settings.environ, quiet=quiet, as_json=as_json)
    chosen = name or socket.gethostname().partition(".")[0]
    path, profile = host_profiles.capture(chosen, settings, report, scope=scope or "project", overwrite=yes)
    if as_json:
        say_json({"success": True, "path": str(path), **_document(profile)})
    elif not quiet:
        say(f"{path}:\n" + "\n".join(f"  {package}" for package in profile.virtual_packages))
        say(f"solve for it: envmgr create -f environment.yml --host-profile {profile.name}")


@host_profile.command(
    "list", short_help="The profiles known here.", epilog=options.examples("envmgr host-profile list")
)
@options.output
def list_profiles(as_json: bool, quiet: bool, verbose: bool) -> None:
    """List the profiles that can be named here: beside or above this directory, your own, the site's."""
    found = host_profiles.known(Settings.load(), beside=(Path.cwd(),))
    if as_json:
        say_json([{"name": path.stem, "path": str(path)} for path in found])
    elif found:
        rows = [(path.stem, _cuda(profiles.read(path)), str(path)) for path in found]
        say(columns([("# name", "cuda", "file"), *rows]))
    elif not quiet:
        say("there are no host profiles; write one on the machine that is meant: envmgr host-profile capture NAME")


@host_profile.command(
    "show", short_help="What a profile says.", epilog=options.examples("envmgr host-profile show gpu")
)
@options.output
@click.argument("name", metavar="NAME")
def show(name: str, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Show the platform and the virtual packages of a profile."""
    profile = host_profiles.find(name, Settings.load(), beside=(Path.cwd(),))
    if as_json:
        say_json(_document(profile))
    else:
        say(f"{profile.name} ({profile.platform})\n" + "\n".join(f"  {each}" for each in profile.virtual_packages))


def _document(profile: HostProfile) -> dict[str, object]:
    return {
        "name": profile.name,
        "platform": profile.platform,
        "virtual_packages": [str(package) for package in profile.virtual_packages],
    }


def _cuda(profile: HostProfile) -> str:
    return next((package.version for package in profile.virtual_packages if package.name == "__cuda"), "")

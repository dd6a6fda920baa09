"""`envmgr env du`: what environments take on disk."""

from __future__ import annotations

import click

from envmgr.cli import options
from envmgr.cli.messages import say, say_json
from envmgr.cli.tables import columns, size
from envmgr.errors import UsageError
from envmgr.settings import Settings
from envmgr.store import layout
from envmgr.store.footprint import Footprint
from envmgr.store.layout import Location
from envmgr.workflows import disk_usage
from envmgr.workflows.disk_usage import Usage


@click.command(
    "du",
    short_help="Show what environments, kept generations and caches take on disk.",
    epilog=options.examples("envmgr env du", "envmgr env du science", "envmgr env du --json"),
)
@options.environment
@options.output
@click.argument("label", required=False, metavar="[ENVIRONMENT]")
def du(label: str | None, name: str | None, prefix: str | None, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Show what environments, kept generations and caches take on disk: bytes, files and inodes.

    Each inode counts once. "Only here" is what nothing else has by a hard link, and is free when the row goes; "with
    clean" is what is free when the environment goes and the cache is cleaned.
    """
    options.one_of_name_and_prefix(name, prefix)
    settings = Settings.load()
    if label is not None and (name is not None or prefix is not None):
        raise UsageError(f"{label} and the option both name an environment", hint="give one of them")
    only = layout.find_called(settings, label) if label is not None else None
    if name is not None or prefix is not None:
        only = layout.find(settings, name=name, prefix=prefix)
    found = disk_usage.usage(settings)
    if as_json:
        say_json({"success": True} | disk_usage.as_mapping(found, only))
    else:
        say(_as_text(found, only))


def _as_text(found: Usage, only: Location | None) -> str:
    rows: list[tuple[str, ...]] = [("", "all of it", "only here", "with clean", "shared", "files", "inodes")]
    for each in found.environments:
        if only is not None and each.location.prefix != only.prefix:
            continue
        rows.append(_row(each.location.label, each.footprint, size(each.with_cache)))
        for tree in each.generations:
            if len(each.generations) > 1:
                label = "current" if tree.is_current else "kept"
                rows.append(_row(f"  @{tree.number} {label}", tree.footprint))
    if only is None:
        rows += [_row(f"cache: {each.path.name}", each.footprint) for each in found.caches]
        total = found.total
        rows.append(
            ("together", size(total.bytes), "", "", size(found.shared_bytes), str(total.files), str(total.inodes))
        )
    return columns(rows) if len(rows) > 1 else "nothing is on disk"


def _row(label: str, each: Footprint, with_cache: str = "") -> tuple[str, ...]:
    numbers = (size(each.bytes), size(each.unique_bytes), with_cache, size(each.shared_bytes))
    return (label, *numbers, str(each.files), str(each.inodes))

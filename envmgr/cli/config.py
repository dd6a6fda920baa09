"""`envmgr config`: what is set, where that comes from, and setting it; conda's spellings are understood."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from envmgr.cli import conda_flags, hot, options
from envmgr.cli.messages import say, say_json
from envmgr.cli.tables import columns
from envmgr.settings import KEYS, Settings, home_of, process_environ, sources
from envmgr.store import followed
from envmgr.workflows import conda_keys, configuring
from envmgr.workflows.configuring import SCOPES, Written


def scope_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose the file."""
    helps = {
        "user": "The user's file (by default).",
        "site": "The file of all users of this machine.",
        "project": "The .envmgr.yaml of this directory, or the nearest one above it.",
    }
    for scope in reversed(SCOPES):
        command = click.option(f"--{scope}", "scope", flag_value=scope, help=helps[scope])(command)
    return command


class CondaConfig(click.Group):
    """A group that also understands `config --show KEY…` and `config --get KEY…`, which take no subcommand."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if {"--show", "--get"} & set(args):
            ctx.meta["keys"] = tuple(word for word in args if not word.startswith("-"))
            args = [word for word in args if word.startswith("-")]
        return super().parse_args(ctx, args)


_dry_run = click.option("-d", "--dry-run", is_flag=True, help="Show what would change, and do nothing.")


@click.group(
    "config",
    cls=CondaConfig,
    invoke_without_command=True,
    short_help="Show and change settings, and where each comes from.",
    epilog=options.examples(
        "envmgr config list",
        "envmgr config set channel_priority flexible",
        "envmgr config append channels bioconda --project",
        "envmgr config sources",
        "envmgr config import-conda",
    ),
)
@click.option("--show", is_flag=True, hidden=True)
@click.option("--show-sources", is_flag=True, hidden=True)
@click.option("--get", "get_keys", is_flag=True, hidden=True)
@click.option("--set", "set_pairs", nargs=2, multiple=True, hidden=True)
@click.option("--add", "--prepend", "prepend_pairs", nargs=2, multiple=True, hidden=True)
@click.option("--append", "append_pairs", nargs=2, multiple=True, hidden=True)
@click.option("--remove", "remove_pairs", nargs=2, multiple=True, hidden=True)
@click.option("--remove-key", "remove_keys", multiple=True, hidden=True)
@click.option("--system", "scope", flag_value="site", hidden=True)
@click.option("--validate", is_flag=True, hidden=True)
@conda_flags.of_config
@click.option("--json", "as_json", is_flag=True, hidden=True)
@click.pass_context
def config(
    context: click.Context,
    show: bool,
    show_sources: bool,
    get_keys: bool,
    set_pairs: tuple[tuple[str, str], ...],
    prepend_pairs: tuple[tuple[str, str], ...],
    append_pairs: tuple[tuple[str, str], ...],
    remove_pairs: tuple[tuple[str, str], ...],
    remove_keys: tuple[str, ...],
    scope: str | None,
    validate: bool,
    as_json: bool,
) -> None:
    """Show and change settings. A flag beats a variable, that the project's file, the user's, and the site's.

    conda's spellings (--show, --get, --set KEY VALUE, --add KEY VALUE, --remove KEY VALUE) are understood.
    """
    if context.invoked_subcommand is not None:
        return
    path, scope = _file(scope)
    for key, value in (*set_pairs, *append_pairs, *prepend_pairs):
        if (what := conda_keys.so_anyway(key, value)) is not None:
            click.echo(f"{key}: {value} is so anyway: {what}", err=True)
    set_pairs, is_noted = tuple(pair for pair in set_pairs if conda_keys.so_anyway(*pair) is None), bool(set_pairs)
    edits = [_done(configuring.set_key(path, scope, *conda_keys.ours(key, value))) for key, value in set_pairs]
    for pairs, first in ((prepend_pairs, True), (append_pairs, False)):
        edits += [_done(configuring.add_to_list(path, scope, key, (value,), first=first)) for key, value in pairs]
    edits += [_done(configuring.take_from_list(path, scope, key, (value,))) for key, value in remove_pairs]
    edits += [_done(configuring.unset_key(path, scope, key)) for key in remove_keys]
    if edits or is_noted or validate:
        if validate:
            Settings.load()
        if as_json:
            say_json({"success": True, "file": str(path)})
    elif as_json:
        _say_condas_json(context.meta.get("keys", ()), are_sources=show_sources, is_get=get_keys)
    elif show_sources:
        _say_sources(as_json=False)
    elif show or get_keys:
        _say_values(context.meta.get("keys", ()))
    else:
        options.help_without_command(context)


@config.command(
    "list",
    short_help="Every setting, its value and where that comes from.",
    epilog=options.examples("envmgr config list"),
)
@options.output
def list_values(as_json: bool, quiet: bool, verbose: bool) -> None:
    """Show every setting, its value, and where that comes from."""
    settings = Settings.load()
    found = configuring.values(settings)
    if as_json:
        say_json({each.key: {"value": each.value, "source": each.source} for each in found})
        return
    say(columns([("setting", "value", "from"), *((each.key, shown(each.value), each.source) for each in found)]))


@config.command("get", short_help="The value of a setting.", epilog=options.examples("envmgr config get solver"))
@options.output
@click.argument("key", metavar="KEY")
def get(key: str, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Print the value of a setting, one line a value."""
    found = configuring.value_of(Settings.load(), key)
    if as_json:
        say_json({found.key: found.value})
    else:
        values = found.value if isinstance(found.value, list) else [found.value]
        say("\n".join(shown(value) for value in values))


@config.command(
    "set",
    short_help="Give a setting a value.",
    epilog=options.examples(
        "envmgr config set channels conda-forge bioconda", "envmgr config set offline true --project"
    ),
)
@scope_options
@_dry_run
@options.output
@click.argument("key", metavar="KEY")
@click.argument("values", nargs=-1, required=True, metavar="VALUE…")
def set_value(
    scope: str | None, dry_run: bool, as_json: bool, quiet: bool, verbose: bool, key: str, values: tuple[str, ...]
) -> None:
    """Give a setting a value in a file; comments and everything else in it stay."""
    path, chosen = _file(scope)
    _finish(configuring.set_key(path, chosen, key, values), key, dry_run=dry_run, as_json=as_json, quiet=quiet)


def _list_command(name: str, summary: str, change: Callable[..., Written]) -> click.Command:
    @config.command(name, short_help=summary, epilog=options.examples(f"envmgr config {name} channels bioconda"))
    @scope_options
    @_dry_run
    @options.output
    @click.argument("key", metavar="KEY")
    @click.argument("values", nargs=-1, required=True, metavar="VALUE…")
    def command(
        scope: str | None, dry_run: bool, as_json: bool, quiet: bool, verbose: bool, key: str, values: tuple[str, ...]
    ) -> None:
        path, chosen = _file(scope)
        _finish(change(path, chosen, key, values), key, dry_run=dry_run, as_json=as_json, quiet=quiet)

    command.help = summary
    return command


_list_command("append", "Add values behind those of a list.", lambda *a: configuring.add_to_list(*a, first=False))
_list_command("prepend", "Add values before those of a list.", lambda *a: configuring.add_to_list(*a, first=True))
_list_command("remove", "Take values out of a list.", configuring.take_from_list)


@config.command(
    "unset", short_help="Take a setting out of a file.", epilog=options.examples("envmgr config unset solver")
)
@scope_options
@_dry_run
@options.output
@click.argument("key", metavar="KEY")
def unset(scope: str | None, dry_run: bool, as_json: bool, quiet: bool, verbose: bool, key: str) -> None:
    """Take a setting out of a file."""
    path, chosen = _file(scope)
    _finish(configuring.unset_key(path, chosen, key), key, dry_run=dry_run, as_json=as_json, quiet=quiet)


@config.command(
    "sources",
    short_help="The files and variables that set something.",
    epilog=options.examples("envmgr config sources"),
)
@options.output
def show_all_sources(as_json: bool, quiet: bool, verbose: bool) -> None:
    """Show the files and variables in force, the weakest first, and what each of them sets."""
    _say_sources(as_json=as_json)


@config.command(
    "import-conda",
    short_help="Take over channels, proxies and certificates from conda's files.",
    epilog=options.examples("envmgr config import-conda --dry-run", "envmgr config import-conda ~/.condarc --yes"),
)
@options.confirmation
@options.output
@click.argument("paths", nargs=-1, metavar="[PATH…]", type=click.Path(path_type=Path))
def import_conda(yes: bool, dry_run: bool, as_json: bool, quiet: bool, verbose: bool, paths: tuple[Path, ...]) -> None:
    """Take over what conda's files say of channels, priority, aliases, proxies and certificates.

    Without PATH those of this user and this machine are read: $CONDARC, ~/.condarc and so on. What would be written
    is shown first. Credentials are left out.
    """
    from envmgr.workflows import conda_configuration  # start-up time: only for this command

    planned = conda_configuration.plan(Settings.load(), tuple(path.expanduser().absolute() for path in paths))
    written = [each for each in (planned.configuration, planned.channels) if each.is_changed]
    if as_json:
        if not dry_run:
            conda_configuration.write(planned)
            _forget()
        say_json({"success": True, "dry_run": dry_run, "read": [str(path) for path in planned.files],
                  "files": {str(each.path): each.after for each in written},
                  "left_out": [{"key": key, "reason": reason} for key, reason in planned.left]})  # fmt: skip
        return
    if not quiet:
        say(f"read: {', '.join(map(str, planned.files))}")
        for each in written:
            _say_change(each, dry_run=True)
        if planned.left:
            say("left out:\n" + columns(planned.left, indent="  "))
    if not written:
        say("nothing to write: it is all there already")
        return
    if not dry_run:
        if not yes and sys.stdin.isatty():
            click.confirm("write this?", default=True, abort=True, err=True)
        conda_configuration.write(planned)
        _forget()
    say("dry run: nothing was written" if dry_run else "written")


def shown(value: Any) -> str:
    """Return a value as a person reads it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(shown, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {shown(each)}" for key, each in value.items()) or "none"
    return "none" if value is None else str(value)


def _file(scope: str | None) -> tuple[Path, str]:
    """Return the file to edit and its scope; without reading settings, so that a faulty file can be mended."""
    environ = process_environ()
    chosen = scope or "user"
    return configuring.file_of(chosen, environ, home_of(environ)), chosen


def _done(written: Written) -> Written:
    configuring.write(written)
    _forget()
    return written


def _forget() -> None:
    """`run -f` does not look for files of configuration that were not there: it is to look anew."""
    root = hot.root_of(process_environ())
    if root is not None:
        followed.forget(root)


def _finish(written: Written, key: str, *, dry_run: bool, as_json: bool, quiet: bool) -> None:
    if not dry_run:
        _done(written)
    if as_json:
        say_json({"success": True, "file": str(written.path), "changed": written.is_changed, "dry_run": dry_run})
    elif not quiet:
        _say_change(written, dry_run=dry_run)
    if not dry_run and not as_json:
        _say_what_beats(written, key)


def _say_change(written: Written, *, dry_run: bool) -> None:
    if not written.is_changed:
        say(f"{written.path} says so already")
        return
    old, new = written.before.splitlines(), written.after.splitlines()
    lines = [line for line in difflib.ndiff(old, new) if line[:2] in ("+ ", "- ")]
    say("\n".join([f"{written.path}{' would change' if dry_run else ''}:", *(f"  {line}" for line in lines)]))


def _say_what_beats(written: Written, key: str) -> None:
    """Say so where what was written is not what is in force."""
    found = configuring.value_of(Settings.load(), key) if key in KEYS else None
    if found is not None and found.source not in (str(written.path), configuring.DEFAULT):
        click.echo(f"note: {found.source} sets {key} too, and is stronger: {shown(found.value)}", err=True)


def _chosen(keys: tuple[str, ...]) -> dict[str, Any]:
    found = configuring.conda_values(Settings.load())
    for key in keys:
        if key not in found:
            configuring.check(key)
    return {key: found[key] for key in sorted(keys or found)}


def _say_values(keys: tuple[str, ...]) -> None:
    """Print as `conda config --show` does."""
    import yaml  # start-up time: only for this spelling

    say(yaml.safe_dump(_chosen(keys), sort_keys=False, allow_unicode=True).rstrip("\n"))


def _say_condas_json(keys: tuple[str, ...], *, are_sources: bool, is_get: bool) -> None:
    """Print what `conda config --show`, `--show-sources` and `--get` print with --json."""
    if are_sources:
        say_json({each.place: dict(each.values) for each in sources()})
        return
    chosen = _chosen(keys)
    if "channel_alias" in chosen:
        scheme, _, location = str(chosen["channel_alias"]).partition("://")
        chosen["channel_alias"] = dict.fromkeys(("auth", "package_filename", "platform", "token")) | {
            "location": location, "name": "", "scheme": scheme,
        }  # fmt: skip
    path, _ = _file(None)
    say_json({"success": True, "rc_path": str(path), "warnings": [], "get": chosen} if is_get else chosen)


def _say_sources(*, as_json: bool) -> None:
    found = sources()
    if as_json:
        say_json({each.place: {"kind": each.kind, "values": dict(each.values)} for each in found})
        return
    lines = []
    for each in found:
        absent = "" if each.values or each.kind == "variable" else "  (sets nothing)"
        lines.append(f"{each.kind}: {each.place}{absent}")
        lines += [f"  {key}: {shown(value)}" for key, value in each.values.items()]
    say("\n".join(lines))

"""What conda's users type that no command of ours needs: done as conda does it, accepted since it is so anyway, or
refused with the way to what is wanted. Nothing is taken that would mean something else here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from envmgr.errors import UsageError
from envmgr.spec.kinds import FileKind, kind_of
from envmgr.workflows.request import Manner, SourceText

F = TypeVar("F", bound=Callable[..., Any])
_MANNER = "envmgr.manner"  # in click's context
_NO_PIN = "envmgr.no_pin"
_COPY = "envmgr.copy"
_FORMAT = "envmgr.format"

_CACHE = (
    "files are reflinked from the cache where the file system can, else hard-linked; `verify` finds what was edited"
)
_REFUSED = {
    "--no-deps": (
        "--no-deps: an environment is closed here, every dependency of its packages is in it",
        "to leave out what pip would pull in, write `--no-deps` into the pip section of the environment file",
    ),
    "--use-local": (
        "--use-local: there is no directory of local builds that is known",
        "name it: -c file:///home/YOU/miniconda3/conda-bld",
    ),
    "-k, --insecure": (
        "--insecure: envmgr always checks who answers",
        "name the certificate of your site: envmgr config set ssl_verify /etc/ssl/certs/site.pem",
    ),
    "--shortcuts-only": ("--shortcuts-only: envmgr makes no menu entries", "leave it out"),
}
_REMOVE_REFUSED = {
    "--force, --force-remove": (
        "--force: an environment is closed here, and what something else needs cannot go alone",
        "remove what needs it too (`envmgr why PACKAGE` names it), or install another in its place: PACKAGE=VERSION",
    ),
    "--features": ("--features: no channel has features any more", "leave it out"),
}
_VALUED = frozenset({"--shortcuts-only", "--fields", "-n, --name", "-p, --prefix", "--file"})


class _Accepted(click.Option):
    """A flag that changes nothing, since it is so anyway; the first of a command names them all in its help."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        accepted = [each for each in ctx.command.params if isinstance(each, _Accepted)]
        if accepted[0] is not self:
            return None
        names = sorted({max(each.opts, key=len) for each in accepted})
        return "(conda's)", f"Accepted, since it is so anyway: {', '.join(names)}"


def of_channels(command: F) -> F:
    """Add conda's flags of commands that read channels."""
    for flag, priority in (("--strict-channel-priority", "strict"), ("--no-channel-priority", "disabled")):
        command = _storing("channel_priority", priority, flag)(command)
    command = click.option(
        "-C",
        "--use-index-cache",
        is_flag=True,
        hidden=True,
        expose_value=False,
        callback=_say_of_cache,
    )(command)
    command = _accepted(
        "--show-channel-urls", "--repodata-use-zst", "--no-repodata-use-zst", "--repodata-use-shards",
        "--no-repodata-use-shards",
    )(command)  # fmt: skip
    command = _accepted("--experimental", is_flag=False)(command)
    command = _accepted("--repodata-fn", is_flag=False, callback=_check_repodata)(command)
    return _refused(command, {key: _REFUSED[key] for key in ("--use-local", "-k, --insecure")})


def of_environments(command: F) -> F:
    """Add conda's flags of commands that make or change an environment."""
    command = _accepted(
        "--no-default-packages", "--no-shortcuts", "--shortcuts", "--clobber", "-m --mkdir",
    )(command)  # fmt: skip
    command = _storing(
        _NO_PIN, True, "--no-pin", shown="Without the pins of the configuration and of conda-meta/pinned."
    )(command)
    command = _storing(_COPY, True, "--copy", "--always-copy", shown="Files that are no hard links.")(command)
    command = _manner("download_only", "--download-only", text="Fetch what is needed into the cache, and stop.")(
        command
    )
    return _refused(command, {key: _REFUSED[key] for key in ("--no-deps", "--shortcuts-only")})


_KINDS = {
    FileKind.ENVIRONMENT: ("environment-yaml", "environment.yml", "environment.yaml", "env.yml", "cep-24"),
    FileKind.EXPLICIT: ("explicit",),
    FileKind.TEXT_SPECS: ("requirements", "requirements.txt", "reqs", "txt"),
    FileKind.REQUIREMENTS: ("requirements", "requirements.txt", "reqs", "txt"),
    FileKind.CONDA_LOCK: ("conda-lock", "conda-lock-v1"),
    FileKind.PIXI_LOCK: ("pixi", "pixi-lock-v6", "rattler-lock-v6"),
}


def of_files(command: F) -> F:
    """Add `--format`, as conda calls what a file is; `check_files` holds the files against it."""
    names = sorted({name for each in _KINDS.values() for name in each})

    def store(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
        context.meta[_FORMAT] = value

    return click.option(
        "--format", "--env-spec", "--environment-specifier", type=click.Choice(names), hidden=True, expose_value=False,
        callback=store,
    )(command)  # fmt: skip


def check_files(sources: Sequence[SourceText]) -> None:
    """Raise UsageError where a file is not what `--format` calls it."""
    wanted = click.get_current_context().meta.get(_FORMAT)
    for source in sources if wanted is not None else ():
        kind = kind_of(source.source, source.text)
        if wanted not in _KINDS.get(kind, ()):
            raise UsageError(
                f"{source.source} is {kind.value}, and --format {wanted} says otherwise",
                hint="leave --format out: what a file is is told by its name and its content",
            )


def of_changes(command: F) -> F:
    """Add conda's flags of `install` and `update`."""
    command = _accepted("--update-specs", "-S --satisfied-skip-solve")(command)
    command = _accepted("--no-lock")(command)
    command = _manner(
        "reinstall", "--force-reinstall", "--force", text="A new generation from the cache, even of the same packages."
    )(command)
    command = _manner(
        "freezes", "--freeze-installed", "--no-update-deps", text="Change nothing but the named packages, or fail."
    )(command)
    return _manner("updates_dependencies", "--update-deps", text="What the packages need goes to the newest too.")(
        command
    )


def of_remove(command: F) -> F:
    """Add conda's flags of `remove`."""
    command = _accepted("--no-lock", "--prune")(command)
    return _refused(command, _REMOVE_REFUSED)


def of_init(command: F) -> F:
    """Add conda's flags of `init`."""
    command = _accepted("--user")(command)
    return _refused(command, {"--system": (
        "--system: `init` writes into the startup files of one user",
        'for everybody, put this into a file of /etc/profile.d: eval "$(envmgr shell-hook bash)"',
    )})  # fmt: skip


def of_config(command: F) -> F:
    """Add conda's flags of `config`."""
    command = _accepted("-q --quiet", "-v --verbose", "-f --force", "-y --yes")(command)
    where = ("there is no configuration of one environment", "for a directory: envmgr config set KEY VALUE --project")
    return _refused(command, {
        "--env": (f"--env: {where[0]}", where[1]),
        "-n, --name": (f"-n: {where[0]}", where[1]),
        "-p, --prefix": (f"-p: {where[0]}", where[1]),
        "--file": ("--file: the files are those of `envmgr config sources`", "ENVMGR_CONFIG=FILE envmgr config …"),
        "--describe": ("--describe: it is described in docs/configuration.md", "envmgr config list"),
        "--write-default": ("--write-default: what is not set has its default", "envmgr config list"),
        "--stdin": ("--stdin: settings are set one by one", "envmgr config set KEY VALUE"),
    })  # fmt: skip


def of_list(command: F) -> F:
    """Add conda's flags of `list`."""
    return _refused(command, {
        "--auth": ("--auth: credentials are never printed", "leave it out; channels.yaml says where they stand"),
        "--size": ("--size: sizes are those of environments, since files are shared", "envmgr env du ENVIRONMENT"),
        "--fields": ("--fields: the columns are always the same", "every field: envmgr list --json"),
    })  # fmt: skip


def of_info(command: F) -> F:
    """Add conda's flags of `info`."""
    command = _accepted("-s --system", "--offline")(command)
    return _refused(command, {
        "--unsafe-channels": ("--unsafe-channels: credentials are never printed", "leave it out"),
        "--size": ("--size: it has a command of its own", "envmgr env du"),
    })  # fmt: skip


def only_dependencies(command: F) -> F:
    """Add `--only-deps`."""
    return _manner("only_dependencies", "--only-deps", text="Ask for what the packages need, and not for themselves.")(
        command
    )


def update_all(command: F) -> F:
    """Add `--update-all`."""
    return _manner("updates_all", "--update-all", text="Everything else goes to the newest that its specs allow too.")(
        command
    )


def manner() -> Manner:
    """Return what the flags of this command line say of how it is done."""
    context = click.get_current_context()
    return Manner(**context.meta.get(_MANNER, {}))


def copies() -> bool:
    """Whether this command line has `--copy`."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(_COPY))


def ignores_pins() -> bool:
    """Whether this command line has `--no-pin`."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(_NO_PIN))


def _accepted(*flags: str, is_flag: bool = True, callback: Callable[..., Any] | None = None) -> Callable[[F], F]:
    def add(command: F) -> F:
        for names in reversed(flags):
            command = click.option(
                *names.split(), cls=_Accepted, is_flag=is_flag, expose_value=False, callback=callback
            )(command)
        return command

    return add


def _refused(command: F, table: dict[str, tuple[str, str]]) -> F:
    for names, (message, hint) in table.items():
        takes_value = names in _VALUED

        def refuse(
            _context: click.Context,
            _parameter: click.Parameter,
            value: object,
            message: str = message,
            hint: str = hint,
        ) -> None:
            if value:
                raise UsageError(message, hint=hint)

        command = click.option(
            *names.split(", "), is_flag=not takes_value, hidden=True, expose_value=False, callback=refuse
        )(command)
    return command


def _storing(key: str, stored: object, *names: str, shown: str | None = None) -> Callable[[F], F]:
    def store(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
        if value:
            context.meta[key] = stored

    return click.option(*names, is_flag=True, hidden=shown is None, help=shown, expose_value=False, callback=store)


def _manner(key: str, *names: str, text: str) -> Callable[[F], F]:
    def store(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
        if value:
            context.meta.setdefault(_MANNER, {})[key] = True

    return click.option(*names, is_flag=True, help=text, expose_value=False, callback=store)


def _say_of_cache(_context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        click.echo(
            "-C: an index that is no longer fresh is asked for changes all the same; --offline takes it as it is",
            err=True,
        )


def _check_repodata(_context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value not in (None, "repodata.json", "current_repodata.json"):
        raise UsageError(
            f"--repodata-fn {value}: the index of a channel is its repodata.json, or the shards of the same",
            hint="leave --repodata-fn out; for the state of a day: --exclude-newer DATE",
        )

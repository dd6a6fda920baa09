"""`tool`: commands on PATH from environments of their own."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from envmgr.errors import EnvironmentNotFound, EnvmgrError, StoreError, UsageError
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.shell import files as files_of_shell
from envmgr.shell import launcher
from envmgr.store import layout, removal, toolbox
from envmgr.store.layout import Location
from envmgr.store.toolbox import Tool
from envmgr.workflows.create import Plan, create
from envmgr.workflows.reading import own_lock
from envmgr.workflows.request import CreateRequest
from envmgr.workflows.throwaway import Wanted

Confirm = Callable[[Plan], bool]
# What a list of packages needs to run them; on PATH it would stand before that of the system.
_RUNTIMES = frozenset({"python", "python_abi", "pip", "nodejs", "r-base", "perl", "ruby", "openjdk"})


def install(
    wanted: Wanted, settings: Settings, reporter: Reporter, *, command: Sequence[str], confirm: Confirm, force: bool
) -> Tool:
    """Install a tool, or bring it to what is wanted now, and put its commands on PATH.

    Raises what `create` raises; UsageError for a package without commands, and for one whose commands would replace
    files that are not its own, unless `force`. Nothing new is then left.
    """
    package, is_pip = wanted.package
    prefix = toolbox.tool_prefix(settings, package)
    location = layout.at_path(settings, prefix)
    is_new = not layout.is_environment(prefix)
    create(wanted.request(prefix, command), settings, reporter, confirm=confirm)
    try:
        return _expose(Tool(package, package, is_pip, ()), location, settings, force=force)
    except EnvmgrError:
        if is_new:
            removal.remove(location, settings=settings, reporter=reporter)
        raise


def upgrade(
    name: str, settings: Settings, reporter: Reporter, *, command: Sequence[str], confirm: Confirm
) -> tuple[Tool, str | None, str | None]:
    """Move a tool to the newest that it was asked for as; return it with its version before and now.

    Raises EnvironmentNotFound and what `create` raises.
    """
    from envmgr.workflows.update import Moves, update  # start-up time: the other commands of tools change nothing

    tool = find(name, settings)
    prefix = toolbox.tool_prefix(settings, tool.name)
    before = version(tool, settings)
    request = CreateRequest(command=tuple(command), prefix=prefix)
    update(request, settings, reporter, moves=Moves(everything=True), confirm=confirm)
    tool = _expose(tool, layout.at_path(settings, prefix), settings, force=False)
    return tool, before, version(tool, settings)


def uninstall(name: str, settings: Settings, reporter: Reporter) -> Tool:
    """Remove a tool: its commands, its environment, its record; raises EnvironmentNotFound and StoreError."""
    tool = find(name, settings)
    for _, file in tool.commands:
        _remove_launcher(Path(file), tool.name)
    location = layout.at_path(settings, toolbox.tool_prefix(settings, tool.name))
    with contextlib.suppress(EnvironmentNotFound):
        removal.remove(location, settings=settings, reporter=reporter)
    toolbox.forget(settings, tool.name)
    return tool


def find(name: str, settings: Settings) -> Tool:
    """Return an installed tool; raises EnvironmentNotFound with those that are, and the nearest."""
    tool = toolbox.read(settings, name)
    if tool is not None:
        return tool
    import difflib  # only to word an error

    names = [each.name for each in toolbox.tools(settings)]
    near = difflib.get_close_matches(name, names, n=1)
    raise EnvironmentNotFound(
        f"no tool is named `{name}`; installed: {', '.join(names) or 'none'}",
        hint=f"did you mean `{near[0]}`?" if near else f"envmgr tool install {name}",
        details={"names": names},
    )


def version(tool: Tool, settings: Settings) -> str | None:
    """Return the version of a tool's package, None where its environment is gone or damaged."""
    try:
        lock = own_lock(layout.at_path(settings, toolbox.tool_prefix(settings, tool.name)))
    except EnvmgrError:
        return None
    half = () if lock is None else lock.pip if tool.is_pip else lock.conda
    return next((package.version for package in half if package.name == tool.package), None)


def bin_directory(settings: Settings) -> Path:
    """Return where the commands of tools go: ENVMGR_TOOL_BIN, XDG_BIN_HOME, or ~/.local/bin."""
    named = settings.environ.get("ENVMGR_TOOL_BIN") or settings.environ.get("XDG_BIN_HOME")
    return Path(os.path.abspath(os.path.expanduser(named))) if named else settings.home / ".local" / "bin"


def is_on_path(directory: Path, settings: Settings) -> bool:
    """Whether the shell that this command is typed in looks for commands in `directory`."""
    return str(directory) in settings.environ.get("PATH", "").split(os.pathsep)


def _expose(tool: Tool, location: Location, settings: Settings, *, force: bool) -> Tool:
    directory = bin_directory(settings)
    commands = _commands(tool, location)
    files = {command: directory / launcher.file_name(command) for command in commands}
    if not commands:
        raise UsageError(
            f"{tool.package} has no commands, so it is no tool",
            hint=f"envmgr create -n {tool.name} {tool.package}",
        )
    foreign = [file for file in files.values() if os.path.lexists(file) and launcher.owner(file) != tool.name]
    if foreign and not force:
        theirs = launcher.owner(foreign[0])
        whose = f"the tool {theirs}" if theirs is not None else "something else"
        raise UsageError(
            f"{_few(foreign)} already exists and belongs to {whose}",
            hint="move it away, choose another directory with ENVMGR_TOOL_BIN, or replace it with --force",
        )
    shell = "/bin/sh"
    if files_of_shell.load(str(location.prefix)).activate_scripts(".sh"):
        # They are written for bash, whatever their suffix says.
        shell = shutil.which("bash", path=settings.environ.get("PATH", os.defpath)) or shell
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for command, file in files.items():
            scratch = file.with_name(f".{file.name}.{os.getpid()}.envmgr")
            scratch.write_bytes(os.fsencode(launcher.text(location.prefix, command, tool.name, shell)))
            scratch.chmod(0o755)
            os.replace(scratch, file)
    except OSError as error:
        raise StoreError(
            f"{directory} cannot be written: {error.strerror}", hint="choose another with ENVMGR_TOOL_BIN"
        ) from error
    exposed = tool._replace(commands=tuple((command, str(file)) for command, file in files.items()))
    gone = {file for _, file in (toolbox.read(settings, tool.name) or tool).commands} - set(map(str, files.values()))
    for old in gone:
        _remove_launcher(Path(old), tool.name)
    toolbox.write(settings, exposed)
    return exposed


def _few(files: list[Path]) -> str:
    shown = ", ".join(map(str, files[:3]))
    return f"{shown} and {len(files) - 3} more" if len(files) > 3 else shown


def _commands(tool: Tool, location: Location) -> tuple[str, ...]:
    """Return the commands of a package; those of what it depends on where it is a mere list of others."""
    if tool.is_pip:
        return toolbox.pip_commands(location.prefix, tool.package)
    own = toolbox.conda_commands(location.prefix, tool.package)
    lock = own_lock(location)
    if own or lock is None or not toolbox.is_mere_list(location.prefix, tool.package):
        return own
    package = next((each for each in lock.conda if each.name == tool.package), None)
    needs = {spec.split(" ", 1)[0] for spec in package.depends} - _RUNTIMES if package is not None else set()
    found = {command for name in needs for command in toolbox.conda_commands(location.prefix, name)}
    return tuple(sorted(found))


def _remove_launcher(path: Path, name: str) -> None:
    if launcher.owner(path) == name:
        try:
            path.unlink()
        except OSError as error:
            raise StoreError(f"{path} cannot be removed: {error.strerror}") from error

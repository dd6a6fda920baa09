"""`init`: the hook as a file, and the startup files of shells that source it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from envmgr.errors import ConfigError, UsageError
from envmgr.settings import Settings
from envmgr.shell import autorun, conda_layout, scripts, startup


class Change(NamedTuple):
    """What becomes of one startup file; None where there is none before, or none afterwards."""

    shell: str
    path: Path
    before: bytes | None
    after: bytes | None

    @property
    def is_needed(self) -> bool:
        """Whether anything changes."""
        return self.before != self.after


def detect(settings: Settings) -> str:
    """Return the shell that this process was started from, or else the login shell.

    Raises UsageError where neither is known.
    """
    with contextlib.suppress(OSError):
        with open(f"/proc/{os.getppid()}/comm", encoding="utf-8") as stream:
            parent = stream.read().strip()
        if parent in scripts.SHELLS:
            return parent
    login = os.path.basename(settings.environ.get("SHELL", ""))
    if login in scripts.SHELLS:
        return login
    raise UsageError("which shell is meant cannot be told from $SHELL", hint="envmgr init bash")


def plan(shells: Sequence[str], settings: Settings, *, reverse: bool) -> tuple[Change, ...]:
    """Return what `init` does to the startup file of each shell; raises UsageError and ConfigError."""
    changes: dict[Path, Change] = {}
    for shell in shells:
        if scripts.family_of(shell) is scripts.CMD:
            changes.setdefault(Path(autorun.PLACE), _autorun_change(shell, settings, reverse=reverse))
            continue
        path = startup.path_of(shell, settings.environ, settings.home)
        try:
            before = path.read_bytes()
        except FileNotFoundError:
            before = None
        except OSError as error:
            raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
        try:
            hook = startup.hook_path(shell, settings.root)
            after = startup.without_block(before) if reverse else startup.with_block(before, shell, hook)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error.message}", hint=error.hint) from error
        changes.setdefault(path, Change(shell, path, before, after))
    return tuple(changes.values())


def _autorun_change(shell: str, settings: Settings, *, reverse: bool) -> Change:
    # Elsewhere than on Windows it is only shown what would become of an AutoRun that is not there.
    before = autorun.read() if sys.platform == "win32" else None
    text = None if before is None else before.text
    hook = str(startup.hook_path(shell, settings.root))
    after = autorun.without_hook(text) if reverse else autorun.with_hook(text, hook)
    return Change(shell, Path(autorun.PLACE), *(None if each is None else each.encode() for each in (text, after)))


def write_hook(shell: str, settings: Settings, command: tuple[str, ...]) -> Path:
    """Write the hook of `shell` into the store, where it is not there as it should be; raises ConfigError."""
    text = hook_text(shell, settings, command)
    path = startup.hook_path(shell, settings.root)
    data = scripts.encoded(shell, text)
    try:
        if path.is_file() and path.read_bytes() == data:
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, data, 0o644)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
    return path


def hook_text(shell: str, settings: Settings, command: tuple[str, ...]) -> str:
    """Return the hook of `shell` for these settings; raises UsageError for a shell without activation."""
    return scripts.hook(
        shell,
        command=command,
        root=str(settings.root),
        change_prompt=settings.changeps1,
        env_prompt=settings.env_prompt,
    )


def write_completion(shell: str, settings: Settings, text: str) -> None:
    """Write the completion of bash, zsh or fish into the store, where the hook finds it; raises ConfigError."""
    path = settings.root / "shell" / f"completion.{shell}"
    try:
        _write_once(path, text)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error


def write_conda_layout(settings: Settings, command: tuple[str, ...]) -> None:
    """Write what programs source that know conda's root alone; a store that cannot be written goes without it.

    In a store at the root of a conda, say, these files are not ours, and stay.
    """
    hook = hook_text("bash", settings, command)
    for path, text in conda_layout.texts(hook).items():
        file = settings.root / path
        with contextlib.suppress(OSError):
            if not os.path.lexists(file) or conda_layout.is_ours(file.read_bytes()):
                _write_once(file, text)


def apply(change: Change, settings: Settings) -> None:
    """Write or remove one startup file (cmd: value of the registry) in one step; a symbolic link stays one, and the
    mode is kept.

    Raises ConfigError where it cannot be written, with the lines to write by hand.
    """
    if scripts.family_of(change.shell) is scripts.CMD:
        autorun.check_platform()
        kind = None if (before := autorun.read()) is None else before.kind
        autorun.write(None if change.after is None else autorun.Value(change.after.decode(), kind))
        return
    target = Path(os.path.realpath(change.path))
    try:
        if change.after is None:
            target.unlink()
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        if change.before is None:
            replace(target, change.after, 0o644)
        else:
            state = target.stat()
            if not os.access(target, os.W_OK):
                raise PermissionError(13, "it is write-protected")
            replace(target, change.after, state.st_mode & 0o7777)
    except OSError as error:
        line = startup.source_line(change.shell, startup.hook_path(change.shell, settings.root))
        raise ConfigError(
            f"{change.path} cannot be written: {error.strerror}",
            hint=f"write into a file that {change.shell} reads:\n{line}",
        ) from error


def _write_once(path: Path, text: str) -> None:
    data = os.fsencode(text)
    if not path.is_file() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, data, 0o644)


def replace(path: Path, data: bytes, mode: int) -> None:
    """Put `data` in the place of a file in one step; raises OSError."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}.envmgr")
    try:
        with open(scratch, "xb") as stream:
            os.chmod(scratch, mode)
            stream.write(data)
            stream.flush()
            if sys.platform != "win32":
                os.fsync(stream.fileno())
        os.replace(scratch, path)
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink()

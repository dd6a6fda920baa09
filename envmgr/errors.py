"""Every error that envmgr raises for something that the outside world can cause.

The message says the thing, the place, what was expected and what was found; the hint is data
beside it: the very command or line to write.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class EnvmgrError(Exception):
    """What a user did or met, with a hint; ends the command with `exit_code`."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = dict(details or {})

    def __reduce__(self) -> tuple[Any, ...]:
        """Be sent to another process, whatever the constructor of a kind takes."""
        return _remade, (type(self), self.args, self.__dict__)

    @property
    def kind(self) -> str:
        """The name of the class that it is known as outside: the narrowest one of this module."""
        return next(each.__name__ for each in type(self).__mro__ if each.__module__ == __name__)


def _remade(kind: type[EnvmgrError], arguments: tuple[Any, ...], attributes: Mapping[str, Any]) -> EnvmgrError:
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(attributes)
    return error


class UsageError(EnvmgrError):
    """The command line asks for something that has no meaning."""

    exit_code = 2


class ConfigError(EnvmgrError):
    """A configuration file or variable has a value that cannot be used."""


class SpecError(EnvmgrError):
    """An environment file or a spec on the command line is wrong; all faults of a file in one message."""


class ChannelError(EnvmgrError):
    """A channel is unknown, unreachable, malformed, or cannot be built."""


class SolveError(EnvmgrError):
    """The conda half has no solution, or none was found."""


class PackagesNotFound(SolveError):
    """No channel in use has a package of that name."""


class Unsatisfiable(SolveError):
    """The packages exist, but no choice of them satisfies every spec."""


class SolverUnavailable(SolveError):
    """The solver that was asked for cannot be imported."""


class SolveTimeout(SolveError):
    """The solve took longer than its time limit."""


class SolveExceeded(SolveError):
    """The solve needed more memory than a solve may have."""


class PipError(EnvmgrError):
    """The pip half cannot be read, resolved or installed, or clashes with the conda half."""


class LockError(EnvmgrError):
    """A lock cannot be read or is not closed."""


class LockOutdated(LockError):
    """A lock no longer fits the spec that it was made from."""


class PlatformNotLocked(LockError):
    """A lock has no part for the platform that was asked for."""


class LockTampered(LockError):
    """A lock contradicts itself or the artifacts that it names."""


class PackageError(EnvmgrError):
    """An artifact cannot be used."""


class ChecksumMismatch(PackageError):
    """An artifact does not have the hash that the channel or the lock promised."""


class CorruptPackage(PackageError):
    """An artifact is truncated, lies about its contents, or would write outside the prefix."""


class PrefixError(EnvmgrError):
    """A prefix cannot be used as it is."""


class ChangedMeanwhile(PrefixError):
    """Another command changed the environment while this one decided what to make of it."""


class EnvironmentNotFound(PrefixError):
    """No environment has that name or path."""


class NotAnEnvironment(PrefixError):
    """A directory exists at the path, but is not a conda environment (CEP 32: no conda-meta/history)."""


class FrozenEnvironment(PrefixError):
    """The environment is protected by conda-meta/frozen (CEP 22)."""


class EnvironmentBusy(PrefixError):
    """Another process holds the environment for longer than the wait allows."""


class CommandNotFound(PrefixError):
    """`run` was given a command that is neither in the environment nor elsewhere on PATH."""

    exit_code = 127


class CommandNotExecutable(PrefixError):
    """`run` found the command, but the system does not execute it."""

    exit_code = 126


class StoreError(EnvmgrError):
    """The store or the cache cannot be read or written."""


class NoSpace(StoreError):
    """The file system has too few free bytes."""


class NoInodes(StoreError):
    """The file system has too few free inodes."""


class ReadOnlyStore(StoreError):
    """The store or the cache cannot be written by this user."""

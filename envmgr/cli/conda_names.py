"""What conda calls the errors of `--json` (light: failures of hot paths are printed by it)."""

from __future__ import annotations

from typing import Any

from envmgr.errors import EnvmgrError

# By the name of our class; the nearest class above it that is here counts.
_NAMES = {
    "EnvmgrError": "CondaError",
    "UsageError": "CondaValueError",
    "ConfigError": "ConfigurationLoadError",
    "SpecError": "CondaValueError",
    "ChannelError": "UnavailableInvalidChannel",
    "PackagesNotFound": "PackagesNotFoundError",
    "Unsatisfiable": "UnsatisfiableError",
    "ChecksumMismatch": "ChecksumMismatchError",
    "CorruptPackage": "CondaVerificationError",
    "EnvironmentNotFound": "EnvironmentLocationNotFound",
    "NotAnEnvironment": "DirectoryNotACondaEnvironmentError",
    "FrozenEnvironment": "EnvironmentIsFrozenError",
    "EnvironmentBusy": "LockError",
    "NoSpace": "NoSpaceLeftError",
    "ReadOnlyStore": "NoWritablePkgsDirError",
}


def exception_keys(error: EnvmgrError) -> dict[str, Any]:
    """Return the keys by which scripts tell conda's errors apart: `exception_name`, and the `packages` not found."""
    names = (each.__name__ for each in type(error).__mro__)
    found = {"exception_name": next(_NAMES[name] for name in names if name in _NAMES)}
    conflicts = error.details.get("conflicts")
    if found["exception_name"] != "PackagesNotFoundError" or not isinstance(conflicts, (list, tuple)):
        return found
    return found | {"packages": [each["spec"] for each in conflicts if isinstance(each, dict) and "spec" in each]}

"""Running uv: the one place that starts it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from uv import find_uv_bin

from envmgr.errors import PipError
from envmgr.pypi.indexes import RESTATED, Indexes
from envmgr.settings import Settings
from envmgr.urls import redact

# They would choose another interpreter, place or file than the request does, unlock what is locked, or break lines.
_NOT_PASSED = frozenset({
    "UV_BREAK_SYSTEM_PACKAGES", "UV_CACHE_DIR", "UV_COMPILE_BYTECODE",
    "UV_NO_BINARY", "UV_NO_CONFIG", "UV_NO_VERIFY_HASHES", "UV_PROJECT", "UV_PROJECT_ENVIRONMENT",
    "UV_PYTHON", "UV_REQUIRE_HASHES", "UV_SYSTEM_PYTHON", "UV_WORKING_DIR", "UV_WORKING_DIRECTORY",
    "RUST_LOG", "RUST_BACKTRACE", "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV",
    "MACOSX_DEPLOYMENT_TARGET", "PYTHONHOME", "PYTHONPATH", "COLUMNS",
})  # fmt: skip
RESOLVE_SECONDS = 900.0
_OF_PROGRESS = ("warning:", "Using CPython", "Resolved ", "Prepared ", "Updating ", "Updated ", "Building ", "Built ")
_WARNING = re.compile(r"\s*(?:warning: |WARN )(.*)")


class UvFailed(PipError):
    """uv ended with an error; `text` is what it said, cleaned of credentials and of our temporary paths."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True, slots=True, kw_only=True)
class Uv:
    """uv as this machine and the request are configured: UV_* variables as users set them, and `indexes`.

    No uv.toml or pyproject.toml of a current directory has a say, only one that UV_CONFIG_FILE names.
    """

    binary: str
    environ: Mapping[str, str] = field(repr=False)
    cache: Path
    offline: bool
    indexes: Indexes = field(repr=False)

    @classmethod
    def find(cls, settings: Settings, indexes: Indexes | None = None, *, is_installation: bool = False) -> Uv:
        """Return the uv that envmgr was installed with, for the indexes given or else those of the machine alone.

        Raises PipError when it is missing, ConfigError for pip's configuration.
        """
        try:
            binary = os.fspath(find_uv_bin())
        except FileNotFoundError as error:
            raise PipError(
                "the pip half needs uv, and the uv that envmgr was installed with is gone",
                hint=f"{sys.executable} -m pip install --force-reinstall uv",
            ) from error
        indexes = Indexes.gather(settings) if indexes is None else indexes
        left_out = _NOT_PASSED | RESTATED
        kept = {key: value for key, value in settings.environ.items() if key not in left_out}
        if kept.get("UV_LINK_MODE") == "symlink":  # an environment may not depend on a cache entry
            del kept["UV_LINK_MODE"]
        return cls(
            binary=binary,
            environ={
                **kept,
                **indexes.variables(is_installation=is_installation),
                "UV_PYTHON_DOWNLOADS": "never",
                "UV_NO_PROGRESS": "1",
            },
            cache=Path(settings.environ.get("UV_CACHE_DIR") or settings.cache / "uv").absolute(),
            offline=settings.offline,
            indexes=indexes,
        )

    def anew(self, name: str) -> list[str]:
        """Return the options with which uv builds a directory called `name` again: it takes what it has built for
        current as long as its pyproject.toml is. Raises as `run`."""
        if not self.offline:
            return ["--refresh-package", name]
        self.run(["cache", "clean", name])  # offline it knows no refreshing
        return []

    def run(
        self,
        arguments: Sequence[str | Path],
        *,
        variables: Mapping[str, str] | None = None,
        offline: bool = False,
        hidden: Sequence[tuple[str, str]] = (),
        timeout: float | None = None,
    ) -> tuple[str, ...]:
        """Run uv and return its warnings (and what RUST_LOG in `variables` adds), one line each.

        `hidden` are (text, stands for) pairs for error messages. Raises UvFailed with what uv said; PipError when it
        cannot be started or takes longer than `timeout` seconds. An interrupt ends uv too.
        """
        command = [self.binary, *map(str, arguments), "--color", "never", "--cache-dir", str(self.cache)]
        if "UV_CONFIG_FILE" not in self.environ:
            command.append("--no-config")
        if arguments[0] == "pip" and "1" in self.indexes.values("no-index"):  # uv has no variable for it
            command.append("--no-index")
        if self.offline or offline:
            command.append("--offline")
        try:
            ended = subprocess.run(
                command,
                env={**self.environ, **(variables or {})},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise PipError(f"uv has not ended after {timeout:g} seconds: {' '.join(command[1:3])}") from error
        except OSError as error:
            raise PipError(f"{self.binary} cannot be started: {error.strerror}") from error
        if ended.returncode != 0:
            text = ended.stderr.decode("utf-8", "replace")
            raise UvFailed(_cleaned(text, hidden) or f"uv ended with code {ended.returncode} and said nothing")
        lines = _shown(ended.stderr.decode("utf-8", "replace"), hidden).splitlines()
        return tuple(redact(match[1]) for line in lines if (match := _WARNING.match(line)))


def _cleaned(text: str, hidden: Sequence[tuple[str, str]]) -> str:
    lines = [line.rstrip() for line in _shown(text, hidden).splitlines()]
    said = [line for line in lines if not line.lstrip().startswith(_OF_PROGRESS)]
    return redact("\n".join(said).strip().removeprefix("error: "))


def _shown(text: str, hidden: Sequence[tuple[str, str]]) -> str:
    for secret, stands_for in hidden:
        text = text.replace(secret, stands_for)
    return re.sub(r"\x1b\[[0-9;]*m", "", text)

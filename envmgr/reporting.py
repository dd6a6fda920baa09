"""How the lower rooms tell what they do, without printing: an injected reporter."""

from __future__ import annotations

from types import TracebackType
from typing import Literal, Protocol

Phase = Literal["repodata", "solve", "build", "fetch", "unpack", "link", "pip", "check", "carry", "wait"]
Unit = Literal["bytes", "packages", "files", ""]


class Progress(Protocol):
    """One running phase: a context manager whose end is the end of the phase. Safe to call from any thread."""

    def advance(self, amount: int = 1) -> None:
        """Count `amount` more units as done."""

    def __enter__(self) -> Progress: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Reporter(Protocol):
    """Where progress, notices and warnings go. The CLI prints them; tests collect them."""

    def start(self, phase: Phase, text: str, *, total: int | None = None, unit: Unit = "") -> Progress:
        """Begin a phase with `total` units to do (None: unknown); `text` says what, in a few words."""

    def notice(self, text: str) -> None:
        """Tell the user something worth a line (shown unless --quiet)."""

    def warning(self, text: str) -> None:
        """Tell the user something that will surprise them later (always shown)."""


class _SilentProgress:
    def advance(self, amount: int = 1) -> None:
        pass

    def __enter__(self) -> _SilentProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class SilentReporter:
    """A reporter that says nothing."""

    def start(self, phase: Phase, text: str, *, total: int | None = None, unit: Unit = "") -> Progress:
        return _SilentProgress()

    def notice(self, text: str) -> None:
        pass

    def warning(self, text: str) -> None:
        pass

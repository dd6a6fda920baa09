"""Faults of what a user wrote: all of a file collected, each with its line and its mend, raised as one error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from envmgr.errors import EnvmgrError, SpecError
from envmgr.spec.model import Origin
from envmgr.urls import redact

SHOWN_CHARACTERS = 100
SHOWN_FAULTS = 50


class SpecFault(ValueError):
    """One piece of text is wrong; whoever knows where it stands makes a `Fault` of it. `mend` is what to write."""

    def __init__(self, message: str, mend: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong, where, and what to write instead."""

    origin: Origin
    message: str
    mend: str | None = None

    def __str__(self) -> str:
        return f"{self.origin}: {self.message}" + (f"; {self.mend}" if self.mend else "")


class Faults:
    """The faults of one source, collected while it is read."""

    def __init__(self, source: str) -> None:
        self.source = redact(source)
        self.found: list[Fault] = []

    def add(self, line: int | None, message: str, mend: str | None = None) -> None:
        """Remember a fault at a 1-based line of the source."""
        self.found.append(Fault(origin=Origin(source=self.source, line=line), message=message, mend=mend))

    def add_fault(self, line: int | None, fault: SpecFault) -> None:
        """Remember what was found wrong with the text at a line."""
        self.add(line, fault.message, fault.mend)

    def raise_if_any(self, kind: type[EnvmgrError] = SpecError) -> None:
        """Raise one error of `kind` that names every fault, sorted by line."""
        if self.found:
            raise error_of(self.found, kind)


def error_of(faults: Sequence[Fault], kind: type[EnvmgrError] = SpecError) -> EnvmgrError:
    """Return one error for all `faults`: a single one has its mend as the hint, several have a line each."""
    ordered = sorted(faults, key=lambda fault: (fault.origin.source, fault.origin.line or 0))
    details = {
        "faults": [{"where": str(fault.origin), "message": fault.message, "hint": fault.mend} for fault in ordered]
    }
    if len(ordered) == 1:
        return kind(f"{ordered[0].origin}: {ordered[0].message}", hint=ordered[0].mend, details=details)
    lines = [str(fault) for fault in ordered[:SHOWN_FAULTS]]
    if len(ordered) > SHOWN_FAULTS:
        lines.append(f"and {len(ordered) - SHOWN_FAULTS} more")
    return kind("\n".join(lines), details=details)


def shown(text: str) -> str:
    """Return foreign text as it may be printed: in backquotes, on one line, short, without credentials or escapes."""
    text = redact(text)
    if len(text) > SHOWN_CHARACTERS:
        text = text[: SHOWN_CHARACTERS - 1] + "…"
    printable = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
    return f"`{printable}`"

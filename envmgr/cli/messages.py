"""Errors, warnings and hints as a person and as a program reads them; credentials never show."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, TextIO

from envmgr.cli.conda_names import exception_keys
from envmgr.errors import EnvmgrError
from envmgr.urls import redact

# Line ends and the marks by which text of one direction holds text of another: they make one name look like another
_REORDERING = frozenset("\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_COLOURS = {"error": "31;1", "warning": "33;1", "hint": "36"}


def print_error(error: EnvmgrError, stream: TextIO, *, colour: bool) -> None:
    """Print `error: …`, and its hint below an empty line."""
    print(f"{_label('error', colour)} {legible(error.message)}", file=stream)
    if error.hint:
        print(f"\n{_label('hint', colour)} {legible(error.hint)}", file=stream)


def warning_line(text: str, *, colour: bool) -> str:
    """Return the line that warns of something."""
    return f"{_label('warning', colour)} {legible(text)}"


def say(text: str) -> None:
    """Print the result of a command on stdout; that nobody reads it any more does not stop the work."""
    _print(legible(text))


def say_json(value: Any) -> None:
    """Print the one JSON value of a command on stdout, without credentials; likewise."""
    _print(json.dumps(_redacted(value), indent=2, default=str))


def discard_stdout() -> None:
    """Send what is still to be printed nowhere, so that the flush at exit does not complain of a reader that left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def legible(text: str) -> str:
    """Return `text` without credentials and without what would steer a terminal: names come from strangers."""
    return "".join(c if c in "\n\t" or not _is_control(c) else "?" for c in redact(text))


def error_document(error: EnvmgrError) -> dict[str, Any]:
    """Return the object that `--json` prints on stdout for a failure."""
    return {
        "success": False,
        "error": error.kind,
        "message": error.message,
        "hint": error.hint,
        "details": error.details,
        **exception_keys(error),
    }


def wants_colour(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether `stream` is a terminal that shows colours, and the user has not set NO_COLOR."""
    if environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return False
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def _print(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        discard_stdout()
    except OSError as error:
        discard_stdout()  # what is buffered would fail again at the end
        raise EnvmgrError(f"the output cannot be written: {error.strerror}", details={"stdout": "lost"}) from error


def _label(kind: str, colour: bool) -> str:
    return f"\x1b[{_COLOURS[kind]}m{kind}:\x1b[0m" if colour else f"{kind}:"


def _is_control(character: str) -> bool:
    return character < " " or "\x7f" <= character < "\xa0" or character in _REORDERING


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {str(key): _redacted(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redacted(each) for each in value]
    return value

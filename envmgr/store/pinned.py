"""Pins of one environment, as conda has them: match specs in conda-meta/pinned that no solve for it breaks.

Light: `list` reads the lines.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import NamedTuple

from envmgr.errors import SpecError
from envmgr.settings import Settings

FILE = "conda-meta/pinned"
_LARGEST = 1 << 20  # bytes


class Pin(NamedTuple):
    """A line of the file: the text of a match spec and its 1-based number."""

    text: str
    line: int


def lines(prefix: Path) -> tuple[Pin, ...]:
    """Return the pins of the environment at `prefix`, none where it has no such file; comments begin with `#`.

    Raises SpecError for a file that cannot be read, is too large, or is not UTF-8.
    """
    path = prefix / FILE
    try:
        content = _content(path)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENAMETOOLONG):  # of the prefix: who makes something there will say so
            return ()
        raise SpecError(f"{path} cannot be read: {error.strerror}", hint=_hint(path)) from error
    if len(content) > _LARGEST:
        raise SpecError(f"{path} has more than {_LARGEST} bytes; expected a match spec a line", hint=_hint(path))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise SpecError(f"{path}:{number}: expected UTF-8, found other bytes", hint=_hint(path)) from error
    found = (Pin(_without_comment(line), number) for number, line in enumerate(text.split("\n"), 1))
    return tuple(pin for pin in found if pin.text)


def in_force(settings: Settings, prefix: Path) -> Settings:
    """Return the settings for a solve at `prefix`: its own pins hold beside those of the configuration.

    Raises SpecError as `lines` does.
    """
    if settings.ignores_pins:
        return settings
    own = tuple((pin.text, f"{prefix / FILE}:{pin.line}") for pin in lines(prefix))
    return settings._replace(pinned_packages=(*settings.pinned_packages, *own)) if own else settings


def _content(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "it is no regular file")
        return file.read(_LARGEST + 1)


def _without_comment(line: str) -> str:
    return line.partition(" #")[0].strip() if not line.lstrip().startswith("#") else ""


def _hint(path: Path) -> str:
    return f"write one match spec a line, as `python 3.12.*`, or remove {path}"

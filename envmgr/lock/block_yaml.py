"""Plain data as block YAML 1.2, one scalar a line: the same data give the same bytes with every library version."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

# Plain (unquoted) only what every YAML reader takes for this very string: no number, date, boolean or null.
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./+-]*(?::[A-Za-z0-9_./+-]+)*")
_WORDS = re.compile(r"(?:y|n|yes|no|on|off|true|false|null|nan|\.nan|\.inf|-?\.inf)", re.IGNORECASE)
_LITERAL = re.compile(r"[!-~][ -~\n]*[!-~]")  # printable, not indented at first: a block scalar needs no escapes
_ESCAPED = re.compile(r'["\\]|[^ -~\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]')


def dumps(document: dict[str, Any]) -> str:
    """Return `document` (mappings, lists, strings, integers, booleans, None) as YAML; text of several lines stays so.

    Raises TypeError for anything else, and for a list in a list.
    """
    return "".join(f"{line}\n" for line in _mapping(document, ""))


def _mapping(value: dict[str, Any], indent: str) -> Iterator[str]:
    for key, item in value.items():
        yield from _item(f"{indent}{_scalar(key)}:", item, indent)


def _item(head: str, value: Any, indent: str) -> Iterator[str]:
    """Yield the lines of a value of a mapping whose line begins with `head`."""
    if isinstance(value, dict) and value:
        yield head
        yield from _mapping(value, f"{indent}  ")
    elif isinstance(value, (list, tuple)) and value:
        yield head
        for each in value:
            yield from _element(each, indent)
    elif isinstance(value, str) and "\n" in value and _LITERAL.fullmatch(value):
        yield f"{head} |-"
        for line in value.split("\n"):
            yield f"{indent}  {line}" if line else ""
    else:
        yield f"{head} {_scalar(value)}"


def _element(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        lines = _mapping(value, f"{indent}  ")
        yield f"{indent}- {next(lines).lstrip(' ')}"
        yield from lines
    else:
        yield f"{indent}- {_scalar(value)}"


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and not _WORDS.fullmatch(value):
            return value
        return f'"{_ESCAPED.sub(_escape, value)}"'
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if value:
        raise TypeError(f"a {type(value).__name__} in a list has no block form here")
    return "{}" if isinstance(value, dict) else "[]"


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if match[0] in '"\\':
        return f"\\{match[0]}"
    if code < 0x100:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"

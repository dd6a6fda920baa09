"""JSON with comments, as editors keep their settings: one member of the top-level object set, every other byte kept.

The form is that of VS Code's settings.json: JSON (RFC 8259) with `//` and `/* */` comments and trailing commas.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from envmgr.errors import ConfigError

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)|(?P<string>"(?:[^"\\\n]|\\.)*")|(?P<mark>[{}\[\]:,])|(?P<word>[^\s{}\[\]:,"/]+)""",
    re.DOTALL,
)


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


class Member(NamedTuple):
    """A member of the top-level object: its key, and where its value stands (characters)."""

    key: str
    start: int
    end: int


def members(text: str, *, source: str) -> tuple[Member, ...]:
    """Return the members of the top-level object; raises ConfigError naming the line for what is none."""
    tokens = [token for token in _tokens(text, source) if token.kind != "space"]
    if not tokens or tokens[0].text != "{":
        raise _fault(source, text, tokens[0].start if tokens else 0, "expected an object, `{ … }`")
    found: list[Member] = []
    at = 1
    while at < len(tokens) and tokens[at].text != "}":
        key = tokens[at]
        if key.kind != "string" or at + 2 >= len(tokens) or tokens[at + 1].text != ":":
            raise _fault(source, text, key.start, 'expected `"key": value`')
        last = _value_end(tokens, at + 2)
        if last is None:
            raise _fault(source, text, key.start, "the value has no end")
        found.append(Member(json.loads(key.text), tokens[at + 2].start, tokens[last].end))
        at = last + 1
        if at < len(tokens) and tokens[at].text == ",":
            at += 1
        elif at >= len(tokens) or tokens[at].text != "}":
            raise _fault(source, text, tokens[min(at, len(tokens) - 1)].start, "expected `,` or `}`")
    if at >= len(tokens):
        raise _fault(source, text, len(text), "the object has no end")
    return tuple(found)


def with_member(text: str, key: str, value: str, *, source: str) -> str:
    """Return `text` (empty: a new file) with a member whose value is a string; raises ConfigError as `members`."""
    written = json.dumps(value, ensure_ascii=False)
    if not text.strip():
        return "{\n    " + json.dumps(key) + ": " + written + "\n}\n"
    present = members(text, source=source)
    same = [member for member in present if member.key == key]
    if same:  # of two of a key the last one counts
        return text[: same[-1].start] + written + text[same[-1].end :]
    opening = next(token for token in _tokens(text, source) if token.text == "{")
    indentation = re.match(r"[ \t]*\r?\n([ \t]*)\"", text[opening.end :])
    lead = indentation[1] if indentation is not None else "    "
    end = "\r\n" if "\r\n" in text else "\n"
    member = f"{end}{lead}{json.dumps(key)}: {written}" + ("," if present else "")
    after = text[opening.end :]
    return text[: opening.end] + member + (after if "\n" in after or not present else f"{end}{lead}{after.lstrip()}")


def value_of(text: str, key: str, *, source: str) -> object:
    """Return the value of a member that is a string, a number, a truth or null; None where there is none such."""
    for member in reversed(members(text, source=source) if text.strip() else ()):
        if member.key == key:
            try:
                return json.loads(text[member.start : member.end])
            except ValueError:
                return None
    return None


def _tokens(text: str, source: str) -> Iterator[_Token]:
    at = 1 if text.startswith("\ufeff") else 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise _fault(source, text, at, "this is not JSON with comments")
        if match.lastgroup == "word" and not _is_scalar(match[0]):
            raise _fault(source, text, at, f"`{match[0][:20]}` is no value")
        yield _Token(match.lastgroup, match[0], match.start(), match.end())
        at = match.end()


def _is_scalar(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _value_end(tokens: list[_Token], at: int) -> int | None:
    """Return the index of the last token of the value that begins at `at`."""
    depth = 0
    for index in range(at, len(tokens)):
        text = tokens[index].text
        if tokens[index].kind == "mark":
            if text in "{[":
                depth += 1
            elif text in "}]":
                depth -= 1
            elif depth == 0:
                return None
        if depth == 0:
            return index
        if depth < 0:
            return None
    return None


def _fault(source: str, text: str, at: int, what: str) -> ConfigError:
    line = text.count("\n", 0, at) + 1
    return ConfigError(f"{source}:{line}: {what}", hint="mend the file in the editor, or move it away")

"""Preprocessing selectors of environment files (CEP 24): `# [linux and x86_64]` and `sel(linux): …`.

Comment selectors know the platform variables of conda-build 25.1 and `osx64`, joined by `and`, `or`, `not` and
parentheses; `py`, `np` and `build_platform` are no part of the standard. A false line becomes an empty one, so
that line numbers stay true. A bracketed comment that is no such expression (`# [1] see notes`) keeps its line
and is warned of: conda-lock drops the line on every platform, which nobody means. Expressions are read by the
parser below and never evaluated as Python.
"""

from __future__ import annotations

import difflib
import re

from rattler import Subdir

from envmgr.spec.faults import SpecFault, shown

_COMMENT = re.compile(r"(?:^|(?<=\s))#[ \t]*\[([^\[\]]*)\](?=\s|$)")
_LINE_END = re.compile("(\r\n|[\r\n\x85\u2028\u2029])")
_TOKEN = re.compile(r"\s*([()]|[A-Za-z_][A-Za-z0-9_]*)")
_KEY = re.compile(r"sel\((?P<expression>[^()]*)\)")
_MAXIMUM_CHARACTERS = 200
_MAXIMUM_FLOW_DEPTH = 100
_ARCHITECTURES = {"32": "x86", "64": "x86_64"}
_DICTIONARY_VARIABLES = ("unix", "linux", "osx", "win")


def known_platforms() -> tuple[str, ...]:
    """Return every subdir that conda knows, without `noarch`."""
    return tuple(sorted(str(subdir) for subdir in Subdir.all() if str(subdir) != "noarch"))


def variables_of(platform: str) -> dict[str, bool]:
    """Return the boolean variables of comment selectors and their values on `platform`, a subdir."""
    system, _, architecture = platform.partition("-")
    pairs = [name.split("-", 1) for name in {*known_platforms(), platform} if "-" in name]
    variables = {known: known == system for known, _ in pairs}
    variables |= {_ARCHITECTURES.get(known, known): known == architecture for _, known in pairs}
    variables |= {
        "unix": system in ("linux", "osx", "emscripten"),
        "linux32": platform == "linux-32",
        "linux64": platform == "linux-64",
        "win32": platform == "win-32",
        "win64": platform == "win-64",
        "osx64": platform == "osx-64",
        "x86": architecture in ("32", "64"),
        "x64": architecture == "64",
        "arm": platform.startswith("linux-arm"),
    }
    return variables


def evaluate(expression: str, platform: str) -> bool:
    """Return the value of a comment selector's expression on `platform`.

    Raises SpecFault for what is not an expression over the platform variables.
    """
    return _Expression(expression, variables_of(platform)).value()


def evaluate_key(key: str, platform: str) -> bool | None:
    """Return the value of a `sel(…)` key on `platform`, or None where `key` has not that form.

    Raises SpecFault for any variable but unix, linux, osx and win.
    """
    if not key.startswith("sel("):
        return None
    match = _KEY.fullmatch(key)
    name = match["expression"].strip() if match else ""
    if name not in _DICTIONARY_VARIABLES:
        raise SpecFault(
            f"the selector {shown(key)} is not one of sel(linux), sel(osx), sel(win), sel(unix)",
            "use one of them, or a comment selector such as `# [linux and aarch64]`",
        )
    return variables_of(platform)[name]


def apply_comments(text: str, platform: str) -> tuple[str, tuple[tuple[int, str], ...]]:
    """Return `text` with the lines of false comment selectors emptied, and warnings with their 1-based lines."""
    if "[" not in text or not _COMMENT.search(text):
        return text, ()
    spans = _scalar_spans(text)
    warnings: list[tuple[int, str]] = []
    kept: list[str] = []
    offset = 0
    pieces = _LINE_END.split(text)
    for index in range(0, len(pieces), 2):
        line, end = pieces[index], pieces[index + 1] if index + 1 < len(pieces) else ""
        is_kept = True
        for match in _COMMENT.finditer(line):
            if line.lstrip().startswith("#") or any(a <= offset + match.start() < b for a, b in spans):
                continue
            try:
                is_kept = evaluate(match[1], platform)
            except SpecFault as fault:
                warnings.append((index // 2 + 1, f"{fault.message}; the line is kept on every platform"))
            break
        kept.append((line if is_kept else "") + end)
        offset += len(line) + len(end)
    return "".join(kept), tuple(warnings)


class _Expression:
    """A recursive descent over `or`, `and`, `not`, parentheses and names; its length bounds its depth."""

    def __init__(self, text: str, variables: dict[str, bool]) -> None:
        self.text = text
        self.variables = variables
        self.tokens: list[str] = []
        position = 0
        stripped = text.rstrip()
        while position < len(stripped):
            match = _TOKEN.match(stripped, position)
            if match is None or len(stripped) > _MAXIMUM_CHARACTERS:
                raise self._fault()
            self.tokens.append(match[1])
            position = match.end()

    def value(self) -> bool:
        result = self._any()
        if self.tokens:
            raise self._fault()
        return result

    def _any(self) -> bool:
        result = self._all()
        while self._accept("or"):
            result = self._all() or result
        return result

    def _all(self) -> bool:
        result = self._one()
        while self._accept("and"):
            result = self._one() and result
        return result

    def _one(self) -> bool:
        if self._accept("not"):
            return not self._one()
        if self._accept("("):
            result = self._any()
            if not self._accept(")"):
                raise self._fault()
            return result
        if not self.tokens or self.tokens[0] in ("and", "or", ")"):
            raise self._fault()
        name = self.tokens.pop(0)
        if name not in self.variables:
            near = difflib.get_close_matches(name, list(self.variables), n=1)
            raise self._fault(f" (did you mean `{near[0]}`?)" if near else "")
        return self.variables[name]

    def _accept(self, token: str) -> bool:
        if self.tokens and self.tokens[0] == token:
            self.tokens.pop(0)
            return True
        return False

    def _fault(self, more: str = "") -> SpecFault:
        return SpecFault(f"the comment {shown(f'[{self.text}]')} is not a platform selector{more}")


def _scalar_spans(text: str) -> list[tuple[int, int]]:
    """Return where quoted and block scalars stand, since a `#` inside of them begins no comment."""
    import yaml  # start-up time: it is imported where there is YAML to read

    spans: list[tuple[int, int]] = []
    depth = 0
    try:
        for token in yaml.scan(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if isinstance(token, yaml.ScalarToken) and not token.plain:
                spans.append((token.start_mark.index, token.end_mark.index))
            elif isinstance(token, (yaml.FlowSequenceStartToken, yaml.FlowMappingStartToken)):
                depth += 1
                if depth > _MAXIMUM_FLOW_DEPTH:
                    break
            elif isinstance(token, (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken)):
                depth -= 1
    except (yaml.YAMLError, UnicodeEncodeError):
        pass  # the reader of the document reports it
    return spans

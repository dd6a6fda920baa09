"""Lines of the pip half, one requirement at a time: what pip reads in a requirements file.

A name with extras, versions (PEP 440) and a marker, or a source: a path, an archive, a repository, `-e` before it,
`--hash` and `--config-settings` after it.
"""

from __future__ import annotations

import re
from dataclasses import replace

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as ParsedRequirement
from packaging.utils import canonicalize_name

from envmgr.spec import pip_options, pip_sources
from envmgr.spec.faults import SpecFault, shown
from envmgr.spec.model import Origin, Requirement
from envmgr.spec.pip_sources import Source

MAXIMUM_CHARACTERS = 20_000  # a line with the hashes of every wheel of a large package has 8,000
_COMMENT = re.compile(r"(?:^|\s+)#.*$")
_NESTED = re.compile(r"(?:-r\s*|--requirements?(?:\s+|=))(?P<path>.+)")
_CONSTRAINT = re.compile(r"(?:-c\s*|--constraints?(?:\s+|=))(?P<path>.+)")
_EDITABLE = re.compile(r"(?:-e\s*|--editable(?:\s+|=))(?P<source>.+)")
_SINGLE_EQUALS = re.compile(r"(?<![=<>!~])=(?!=)")
_MARKER = re.compile(r"\s*(?:(?<=\s);|;(?=\s))\s*")


def without_comment(line: str) -> str:
    """Return a line of a requirements file without its comment and surrounding blanks."""
    return _COMMENT.sub("", line).strip()


def nested_file(line: str) -> str | None:
    """Return what a `-r FILE` line names, or None for any other line."""
    return _named(_NESTED, line)


def constraints_file(line: str) -> str | None:
    """Return what a `-c FILE` line names, or None for any other line."""
    return _named(_CONSTRAINT, line)


def is_option(line: str) -> bool:
    """Whether a line sets options for the whole pip half, and asks for nothing itself."""
    return line.startswith("-") and not is_editable(line)


def is_editable(line: str) -> bool:
    """Whether a line is `-e SOURCE`."""
    return _EDITABLE.fullmatch(line) is not None


def parse(line: str, origin: Origin, *, base: str = "") -> Requirement:
    """Return the requirement that a line without comment asks for; its relative paths are from the directory `base`.

    Raises SpecFault for everything that is not one requirement.
    """
    if len(line) > MAXIMUM_CHARACTERS:
        raise SpecFault(f"{shown(line)} is longer than {MAXIMUM_CHARACTERS} characters", "write one package a line")
    editable = _EDITABLE.fullmatch(line)
    asked, options = pip_options.split(editable["source"] if editable else line)
    asked = _unquoted(asked) if editable else asked
    hashes, settings = _own_options(options, line)
    named = re.match(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?P<extras>\[[^\]]*\])?\s*@\s*(?P<source>\S.*)", asked)
    if named is not None and (pip_sources.is_source(named["source"]) or editable):
        source, marker = _source(named["source"], line, base)
        listed = (named["extras"] or "").strip("[]").split(",")
        extras = tuple(dict.fromkeys(canonicalize_name(each.strip()) for each in listed if each.strip()))
        source = replace(source, name=canonicalize_name(named["name"]), extras=extras or source.extras)
    elif editable or pip_sources.is_source(asked):
        source, marker = _source(asked, line, base)
    else:
        return Requirement(
            text=line,
            name=_checked(asked, line),
            origin=origin,
            hashes=hashes,
            config_settings=settings,
            specification=asked if options else "",
        )
    if editable:
        _check_editable(source, hashes, line)
    return Requirement(
        text=line,
        name=source.name or line,
        origin=origin,
        url=source.url,
        extras=source.extras,
        marker=marker,
        is_editable=bool(editable),
        hashes=(*hashes, *source.hashes),
        config_settings=settings,
    )


def _check_editable(source: Source, hashes: tuple[str, ...], line: str) -> None:
    if source.url.lower().startswith(("http:", "https:")):
        raise SpecFault(f"{shown(line)}: an archive cannot be edited, only a directory can", "remove the `-e`")
    if hashes:
        raise SpecFault(f"{shown(line)}: what is edited has no hash", "remove `--hash`")


def _checked(asked: str, line: str) -> str:
    """Return the normalised name in a PEP 508 requirement for a package of an index."""
    try:
        parsed = ParsedRequirement(asked)
    except (InvalidRequirement, RecursionError) as error:
        reason = str(error).splitlines()[0] if isinstance(error, InvalidRequirement) else "nested too deep"
        raise SpecFault(f"{shown(line)} is not a PEP 508 requirement: {reason}", _mend(asked)) from error
    if parsed.url is not None:
        raise SpecFault(f"{shown(line)} is not a PEP 508 requirement: a URL is expected after `@`", _mend(asked))
    return canonicalize_name(parsed.name)


def _source(text: str, line: str, base: str) -> tuple[Source, str]:
    """Return the source and the marker behind it; ` ;` or `; ` parts them, since a URL may hold a `;`."""
    where, *rest = _MARKER.split(text, maxsplit=1)
    if not rest and ";" in text and not pip_sources.is_source(text.rpartition(";")[2]):
        where, _, marker = text.rpartition(";")
        rest = [marker] if _is_marker(marker) else []
        where = where if rest else text
    if rest and not _is_marker(rest[0]):
        raise SpecFault(f"{shown(line)}: {shown(rest[0])} is not a marker (PEP 508)", "write `; python_version < '3'`")
    source = pip_sources.parse(where.strip(), base=base)
    return source, str(Marker(rest[0])) if rest else ""


def _is_marker(text: str) -> bool:
    try:
        Marker(text)
    except (InvalidMarker, RecursionError):
        return False
    return True


def _own_options(options: str, line: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return `--hash` and `--config-settings` values of a requirement."""
    hashes: list[str] = []
    settings: list[str] = []
    for name, value in pip_options.parse(options):
        if name == "--hash":
            hashes.append(value)
        elif name == "--config-settings" and "=" in value:
            settings.append(value)
        elif name == "--config-settings":
            raise SpecFault(f"{shown(line)}: {shown(value)} is no setting", "write `--config-settings KEY=VALUE`")
        else:
            raise SpecFault(
                f"{shown(line)}: {shown(name)} counts for the whole file", f"write `{name}` on a line of its own"
            )
    return pip_sources.hashes_of(hashes, line), tuple(settings)


def _named(pattern: re.Pattern[str], line: str) -> str | None:
    match = pattern.fullmatch(line)
    return _unquoted(match["path"].strip()) if match else None


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _mend(line: str) -> str:
    for repaired in (
        _SINGLE_EQUALS.sub("==", line),
        re.sub(r"([<>]=?\s*[\d.]+?)\.\*", r"\1", line),
        re.sub(r"(?<=[\d*])\s+(?=[<>=!~])", ",", line),
        re.sub(r"\s*@\s*(?=\d)", "==", line),
    ):
        if repaired != line and _is_requirement(repaired):
            return f"write `{repaired}`"
    return "write for example `rich`, `rich[jupyter]>=13,<14` or `rich; python_version < '3.12'`"


def _is_requirement(line: str) -> bool:
    try:
        ParsedRequirement(line)
    except (InvalidRequirement, RecursionError):
        return False
    return True

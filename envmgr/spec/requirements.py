"""Lines of the pip half: PEP 508 requirements as a requirements file has them, one at a time.

Read are a name with extras, versions (PEP 440) and a marker. Everything that needs more than a wheel from an
index (editables, VCS, paths, URLs) and every option is a fault that names what envmgr does not do yet.
"""

from __future__ import annotations

import re

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as ParsedRequirement
from packaging.utils import canonicalize_name

from envmgr.spec.faults import SpecFault, shown
from envmgr.spec.model import Origin, Requirement

MAXIMUM_CHARACTERS = 4_000
_COMMENT = re.compile(r"(?:^|\s+)#.*$")
_NESTED = re.compile(r"(?:-r\s*|--requirement(?:\s+|=))(?P<path>.+)")
_OPTION_AFTER = re.compile(r"\s(?P<option>--?[A-Za-z][A-Za-z-]*)")
_PATH = re.compile(r"(?:[.~]{0,2}[/\\]|[A-Za-z]:[/\\]|\.{1,2}$|.*\.(?:whl|zip|tar\.gz|tgz|tar\.bz2)$)")
_SINGLE_EQUALS = re.compile(r"(?<![=<>!~])=(?!=)")


def without_comment(line: str) -> str:
    """Return a line of a requirements file without its comment and surrounding blanks."""
    return _COMMENT.sub("", line).strip()


def nested_file(line: str) -> str | None:
    """Return what a `-r FILE` line names, or None for any other line."""
    match = _NESTED.fullmatch(line)
    return match["path"].strip().strip("'\"") if match else None


def parse(line: str, origin: Origin) -> Requirement:
    """Return the requirement that a line without comment asks for.

    Raises SpecFault for everything that is not one requirement for a wheel of an index.
    """
    if len(line) > MAXIMUM_CHARACTERS:
        raise SpecFault(f"{shown(line)} is longer than {MAXIMUM_CHARACTERS} characters", "write one package a line")
    _check_supported(line)
    try:
        parsed = ParsedRequirement(line)
    except (InvalidRequirement, RecursionError) as error:
        reason = str(error).splitlines()[0] if isinstance(error, InvalidRequirement) else "nested too deep"
        raise SpecFault(f"{shown(line)} is not a PEP 508 requirement: {reason}", _mend(line)) from error
    if parsed.url is not None:
        raise SpecFault(f"{shown(line)} is not a PEP 508 requirement: a URL is expected after `@`", _mend(line))
    return Requirement(text=line, name=canonicalize_name(parsed.name), origin=origin)


def _check_supported(line: str) -> None:
    if re.match(r"-e\b|--editable\b", line):
        raise _unsupported(line, "editable packages")
    if re.match(r"-c\b|--constraint\b", line):
        raise SpecFault(
            f"{shown(line)}: envmgr does not read constraint files yet",
            "write the constraint as a requirement of its own, or remove the line",
        )
    if line.startswith("-"):
        raise SpecFault(f"{shown(line)}: envmgr does not read options in pip sections yet", _option_mend(line))
    option = _OPTION_AFTER.search(line)
    if option is not None:
        mended = line[: option.start()].strip()
        raise SpecFault(
            f"{shown(line)}: envmgr does not read the option {shown(option['option'])} yet",
            f"write `{mended}` (the lock holds the hash of every wheel)",
        )
    if re.match(r"(?:git|hg|svn|bzr)\+", line) or re.search(r"@\s*(?:git|hg|svn|bzr)\+", line):
        raise _unsupported(line, "packages from version control")
    if "://" in line:
        raise _unsupported(line, "packages by URL")
    if _PATH.match(line.partition(";")[0].strip()):
        raise _unsupported(line, "packages from a path")


def _option_mend(line: str) -> str:
    option = re.match(r"--?(?P<name>[a-z-]+)[\s=]+(?P<value>\S+)", line)
    names = {"i": "index-url", "f": "find-links"}
    name = names.get(option["name"], option["name"]) if option else ""
    if option is None or name not in ("index-url", "extra-index-url", "find-links"):
        return "remove the line"
    return f"move it to pip's configuration, which envmgr reads: {shown(f'pip config set global.{name} {option[2]}')}"


def _unsupported(line: str, what: str) -> SpecFault:
    command = shown(f"envmgr run -n NAME pip install {line}")
    return SpecFault(
        f"{shown(line)}: envmgr does not install {what} yet",
        f"remove the line, and once the environment exists run {command}",
    )


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

"""Requirements files (pip's format), wherever they stand: a pip section, `-r` and `-c` files nested to a bound.

Relative paths of `-r` and `-c` lines are relative to the file that has them. Those of packages are relative to the
outermost file, as they are for pip when it is called beside it; where nothing is there, to the file that has them.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from envmgr.errors import SpecError
from envmgr.spec import pip_options, requirements
from envmgr.spec.faults import Fault, Faults, SpecFault, shown
from envmgr.spec.files import base_of, relative_to
from envmgr.spec.model import NO_OPTIONS, Origin, PipOptions, Requirement
from envmgr.spec.pip_options import REQUIREMENT_OPTIONS
from envmgr.urls import is_url, path_of_file_url, redact

MAXIMUM_DEPTH = 10
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")  # those that pip reads
Load = Callable[[str], str]


class RequirementsReader:
    """Reads lines of the pip half wherever they stand; what is wrong goes to `faults`, each with its file.

    `base` is the absolute directory that relative paths are relative to, empty where there is none (a file behind a
    URL). What the lines set beside requirements gathers in `options` and `constraints`. `${VARIABLE}` of `environ` is
    replaced, apart from sources and URLs, which may hold what nobody is to write down: there it is where they are used.
    """

    def __init__(self, load: Load, faults: Faults, *, base: str = "", environ: Mapping[str, str] | None = None) -> None:
        self.load = load
        self.environ = environ or {}
        self.faults = faults
        self.base = base
        self.options: PipOptions = NO_OPTIONS
        self.constraints: list[Requirement] = []

    def read_line(self, line: str, origin: Origin, chain: tuple[str, ...]) -> Iterator[Requirement]:
        """Yield what one line asks for; `chain` are the locations of the files that led here."""
        line = requirements.without_comment(line)
        if not line:
            return
        try:
            nested, constraints = requirements.nested_file(line), requirements.constraints_file(line)
            if nested is not None:
                yield from self._read_nested("-r", nested, chain)
            elif constraints is not None:
                self._read_constraints(constraints, chain)
            elif requirements.is_option(line):
                self._set_options(line, origin, chain)
            else:
                is_source = requirements.is_editable(line) or re.search(r"[/\\@]", line)
                yield self._requirement(line if is_source else self._expanded(line), origin, chain)
        except SpecFault as fault:
            self.faults.found.append(Fault(origin=origin, message=fault.message, mend=fault.mend))

    def read_text(self, text: str, chain: tuple[str, ...]) -> Iterator[Requirement]:
        """Yield what all lines of a requirements file ask for."""
        for number, line in joined_lines(text):
            origin = Origin(source=redact(chain[-1]), line=number)
            yield from self.read_line(line, origin, chain)

    def _expanded(self, text: str) -> str:
        """Return a text with its variables replaced, as pip has it; raises SpecFault for one that is not set."""

        def value(match: re.Match[str]) -> str:
            if match[1] not in self.environ:
                raise SpecFault(
                    f"{shown(text)} names the variable `{match[1]}`, which is not set", f"export {match[1]}=…"
                )
            return self.environ[match[1]]

        return VARIABLE.sub(value, text)

    def _requirement(self, line: str, origin: Origin, chain: tuple[str, ...]) -> Requirement:
        found = requirements.parse(line, origin, base=self.base)
        path = path_of_file_url(found.url) if found.url is not None and "${" not in found.url else None
        if path is None:
            return found
        beside = self._directory(chain[-1])
        if not self.base and not beside and not _is_absolute(line):
            raise SpecFault(f"{shown(line)} is a path, and {redact(chain[-1])} is no file of this machine")
        if beside and beside != self.base and not path.exists():
            other = requirements.parse(line, origin, base=beside)
            there = path_of_file_url(other.url or "")
            if there is not None and there.exists():
                return relative_to_base(other, self.base)
        return found

    def _set_options(self, line: str, origin: Origin, chain: tuple[str, ...]) -> None:
        for name, value in pip_options.parse(line):
            if name in REQUIREMENT_OPTIONS:
                raise SpecFault(
                    f"{shown(line)}: `{name}` belongs behind a requirement", f"write `NAME==VERSION {line}`"
                )
            if name in ("--requirement", "--constraint", "--editable"):
                raise SpecFault(f"{shown(line)} says several things", "write each option on a line of its own")
            if not is_url(value) and name not in ("--index-url", "--extra-index-url"):
                value = self._expanded(value)  # noqa: PLW2901
            written = value
            if name == "--find-links" and not is_url(value):
                value = self._find_links(value, chain)  # noqa: PLW2901
                written = os.path.relpath(value, self.base) if self.base and not os.path.isabs(written) else written
            text = f"{name} {written}".strip()
            self.options = replace(
                pip_options.with_option(self.options, name, value, origin), lines=_with(self.options.lines, text)
            )

    def _find_links(self, value: str, chain: tuple[str, ...]) -> str:
        """Return the directory that `--find-links` names: beside the file that has it, as for pip, or the outermost."""
        expanded = os.path.expanduser(value.removeprefix("file:"))
        for directory in (self._directory(chain[-1]), self.base):
            if directory and os.path.exists(os.path.join(directory, expanded)):
                return os.path.normpath(os.path.join(directory, expanded))
        return os.path.normpath(os.path.join(self.base or os.getcwd(), expanded))

    def _read_constraints(self, named: str, chain: tuple[str, ...]) -> None:
        before = self.options
        named = named if is_url(named) else self._expanded(named)
        found = list(self._read_nested("-c", named, chain))
        location = relative_to(chain[-1], named)
        written = location if is_url(location) or not self.base else os.path.relpath(location, self.base)
        if len(chain) == 1 and not os.path.isabs(os.path.expanduser(named)) and not is_url(named):
            written = named
        self.options = replace(self.options, lines=_with(before.lines, f"-c {written}"))
        for constraint in found:
            if constraint.is_editable or not constraint.is_named:
                message = f"{shown(constraint.text)}: a constraint has a name and is not editable"
                self.faults.found.append(Fault(origin=constraint.origin, message=message, mend="write `NAME==VERSION`"))
            elif constraint.extras or "[" in constraint.pep508.partition(";")[0].partition("@")[0]:
                message = f"{shown(constraint.text)}: a constraint has no extras"
                self.faults.found.append(Fault(origin=constraint.origin, message=message, mend="leave the `[…]` out"))
            else:
                self.constraints.append(constraint)

    def _read_nested(self, option: str, named: str, chain: tuple[str, ...]) -> Iterator[Requirement]:
        named = named if is_url(named) else self._expanded(named)
        location = relative_to(chain[-1], named)
        line = shown(f"{option} {named}")
        if location in chain:
            whole = " → ".join(redact(name) for name in (*chain, location))
            raise SpecFault(f"{line} leads back to itself: {whole}", f"remove one of the `{option}` lines")
        if len(chain) > MAXIMUM_DEPTH:
            raise SpecFault(f"{line}: files are nested more than {MAXIMUM_DEPTH} deep")
        if location.endswith((".toml", ".yml", ".yaml")):
            raise SpecFault(
                f"{line} names no requirements file",
                f"name it on the command line too: `-f {chain[0]} -f {location}`",
            )
        try:
            text = self.load(self._expanded(location) if is_url(location) else location)
        except SpecError as error:
            raise SpecFault(f"{line}: {error.message}", error.hint) from error
        yield from self.read_text(text, (*chain, location))

    def _directory(self, location: str) -> str:
        return "" if is_url(location) else str(Path(location).expanduser().absolute().parent)


def read(text: str, *, location: str, load: Load) -> tuple[Requirement, ...]:
    """Return the requirements of the file at `location` whose text is given, those of its `-r` files in place.

    Raises SpecError with every fault of every file.
    """
    faults = Faults(location)
    reader = RequirementsReader(load, faults, base=base_of(location))
    found = tuple(reader.read_text(text, (location,)))
    faults.raise_if_any()
    return found


def joined_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each logical line with the 1-based number of its first physical one, as pip joins them."""
    pending, start = "", 0
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.rstrip("\r")  # noqa: PLW2901
        start = start or number
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            pending += line[:-1]
            continue
        yield start, pending + line
        pending, start = "", 0
    if pending:
        yield start, pending


def _with(lines: tuple[str, ...], line: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*lines, line)))


def _is_absolute(line: str) -> bool:
    return "file:/" in line or " /" in f" {line.removeprefix('-e')}"


def relative_to_base(requirement: Requirement, base: str) -> Requirement:
    """Return a requirement whose text names its path as one from the directory `base`, where it was relative."""
    path = path_of_file_url((requirement.url or "").partition("#")[0])
    if path is None or "${" in requirement.text or _is_absolute(requirement.text):
        return requirement
    relative = os.path.relpath(path, base) if base else str(path)
    relative = relative if relative.startswith((".", "/")) else f"./{relative}"
    extras = f"[{','.join(requirement.extras)}]" if requirement.extras else ""
    marker = f" ; {requirement.marker}" if requirement.marker else ""
    is_named = re.match(r"(?:-e\s+)?[A-Za-z0-9._-]+\s*(?:\[[^\]]*\])?\s*@", requirement.text) is not None
    where = f"{requirement.name}{extras} @ {relative}" if is_named else f"{relative}{extras}"
    hashes = "".join(f" --hash={each}" for each in requirement.hashes)
    settings = "".join(f" --config-settings {shlex.quote(each)}" for each in requirement.config_settings)
    text = f"{'-e ' if requirement.is_editable else ''}{where}{marker}{hashes}{settings}"
    return replace(requirement, text=text, name=requirement.name if requirement.is_named else text)

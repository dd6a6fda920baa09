"""Requirements files that a pip section names with `-r`, nested to a bound, cycles refused.

The lines of a file: comments, blank lines, `\\` continuations, requirements, further `-r` lines relative to the
file that has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from envmgr.errors import SpecError
from envmgr.spec import requirements
from envmgr.spec.faults import Fault, Faults, SpecFault, shown
from envmgr.spec.files import relative_to
from envmgr.spec.model import Origin, Requirement
from envmgr.urls import redact

MAXIMUM_DEPTH = 10
Load = Callable[[str], str]


def read(text: str, *, location: str, load: Load) -> tuple[Requirement, ...]:
    """Return the requirements of the file at `location` whose text is given, those of its `-r` files in place.

    Raises SpecError with every fault of every file.
    """
    faults = Faults(location)
    reader = RequirementsReader(load, faults)
    found = tuple(reader.read_text(text, (location,)))
    faults.raise_if_any()
    return found


class RequirementsReader:
    """Reads lines of the pip half wherever they stand; what is wrong goes to `faults`, each with its file."""

    def __init__(self, load: Load, faults: Faults) -> None:
        self.load = load
        self.faults = faults

    def read_line(self, line: str, origin: Origin, chain: tuple[str, ...]) -> Iterator[Requirement]:
        """Yield what one line asks for; `chain` are the locations of the files that led here."""
        line = requirements.without_comment(line)
        if not line:
            return
        nested = requirements.nested_file(line)
        try:
            if nested is None:
                yield requirements.parse(line, origin)
            else:
                yield from self._read_nested(nested, chain)
        except SpecFault as fault:
            self.faults.found.append(Fault(origin=origin, message=fault.message, mend=fault.mend))

    def read_text(self, text: str, chain: tuple[str, ...]) -> Iterator[Requirement]:
        """Yield what all lines of a requirements file ask for."""
        for number, line in _joined_lines(text):
            origin = Origin(source=redact(chain[-1]), line=number)
            yield from self.read_line(line, origin, chain)

    def _read_nested(self, named: str, chain: tuple[str, ...]) -> Iterator[Requirement]:
        location = relative_to(chain[-1], named)
        if location in chain:
            whole = " → ".join(redact(name) for name in (*chain, location))
            raise SpecFault(f"{shown(f'-r {named}')} leads back to itself: {whole}", "remove one of the `-r` lines")
        if len(chain) > MAXIMUM_DEPTH:
            raise SpecFault(f"{shown(f'-r {named}')}: files are nested more than {MAXIMUM_DEPTH} deep")
        try:
            text = self.load(location)
        except SpecError as error:
            raise SpecFault(f"{shown(f'-r {named}')}: {error.message}", error.hint) from error
        yield from self.read_text(text, (*chain, location))


def _joined_lines(text: str) -> Iterator[tuple[int, str]]:
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

"""What was asked of the pip half as lines of a requirements file, as locks and exports keep it, and back."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from envmgr.spec.faults import Faults
from envmgr.spec.files import read_text
from envmgr.spec.model import COMMAND_LINE, NO_OPTIONS, EnvironmentSpec, Origin, PipOptions, Requirement
from envmgr.urls import is_url


@dataclass(frozen=True, slots=True, kw_only=True)
class PipLines:
    """What some lines of a requirements file ask for."""

    requirements: tuple[Requirement, ...]
    options: PipOptions
    constraints: tuple[Requirement, ...]


def pip_lines(spec: EnvironmentSpec) -> tuple[str, ...]:
    """Return the lines: options before requirements, each as written."""
    return (*spec.pip_options.lines, *(requirement.text for requirement in spec.pip))


def has_paths(spec: EnvironmentSpec) -> bool:
    """Whether a line names a place on this machine, which may be relative to the directory of the file."""
    local = any((requirement.url or "").startswith("file:") for requirement in spec.pip)
    return local or any(
        line.startswith(("-c ", "--find-links ")) and not is_url(line.partition(" ")[2])
        for line in spec.pip_options.lines
    )


def rebased(spec: EnvironmentSpec, base: str) -> EnvironmentSpec:
    """Return a spec whose pip half names paths as relative to the directory `base`."""
    from envmgr.spec.requirements_file import relative_to_base  # start-up time: most have no pip half

    lines = []
    for line in spec.pip_options.lines:
        option, _, value = line.partition(" ")
        if option in ("-c", "--find-links") and not is_url(value) and not os.path.isabs(os.path.expanduser(value)):
            line = f"{option} {os.path.relpath(os.path.join(spec.pip_base, value), base)}"  # noqa: PLW2901
        lines.append(line)
    return replace(
        spec,
        pip=tuple(relative_to_base(requirement, base) for requirement in spec.pip),
        pip_options=replace(spec.pip_options, lines=tuple(lines)),
        pip_base=base,
    )


def read_lines(
    texts: Sequence[str],
    *,
    base: str,
    source: str | Origin = COMMAND_LINE,
    load: Callable[[str], str] | None = None,
) -> PipLines:
    """Return what lines ask for whose relative paths are from the directory `base`; `source` is where they are from.

    Raises SpecError with the fault of every line.
    """
    if not texts:
        return PipLines(requirements=(), options=NO_OPTIONS, constraints=())
    from envmgr.spec.requirements_file import RequirementsReader  # start-up time: as above

    origin = source if isinstance(source, Origin) else Origin(source=source)
    faults = Faults(origin.source)
    reader = RequirementsReader(load or _load, faults, base=base)
    location = f"{base}/pip" if base else origin.source
    found = tuple(each for text in texts for each in reader.read_line(text, origin, (location,)))
    faults.raise_if_any()
    return PipLines(requirements=found, options=reader.options, constraints=tuple(reader.constraints))


def _load(location: str) -> str:
    return read_text(location)

"""SPEC arguments of a command (`numpy=1.26 'python>=3.10'`) into dependencies (CEP 29)."""

from __future__ import annotations

from collections.abc import Sequence

from envmgr.spec import match_specs
from envmgr.spec.faults import Fault, Faults, SpecFault, error_of, shown
from envmgr.spec.model import COMMAND_LINE, Dependency, EnvironmentSpec, Origin


def parse_dependency(text: str, origin: Origin = COMMAND_LINE) -> Dependency:
    """Return the dependency that one text asks for.

    Raises SpecError that says what is wrong, with the nearest text that is a match spec as its hint.
    """
    try:
        return _parse(text, origin)[0]
    except SpecFault as fault:
        raise error_of([Fault(origin=origin, message=fault.message, mend=fault.mend)]) from fault


def parse_arguments(texts: Sequence[str], *, channels: Sequence[str] = (), name: str | None = None) -> EnvironmentSpec:
    """Return the spec that SPEC arguments and channel flags make.

    Raises SpecError that names every argument that is no match spec.
    """
    faults = Faults(COMMAND_LINE.source)
    dependencies: list[Dependency] = []
    warnings: list[str] = []
    for text in texts:
        try:
            dependency, found = _parse(text, COMMAND_LINE)
        except SpecFault as fault:
            faults.add_fault(None, fault)
        else:
            dependencies.append(dependency)
            warnings.extend(found)
    faults.raise_if_any()
    return EnvironmentSpec(
        name=name,
        channels=tuple(dict.fromkeys(channel for channel in channels if channel != "nodefaults")),
        dependencies=tuple(dependencies),
        warnings=tuple(warnings),
    )


def _parse(text: str, origin: Origin) -> tuple[Dependency, tuple[str, ...]]:
    if text.endswith((".yml", ".yaml")):
        raise SpecFault(f"{shown(text)} is a file, not a package", f"name an environment file with `-f {text}`")
    try:
        return match_specs.parse(text, origin)
    except SpecFault as fault:
        if text.rstrip().endswith((">", "<", "=", "!", "~")):
            mend = f"{fault.mend} (in quotes: a shell reads `>` and `<` itself)"
            raise SpecFault(fault.message, mend) from fault
        raise

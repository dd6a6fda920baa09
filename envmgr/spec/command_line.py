"""SPEC arguments of a command (`numpy=1.26 'python>=3.10'`) into dependencies (CEP 29)."""

from __future__ import annotations

from collections.abc import Sequence

from envmgr.spec import match_specs
from envmgr.spec.faults import Fault, Faults, SpecFault, error_of
from envmgr.spec.model import COMMAND_LINE, Dependency, EnvironmentSpec, Origin


def parse_dependency(text: str, origin: Origin = COMMAND_LINE) -> Dependency:
    """Return the dependency that one text asks for.

    Raises SpecError that says what is wrong, with the nearest text that is a match spec as its hint.
    """
    try:
        return match_specs.parse(text, origin)[0]
    except SpecFault as fault:
        raise error_of([Fault(origin=origin, message=fault.message, mend=_mend(text, fault))]) from fault


def parse_arguments(texts: Sequence[str], *, channels: Sequence[str] = (), name: str | None = None) -> EnvironmentSpec:
    """Return the spec that SPEC arguments and channel flags make.

    Raises SpecError that names every argument that is no match spec.
    """
    faults = Faults(COMMAND_LINE.source)
    dependencies: list[Dependency] = []
    warnings: list[str] = []
    for text in texts:
        try:
            dependency, found = match_specs.parse(text, COMMAND_LINE)
        except SpecFault as fault:
            faults.add(None, fault.message, _mend(text, fault))
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


def _mend(text: str, fault: SpecFault) -> str | None:
    if text.endswith((".yml", ".yaml")):
        return f"name an environment file with `-f {text}`"
    if text.endswith((">", "<", "=", "!", "~")) or (fault.mend is None and not text.strip()):
        return f"{fault.mend or 'write a package name'} (in quotes: a shell reads `>` and `<` itself)"
    return fault.mend

"""Text spec files (CEP 23) without `@EXPLICIT`: a match spec a line, as `conda list --export` writes them."""

from __future__ import annotations

from envmgr.spec import match_specs
from envmgr.spec.faults import Faults, SpecFault
from envmgr.spec.model import Dependency, EnvironmentSpec, Origin
from envmgr.urls import redact


def read(text: str, *, source: str) -> EnvironmentSpec:
    """Return what the lines of the file ask for; `source` is the file as the user named it.

    Raises one SpecError that names every line that is no match spec.
    """
    label = "stdin" if source == "-" else redact(source)
    faults = Faults(label)
    dependencies: list[Dependency] = []
    warnings: list[str] = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        written = line.partition(" #")[0].strip()
        if not written or written.startswith("#"):
            continue
        try:
            dependency, found = match_specs.parse(written, Origin(source=label, line=number))
        except SpecFault as fault:
            faults.add_fault(number, fault)
        else:
            dependencies.append(dependency)
            warnings.extend(f"{label}:{number}: {warning}" for warning in found)
    faults.raise_if_any()
    return EnvironmentSpec(dependencies=tuple(dependencies), sources=(label,), warnings=tuple(warnings))

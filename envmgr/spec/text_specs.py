"""Text spec files (CEP 23) without `@EXPLICIT`: a match spec a line, as `conda list --export` writes them.

That writes what pip installed as `NAME=VERSION=pypi_0`, which no channel has: it is asked for in the pip half.
"""

from __future__ import annotations

import re

from envmgr.spec import match_specs, requirements
from envmgr.spec.faults import Faults, SpecFault
from envmgr.spec.model import Dependency, EnvironmentSpec, Origin, Requirement
from envmgr.urls import redact

_OF_PIP = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)=(?P<version>[^=\s]+)=pypi_\d+")


def read(text: str, *, source: str) -> EnvironmentSpec:
    """Return what the lines of the file ask for; `source` is the file as the user named it.

    Raises one SpecError that names every line that is no match spec.
    """
    label = "stdin" if source == "-" else redact(source)
    faults = Faults(label)
    dependencies: list[Dependency] = []
    pip: list[Requirement] = []
    warnings: list[str] = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        written = line.partition(" #")[0].strip()
        if not written or written.startswith("#"):
            continue
        origin = Origin(source=label, line=number)
        of_pip = _OF_PIP.fullmatch(written)
        try:
            if of_pip is not None:
                pip.append(requirements.parse(f"{of_pip['name']}=={of_pip['version']}", origin))
                continue
            dependency, found = match_specs.parse(written, origin)
        except SpecFault as fault:
            faults.add_fault(number, fault)
        else:
            dependencies.append(dependency)
            warnings.extend(f"{label}:{number}: {warning}" for warning in found)
    faults.raise_if_any()
    return EnvironmentSpec(dependencies=tuple(dependencies), pip=tuple(pip), sources=(label,), warnings=tuple(warnings))

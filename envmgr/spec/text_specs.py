"""Text spec files (CEP 23) without `@EXPLICIT`: a match spec a line, as `conda list --export` writes them.

What pip installed has the build `pypi_0` there, and is asked for in the pip half; conda looks for it in its channels.
"""

from __future__ import annotations

import re

from envmgr.spec import match_specs, requirements
from envmgr.spec.faults import Faults, SpecFault
from envmgr.spec.model import Dependency, EnvironmentSpec, Origin, Requirement
from envmgr.urls import redact

_FROM_PIP = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)=(?P<version>[^=\s]+)=pypi_[0-9]+")


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
        from_pip = _FROM_PIP.fullmatch(written)
        try:
            if from_pip is not None:
                pinned = f"{from_pip['name']}=={from_pip['version']}"
                pip.append(requirements.parse(pinned, Origin(source=label, line=number)))
                continue
            dependency, found = match_specs.parse(written, Origin(source=label, line=number))
        except SpecFault as fault:
            faults.add_fault(number, fault)
        else:
            dependencies.append(dependency)
            warnings.extend(f"{label}:{number}: {warning}" for warning in found)
    faults.raise_if_any()
    return EnvironmentSpec(dependencies=tuple(dependencies), pip=tuple(pip), sources=(label,), warnings=tuple(warnings))

"""Files that know pip alone as what is wanted: a requirements file, with the python of a channel."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from envmgr.spec import match_specs
from envmgr.spec.faults import Faults, SpecFault, shown
from envmgr.spec.files import base_of
from envmgr.spec.model import Dependency, EnvironmentSpec, Origin
from envmgr.spec.requirements_file import RequirementsReader
from envmgr.urls import redact


def read(
    text: str, *, source: str, load: Callable[[str], str], environ: Mapping[str, str] | None = None
) -> EnvironmentSpec:
    """Return what a requirements file asks for; `source` is the file as the user named it, and what it names is
    relative to it. `environ` has the variables that it may name.

    Raises one SpecError that names every fault with its line and its mend.
    """
    label = "stdin" if source == "-" else redact(source)
    faults = Faults(label)
    reader = RequirementsReader(load, faults, base=base_of(source), environ=environ)
    found = tuple(reader.read_text(text.removeprefix("\ufeff"), (source,)))
    faults.raise_if_any()
    return EnvironmentSpec(
        pip=found,
        pip_options=reader.options,
        pip_constraints=tuple(reader.constraints),
        pip_base=base_of(source),
        sources=(label,),
    )


def python(specifier: str, origin: Origin) -> Dependency:
    """Return the dependency on the python that a specifier (PEP 440, or a version as `3.12`) allows.

    Raises SpecFault for what is none.
    """
    written = specifier.strip()
    text = re.sub(r"^(?:python|cpython|=)\s*(?=[\d=<>~!])", "", written).lstrip("=") if "," not in written else written
    parts = [_conda_part(part.strip()) for part in (text or "*").split(",") if part.strip()]
    if not all(re.fullmatch(r"(?:[<>!~]=?|==)?\s*[\d.*]+(?:\w+)?", part) for part in parts):
        raise SpecFault(f"{shown(written)} is no version of python", "write for example `3.12` or `>=3.10,<3.13`")
    dependency, _ = match_specs.parse(f"python {','.join(parts)}".removesuffix(" *"), origin)
    return dependency


def python_of(specifiers: Sequence[str], origin: Origin) -> Dependency:
    """Return the dependency on a python that every specifier allows."""
    return python(",".join(filter(None, (each.strip() for each in specifiers))), origin)


def _conda_part(part: str) -> str:
    """Return one clause of a PEP 440 specifier as conda has it; a bare version means its whole line."""
    part = part.replace("===", "==").replace(" ", "")
    if part.startswith("==") and part.endswith(".*"):
        return part.removeprefix("==")
    if re.fullmatch(r"\d+(?:\.\d+)*", part):
        return f"{part}.*"
    return part

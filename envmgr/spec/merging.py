"""Several environment files as one EnvironmentSpec.

Later files add to earlier ones. Channels, dependencies and requirements keep their
order; a channel counts where it stood first; two specs for one package both hold. For `name` and `prefix` the
last file that has one wins, for `variables` the last value, each with a warning where they differ; `category` is
the first file's; `platforms` are those that every file with such a list allows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import or_

from envmgr.errors import SpecError
from envmgr.spec.faults import shown
from envmgr.spec.model import NO_OPTIONS, EnvironmentSpec
from envmgr.spec.pip_lines import rebased


def merge(specs: Sequence[EnvironmentSpec]) -> EnvironmentSpec:
    """Return the one spec that asks for everything that `specs` ask for, in their order.

    Raises SpecError when no platform is left that every file allows.
    """
    if len(specs) == 1:
        return specs[0]
    base = next((spec.pip_base for spec in specs if spec.pip_base), "")
    specs = [spec if spec.pip_base in ("", base) else rebased(spec, base) for spec in specs]
    warnings = [warning for spec in specs for warning in spec.warnings]
    return EnvironmentSpec(
        name=_last("name", specs, lambda spec: spec.name, warnings),
        prefix=_last("prefix", specs, lambda spec: spec.prefix, warnings),
        channels=_channels(specs, warnings),
        dependencies=tuple(dependency for spec in specs for dependency in spec.dependencies),
        pip=tuple(requirement for spec in specs for requirement in spec.pip),
        pip_options=reduce(or_, (spec.pip_options for spec in specs), NO_OPTIONS),
        pip_constraints=tuple(constraint for spec in specs for constraint in spec.pip_constraints),
        pip_base=base,
        variables=_variables(specs, warnings),
        platforms=_platforms(specs),
        category=specs[0].category if specs else "main",
        host_profile=_last("host_profile", specs, lambda spec: spec.host_profile, warnings),
        gpu=next((spec.gpu for spec in specs if spec.gpu), ""),
        sources=tuple(source for spec in specs for source in spec.sources),
        warnings=tuple(warnings),
    )


def _source(spec: EnvironmentSpec) -> str:
    return spec.sources[-1] if spec.sources else "the command line"


def _last(
    key: str, specs: Sequence[EnvironmentSpec], value_of: Callable[[EnvironmentSpec], str | None], warnings: list[str]
) -> str | None:
    result: str | None = None
    for spec in specs:
        value = value_of(spec)
        if value is None:
            continue
        if result is not None and value != result:
            warnings.append(f"{_source(spec)}: {key} {shown(value)} replaces {shown(result)}")
        result = value
    return result


def _channels(specs: Sequence[EnvironmentSpec], warnings: list[str]) -> tuple[str, ...]:
    merged: list[str] = []
    for spec in specs:
        known = [merged.index(channel) for channel in spec.channels if channel in merged]
        if known != sorted(known):
            order = ", ".join(shown(channel) for channel in merged)
            warnings.append(f"{_source(spec)}: its channels are in another order than before; used is {order}")
        merged.extend(channel for channel in spec.channels if channel not in merged)
    return tuple(merged)


def _variables(specs: Sequence[EnvironmentSpec], warnings: list[str]) -> tuple[tuple[str, str], ...]:
    merged: dict[str, str] = {}
    for spec in specs:
        for key, value in spec.variables:
            if merged.get(key, value) != value:
                warnings.append(f"{_source(spec)}: the variable `{key}` replaces the value of an earlier file")
            merged[key] = value
    return tuple(merged.items())


def _platforms(specs: Sequence[EnvironmentSpec]) -> tuple[str, ...]:
    lists = [spec.platforms for spec in specs if spec.platforms]
    if not lists:
        return ()
    merged = tuple(platform for platform in lists[0] if all(platform in others for others in lists[1:]))
    if not merged:
        found = "; ".join(f"{_source(spec)}: {', '.join(spec.platforms)}" for spec in specs if spec.platforms)
        raise SpecError(f"no platform is in every file's `platforms` ({found})", hint="name one that they share")
    return merged

"""What a command asks for: its files and specs as one EnvironmentSpec, and the names of its channels."""

from __future__ import annotations

from dataclasses import replace

from envmgr.channels.table import ChannelTable
from envmgr.errors import UsageError
from envmgr.settings import Settings
from envmgr.spec.command_line import parse_arguments
from envmgr.spec.faults import SpecFault
from envmgr.spec.merging import merge
from envmgr.spec.model import COMMAND_LINE, EnvironmentSpec
from envmgr.workflows.request import CreateRequest
from envmgr.workflows.sources import check_wanted, has_pip_files, parse_sources


def read_spec(request: CreateRequest, settings: Settings, platform: str) -> EnvironmentSpec:
    """Return what the files and specs of a request ask for together, for a platform (a subdir).

    Raises SpecError and UsageError.
    """
    check_wanted(request.files, request.wanted)
    specs = list(parse_sources(request.files, settings, platform=platform, wanted=request.wanted))
    if request.specs or not specs:
        specs.append(parse_arguments(request.specs))
    spec = _with_python(merge(specs), request)
    if spec.platforms and platform not in spec.platforms:
        raise UsageError(
            f"{spec.sources[0]} is for {', '.join(spec.platforms)}, not for {platform}",
            hint=f"add `{platform}` to its `platforms:`, or pass --platform {spec.platforms[0]}",
        )
    return spec


def channel_names(
    request: CreateRequest, spec: EnvironmentSpec, table: ChannelTable, settings: Settings
) -> tuple[str, ...]:
    """Return the channels in use as they were written, in order; raises UsageError where none is left."""
    if request.override_channels:
        if not request.channels:
            raise UsageError("--override-channels leaves no channel", hint="add -c CHANNEL")
        return request.channels
    names = (*request.channels, *spec.channels)
    return tuple(dict.fromkeys(names or table.defaults or settings.channels))


def _with_python(spec: EnvironmentSpec, request: CreateRequest) -> EnvironmentSpec:
    """Return what is asked for with the python that --python names, or any where a file knows pip alone."""
    python = request.wanted.python
    if python is None:
        needs = spec.pip and has_pip_files(request.files)
        if not needs or any(dependency.name == "python" for dependency in spec.dependencies):
            return spec
    from envmgr.spec import pip_files  # start-up time: only where a python is asked for beside the file

    try:
        found = pip_files.python(python or "", COMMAND_LINE)
    except SpecFault as fault:
        raise UsageError(f"--python {fault.message}", hint=fault.mend) from fault
    return replace(spec, dependencies=(*spec.dependencies, found))

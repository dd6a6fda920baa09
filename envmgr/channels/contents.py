"""What goes into one package: the files of its payload, whichever kind they are of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from envmgr.channels import payloads, relocation, trial, wheels
from envmgr.channels.artifact import File, Metadata, write
from envmgr.channels.fetching import NotFetched
from envmgr.channels.interpreter import Interpreter
from envmgr.channels.recipes import Rendered

Fetched = Mapping[str, Path | NotFetched]


def requirements(package: Rendered) -> list[str]:
    """Return the wheels that a package needs."""
    return [item.requirement for item in package.payload if isinstance(item, payloads.WheelPayload)]


def assemble(
    package: Rendered, directory: Path, *, fetched: Callable[[], Fetched], interpreter: Interpreter, threads: int
) -> Path:
    """Write the artifact of a package into `directory` and return its path.

    `fetched` gives the wheels and may wait for them. Raises NotFetched, BadWheel, NotRelocatable, and ValueError for
    files that a package cannot have.
    """
    metadata, files = package.metadata, list[File]()
    with ExitStack() as stack:
        for item in package.payload:
            if isinstance(item, payloads.FilesPayload):
                files += payloads.local_files(item)
            elif isinstance(item, payloads.LinksPayload):
                files += payloads.links(item)
            elif isinstance(item, payloads.InterpreterPayload):
                copied = relocation.files(interpreter, item.selection)
                trial.verify(interpreter, copied)
                files += copied
            else:
                wheel = stack.enter_context(wheels.Wheel.open(_delivered(fetched()[item.requirement])))
                metadata, more = _from_wheel(metadata, item, wheel, interpreter)
                files += more
        return write(directory, metadata, files, threads=threads)


def _delivered(wheel: Path | NotFetched) -> Path:
    if isinstance(wheel, NotFetched):
        raise wheel
    return wheel


def _from_wheel(
    metadata: Metadata, item: payloads.WheelPayload, wheel: wheels.Wheel, interpreter: Interpreter
) -> tuple[Metadata, list[File]]:
    licenses = {f"licenses/{wheel.name}/{name}": text for name, text in wheel.licenses()}
    metadata = replace(metadata, info_files={**metadata.info_files, **licenses})
    if not item.installed:
        return metadata, list(wheels.selected(wheel, item.selection))
    if wheel.version != metadata.version:
        raise ValueError(f"the recipe says version {metadata.version}, the wheel is {wheel.name} {wheel.version}")
    noarch = metadata.noarch == "python"
    if noarch and not metadata.entry_points:
        metadata = replace(metadata, entry_points=tuple(f"{name} = {value}" for name, value in wheel.entry_points))
    library = interpreter.site_packages
    return metadata, list(wheels.installed(wheel, item.selection, site_packages=library, noarch=noarch))

"""Building a channel of recipes: decide, fetch, put together, index, publish.

A channel's directory is a symlink to one generation of it. A build makes the next generation beside it, from hard
links to what is kept and new artifacts, and then renames a new symlink over the old one: whoever reads the channel
finds the old one or the new one, and so does whoever comes after a kill. Artifacts that the recipes no longer yield
leave the index; the last few of them stay as files, for the locks that name them.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rattler import Subdir
from rattler.index import index_fs

from envmgr.channels import artifact, payloads, relocation, trial, wheels
from envmgr.channels.artifact import File
from envmgr.channels.building import (
    BUILDER,
    BuildReport,
    Built,
    directory_of,
    is_current,
    read_state,
    stamp,
    write_state,
)
from envmgr.channels.distribution import NotRelocatable
from envmgr.channels.fetching import NotFetched, fetch
from envmgr.channels.interpreter import Interpreter
from envmgr.channels.model import Channel
from envmgr.channels.recipes import Rendered, render
from envmgr.errors import ChannelError, NoSpace, ReadOnlyStore
from envmgr.leases import Owner, lease
from envmgr.reporting import Progress, Reporter
from envmgr.settings import Settings

_SUPERSEDED = 3  # builds of a recipe that stay as files after a newer one took their place
_CANNOT = (wheels.BadWheel, NotRelocatable, NotFetched, ValueError, OSError)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Build:
    """One recipe as built: `digest` is that of its inputs, `artifacts` are paths below the channel's directory."""

    recipe: str
    digest: str
    artifacts: tuple[str, ...]
    is_current: bool

    def to_json(self) -> dict[str, Any]:
        return {
            "recipe": self.recipe,
            "digest": self.digest,
            "artifacts": list(self.artifacts),
            "current": self.is_current,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What a build has to do: recipe name → digest of its inputs, split by whether an artifact of that exists."""

    to_build: Mapping[str, str]
    kept: tuple[_Build, ...]
    superseded: tuple[_Build, ...]


class Assembly:
    """One build of one channel."""

    def __init__(self, channel: Channel, *, settings: Settings, reporter: Reporter) -> None:
        self.directory = directory_of(channel, settings)
        assert channel.recipes is not None
        self.channel = channel
        self.recipes: Path = channel.recipes
        self.settings = settings
        self.reporter = reporter
        self.interpreter = Interpreter.running()
        self.platform = str(Subdir.current())

    def build(self, only: Sequence[str] | None) -> BuildReport:
        """Build what is missing; see `building.build`."""
        started = time.monotonic()

        def on_wait(owner: Owner) -> None:
            self.reporter.notice(f"waiting for {owner}, which builds channel {self.channel.name}")

        path = self.directory.with_name(f"{self.directory.name}.lease")
        with lease(path, purpose=f"build channel {self.channel.name}", on_wait=on_wait):
            try:
                built, kept = self._build(only)
            except OSError as error:
                raise _translated(error) from error
        return BuildReport(built=built, kept=kept, seconds=time.monotonic() - started)

    def _build(self, only: Sequence[str] | None) -> tuple[tuple[Built, ...], tuple[str, ...]]:
        now = stamp(self.recipes, self.interpreter)  # before the recipes are read: a later change is seen next time
        names = self._names()
        unknown = [name for name in only or () if name not in names]
        if unknown:
            raise ChannelError(f"channel {self.channel.name} has no recipe `{unknown[0]}` in {self.recipes}",
                               hint=f"its recipes are {', '.join(names)}")  # fmt: skip
        state = self._state()
        kept = tuple(path for build in state if build.is_current for path in build.artifacts)
        if is_current(self.channel, self.settings):
            return (), kept
        plan = self._plan(names, only, state)
        if not plan.to_build and {build.digest for build in plan.kept} == {b.digest for b in state if b.is_current}:
            write_state(self.directory, stamp="" if only else now, builds=[build.to_json() for build in state])
            return (), kept
        generation = self._new_generation()
        faults: list[ChannelError] = []
        with self.reporter.start(
            "build", f"channel {self.channel.name}", total=len(plan.to_build), unit="packages"
        ) as progress:
            built = self._put_together(plan, generation, progress, faults)
        self._publish(generation, plan, built, stamp="" if only or faults else now)
        if faults:
            raise _joined(self.channel.name, faults)
        return tuple(b for _, some in built for b in some), tuple(p for build in plan.kept for p in build.artifacts)

    def _names(self) -> list[str]:
        try:
            names = sorted(
                entry.name for entry in os.scandir(self.recipes) if Path(entry.path, "recipe.yaml").is_file()
            )
        except OSError as error:
            raise ChannelError(f"the recipes of channel {self.channel.name} cannot be read: {error}") from error
        if not names:
            raise ChannelError(f"channel {self.channel.name}: there is no recipe in {self.recipes}",
                               hint=f"a recipe is a file such as {self.recipes / 'NAME' / 'recipe.yaml'}")  # fmt: skip
        return names

    def _state(self) -> tuple[_Build, ...]:
        """Return the builds whose artifacts are all there."""
        found = []
        for entry in read_state(self.directory).get("builds", ()):
            build = _Build(
                recipe=str(entry["recipe"]),
                digest=str(entry["digest"]),
                artifacts=tuple(str(path) for path in entry["artifacts"]),
                is_current=bool(entry["current"]),
            )
            if all((self.directory / path).is_file() for path in build.artifacts):
                found.append(build)
        return tuple(found)

    def _plan(self, names: Sequence[str], only: Sequence[str] | None, state: Sequence[_Build]) -> _Plan:
        digests = {name: self._digest(self.recipes / name) for name in names}
        to_build, kept = {}, []
        for name, digest in digests.items():
            same = next((build for build in state if build.recipe == name and build.digest == digest), None)
            previous = next((build for build in state if build.recipe == name and build.is_current), None)
            if same is not None:
                kept.append(replace(same, is_current=True))
            elif only is not None and name not in only:
                kept += [previous] if previous else []
            else:
                to_build[name] = digest
        chosen = {build.digest for build in kept}
        superseded = [replace(build, is_current=False) for build in state if build.digest not in chosen]
        return _Plan(to_build=to_build, kept=tuple(kept), superseded=tuple(superseded))

    def _digest(self, recipe: Path) -> str:
        """Return the digest of everything that decides what a recipe yields."""
        text = (recipe / "recipe.yaml").read_bytes()
        parts = [f"{BUILDER} {recipe.name} {self.platform}"]
        if b"interpreter" in text:
            parts.append(self.interpreter.stamp)
        if b"wheel" in text:
            parts.append(self.interpreter.abi)
        if b"host_glibc" in text:
            parts.append(_host_glibc())
        hashed = hashlib.sha256("\n".join(parts).encode())
        for folder, folders, names in os.walk(recipe):
            folders.sort()
            for name in sorted([*names, *(f for f in folders if os.path.islink(os.path.join(folder, f)))]):
                path = os.path.join(folder, name)
                is_link = os.path.islink(path)
                content = os.fsencode(os.readlink(path)) if is_link else Path(path).read_bytes()
                mode = "link" if is_link else "x" if os.access(path, os.X_OK) else "-"
                head = f"\n{os.path.relpath(path, recipe)} {mode} {len(content)}\n"
                hashed.update(head.encode("utf-8", "surrogateescape") + content)
        return hashed.hexdigest()

    def _context(self) -> dict[str, str]:
        return {
            "interpreter_version": self.interpreter.version,
            "interpreter_minor": self.interpreter.minor,
            "interpreter_abi": self.interpreter.abi,
            "interpreter_site_packages": self.interpreter.site_packages,
            "host_glibc": _host_glibc(),
        }

    def _new_generation(self) -> Path:
        home = self.directory.with_name(f"{self.directory.name}.d")
        if self.directory.exists() and not self.directory.is_symlink():
            raise ChannelError(f"{self.directory} is in the way of channel {self.channel.name}: it is no link of ours",
                               hint=f"rm -r {self.directory}")  # fmt: skip
        current = os.path.basename(os.readlink(self.directory)) if self.directory.is_symlink() else None
        home.mkdir(parents=True, exist_ok=True)
        for entry in os.scandir(home):  # what a killed build left
            if entry.name != current:
                shutil.rmtree(entry.path, ignore_errors=True)
        generation = home / os.urandom(6).hex()
        for subdir in ("noarch", self.platform):
            (generation / subdir).mkdir(parents=True, exist_ok=True)
        return generation

    def _put_together(
        self, plan: _Plan, generation: Path, progress: Progress, faults: list[ChannelError]
    ) -> list[tuple[_Build, tuple[Built, ...]]]:
        rendered: dict[str, tuple[Rendered, ...]] = {}
        for name, digest in plan.to_build.items():
            try:
                rendered[name] = render(
                    self.recipes / name, platform=self.platform, context=self._context(), digest=digest
                )
            except ChannelError as error:
                faults.append(error)
        taken = {path for build in plan.kept for path in build.artifacts}
        needed = [item.requirement for some in rendered.values() for package in some for item in package.payload
                  if isinstance(item, payloads.WheelPayload)]  # fmt: skip
        with ThreadPoolExecutor(1) as fetcher, ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            fetched = fetcher.submit(
                fetch, needed, interpreter=self.interpreter, platform=self.platform, settings=self.settings
            )
            # What needs no download goes first: the pool must not fill with what waits for one.
            order = sorted(rendered, key=lambda name: any(_needs_wheel(package) for package in rendered[name]))
            running = {name: pool.submit(self._recipe, rendered[name], fetched, generation, taken) for name in order}
            done = []
            for name in order:
                try:
                    built = running[name].result()
                    artifacts = tuple(item.artifact for item in built)
                    digest = plan.to_build[name]
                    done.append((_Build(recipe=name, digest=digest, artifacts=artifacts, is_current=True), built))
                except _CANNOT as error:
                    faults.append(_cannot(self.recipes / name, error))
                progress.advance()
        return done

    def _recipe(
        self,
        packages: Sequence[Rendered],
        fetched: Future[Mapping[str, Path | NotFetched]],
        generation: Path,
        taken: set[str],
    ) -> tuple[Built, ...]:
        built = []
        for package in packages:
            path = f"{package.metadata.subdir}/{package.metadata.file_name}"
            if path in taken:
                raise ValueError(f"another recipe yields {path} too")
            taken.add(path)
            if any(isinstance(item, payloads.WheelPayload) for item in package.payload):
                fetched.result()
            started = time.monotonic()
            with ExitStack() as stack:
                metadata, files = self._contents(package, fetched, stack)
                artifact.write(generation / metadata.subdir, metadata, files, threads=os.cpu_count() or 1)
            seconds = time.monotonic() - started
            built.append(Built(recipe=package.directory.name, artifact=path, seconds=round(seconds, 3)))
        return tuple(built)

    def _contents(
        self, package: Rendered, fetched: Future[Mapping[str, Path | NotFetched]], stack: ExitStack
    ) -> tuple[artifact.Metadata, list[File]]:
        metadata, files = package.metadata, list[File]()
        for item in package.payload:
            if isinstance(item, payloads.FilesPayload):
                files += payloads.local_files(item)
            elif isinstance(item, payloads.LinksPayload):
                files += payloads.links(item)
            elif isinstance(item, payloads.InterpreterPayload):
                copied = relocation.files(self.interpreter, item.selection)
                trial.verify(self.interpreter, copied)
                files += copied
            else:
                wheel = stack.enter_context(wheels.Wheel.open(_found(fetched.result()[item.requirement])))
                metadata, more = self._from_wheel(metadata, item, wheel)
                files += more
        return metadata, files

    def _from_wheel(
        self, metadata: artifact.Metadata, item: payloads.WheelPayload, wheel: wheels.Wheel
    ) -> tuple[artifact.Metadata, list[File]]:
        licenses = {f"licenses/{wheel.name}/{name}": text for name, text in wheel.licenses()}
        metadata = replace(metadata, info_files={**metadata.info_files, **licenses})
        if not item.installed:
            return metadata, list(wheels.selected(wheel, item.selection))
        if wheel.version != metadata.version:
            raise ValueError(f"the recipe says version {metadata.version}, the wheel is {wheel.name} {wheel.version}")
        noarch = metadata.noarch == "python"
        if noarch and not metadata.entry_points:
            points = tuple(f"{name} = {value}" for name, value in wheel.entry_points)
            metadata = replace(metadata, entry_points=points)
        site_packages = self.interpreter.site_packages
        return metadata, list(wheels.installed(wheel, item.selection, site_packages=site_packages, noarch=noarch))

    def _publish(
        self, generation: Path, plan: _Plan, built: Sequence[tuple[_Build, tuple[Built, ...]]], *, stamp: str
    ) -> None:
        for build in plan.kept:
            self._link(build, generation)
        new = {path for build, _ in built for path in build.artifacts}
        old = {path for build in plan.kept for path in build.artifacts}
        _discard_strays(generation, new | old)
        for subdir in ("noarch", self.platform):
            _carry_index(self.directory / subdir, generation / subdir, old)
        _index(generation)
        superseded: list[_Build] = []
        for build in plan.superseded:
            of_recipe = [other for other in superseded if other.recipe == build.recipe]
            if len(of_recipe) < _SUPERSEDED and not any((generation / path).exists() for path in build.artifacts):
                self._link(build, generation)
                superseded.append(build)
        builds = [*(build for build, _ in built), *plan.kept, *superseded]
        write_state(generation, stamp=stamp, builds=[build.to_json() for build in builds])
        link = self.directory.with_name(f".{self.directory.name}.{os.getpid()}")
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.join(generation.parent.name, generation.name))
        previous = os.path.realpath(self.directory) if self.directory.is_symlink() else None
        os.replace(link, self.directory)
        if previous is not None:
            shutil.rmtree(previous, ignore_errors=True)

    def _link(self, build: _Build, generation: Path) -> None:
        for path in build.artifacts:
            target = generation / path
            target.parent.mkdir(exist_ok=True)
            try:
                os.link(self.directory / path, target)
            except OSError:  # a file system without hard links
                shutil.copy2(self.directory / path, target)


def _carry_index(old: Path, new: Path, kept: set[str]) -> None:
    """Give the new index the old records of what is kept, so that only new artifacts are read and hashed."""
    try:
        document = json.loads((old / "repodata.json").read_bytes())
        records = document["packages.conda"]
        document["packages.conda"] = {n: records[n] for n in sorted(records) if f"{new.name}/{n}" in kept}
    except (OSError, ValueError, KeyError, TypeError):
        return  # everything is read again
    (new / "repodata.json").write_text(json.dumps(document), encoding="utf-8")


def _index(channel: Path) -> None:
    try:
        asyncio.run(index_fs(channel, write_zst=True, write_shards=True))
    except Exception as error:  # py-rattler raises whatever its indexer met, without a common base
        raise ChannelError(f"the channel cannot be indexed: {error}") from error
    shutil.rmtree(channel / ".tmp", ignore_errors=True)


def _discard_strays(generation: Path, wanted: set[str]) -> None:
    """Remove artifacts of recipes that failed halfway, so that the index does not name half a recipe."""
    for path in generation.glob("*/*.conda"):
        if path.relative_to(generation).as_posix() not in wanted:
            path.unlink()


def _needs_wheel(package: Rendered) -> bool:
    return any(isinstance(item, payloads.WheelPayload) for item in package.payload)


def _found(wheel: Path | NotFetched) -> Path:
    if isinstance(wheel, NotFetched):
        raise wheel
    return wheel


def _host_glibc() -> str:
    """Return the version of this machine's glibc, empty where there is none."""
    try:
        text = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):
        return ""
    match = re.fullmatch(r"glibc (\d+(?:\.\d+)+)", text)
    return match[1] if match else ""


def _cannot(recipe: Path, error: Exception) -> ChannelError:
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EROFS}:
        raise error
    hint = getattr(error, "hint", None)
    return ChannelError(f"{recipe / 'recipe.yaml'}: {error}", hint=hint)


def _joined(channel: str, faults: Sequence[ChannelError]) -> ChannelError:
    if len(faults) == 1:
        return faults[0]
    lines = "\n".join(f"  {fault.message}" for fault in faults)
    hint = next((fault.hint for fault in faults if fault.hint), None)
    return ChannelError(f"{len(faults)} recipes of channel {channel} cannot be built:\n{lines}", hint=hint)


def _translated(error: OSError) -> Exception:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return NoSpace(f"no space left to build a channel: {error}")
    if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        return ReadOnlyStore(f"the channel cannot be written: {error}")
    return ChannelError(f"the channel cannot be built: {error}")

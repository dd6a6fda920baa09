"""Building a channel of recipes: decide what is to be built, fetch wheels meanwhile, put packages together, publish."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from rattler import Subdir

from envmgr.channels.built import BUILDER, BuildReport, Built, directory_of, is_current, stamp, write_state
from envmgr.channels.contents import Fetched, assemble, requirements
from envmgr.channels.distribution import NotRelocatable
from envmgr.channels.fetching import NotFetched, fetch
from envmgr.channels.interpreter import Interpreter
from envmgr.channels.model import Channel
from envmgr.channels.publishing import Build, Generation, published, sweep
from envmgr.channels.recipes import Rendered, render
from envmgr.channels.wheels import BadWheel
from envmgr.errors import ChannelError, NoSpace, ReadOnlyStore
from envmgr.leases import Owner, lease
from envmgr.reporting import Progress, Reporter
from envmgr.settings import Settings

_PROCESSORS = os.cpu_count() or 1
_CANNOT = (BadWheel, NotRelocatable, NotFetched, ValueError, OSError)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What a build has to do: recipe name → digest of its inputs, split by whether an artifact of that exists."""

    to_build: Mapping[str, str]
    kept: tuple[Build, ...]
    superseded: tuple[Build, ...]


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
        state = published(self.directory)
        kept = tuple(path for build in state if build.is_current for path in build.artifacts)
        if is_current(self.channel, self.settings):
            sweep(self.directory)
            return (), kept
        plan = self._plan(names, only, state)
        if not plan.to_build and {build.digest for build in plan.kept} == {b.digest for b in state if b.is_current}:
            write_state(self.directory, stamp="" if only else now, builds=[build.to_json() for build in state])
            return (), kept
        generation = Generation(self.directory, ("noarch", self.platform))
        faults: list[ChannelError] = []
        built: dict[str, tuple[Built, ...]] = {}
        text = f"channel {self.channel.name}"
        with self.reporter.start("build", text, total=len(plan.to_build), unit="packages") as progress:
            rendered = self._rendered(plan, faults)
            progress.advance(len(plan.to_build) - len(rendered))
            for name, outcome in self._put_together(rendered, generation.path, progress):
                if isinstance(outcome, ChannelError):
                    faults.append(outcome)
                else:
                    built[name] = outcome
        new = [_build(name, plan.to_build[name], some) for name, some in built.items()]
        # A recipe that cannot be built now keeps what it yielded before.
        failed = plan.to_build.keys() - built.keys()
        taken = {path for build in new for path in build.artifacts}
        stale = [b for b in state if b.is_current and b.recipe in failed and taken.isdisjoint(b.artifacts)]
        superseded = [build for build in plan.superseded if build not in stale]
        generation.publish(new, [*plan.kept, *stale], superseded, stamp="" if only or faults else now)
        if faults:
            raise _joined(self.channel.name, faults)
        kept = tuple(path for build in plan.kept for path in build.artifacts)
        return tuple(item for some in built.values() for item in some), kept

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

    def _plan(self, names: Sequence[str], only: Sequence[str] | None, state: Sequence[Build]) -> _Plan:
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
        superseded = [build for build in state if build.digest not in chosen]
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

    def _rendered(self, plan: _Plan, faults: list[ChannelError]) -> dict[str, tuple[Rendered, ...]]:
        rendered: dict[str, tuple[Rendered, ...]] = {}
        taken = {path for build in plan.kept for path in build.artifacts}
        for name, digest in plan.to_build.items():
            try:
                some = render(self.recipes / name, platform=self.platform, context=self._context(), digest=digest)
            except ChannelError as error:
                faults.append(error)
                continue
            paths = [_path(package) for package in some]
            twice = next((path for path in paths if path in taken), None)
            if twice is None:
                rendered[name] = some
                taken.update(paths)
            else:
                faults.append(_cannot(self.recipes / name, ValueError(f"another recipe yields {twice} too")))
        return rendered

    def _put_together(
        self, rendered: Mapping[str, tuple[Rendered, ...]], generation: Path, progress: Progress
    ) -> Iterator[tuple[str, tuple[Built, ...] | ChannelError]]:
        """Yield each recipe's name with what was built of it, or why it could not be."""
        wanted = [wheel for some in rendered.values() for package in some for wheel in requirements(package)]
        # What needs no download goes first: the pool must not fill with what waits for one.
        order = sorted(rendered, key=lambda name: any(requirements(package) for package in rendered[name]))
        with ThreadPoolExecutor(1) as fetcher, ThreadPoolExecutor(_PROCESSORS) as pool:
            wheels = fetcher.submit(
                fetch, wanted, interpreter=self.interpreter, platform=self.platform, settings=self.settings
            )
            running = {name: pool.submit(self._recipe, rendered[name], wheels.result, generation) for name in order}
            try:
                for name, future in running.items():
                    try:
                        yield name, future.result()
                    except _CANNOT as error:
                        yield name, _cannot(self.recipes / name, error)
                    progress.advance()
            except BaseException:  # interrupted, or no space: what has not begun must not begin
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _recipe(
        self, packages: Sequence[Rendered], fetched: Callable[[], Fetched], generation: Path
    ) -> tuple[Built, ...]:
        built = []
        for package in packages:
            if requirements(package):
                fetched()  # waiting for a download is not building
            started = time.monotonic()
            directory = generation / package.metadata.subdir
            assemble(package, directory, fetched=fetched, interpreter=self.interpreter, threads=_PROCESSORS)
            seconds = round(time.monotonic() - started, 3)
            built.append(Built(recipe=package.directory.name, artifact=_path(package), seconds=seconds))
        return tuple(built)


def _build(recipe: str, digest: str, built: Sequence[Built]) -> Build:
    artifacts = tuple(item.artifact for item in built)
    return Build(recipe=recipe, digest=digest, artifacts=artifacts, is_current=True)


def _path(package: Rendered) -> str:
    return f"{package.metadata.subdir}/{package.metadata.file_name}"


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

"""A spec is locked: channels, machine, conda solve, pip resolution, closure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from envmgr.artifacts.cache import ArtifactCache
from envmgr.channels.credentials import as_written
from envmgr.channels.model import Channel
from envmgr.channels.table import ChannelTable
from envmgr.errors import PipError
from envmgr.lock import closure
from envmgr.lock.model import CondaPackage, Lock, PipPackage, Request
from envmgr.platforms.detect import detect
from envmgr.platforms.host_profile import HostProfile
from envmgr.platforms.model import VirtualPackage
from envmgr.platforms.subdirs import current_subdir
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.solve.base import EXCLUDE_NEWER, Solution, SolveRequest
from envmgr.spec import match_specs
from envmgr.spec.cutoff import is_duration
from envmgr.spec.digest import semantic_digest
from envmgr.spec.faults import Fault, Faults, SpecFault
from envmgr.spec.model import Dependency, EnvironmentSpec, Origin
from envmgr.spec.pip_lines import has_paths, pip_lines
from envmgr.store.layout import Location
from envmgr.store.realise import Realised, RealiseRequest, realise
from envmgr.store.survey_ahead import Ahead
from envmgr.urls import file_name, is_url, path_of_file_url, without_literal_credentials
from envmgr.workflows import following, host_profiles, only_dependencies, staleness
from envmgr.workflows import request as requests
from envmgr.workflows.recipe_channels import build_recipe_channels
from envmgr.workflows.request import CreateRequest, Manner
from envmgr.workflows.solving import Solving
from envmgr.workflows.sources import directories
from envmgr.workflows.wanted import channel_names, read_spec

if TYPE_CHECKING:  # it holds locks against this
    from envmgr.workflows.beside import Beside

_NO_WHEELS: tuple[PipPackage, ...] = ()
_NOTHING = Solution(packages=(), solver="")  # no spec needs no channel


class Locker:
    """One request on its way from spec to lock; what is decided on the way is read once and kept."""

    is_foreign: Literal[False] = False

    def __init__(
        self,
        request: CreateRequest,
        settings: Settings,
        reporter: Reporter,
        *,
        platform: str,
        channel_files: Sequence[Path],
        spec: EnvironmentSpec | None = None,
    ) -> None:
        """Take what is asked for from the files and specs of `request`, or from `spec` where that is given."""
        self._request, self._settings, self._reporter, self.platform = request, settings, reporter, platform
        self._channel_files = channel_files
        self._spec = read_spec(request, settings, platform) if spec is None else spec
        for warning in self._spec.warnings:
            reporter.warning(warning)
        self._table = ChannelTable.read(settings, beside=directories(request.files) or (Path.cwd(),))
        self._exclude_newer, self._cutoff = requests.cutoff_of(
            request.exclude_newer, self._table.pypi, settings.environ
        )
        self._cache = ArtifactCache(settings)
        self._machine = self._host_profile()
        self._names = channel_names(request, self._spec, self._table, settings)
        self._named = self._named_channels()
        listed = self._table.resolve(self._names)
        self._channels = tuple(dict.fromkeys((*listed, *(channel for _, channel in self._named))))
        self._solving = Solving(self._table, self._channels, platform, settings, reporter)
        identities = [*((_identity(channel),) for channel in listed),
                      *((name, _identity(channel)) for name, channel in self._named)]  # fmt: skip
        self.spec_digest = requests.spec_digest(
            semantic_digest(self._spec),
            settings,
            identities,
            platform,
            pypi=self._table.pypi if self._spec.pip else None,
        )

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels in use, in order."""
        return self._channels

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms that the environment file lists."""
        return self._spec.platforms

    def outdated(self, lock: Lock) -> tuple[str, ...]:
        """Return why `lock` does not fit what is asked for, one sentence a reason; none: it fits."""
        if lock.spec_digest != self.spec_digest:
            return tuple(staleness.of_request(lock, self._wanted(), self._settings))
        stated = [f"__{name[15:].lower()}" for name in self._settings.environ if name.startswith("CONDA_OVERRIDE_")]
        stated += [text.partition("=")[0].strip() for text in self._request.virtual_packages]
        is_moving = self._cutoff is not None and is_duration(self._exclude_newer)
        reasons = [
            *staleness.of_cutoff(lock, self._cutoff, is_moving=is_moving),
            *staleness.of_channels(lock, self._channels),
            *staleness.of_pins(lock, self._pins()),
        ]
        if self._machine is not None:
            stated += [text.partition("=")[0] for text in lock.virtual_packages]
            stated += [package.name for package in self._machine.virtual_packages]
        if stated:
            reasons += staleness.of_machine(lock, stated, self._virtual_packages())
        if any(package.kind != "wheel" for package in lock.pip):
            from envmgr.pypi import sources  # start-up time: only where there is a directory to look at

            reasons += sources.changed(lock.pip)
        return tuple(reasons)

    def unbuilt(self, lock: Lock) -> tuple[str, ...]:
        """Return the packages of recipe channels that this machine neither has nor builds, one sentence each.

        What is not current is built for it. Raises ChannelError where that fails.
        """
        return tuple(
            f"{package.dist_name} of the channel {channel.name} was built elsewhere, or from other recipes"
            for channel, package in self._unbuildable(lock)
        )

    def lacking(self, lock: Lock) -> tuple[str, ...]:
        """Return what this machine lacks for a lock that is followed, one sentence a virtual package."""
        return following.lacking(lock, self._virtual_packages()) if self.platform == current_subdir() else ()

    def here(self, lock: Lock) -> Lock:
        """Return a lock that was written elsewhere as it is on this machine."""
        return following.relocated(lock, self._channels) if lock.spec_digest == self.spec_digest else lock

    def is_built_here(self, lock: Lock) -> bool:
        """Whether the recipe channels in use build what `lock` has of them; raises ChannelError where they cannot."""
        build_recipe_channels(self._channels, self._settings, self._reporter)
        return following.is_built_here(lock, self._channels)

    def check_installable(self) -> None:
        """Raise PipError where what is asked for can be locked, but not installed on this machine."""
        if self._spec.pip and self.platform != current_subdir():
            raise PipError(
                f"{self._spec.pip[0].origin}: a pip half is installed by the python of its own platform; "
                f"this is {current_subdir()}, asked for is {self.platform}",
                hint="leave the pip section out, or create the environment on that platform",
            )

    def lock(self, previous: Lock | None, *, moving: frozenset[str] = frozenset()) -> Lock:
        """Return the lock of the spec, preferring what `previous` has, except for the packages named in `moving`.

        Those are as new as the spec allows, and of the others only those move that this forces.
        Raises ChannelError, SolveError, PipError and their kinds.
        """
        spec, settings = self._spec, self._settings
        virtual_packages = self._virtual_packages()
        request = SolveRequest(
            specs=spec.dependencies,
            channels=self._channels,
            platform=self.platform,
            virtual_packages=virtual_packages,
            locked=self._available(previous) if previous else (),
            channel_priority=settings.channel_priority,
            exclude_newer=self._cutoff,
            exclude_newer_origin=self._cutoff_origin(),
            time_limit=timedelta(seconds=settings.solve_time_limit) if settings.solve_time_limit else None,
            add_pip=settings.add_pip_as_python_dependency,
            channel_urls=tuple((name, channel.url) for name, channel in self._named),
            constraints=self._pins(),
        )
        if settings.pip_prefer_conda and spec.pip and spec.dependencies:
            from envmgr.workflows import pip_half  # start-up time: most environments have no pip half

            spec = self._spec = pip_half.preferring_conda(spec, request, previous, self._solving, self._cache)
            request = replace(request, specs=spec.dependencies)
        solution = _NOTHING
        if spec.dependencies:
            asked, machine = self._request, self._machine
            solution = self._solving.solve(request, asked, spec, moving=moving, previous=previous, machine=machine)
        locked_pip = tuple(package for package in previous.pip if package.name not in moving) if previous else ()
        conda, pip = solution.packages, _NO_WHEELS
        if spec.pip:
            from envmgr.workflows import pip_half  # start-up time: as above

            conda, pip = pip_half.with_pip_half(spec, conda, locked_pip, request, self._solving, self._cache)
        lock = Lock(
            platform=self.platform,
            conda=conda,
            pip=pip,
            channels=tuple(channel.url for channel in self._channels),
            channel_priority=settings.channel_priority,
            virtual_packages=tuple(str(package) for package in virtual_packages),
            solver=solution.solver,
            exclude_newer=self._cutoff.isoformat() if self._cutoff else None,
            channels_until=tuple(
                f"{channel.url} {channel.exclude_newer.isoformat()}"
                for channel in self._channels
                if channel.exclude_newer is not None
            ),
            spec_digest=self.spec_digest,
            sources=tuple(
                file_name(source) if is_url(source) else Path(source).name for source in spec.sources if source != "-"
            ),
            request=self._wanted(),
            host_profile=self._machine.name if self._machine is not None else "",
        )
        closure.check(lock, source=spec.sources[0] if spec.sources else "command line")
        return lock

    def is_steady(self, found: Beside) -> bool:
        """Whether the lock that was followed will fit for as long as the bytes of files, flags and settings are the
        same, and nothing will have to be said of it."""
        lock = found.fitting
        if lock is None or self._spec.pip or lock.pip or self._machine is not None:
            return False
        moves = any(channel.recipes is not None or channel.exclude_newer is not None for channel in self._channels)
        is_dated = self._cutoff is not None or lock.exclude_newer is not None
        is_whole = all(platform in found.locks for platform in self.platforms)
        return is_whole and not (moves or is_dated or self._spec.warnings or self.lacking(lock))

    def missing(self, lock: Lock) -> tuple[CondaPackage, ...]:
        """Return the conda artifacts of `lock` that are not in the package cache."""
        return self._cache.missing(lock.conda)

    def fetch(self, lock: Lock) -> None:
        """Download the conda artifacts of `lock` that are not in the package cache; raises as that does."""
        self._cache.fetch(lock.conda, channels=self._channels, reporter=self._reporter)

    def for_dependencies(self) -> Locker:
        """Return what locks the dependencies of what is asked for in its place; raises as `lock` does."""
        spec = only_dependencies.in_place_of(self._spec, self.lock(None))
        return Locker(
            self._request,
            self._settings,
            self._reporter,
            platform=self.platform,
            channel_files=self._channel_files,
            spec=replace(spec, warnings=()),
        )

    @property
    def is_pristine(self) -> bool:
        """Whether what people put into the environment is to stay behind."""
        return self._request.pristine

    @property
    def manner(self) -> Manner:
        """How the change is made other than usual."""
        return self._request.manner

    def realise(
        self,
        location: Location,
        lock: Lock,
        *,
        replaces: int | None,
        inputs_digest: str,
        keeps_variables: bool = True,
        ahead: Ahead | None = None,
    ) -> Realised:
        """Make the environment that `lock` describes; see store.realise for what is raised."""
        wanted = RealiseRequest(
            location=location,
            lock=lock,
            channels=self._channels,
            command=self._request.command,
            inputs_digest=inputs_digest,
            replaces=replaces,
            override_frozen=self._request.override_frozen,
            extent="nothing" if self._request.pristine else "everything",
            keeps_variables=keeps_variables,
            ahead=ahead,
            pypi=self._table.pypi,
            index_options=self._spec.pip_options.indexes,
        )
        return realise(
            wanted,
            settings=self._settings,
            cache=self._cache,
            reporter=self._reporter,
            already_done=wanted.is_done,
        )

    def _cutoff_origin(self) -> Origin:
        """Return where the cutoff is written: `--exclude-newer`, else `pypi:` in channels.yaml."""
        stated = self._table.pypi.exclude_newer_origin if self._request.exclude_newer is None else None
        return stated or EXCLUDE_NEWER

    def _wanted(self) -> Request:
        spec = self._spec
        return Request(
            channels=tuple(as_written(name) for name in self._names),
            dependencies=tuple(without_literal_credentials(dependency.text) for dependency in spec.dependencies),
            pip=tuple(without_literal_credentials(line) for line in pip_lines(spec)),
            variables=spec.variables,
            gpu=spec.gpu,
            pip_base=spec.pip_base if has_paths(spec) else "",
        )

    def _virtual_packages(self) -> tuple[VirtualPackage, ...]:
        overrides, machine = self._request.virtual_packages, self._machine
        profile = machine.virtual_packages if machine is not None else None
        return detect(self.platform, self._settings.environ, overrides, reporter=self._reporter, profile=profile)

    def _host_profile(self) -> HostProfile | None:
        """Return the machine that is solved for, where it is not this one and is of the platform."""
        written = self._request.host_profile or self._spec.host_profile
        found = self._request.machine
        if found is None and written is not None:
            beside = directories(self._request.files) or (Path.cwd(),)
            found = host_profiles.find(written, self._settings, beside=beside)
        return found if found is not None and found.platform == self.platform else None

    def _unbuildable(self, lock: Lock) -> tuple[tuple[Channel, CondaPackage], ...]:
        absent = tuple(following.unbuildable(lock, self._channels, self._cache))
        if not absent:
            return ()
        build_recipe_channels(tuple(channel for channel, _ in absent), self._settings, self._reporter)
        return tuple(following.unbuildable(lock, self._channels, self._cache))

    def _available(self, lock: Lock) -> tuple[CondaPackage, ...]:
        """Return the conda packages of a lock without those that were built elsewhere and cannot be had."""
        absent = {package.name for _, package in self._unbuildable(lock)}
        return tuple(package for package in lock.conda if package.name not in absent)

    def _pins(self) -> tuple[Dependency, ...]:
        """Return the pins of the configuration and of the environment; raises SpecError for those that are no specs."""
        faults, pins = Faults(""), []
        for text, where in self._settings.pinned_packages:
            try:
                pins.append(match_specs.parse(text, Origin(source=where))[0])
            except SpecFault as fault:
                faults.found.append(Fault(origin=Origin(source=where), message=fault.message, mend=fault.mend))
        faults.raise_if_any()
        return tuple(pins)

    def _named_channels(self) -> tuple[tuple[str, Channel], ...]:
        """Return the channels that single specs name (`conda-forge::x`), by their names as written."""
        names = dict.fromkeys(dependency.channel for dependency in self._spec.dependencies if dependency.channel)
        return tuple((name, channel) for name in names for channel in self._table.resolve((name,)))


def _identity(channel: Channel) -> str:
    """Return what a channel is on every machine: its URL, or its name where only this machine knows the place."""
    is_here = channel.recipes is not None or (path_of_file_url(channel.url) is not None and not is_url(channel.name))
    return channel.name if is_here else channel.url

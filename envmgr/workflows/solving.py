"""A solve of the conda half: the channels brought up to date, one engine, and what is said of GPU builds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from rattler import Gateway

from envmgr.channels.gateway import gateway
from envmgr.channels.model import Channel
from envmgr.channels.table import ChannelTable
from envmgr.errors import SolveError
from envmgr.lock.model import Lock
from envmgr.platforms.host_profile import HostProfile
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.solve import case
from envmgr.solve.accelerators import Unseen, unseen, with_new_choices
from envmgr.solve.base import Solution, Solver, SolveRequest
from envmgr.solve.explain import Explaining
from envmgr.solve.newest import toward_newest
from envmgr.solve.repodata import Repodata
from envmgr.solve.select import solver
from envmgr.spec.model import EnvironmentSpec
from envmgr.workflows import gpu_builds
from envmgr.workflows.bounding import Bounded
from envmgr.workflows.elsewhere import explaining
from envmgr.workflows.recipe_channels import build_recipe_channels
from envmgr.workflows.request import CreateRequest


class Solving:
    """The channels that a command uses for a platform, read through one gateway."""

    def __init__(
        self, table: ChannelTable, channels: Sequence[Channel], platform: str, settings: Settings, reporter: Reporter
    ) -> None:
        self.table, self.channels, self.platform = table, tuple(channels), platform
        self.settings, self.reporter = settings, reporter

    def solve(
        self,
        request: SolveRequest,
        asked: CreateRequest,
        spec: EnvironmentSpec,
        *,
        moving: frozenset[str],
        previous: Lock | None,
        machine: HostProfile | None,
    ) -> Solution:
        """Return the solution, with the packages in `moving` as new as can be; GPU builds that could not be seen are
        warned of, or refused where the spec requires a GPU. Raises ChannelError, SolveError and their kinds."""
        self.build()
        is_told = bool(spec.gpu) or not _is_without_gpu(asked, self.settings)

        def decide(explaining: Explaining) -> tuple[Solution, Unseen | None]:
            wanted, engine = request, self.engine(explaining)
            if previous is not None:
                wanted = with_new_choices(wanted, previous.virtual_packages, self.repodata)
            wanted = toward_newest(wanted, moving, engine.solve) if moving else wanted
            solution = self._recorded(wanted, engine)
            return solution, unseen(wanted, solution, self.repodata, engine.solve) if is_told else None

        directory = self.settings.solver_debug
        try:
            with self.reporter.start("solve", "solving"):
                known = explaining(self.table, self.channels, self.settings)
                bounded = Bounded(request, known, self.settings, lambda: self._source)
                solution, found = bounded.call(decide)
        finally:
            if directory is not None and (directory / case.FILE).is_file():
                again = f"envmgr solve-case {directory}"
                self.reporter.notice(f"the solve is recorded in {directory}; run it again: {again}")
        if found is not None:
            if spec.gpu:
                raise gpu_builds.missing(found, spec)
            self.reporter.warning(gpu_builds.warning(found, machine))
        return solution

    def _recorded(self, request: SolveRequest, engine: Solver) -> Solution:
        """Solve, and write what was asked and answered where --solver-debug names a directory."""
        directory = self.settings.solver_debug
        if directory is None:
            return engine.solve(request)
        outcome: Solution | SolveError
        try:
            outcome = engine.solve(request)
        except SolveError as error:
            outcome = error
        case.write(directory, request, self.repodata, outcome)
        if isinstance(outcome, SolveError):
            raise outcome
        return outcome

    def build(self) -> None:
        """Build the channels of recipes that are not current; raises ChannelError."""
        build_recipe_channels(self.channels, self.settings, self.reporter)

    def engine(self, explaining: Explaining) -> Solver:
        """Return the engine that the settings choose; raises SolverUnavailable."""
        return solver(self.settings.solver, self._source, explaining)

    def quiet_engine(self) -> Solver:
        """Return an engine that does not explain itself, for trials."""
        return self.engine(Explaining(seconds=0))

    @cached_property
    def repodata(self) -> Repodata:
        """The records of the channels."""
        return Repodata(self._source, self.channels, self.platform)

    @cached_property
    def _source(self) -> Gateway:
        return gateway(self.channels, self.settings)


def _is_without_gpu(asked: CreateRequest, settings: Settings) -> bool:
    """Whether it was said that there is no GPU, so that CPU builds surprise nobody."""
    return settings.environ.get("CONDA_OVERRIDE_CUDA") == "" or "__cuda=" in asked.virtual_packages

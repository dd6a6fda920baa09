"""What is concluded from earlier trials is what trying it would have shown."""

from __future__ import annotations

import itertools
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from envmgr.errors import SolveError, SolveExceeded, SolveTimeout
from envmgr.lock.model import CondaPackage
from envmgr.solve.base import SolveRequest
from envmgr.solve.rattler import RattlerSolver
from envmgr.solve.trials import Trials
from solve.checker import faults
from solve.indexes import dependency, open_gateway, request, write_index
from solve.worlds import NAMES, World, rows_of, solutions, worlds


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds)
def test_what_follows_from_other_trials_is_true(world: World) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asked, cache = world.request(Path(directory)), Path(directory) / "cache"
        trials = Trials(RattlerSolver(open_gateway(cache)).attempt, 60)
        variants = [
            replace(asked, specs=specs, constraints=constraints)
            for number in range(len(asked.specs), 0, -1)  # everything first: much follows from it
            for specs in itertools.combinations(asked.specs, number)
            for constraints in ((), asked.constraints)
        ]
        for variant in variants:
            found = trials.some_solution(variant)
            assert (found is not None) == any(True for _ in solutions(variant, rows_of(variant, cache)))
            if found is not None:
                asked_for = {name: tuple(s.text for s in variant.specs if s.name == name) for name in NAMES}
                again = [package._replace(requested=asked_for[package.name]) for package in found]
                assert faults(variant, again) == []


def test_no_trial_is_made_of_what_follows(tmp_path: Path) -> None:
    channel = write_index(tmp_path / "a", {"x-1-0": {"depends": ["y"]}, "x-2-0": {"depends": ["z"]}, "y-1-0": None})
    tried: list[SolveRequest] = []
    engine = RattlerSolver(open_gateway(tmp_path / "cache"))

    def attempt(variant: SolveRequest) -> tuple[CondaPackage, ...]:
        tried.append(variant)
        return engine.attempt(variant)

    trials = Trials(attempt, 60)
    asked = request(["x", "y"], [channel])
    assert trials.has_solution(asked)
    assert trials.has_solution(replace(asked, specs=asked.specs[1:]))
    assert trials.has_solution(replace(asked, specs=(dependency("x 1"),)))  # of which none was asked for before
    assert len(tried) == 1
    bad = (dependency("x 2"), dependency("y"))
    assert trials.has_none(replace(asked, specs=bad[:1]))
    assert trials.has_none(replace(asked, specs=bad))
    assert trials.has_none(replace(asked, specs=(*bad, dependency("y 1"))))
    assert len(tried) == 2
    assert trials.has_none(replace(asked, specs=(dependency("a::x 2"),)))  # other rules: another trial
    assert len(tried) == 3


@pytest.mark.parametrize("error", [SolveExceeded("needed more memory"), SolveTimeout("took longer")], ids=str)
def test_trial_that_was_ended_has_shown_nothing(error: SolveError) -> None:
    def attempt(_request: SolveRequest) -> tuple[CondaPackage, ...]:
        raise error

    trials = Trials(attempt, 60)
    asked = request(["x"], [])
    assert not trials.has_solution(asked)
    assert not trials.has_none(asked)
    assert not trials.is_sure

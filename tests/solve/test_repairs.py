"""Edits are the smallest ones, and each of them, applied as it is written, solves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from envmgr.errors import PackagesNotFound, SolveError, Unsatisfiable
from envmgr.platforms.detect import detect
from envmgr.solve.base import Solver, SolveRequest
from envmgr.solve.explain import Explaining
from envmgr.solve.missing import Nowhere
from envmgr.solve.rattler import RattlerSolver
from envmgr.spec.cutoff import cutoff
from solve.checker import faults
from solve.indexes import dependency, open_gateway, request, write_index

MakeSolver = Callable[[], Solver]


def edited(asked: SolveRequest, edit: Mapping[str, Any]) -> SolveRequest:
    """Return a request after an edit, read as a user would read it."""
    flags = dict(zip(edit["flags"][::2], edit["flags"][1::2], strict=True))
    left = list(edit["remove"])
    specs = [spec for spec in asked.specs if not _taken(spec.text, left)]
    constraints = [spec for spec in asked.constraints if not _taken(spec.text, left)]
    assert left == []
    assert set(flags) <= {"--exclude-newer", "--channel-priority", "--virtual-package"}
    wanted = {
        "specs": (*specs, *(dependency(text) for text in edit["add"])),
        "constraints": tuple(constraints),
        "exclude_newer": cutoff(flags["--exclude-newer"]) if "--exclude-newer" in flags else asked.exclude_newer,
        "channel_priority": flags.get("--channel-priority", asked.channel_priority),
    }
    if "--virtual-package" in flags:
        name = flags["--virtual-package"].partition("=")[0]
        offered = [each for each in detect("win-64", {}, [flags["--virtual-package"]]) if each.name == name]
        wanted["virtual_packages"] = (*(each for each in asked.virtual_packages if each.name != name), *offered)
    return replace(asked, **wanted)


def _taken(text: str, left: list[str]) -> bool:
    if text not in left:
        return False
    left.remove(text)
    return True


def refusal(asked: SolveRequest, make_solver: MakeSolver) -> SolveError:
    """Return the error of a request, each of whose edits was found to solve and to do so rightly."""
    with pytest.raises(SolveError) as caught:
        make_solver().solve(asked)
    for edit in caught.value.details["edits"]:
        changed = edited(asked, edit)
        assert faults(changed, make_solver().solve(changed).packages) == []
    return caught.value


PYTHONS = {f"python-3.{minor}.1-0": None for minor in (9, 10, 11, 12, 13)}


@pytest.mark.parametrize(
    ("specs", "edits"),
    [
        (["python=3.13", "x"], [(["python=3.13"], ["python=3.11"]), (["x"], [])]),
        (["python 3.13.1 0", "x"], [(["python 3.13.1 0"], ["python=3.11"]), (["x"], [])]),
        (["python >=3.12", "x"], [(["python >=3.12"], ["python=3.11"]), (["x"], [])]),
        (["x 2.5"], [(["x 2.5"], ["x=1.0"])]),
        (["x=*=nothing_0"], [(["x=*=nothing_0"], ["x"])]),
        (["python 3.14.*"], [(["python 3.14.*"], ["python=3.13"])]),
        (["python=2.7"], [(["python=2.7"], ["python=3.9"])]),
        (["python=3.13", "x", "x"], [(["python=3.13"], ["python=3.11"])]),
        (["x 1.0 nothing_0"], [(["x 1.0 nothing_0"], ["x==1.0"])]),
        (["x 1.0 nothing_0", "x"], [(["x 1.0 nothing_0"], ["x==1.0"])]),
        (["x >1.0"], [(["x >1.0"], ["x >=1.0"])]),
        (["gone-from-here"], []),
        (["x", "gone-from-here", "x >7"], [(["gone-from-here", "x >7"], ["x=1.0"])]),
    ],
)
def test_the_smallest_other_bound_that_solves_comes_first(
    specs: list[str], edits: list[tuple[list[str], list[str]]], make_solver: MakeSolver, tmp_path: Path
) -> None:
    records = PYTHONS | {"x-1.0-0": {"depends": ["python <3.12"]}, "gone-from-here-1-0": {"depends": ["nowhere"]}}
    error = refusal(request(specs, [write_index(tmp_path / "a", records)]), make_solver)
    assert [(edit["remove"], edit["add"]) for edit in error.details["edits"]] == edits


def test_an_edit_is_written_where_the_spec_stands(make_solver: MakeSolver, tmp_path: Path) -> None:
    channel = write_index(tmp_path / "a", PYTHONS | {"x-1.0-0": {"depends": ["python <3.12"]}})
    error = refusal(request(["python=3.13", "x"], [channel]), make_solver)
    assert error.hint is not None
    assert "environment.yml:1: `- python=3.11` instead of `- python=3.13`" in error.hint.splitlines()[1]
    asked = replace(request(["x"], [channel]), specs=(dependency("python >=3.12"), dependency("x")))
    assert "`python=3.11` instead of `python >=3.12`" in str(refusal(asked, make_solver).hint)


def test_a_later_date_is_the_earliest_day_that_solves(make_solver: MakeSolver, tmp_path: Path) -> None:
    day = 86_400_000
    records = {f"x-{n}.0-0": {"timestamp": 1_600_000_000_000 + n * 10 * day} for n in range(1, 9)}
    asked = request(["x >=4"], [write_index(tmp_path / "a", records)], exclude_newer=datetime(2020, 9, 24))
    details = refusal(asked, make_solver).details
    assert {"remove": [], "add": [], "flags": ["--exclude-newer", "2020-10-23"]} in details["edits"]
    assert [entry["where"] for entry in details["conflicts"]] == ["environment.yml:1", "--exclude-newer"]


def test_a_rule_that_is_not_to_blame_is_not_named(make_solver: MakeSolver, tmp_path: Path) -> None:
    one = write_index(tmp_path / "one", {"x-1-0": {"depends": ["y 1"]}, "z-1-0": None})
    two = write_index(tmp_path / "two", {"y-1-0": None, "y-2-0": None, "z-2-0": None})
    moment = datetime(2030, 1, 1, tzinfo=timezone.utc)
    details = refusal(request(["x", "y 2"], [one, two], exclude_newer=moment), make_solver).details
    assert {entry["where"] for entry in details["conflicts"]} == {"environment.yml:1", "environment.yml:2"}
    assert all(edit["flags"] == [] for edit in details["edits"])


def test_strict_priority_and_the_machine_are_named_as_what_clashes(make_solver: MakeSolver, tmp_path: Path) -> None:
    one = write_index(tmp_path / "one", {"x-1-0": None})
    two = write_index(tmp_path / "two", {"x-2-0": None, "z-1-0": {"depends": ["x >=2"]}})
    details = refusal(request(["z"], [one, two]), make_solver).details
    assert [entry["where"] for entry in details["conflicts"]] == ["environment.yml:1", "--channel-priority"]
    assert details["edits"][0]["flags"] == ["--channel-priority", "flexible"]
    cuda = write_index(tmp_path / "cuda", {"t-1-cuda": {"depends": ["__cuda >=12"]}})
    details = refusal(request(["t"], [cuda]), make_solver).details
    assert [(e["where"], e["spec"]) for e in details["conflicts"]][1] == ("this machine", "__cuda >=12")
    assert details["edits"][0]["flags"] == ["--virtual-package", "__cuda=12"]


def test_a_constraint_is_to_blame_and_changed_like_a_spec(make_solver: MakeSolver, tmp_path: Path) -> None:
    channel = write_index(tmp_path / "a", PYTHONS | {"x-1.0-0": {"depends": ["python >=3.12"]}})
    details = refusal(request(["x"], [channel], constraints=["python=3.9"]), make_solver).details
    assert {entry["spec"] for entry in details["conflicts"]} == {"x", "python=3.9"}
    assert details["edits"][0] == {"remove": ["python=3.9"], "add": ["python=3.12"], "flags": []}


def test_several_conflicts_are_mended_together(make_solver: MakeSolver, tmp_path: Path) -> None:
    records = {f"{name}-{v}.0-0": {"depends": [f"{name}lib {v}.*"]} for name in "abc" for v in (1, 2)}
    records |= {f"{name}lib-{v}.0-0": {"depends": []} for name in "abc" for v in (1, 2)}
    asked = request([s for n in "abc" for s in (f"{n} 1.*", f"{n}lib 2.*")], [write_index(tmp_path / "x", records)])
    error = refusal(asked, make_solver)
    assert isinstance(error, Unsatisfiable)
    assert len(error.details["edits"][0]["remove"]) == len(error.details["edits"][0]["add"]) == 3


def test_nothing_is_tried_where_no_time_is_given(tmp_path: Path) -> None:
    channel = write_index(tmp_path / "a", {"x-1.0-0": {"depends": ["nowhere"]}})
    solver = RattlerSolver(open_gateway(tmp_path / "cache"), Explaining(seconds=0))
    with pytest.raises(Unsatisfiable) as caught:
        solver.solve(request(["x"], [channel]))
    assert caught.value.details["edits"] == []
    assert "nowhere" in caught.value.message
    asked: list[str] = []

    class Index(Nowhere):
        def is_on_pypi(self, name: str) -> bool | None:
            asked.append(name)
            return True

    for seconds, names in ((0, []), (5, ["zzz"])):
        solver = RattlerSolver(open_gateway(tmp_path / "cache"), Explaining(seconds=seconds, elsewhere=Index()))
        with pytest.raises(PackagesNotFound):
            solver.solve(request(["zzz"], [channel]))
        assert asked == names


def test_a_mistyped_name_comes_with_the_edit_that_solves(make_solver: MakeSolver, tmp_path: Path) -> None:
    channel = write_index(tmp_path / "a", {"scikit-learn-1.0-0": None, "pytorch-2.1-0": None})
    details = refusal(request(["scikit_learn >=1", "torch"], [channel]), make_solver).details
    assert details["edits"][0] == {
        "remove": ["scikit_learn >=1", "torch"], "add": ["scikit-learn >=1", "pytorch"], "flags": [],
    }  # fmt: skip

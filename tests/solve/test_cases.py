"""Our own table of cases, on every engine that can be imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from envmgr.channels.model import Channel
from envmgr.errors import EnvmgrError
from envmgr.lock.model import CondaPackage
from envmgr.platforms.detect import detect
from envmgr.solve.base import Solver, SolveRequest
from envmgr.solve.rattler import RattlerSolver
from solve.checker import faults
from solve.indexes import named, open_gateway, request, write_index

CASES = [
    pytest.param(case, id=case["name"].replace(" ", "-"))
    for path in sorted((Path(__file__).parent / "cases").glob("*.yaml"))
    for case in yaml.safe_load(path.read_text())
]


def _packages(case: Mapping[str, Any], key: str, directory: Path) -> tuple[CondaPackage, ...]:
    """Return the packages that a case names as `channel/dist-name`, as an earlier solve would have locked them."""
    found = []
    for text in case.get(key, ()):
        name, _, dist_name = text.partition("/")
        stem = dist_name.rsplit("-", 2)
        records = case.get("withdrawn", case["channels"])[name]
        channel = write_index(
            directory / "earlier" / name, {dist_name: dict(records[dist_name] or {}) | {"depends": []}}
        )
        earlier = RattlerSolver(open_gateway(directory / "earlier-repodata"))
        package = earlier.solve(request([f"{stem[0]} =={stem[1]}={stem[2]}"], [channel], add_pip=False)).packages[0]
        url = (directory / name).as_uri()
        depends = tuple((records[dist_name] or {}).get("depends", ()))
        found.append(
            package._replace(
                channel=url, url=f"{url}/{package.subdir}/{package.filename}", depends=depends, requested=()
            )
        )
    return tuple(found)


def _request(case: Mapping[str, Any], directory: Path) -> SolveRequest:
    channels: dict[str, Channel] = {
        name: write_index(directory / name, records) for name, records in case["channels"].items()
    }
    moment = case.get("exclude_newer")
    return request(
        case["specs"],
        [channels[name] for name in case.get("use", channels)],
        constraints=case.get("constraints", ()),
        channel_priority=case.get("channel_priority", "strict"),
        locked=_packages(case, "locked", directory),
        pinned=_packages(case, "pinned", directory),
        exclude_newer=datetime.fromisoformat(moment) if isinstance(moment, str) else moment,
        virtual_packages=tuple(
            package
            for package in detect("win-64", {}, case.get("virtual_packages", ()))
            if any(text.startswith(f"{package.name}=") for text in case.get("virtual_packages", ()))
        ),
        add_pip=case.get("add_pip", False),
    )


@pytest.mark.parametrize("case", CASES)
def test_case(case: Mapping[str, Any], make_solver: Callable[[], Solver], tmp_path: Path) -> None:
    asked = _request(case, tmp_path)
    if "error" in case:
        with pytest.raises(EnvmgrError) as caught:
            make_solver().solve(asked)
        error = caught.value
        expected = case.get("error_of", {}).get(make_solver().name, case["error"])
        assert error.kind == expected, error.message
        for text in case.get("says", ()):
            assert text in error.message
        for text in case.get("is_silent_about", ()):
            assert text not in error.message
        assert case.get("hint", "") in (error.hint or "")
        if expected == "Unsatisfiable":
            assert all({"remove", "add", "flags"} == edit.keys() for edit in error.details["edits"])
            assert all({"where", "spec", "reason"} <= entry.keys() for entry in error.details["conflicts"])
        return
    packages = make_solver().solve(asked).packages
    assert faults(asked, packages) == []
    if "solution" in case:
        assert named(packages) == case["solution"]
    if "filenames" in case:
        assert [package.filename for package in packages] == case["filenames"]
    # The same question has the same answer, also of a solver that has not read anything yet.
    assert make_solver().solve(asked).packages == packages

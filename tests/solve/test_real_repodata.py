"""Real repodata and the cases that others wrote down, on every engine that can be imported."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import zstandard
from rattler import Gateway

from envmgr.channels.model import Channel
from envmgr.errors import SolveError
from envmgr.platforms.model import VirtualPackage
from envmgr.solve.base import Refused, Solver, SolveRequest
from solve.checker import faults
from solve.indexes import open_gateway, request

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
UNIX = ("__unix=0=0", "__linux=6.6=0", "__glibc=2.39=0", "__archspec=1=x86_64_v3")

SAMPLE = 12  # every so manieth case runs always, the others with `-m "slow or not slow"`


@cache
def _cases(name: str) -> tuple[dict[str, Any], ...]:
    path = SHARED / "solver" / name
    return tuple(json.loads(path.read_text())) if path.is_file() else ()


def _parameters(name: str, *, keep: Callable[[Mapping[str, Any]], bool] = lambda case: True) -> list[Any]:
    chosen = [case for case in _cases(name) if keep(case)]
    return [
        pytest.param(
            case,
            id=case.get("id") or f"{case['source']}-{case['environment']}-{number}",
            marks=() if number % SAMPLE == 1 else pytest.mark.slow,
        )
        for number, case in enumerate(chosen)
    ]


@pytest.fixture(scope="session")
def universe(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Callable[..., Channel]:
    """Return a function that lays out a channel from stored repodata files, once a session."""
    laid: dict[str, Channel] = {}

    def lay(name: str, subdirs: Mapping[str, str]) -> Channel:
        key = json.dumps([name, sorted(subdirs.items())])
        if key not in laid:
            directory = tmp_path_factory.mktemp("universe") / name
            for subdir in {*subdirs, "noarch"}:
                (directory / subdir).mkdir(parents=True)
                document: dict[str, Any] = {"info": {"subdir": subdir}, "packages": {}, "packages.conda": {}}
                if subdir in subdirs:
                    stored = json.loads(_text(shared_data / subdirs[subdir]))
                    document |= stored if "packages" in stored else {"packages": stored}
                for records in (document["packages"], document["packages.conda"]):
                    for filename, record in records.items():
                        # The tests of conda wrote down no hashes.
                        if not record.get("sha256") and not record.get("md5"):
                            record["md5"] = hashlib.md5(filename.encode()).hexdigest()
                (directory / subdir / "repodata.json").write_text(json.dumps(document))
            laid[key] = Channel(name=name, url=directory.as_uri())
        return laid[key]

    return lay


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Gateway:
    return open_gateway(tmp_path_factory.mktemp("repodata"))


def _text(path: Path) -> bytes:
    if path.suffix != ".zst":
        return path.read_bytes()
    with path.open("rb") as stream:
        return zstandard.ZstdDecompressor().stream_reader(stream).read()


def _virtual(texts: list[str] | tuple[str, ...]) -> tuple[VirtualPackage, ...]:
    return tuple(VirtualPackage(*text.split("=")) for text in texts)


def _of_real_case(case: Mapping[str, Any], universe: Callable[..., Channel]) -> SolveRequest:
    subdirs: dict[str, dict[str, str]] = {}
    for entry in case["channels"]:
        subdirs.setdefault(entry["channel"], {})[entry["subdir"]] = entry["file"]
    return request(
        case["specs"],
        [universe(name, files) for name, files in subdirs.items()],
        platform=case["platform"],
        channel_priority=case["channel_priority"],
        virtual_packages=_virtual(case["virtual_packages"]),
        add_pip=False,
    )


def _is_plain_install(case: Mapping[str, Any]) -> bool:
    # conda alone can ask for a feature, whatever package has it.
    return case["kind"] == "pure-install" and "needs-track_features-spec" not in case["tags"]


@pytest.mark.parametrize("case", _parameters("conda_cases.json", keep=_is_plain_install))
def test_a_case_of_conda_ends_as_it_does_in_conda(
    case: Mapping[str, Any],
    engine: Callable[[Gateway], Solver],
    gateway: Gateway,
    universe: Callable[..., Channel],
) -> None:
    channels = [
        universe(channel["name"], {subdir: f"solver/{path}" for subdir, path in channel["subdirs"].items()})
        for channel in case["channels"]
    ]
    cuda = case["override"].get("CONDA_OVERRIDE_CUDA")
    asked = request(
        case["specs"],
        channels,
        channel_priority=case["channel_priority"],
        constraints=case["pinned"],
        virtual_packages=_virtual([*UNIX, *([f"__cuda={cuda}=0"] if cuda else [])]),
        add_pip=case["add_pip_as_python_dependency"],
    )
    if case["expected"]["status"] == "sat":
        assert faults(asked, engine(gateway).solve(asked).packages) == []
    else:
        with pytest.raises((Refused, SolveError)):  # unexplained: test_unsatisfiable.py looks at explanations
            engine(gateway).attempt(asked)


@pytest.mark.parametrize("case", _parameters("real_cases_rattler.json"))
def test_a_request_to_real_repodata_has_the_known_outcome(
    case: Mapping[str, Any],
    engine: Callable[[Gateway], Solver],
    gateway: Gateway,
    universe: Callable[..., Channel],
) -> None:
    asked = _of_real_case(case, universe)
    if case["status"] == "sat":
        assert faults(asked, engine(gateway).solve(asked).packages) == []
    else:
        with pytest.raises((Refused, SolveError)):  # unexplained: test_unsatisfiable.py looks at explanations
            engine(gateway).attempt(asked)


@pytest.mark.parametrize("case", _parameters("real_cases_rattler.json", keep=lambda case: case["status"] == "sat"))
def test_requested_packages_are_as_new_on_one_engine_as_on_the_other(
    case: Mapping[str, Any],
    both_engines: tuple[Callable[[Gateway], Solver], ...],
    gateway: Gateway,
    universe: Callable[..., Channel],
) -> None:
    asked = _of_real_case(case, universe)
    names = {spec.name for spec in asked.specs}
    one, other = (
        {package.name: package.version for package in engine(gateway).attempt(asked) if package.name in names}
        for engine in both_engines
    )
    assert one == other


@pytest.mark.parametrize("case", _parameters("lock_witness_cases.json"))
def test_what_pixi_locked_has_a_solution(
    case: Mapping[str, Any],
    engine: Callable[[Gateway], Solver],
    gateway: Gateway,
    universe: Callable[..., Channel],
) -> None:
    files = {each: f"repodata/lockunion_conda-forge_{each}_2023-2026.json.zst" for each in ("linux-64", "noarch")}
    needs = {f"__{name}": str(version) for name, version in case["system_requirements"].items() if name == "cuda"}
    machine = _virtual([*UNIX, *(f"{name}={version}=0" for name, version in needs.items())])
    asked = request(case["specs"], [universe("conda-forge", files)], virtual_packages=machine, add_pip=False)
    assert faults(asked, engine(gateway).solve(asked).packages) == []

from __future__ import annotations

import pytest

from envmgr.errors import PackagesNotFound
from envmgr.lock.model import CondaPackage, Lock, PipPackage, Request
from envmgr.settings import Settings
from envmgr.store import layout
from envmgr.store.layout import Location
from envmgr.workflows import asked


def conda(
    name: str, *depends: str, requested: tuple[str, ...] = (), distributions: tuple[str, ...] = ()
) -> CondaPackage:
    return CondaPackage(
        name=name, version="3.1", build="0", build_number=0, subdir="noarch", channel="file:///lab", url="",
        filename="", sha256="", depends=depends, requested=requested, distributions=distributions,
    )  # fmt: skip


def pip(name: str, *requires: str) -> PipPackage:
    return PipPackage(name=name, version="1", url="", filename="", sha256="", requires=requires)


@pytest.fixture
def location(settings: Settings) -> Location:
    return layout.named(settings, "science")


LOCK = Lock(
    platform="linux-64",
    channels=("file:///lab",),
    conda=(
        conda("array", "python >=3", "blas[build='*x']", distributions=("Array.Lib==1",)),
        conda("blas"),
        conda("python", "ssl"),
        conda("pip", "python"),
        conda("ssl"),
    ),
    pip=(pip("model", "layers>=1; python_version > '3'", "array-lib"), pip("layers")),
)


def test_a_lock_without_a_request_asks_for_what_nothing_else_needs(location: Location) -> None:
    spec = asked.asked_for(LOCK, location)
    assert ([each.name for each in spec.dependencies], [each.name for each in spec.pip]) == ([], ["model"])
    assert spec.channels == ("file:///lab",)
    without_model = LOCK._replace(pip=())
    assert [each.name for each in asked.asked_for(without_model, location).dependencies] == ["array"]
    in_a_circle = LOCK._replace(pip=(), conda=LOCK.conda[2:])
    assert [each.name for each in asked.asked_for(in_a_circle, location).dependencies] == ["pip"]
    named = LOCK._replace(conda=(conda("a", requested=("a >=1",)), conda("b")))
    assert [each.text for each in asked.asked_for(named, location).dependencies] == ["a >=1"]


def test_what_needs_a_package_is_found_through_both_halves(location: Location) -> None:
    lock = LOCK._replace(request=Request(dependencies=("python", "array"), pip=("model",)))
    spec = asked.asked_for(lock, location)
    assert asked.needed_by(("conda", "blas"), lock, spec) == ("array", "model")
    assert asked.needed_by(("conda", "pip"), lock, spec) == ("array", "model", "python")
    assert asked.needed_by(("conda", "array"), lock, spec) == ("model",)
    assert asked.needed_by(("pip", "layers"), lock, spec) == ("model",)
    assert asked.needed_by(("pip", "model"), lock, spec) == ()
    with pytest.raises(PackagesNotFound, match="blas was not asked for in science: array and model need it") as caught:
        asked.removals(["BLAS"], lock, spec, location)
    assert caught.value.hint == "envmgr remove -n science array model"


def test_names_are_those_of_either_half(location: Location) -> None:
    lock = LOCK._replace(request=Request(dependencies=("python", "array"), pip=("Model>=1", "array.lib")))
    spec = asked.asked_for(lock, location)
    edits = asked.removals(["array", "Array_Lib", "MODEL"], lock, spec, location)
    assert edits.removed == {"array"}
    assert edits.removed_pip == {"array-lib", "model"}
    assert asked.present(["Layers", "blas"], lock, location) == ("layers", "blas")

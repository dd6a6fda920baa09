"""A clash of the halves is refused with advice that was tried: following it settles the clash."""

from __future__ import annotations

import re

import pytest

from builders.channels import LocalChannel
from builders.commands import Done, Envmgr, environment_file
from builders.index_server import IndexServer
from builders.packages import Package
from builders.wheels import Wheel
from workflows.conftest import SITE


@pytest.fixture
def clashing(machine: Envmgr, channel: LocalChannel, index: IndexServer) -> Envmgr:
    """A channel with `provided` 1.5 and 2.5, where `pinning` needs the former; an index with what needs >=2."""
    metadata = "Metadata-Version: 2.1\nName: provided\nVersion: 2.5\n"
    channel.add(
        Package(name="provided", version="2.5", files={f"{SITE}/provided-2.5.dist-info/METADATA": metadata}),
        Package(name="pinning", version="1.0", depends=["provided <2"], files={}),
    )
    index.add(Wheel(name="very-needy", requires=["provided>=9"]))
    return machine


def create(machine: Envmgr, channel: LocalChannel, *dependencies: str, pip: str) -> Done:
    machine.write("environment.yml", environment_file(channel, "python", *dependencies) + f"  - pip: ['{pip}']\n")
    return machine("create", "-f", "environment.yml", "-y", "-q")


def test_the_spec_that_settles_it_stands_in_place_of_the_one_that_is_in_the_way(
    clashing: Envmgr, channel: LocalChannel
) -> None:
    done = create(clashing, channel, "provided=1.5", pip="needy")

    assert done.code == 1
    assert "environment.yml:7: `needy` needs provided>=2, but the conda package provided 1.5 (0)" in done.err
    hint = re.search(r"hint: write `(.+?)` in place of `provided=1.5` \(environment.yml:6\) in dependencies", done.err)
    assert hint is not None
    assert "(tried: conda then has provided 2.5)" in done.err
    assert create(clashing, channel, hint[1], pip="needy").code == 0


def test_a_package_that_only_others_need_is_named_anew(clashing: Envmgr, channel: LocalChannel) -> None:
    channel.add(Package(name="puller", depends=["provided"], files={}))
    document = create(clashing, channel, "puller", "provided<2", pip="needy")
    assert "write `provided >=2` in place of `provided<2`" in document.err


def test_what_does_not_solve_is_not_advised(clashing: Envmgr, channel: LocalChannel) -> None:
    done = create(clashing, channel, "pinning", pip="needy")

    assert "hint: `provided >=2` does not solve beside the rest (tried): ask for another version than `needy`" in (
        done.err
    )
    assert "environment.yml:6: remove `- pinning`" in done.err
    details = clashing("create", "-f", "environment.yml", "--json").json["details"]
    assert {"remove": ["pinning"], "add": [], "flags": []} in details["edits"]
    assert {entry["where"] for entry in details["conflicts"]} == {"environment.yml:6", "environment.yml:7"}
    assert create(clashing, channel, pip="needy").code == 0


def test_where_no_conda_package_fits_it_is_left_to_pip(clashing: Envmgr, channel: LocalChannel) -> None:
    done = create(clashing, channel, "provided", pip="very-needy")

    assert (
        "no package of the channels fits (tried): remove `provided` (environment.yml:6) from dependencies" in done.err
    )
    assert clashing("create", "-f", "environment.yml", "--json").json["details"]["solves"] is False

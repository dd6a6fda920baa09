"""A pip half without a solution comes with edits of either half that were tried: each of them, made, solves."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from builders.index_server import IndexServer
from builders.packages import Package
from builders.wheels import Wheel
from workflows.conftest import SITE

HERE, NEXT = (f"3.{sys.version_info.minor + more}" for more in (0, 1))


@pytest.fixture
def halves(machine: Envmgr, channel: LocalChannel, index: IndexServer) -> Envmgr:
    """A channel with the next python too, and with what no python but this one suits; an index that asks for more."""
    metadata = "Metadata-Version: 2.1\nName: in-both\nVersion: 2.0\n"
    channel.add(
        Package(name="python", version=f"{NEXT}.0", files={}),
        Package(name="only-here", version="1.0", depends=[f"python <{NEXT}"], files={}),
        Package(name="in-both", version="2.0", depends=["python"], files={f"{SITE}/in_both-2.dist-info/M": metadata}),
    )
    index.add(
        Wheel(name="modern", version="2.0", requires_python=f">={NEXT}"),
        Wheel(name="modern", version="1.0"),
        Wheel(name="above", version="1.0", requires=["modern>=2"]),
        Wheel(name="in-both", version="1.0"),
        Wheel(name="needy", version="0.9", requires=["provided"]),
    )
    return machine


def refused(machine: Envmgr, channel: LocalChannel, dependencies: Sequence[str], pip: Sequence[str]) -> Any:
    """Return the details of a refusal, each edit of which was made and solved."""
    text = environment_file(channel, *dependencies) + "  - pip:\n" + "".join(f"    - {line}\n" for line in pip)
    machine.write("environment.yml", text)
    create = ("create", "-f", "environment.yml", "--dry-run", "--no-lock", "--json")
    document = machine(*create).json
    assert document["error"] == "PipError"
    for edit in document["details"]["edits"]:
        machine.write("environment.yml", edited(text, edit))
        assert machine(*create).json["success"], edit
    return document["details"] | {"message": document["message"]}


def edited(text: str, edit: Mapping[str, Any]) -> str:
    for old, new in zip(edit["remove"], edit["add"] or [None], strict=False):
        text = text.replace(f"  - {old}\n", "" if new is None else f"  - {new}\n", 1)
    for new in edit["add"][len(edit["remove"]) :]:
        text = text.replace("dependencies:\n", f"dependencies:\n  - {new}\n")
    for change in edit.get("changes", ()):
        text = text.replace(f"    - {change['remove']}\n", f"    - {change['add']}\n" if change["add"] else "")
    return text.replace("  - pip:\n", "") if text.endswith("  - pip:\n") else text


def test_a_python_that_the_pip_half_needs_is_named_and_tried(halves: Envmgr, channel: LocalChannel) -> None:
    details = refused(halves, channel, [f"python={HERE}"], ["modern>=2"])
    assert f"`modern>=2` needs python >={NEXT}, and the conda half has python {HERE}" in details["message"]
    assert f"because of `python={HERE}` (environment.yml:5)" in details["message"]
    assert [(entry["where"], entry["spec"]) for entry in details["conflicts"]] == [
        ("environment.yml:7", "modern>=2"), ("environment.yml:5", f"python={HERE}"),
    ]  # fmt: skip
    python, loosened = details["edits"]
    assert (python["remove"], python["add"]) == ([f"python={HERE}"], [f"python={NEXT}"])
    assert loosened["changes"] == [{"where": "environment.yml:7", "remove": "modern>=2", "add": "modern==1.0"}]


def test_what_holds_python_back_is_named_also_where_another_package_needs_more(
    halves: Envmgr, channel: LocalChannel
) -> None:
    details = refused(halves, channel, ["python", "only-here"], ["above"])
    assert f"`above` needs python >={NEXT} (through modern)" in details["message"]
    assert "because of `only-here` (environment.yml:6)" in details["message"]
    assert [edit["remove"] for edit in details["edits"]] == [["only-here"]]


def test_a_line_that_no_index_can_give_is_moved_to_the_conda_half(halves: Envmgr, channel: LocalChannel) -> None:
    details = refused(halves, channel, [f"python={HERE}"], ["in-both>=2"])
    assert {"remove": [], "add": ["in-both >=2"], "flags": [], "changes": [
        {"where": "environment.yml:7", "remove": "in-both>=2", "add": None},
    ]} in details["edits"]  # fmt: skip
    assert refused(halves, channel, [f"python={HERE}"], ["only-here"])["edits"][0]["add"] == ["only-here"]


def test_a_clash_is_settled_by_either_half(halves: Envmgr, channel: LocalChannel) -> None:
    details = refused(halves, channel, [f"python={HERE}", "provided=1.5"], ["needy>=1"])
    assert details["edits"][-1]["changes"] == [
        {"where": "environment.yml:8", "remove": "needy>=1", "add": "needy==0.9"}
    ]


def test_with_no_time_to_explain_the_python_is_named_and_nothing_is_tried(
    halves: Envmgr, channel: LocalChannel
) -> None:
    halves.environ["ENVMGR_EXPLAIN_TIMEOUT"] = "0"
    details = refused(halves, channel, [f"python={HERE}"], ["modern>=2"])
    assert f"needs python >={NEXT}" in details["message"]
    assert details["edits"] == []

"""Whatever a hand or a merge does to an entry of a lock is found, and the entry is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from envmgr.errors import LockTampered
from envmgr.lock import block_yaml, conda_lock
from envmgr.lock.model import CondaPackage, Lock, PipPackage, Request

URL = "https://conda.example/lab"
LOCK = Lock(
    platform="linux-64",
    conda=tuple(
        CondaPackage(
            name=name, version="1.0", build="0", build_number=0, subdir="noarch", channel=URL,
            url=f"{URL}/noarch/{name}-1.0-0.conda", filename=f"{name}-1.0-0.conda", sha256=letter * 64,
        )
        for name, letter in (("a", "a"), ("b", "b"))
    ),
    pip=(PipPackage("w", "2.0", "https://files.example/w-2.0.whl", "w-2.0.whl", "c" * 64),),
    channels=(URL,),
    spec_digest="d",
    request=Request(dependencies=("a", "b")),
)  # fmt: skip


def _extras(document: dict[str, Any], old: str, new: str) -> None:
    custom = document["metadata"]["custom_metadata"]
    assert old in custom["envmgr/linux-64"]
    custom["envmgr/linux-64"] = custom["envmgr/linux-64"].replace(old, new)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda d: d["package"][0].update(version="1.1"), "the conda package a was edited"),
        (lambda d: d["package"][1]["hash"].update(sha256="e" * 64), "the conda package b was edited"),
        (lambda d: d["package"][2].update(url="https://evil.example/w-2.0.whl"), "the pip package w was edited"),
        (lambda d: d["package"].pop(1), "the conda package b is lost"),
        (lambda d: d["package"].append(dict(d["package"][2])), "the pip package w is in it 2 times"),
        (lambda d: d["package"].append({**d["package"][0], "name": "z"}), "the conda package z was not in it"),
        (lambda d: d["package"][2].update(manager="conda"), "the pip package w is lost"),
        (lambda d: _extras(d, '"build_number":0', '"build_number":7'), "the conda package a was edited"),
        (lambda d: _extras(d, '"dependencies":["a","b"]', '"dependencies":["a"]'), "what was asked for"),
    ],
)
def test_the_entry_is_named(change: Callable[[dict[str, Any]], object], fault: str) -> None:
    document = conda_lock.to_document([LOCK])
    change(document)
    with pytest.raises(LockTampered) as caught:
        conda_lock.loads(block_yaml.dumps(document).encode(), source="x.conda-lock.yml", sealed=True)
    assert caught.value.message.startswith("x.conda-lock.yml: the lock for linux-64 was changed by hand\n")
    assert fault in caught.value.message
    assert any(fault in each for each in caught.value.details["faults"])


def test_what_was_not_touched_passes() -> None:
    assert conda_lock.loads(conda_lock.dumps_yaml([LOCK]), source="x", sealed=True) == {"linux-64": LOCK}

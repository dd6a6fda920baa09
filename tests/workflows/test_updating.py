"""`--update`: the names are the lock's own, and what moves is held to the newest that can be."""

from __future__ import annotations

import pytest

from envmgr.errors import UsageError
from envmgr.lock.model import CondaPackage, Lock, PipPackage
from envmgr.workflows import updating


def package(name: str, version: str) -> CondaPackage:
    return CondaPackage(
        name=name, version=version, build="h1_0", build_number=0, subdir="noarch", channel="https://conda.example/lab",
        url="", filename="", sha256="",
    )  # fmt: skip


LOCK = Lock(
    platform="linux-64",
    conda=(package("numpy", "1.0"), package("typing_extensions", "4.0")),
    pip=(PipPackage("zope-interface", "1", "", "", ""),),
)


def test_names_are_found_as_conda_and_as_pip_spell_them() -> None:
    assert updating.names([LOCK], ("numpy", "typing_extensions", "Zope.Interface")) == {
        "numpy",
        "typing_extensions",
        "zope-interface",
    }


def test_what_is_not_locked_cannot_be_updated() -> None:
    with pytest.raises(UsageError, match="not in the lock, so not to be updated: numpi") as caught:
        updating.names([LOCK], ("numpi",))
    assert caught.value.hint == "did you mean `numpy`?"
    with pytest.raises(UsageError):
        updating.names([], ("numpy",))

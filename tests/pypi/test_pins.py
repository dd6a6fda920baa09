from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builders.index_server import IndexServer
from builders.wheels import Wheel
from envmgr.channels import table_file
from envmgr.errors import PipError
from envmgr.pypi.indexes import Indexes
from envmgr.pypi.resolve import PipRequest, PipResolution, resolve
from envmgr.settings import Settings
from pypi.conftest import Artifact, CollectingReporter

Ask = Callable[..., PipRequest]
Resolve = Callable[..., PipResolution]


@pytest.fixture
def other() -> Iterator[IndexServer]:
    """A second index, asked for a name and a password."""
    with IndexServer() as server:
        server.users["me"] = "s3cret"
        yield server


@pytest.fixture
def pinned(
    load: Callable[..., Settings],
    request_for: Ask,
    reporter: CollectingReporter,
    other: IndexServer,
    index: IndexServer,
) -> Resolve:
    """Return a function that resolves lines where `torch` and `triton` are pinned to `other`."""

    def pinned(*lines: str, conda: tuple[Artifact, ...] = (), more: str = "", **variables: str) -> PipResolution:
        text = f"pypi:\n  indexes:\n    gpu: http://me:${{TOKEN}}@{other.host}/simple\n"
        text += f"  packages: {{torch: gpu, triton: gpu}}\n{more}"
        section = table_file.parse(text, Path("/work/channels.yaml"), home=Path("/home/me")).pypi
        settings = load(TOKEN="s3cret", **variables)
        request = request_for(lines, *conda, indexes=Indexes.gather(settings, section))
        return resolve(request, settings=settings, reporter=reporter)

    return pinned


def pins(found: PipResolution) -> dict[str, str | None]:
    return {f"{package.name}=={package.version}": package.index_url for package in found.packages}


def test_a_pinned_package_comes_from_its_index_also_for_another_package(
    index: IndexServer, other: IndexServer, pinned: Resolve
) -> None:
    index.add(Wheel(name="app", requires=["torch"]), Wheel(name="torch", version="9"), Wheel(name="numpy", version="9"))
    other.add(Wheel(name="torch", version="2", requires=["numpy"]), Wheel(name="numpy", version="1"))
    found = pinned("app")

    assert pins(found) == {"app==1.0": index.url, "numpy==9": index.url, "torch==2": other.url}
    assert [package.requires for package in found.packages] == [("torch",), (), ("numpy",)]
    assert [package.requested for package in found.packages] == [("app",), (), ()]
    assert not any("torch" in path for path in index.requests)
    assert "s3cret" not in repr(found)


def test_what_is_pinned_and_not_needed_is_left_out(index: IndexServer, other: IndexServer, pinned: Resolve) -> None:
    index.add(Wheel(name="app"))
    other.add(Wheel(name="torch"), Wheel(name="triton"))

    assert pins(pinned("app")) == {"app==1.0": index.url}


def test_a_pinned_package_that_its_index_lacks_is_asked_of_no_other(
    index: IndexServer, other: IndexServer, pinned: Resolve
) -> None:
    index.add(Wheel(name="app", requires=["torch"]), Wheel(name="torch"), Wheel(name="plain"))

    assert pins(pinned("plain")) == {"plain==1.0": index.url}
    with pytest.raises(PipError, match=r"`torch`") as caught:
        pinned("app")
    with pytest.raises(PipError, match=r"environment.yml:5: no package index in use has `torch`"):
        pinned("torch")
    assert "s3cret" not in str(caught.value)
    assert not any("torch" in path for path in index.requests)


def test_what_conda_provides_is_asked_of_no_index_though_it_is_pinned(
    index: IndexServer, other: IndexServer, pinned: Resolve, artifact: Callable[..., Artifact]
) -> None:
    index.add(Wheel(name="app", requires=["torch"]))
    other.add(Wheel(name="torch"), Wheel(name="triton"))
    conda = artifact("pytorch", "2.1", Wheel(name="torch", version="2.1"))

    assert pins(pinned("app", conda=(conda,))) == {"app==1.0": index.url}
    assert not any("torch" in path for path in other.requests)


def test_the_first_index_that_has_a_name_answers_for_it(
    index: IndexServer, other: IndexServer, pinned: Resolve
) -> None:
    """No newer release of another index is taken (dependency confusion)."""
    other.users.clear()
    index.add(Wheel(name="internal", version="99"), Wheel(name="public", version="2"))
    other.add(Wheel(name="internal", version="1"))

    assert pins(pinned("internal", "public", PIP_EXTRA_INDEX_URL=other.url)) == {
        "internal==1": other.url, "public==2": index.url
    }  # fmt: skip


def test_what_only_an_index_for_pins_has_is_refused_with_the_pin_to_write(
    index: IndexServer, other: IndexServer, pinned: Resolve
) -> None:
    other.add(Wheel(name="torch", requires=["torch-extras"]), Wheel(name="torch-extras"))
    with pytest.raises(PipError, match=r"no package index in use has `torch-extras`, which another") as caught:
        pinned("torch")
    with pytest.raises(PipError, match=r"environment.yml:5: no package index in use has `torch-extras`") as direct:
        pinned("torch-extras")

    assert "add `torch-extras: gpu` to pypi.packages" in (caught.value.hint or "")
    assert direct.value.hint == caught.value.hint
    assert "s3cret" not in str(caught.value.details)

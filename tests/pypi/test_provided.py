from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from builders.packages import Package
from builders.wheels import Wheel
from envmgr.errors import CorruptPackage
from envmgr.pypi import provided
from pypi.conftest import Artifact, conda_package, extracted


@pytest.mark.parametrize(
    "where", ["site-packages", "lib/python3.12/site-packages", "lib/python3.13t/site-packages", "Lib/site-packages"]
)
def test_distributions_are_found_wherever_a_package_keeps_site_packages(
    artifact: Callable[..., Artifact], where: str
) -> None:
    [found] = provided.read([artifact("pytorch", "2.1", Wheel(name="torch", version="2.1.0+cu12"), where=where)])

    assert str(found) == "torch==2.1.0+cu12"
    assert found.package.name == "pytorch"


def test_one_package_may_provide_several(artifact: Callable[..., Artifact]) -> None:
    found = provided.read([artifact("jupyter", "1", Wheel(name="B_b.c"), Wheel(name="a"))])

    assert [distribution.name for distribution in found] == ["a", "b-b-c"]


def test_versions_are_in_normal_form(artifact: Callable[..., Artifact]) -> None:
    [found] = provided.read([artifact("x", "1", Wheel(name="x", version="1.0.0-RC1"))])

    assert found.version == "1.0.0rc1"


def test_extras_and_requirements_are_conda_s_own(artifact: Callable[..., Artifact]) -> None:
    wheel = Wheel(name="x", requires=["needed"], extras={"Speed_Up": ["fast>1; python_version < '4'"]})
    [found] = provided.read([artifact("x", "1", wheel)])

    assert found.extras == ("speed-up",)
    assert found.requires == ("needed", "fast>1 ; (python_version < '4') and extra == 'Speed_Up'")


@pytest.mark.parametrize("path", ["old.egg-info", "old-1.0-py3.12.egg-info/PKG-INFO"])
def test_egg_info_counts_as_file_and_as_directory(artifact: Callable[..., Artifact], path: str) -> None:
    text = "Metadata-Version: 1.0\nName: old\nVersion: 1.0\n\nDescription\nName: other\n"
    [found] = provided.read([artifact("old", "1.0", files={f"site-packages/{path}": text})])

    assert str(found) == "old==1.0"


def test_vendored_dist_info_is_not_provided(artifact: Callable[..., Artifact]) -> None:
    assert provided.read([artifact("x", "1", Wheel(name="y"), where="site-packages/x/_vendor")]) == ()


def test_of_two_packages_with_one_distribution_the_namesake_speaks(artifact: Callable[..., Artifact]) -> None:
    base = artifact("abc-base", "2", Wheel(name="abc", version="2"))
    namesake = artifact("abc", "3", Wheel(name="abc", version="3"))

    assert provided.read([base, namesake]) == provided.read([namesake, base])
    assert [str(found) for found in provided.read([base, namesake])] == ["abc==3"]


def test_the_lock_s_packages_name_their_distributions(artifact: Callable[..., Artifact]) -> None:
    package = artifact("jupyter", "1", Wheel(name="b"), Wheel(name="a"))
    filled = provided.with_distributions([package[0], conda_package("zlib")], provided.read([package]))

    assert [entry.distributions for entry in filled] == [("a==1.0", "b==1.0"), ()]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Version: 1.0\n", "names no distribution"),
        ("Name: ../../x\nVersion: 1\n", "names no distribution"),
        ("Name: x\nVersion: banana\n", "which is none by PEP 440"),
        ("\x00\xff\xfe", "names no distribution"),
        ("Name: x\nVersion: 1\n\n" + "a" * 9_000_000, "larger than"),
    ],
)
def test_hostile_metadata_is_an_error_that_names_the_package(
    artifact: Callable[..., Artifact], text: str, reason: str
) -> None:
    package = artifact("evil", "6.6", files={"site-packages/x-1.dist-info/METADATA": text})

    with pytest.raises(CorruptPackage, match=rf"^evil-6\.6-0: .*{reason}"):
        provided.read([package])


def test_a_link_out_of_the_package_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("Name: x\nVersion: 1\n")
    path = "site-packages/x-1.dist-info/METADATA"
    package = Package(name="evil", symlinks={path: str(tmp_path / "outside")})

    with pytest.raises(CorruptPackage, match="leads out of the package"):
        provided.read([extracted(package, tmp_path / "artifacts")])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"paths": [1]}', "[" * 200_000])
def test_a_broken_paths_json_is_an_error_that_names_the_package(artifact: Callable[..., Artifact], text: str) -> None:
    package, directory = artifact("evil", "6.6")
    (directory / "info" / "paths.json").write_text(text)

    with pytest.raises(CorruptPackage, match=r"^evil-6\.6-0: info/paths\.json"):
        provided.read([(package, directory)])


def test_listed_metadata_that_is_missing_is_an_error(artifact: Callable[..., Artifact]) -> None:
    package, directory = artifact("evil", "6.6", Wheel(name="x"))
    (directory / "site-packages" / "x-1.0.dist-info" / "METADATA").unlink()

    with pytest.raises(CorruptPackage, match="is not a file in the package"):
        provided.read([(package, directory)])

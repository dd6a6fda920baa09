from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from rattler import Channel, RepoData, RepoDataRecord

from envmgr.errors import ChannelError
from envmgr.lock.model import CondaPackage
from envmgr.solve.records import indexed_at, package_of_record, packages_of_records, record_of_package
from solve.indexes import dependency

A_SAMPLE = 300

texts = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["Cs"]), max_size=20)
names = st.from_regex(r"[a-z0-9][a-z0-9_.\-]{0,20}", fullmatch=True)
hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)
moments = st.integers(min_value=1, max_value=4_102_444_800_000)
extras = st.fixed_dictionaries(
    {},
    optional={
        "arch": st.sampled_from(["x86_64", "arm64"]),
        "platform": st.sampled_from(["linux", "osx"]),
        "indexed_timestamp": moments,
        "legacy_bz2_md5": st.binary(min_size=16, max_size=16).map(bytes.hex),
        "legacy_bz2_size": st.integers(min_value=0, max_value=1 << 40),
    },
)


@st.composite
def packages(draw: st.DrawFn) -> CondaPackage:
    name, subdir = draw(names), draw(st.sampled_from(["noarch", "linux-64", "osx-arm64"]))
    version = draw(st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}", fullmatch=True))
    build = draw(st.from_regex(r"[a-z0-9_]{1,10}", fullmatch=True))
    filename = f"{name}-{version}-{build}{draw(st.sampled_from(['.conda', '.tar.bz2']))}"
    other = draw(extras)
    return CondaPackage(
        name=name,
        version=version,
        build=build,
        build_number=draw(st.integers(min_value=0, max_value=10_000)),
        subdir=subdir,
        channel="https://example.org/channel",
        url=f"https://example.org/channel/{subdir}/{filename}",
        filename=filename,
        sha256=draw(hashes),
        md5=draw(st.none() | st.binary(min_size=16, max_size=16).map(bytes.hex)),
        size=draw(st.none() | st.integers(min_value=0, max_value=1 << 40)),
        timestamp=draw(st.none() | moments),
        depends=tuple(draw(st.lists(names, max_size=4))),
        constrains=tuple(draw(st.lists(names, max_size=4))),
        noarch=draw(st.sampled_from([None, "python", "generic"])),
        license=draw(st.none() | texts),
        license_family=draw(st.none() | texts),
        features=draw(st.none() | names),
        track_features=tuple(draw(st.lists(names, max_size=3))),
        python_site_packages_path=draw(st.none() | st.just("lib/python3.13t/site-packages")),
        other=json.dumps(other, sort_keys=True, separators=(",", ":")) if other else "",
    )


@given(packages())
def test_a_lock_entry_survives_the_way_to_a_record_and_back(package: CondaPackage) -> None:
    assert package_of_record(record_of_package(package)) == package


def _stored() -> list[Path]:
    return sorted((Path(__file__).resolve().parents[3] / "shared" / "data" / "repodata").glob("*.zst"))


@pytest.mark.parametrize("path", [pytest.param(path, id=path.name) for path in _stored()])
def test_real_records_survive_the_way_to_the_lock_and_back(path: Path, tmp_path: Path) -> None:
    with path.open("rb") as stream:
        stored: dict[str, Any] = json.loads(zstandard.ZstdDecompressor().stream_reader(stream).read())
    kinds = ("packages", "packages.conda")
    records = [item for kind in kinds for item in stored.get(kind, {}).items()] or list(stored.items())
    chosen = random.Random(path.name).sample(records, min(A_SAMPLE, len(records)))
    kept = {
        filename: {"subdir": "linux-64"} | record  # indexes before 2017 leave it out
        for filename, record in chosen
        if isinstance(record, dict) and filename.endswith((".conda", ".tar.bz2"))
    }
    index = tmp_path / "repodata.json"
    document = {
        "info": {"subdir": "linux-64"},
        "packages": {name: record for name, record in kept.items() if name.endswith(".tar.bz2")},
        "packages.conda": {name: record for name, record in kept.items() if name.endswith(".conda")},
    }
    index.write_text(json.dumps(document))
    for record in RepoData.from_path(index).into_repo_data(Channel("https://example.org/channel")):
        if record.sha256 is None and record.md5 is None:
            continue  # some stored test data
        package = package_of_record(record)
        again = record_of_package(package)
        assert package_of_record(again) == package
        assert _meaning(again) == _meaning(record)


def _meaning(record: RepoDataRecord) -> dict[str, Any]:
    """A record as JSON, with what indexes before 2017 said otherwise made equal."""
    fields: dict[str, Any] = json.loads(record.to_json())
    fields["noarch"] = "generic" if fields.get("noarch") is True else fields.get("noarch") or None
    return {key: value for key, value in fields.items() if value not in (None, "", [], {})}


def _package(**values: Any) -> CondaPackage:
    plain = CondaPackage(
        name="x", version="1.0", build="0", build_number=0, subdir="noarch", channel="https://example.org/c",
        url="https://example.org/c/noarch/x-1.0-0.conda", filename="x-1.0-0.conda", sha256="0" * 64,
    )  # fmt: skip
    return plain._replace(**values)


def test_credentials_do_not_reach_the_lock() -> None:
    hidden = _package(
        channel="https://user:secret@example.org/t/tk-1/c",
        url="https://user:secret@example.org/t/tk-1/c/noarch/x-1.0-0.conda?token=secret",
    )
    package = package_of_record(record_of_package(hidden))
    assert package.channel == "https://example.org/c"
    assert package.url == "https://example.org/c/noarch/x-1.0-0.conda"


def test_every_spec_that_asked_for_a_package_is_kept_with_it() -> None:
    records = [record_of_package(_package(name="y")), record_of_package(_package())]
    specs = [dependency("x >=1"), dependency("conda-forge::x"), dependency("z")]
    found = packages_of_records(records, specs)
    assert [(package.name, package.requested) for package in found] == [("x", ("x >=1", "conda-forge::x")), ("y", ())]


def test_a_solution_with_one_name_twice_is_refused() -> None:
    with pytest.raises(ChannelError, match="twice"):
        packages_of_records([record_of_package(_package()), record_of_package(_package(version="2.0"))], ())


@pytest.mark.parametrize(
    "values",
    [
        {"name": ".."},
        {"name": "__glibc"},
        {"build": "../../etc"},
        {"build": "a b"},
        {"subdir": "../.."},
        {"filename": "x-1.0-0.whl"},
        {"filename": "x-1.0-0.conda\n"},
        {"sha256": "", "md5": None},
    ],
)
def test_a_record_that_names_another_place_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ChannelError):
        package_of_record(record_of_package(_package(**values)))


def test_an_old_record_with_an_md5_only_is_taken() -> None:
    package = package_of_record(record_of_package(_package(sha256="", md5="0" * 32)))
    assert (package.sha256, package.md5) == ("", "0" * 32)


def test_the_time_of_indexing_comes_before_that_of_building() -> None:
    assert indexed_at(_package(timestamp=2, other='{"indexed_timestamp":1}')) == 1
    assert indexed_at(_package(timestamp=2)) == 2
    assert indexed_at(_package()) is None

"""The metadata of an installed environment, clause by clause of CEP 32."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

from builders.packages import Package
from builders.store import Store, rollback_request
from envmgr.lock import conda_lock
from envmgr.store import layout, metadata
from envmgr.store.rollback import take_kept

BLOCK = re.compile(
    r"==> \d{4}-\d\d-\d\d \d\d:\d\d:\d\d <==\n"
    r"# cmd: .*\n"
    r"# envmgr version: \d+\.\d+\.\d+\n"
    r"(?:[-+]\S+/\S+::\S+-\S+-\S+\n)*"
    r"(?:# update specs: \[.*\]\n)?"
)


def record(prefix: Path, name: str) -> dict[str, Any]:
    (path,) = (prefix / "conda-meta").glob(f"{name}-*.json")
    document = json.loads(path.read_text())
    assert isinstance(document, dict)
    return document


def test_history_is_composed_of_action_blocks_across_generations(store: Store) -> None:
    store.create("a", "tool")
    store.create("a", "extra", "tool")
    store.create("a", "extra")
    history = (store.location("a").prefix / "conda-meta/history").read_text()
    blocks = re.findall(r"==>.*?(?=(?:==>)|\Z)", history, re.DOTALL)
    assert [bool(BLOCK.fullmatch(block)) for block in blocks] == [True] * 3
    channel = store.channel.url
    assert f"+{channel}/noarch::tool-1.0-0\n" in blocks[0]
    assert [line for line in blocks[1].splitlines() if line[0] in "+-"] == [f"+{channel}/noarch::extra-1.0-0"]
    assert [line for line in blocks[2].splitlines() if line[0] in "+-"] == [f"-{channel}/noarch::tool-1.0-0"]
    assert "# update specs: ['extra', 'tool']\n" in blocks[1]


def test_command_in_history_has_no_credentials_and_no_line_ends() -> None:
    command = ("envmgr", "create", "-c", "https://user:secret@host/t/tk-123/channel", "a\n+evil::x-1-0")
    assert metadata.one_line(command) == "envmgr create -c https://***@host/t/***/channel a?+evil::x-1-0"


def test_known_host_is_shortened_to_the_name_of_the_channel(store: Store) -> None:
    lock = store.lock("tool")
    package = lock.conda[0]._replace(channel="https://conda.anaconda.org/conda-forge")
    block = metadata.history_block(lock._replace(conda=(package,)), (), command=("x",), moment=0)
    assert "\n+conda-forge/noarch::tool-1.0-0\n" in block


def test_prefix_record_has_every_required_key(store: Store) -> None:
    store.create("a", "tool")
    document = record(store.location("a").prefix, "tool")
    required = {
        "build": str, "build_number": int, "channel": str, "depends": list, "extracted_package_dir": str,
        "files": list, "fn": str, "link": dict, "md5": str, "name": str, "noarch": str, "paths_data": dict,
        "requested_specs": list, "sha256": str, "size": int, "subdir": str, "timestamp": int, "url": str,
        "version": str,
    }  # fmt: skip
    for key, kind in required.items():
        assert isinstance(document.get(key), kind), key
    assert set(document["link"]) == {"source", "type"}
    assert document["link"]["type"] in (1, 2, 3, 4)
    assert document["files"] == ["bin/tool", "lib/tool/data"]
    assert document["url"] == store.channel.package("tool").url


def test_prefix_record_names_the_cache_and_never_a_passing_directory(store: Store) -> None:
    store.create("a", "tool", "extra")
    for name in ("tool", "extra"):
        document = record(store.location("a").prefix, name)
        artifact = store.cache.find(store.channel.package(name))
        assert artifact is not None
        assert document["extracted_package_dir"] == document["link"]["source"] == str(artifact.directory)
        assert "staging" not in json.dumps(document)


def test_requested_specs_are_those_that_asked_for_the_package(store: Store) -> None:
    lock = store.lock("extra", "tool")
    asked = {"extra": (), "tool": ("tool >=1", 'tool[build="0"]', "tool ==1.0 \\ ü")}
    lock = lock._replace(conda=tuple(package._replace(requested=asked[package.name]) for package in lock.conda))
    store.realise(store.request("a", lock))
    prefix = store.location("a").prefix
    assert record(prefix, "tool")["requested_specs"] == list(asked["tool"])
    assert record(prefix, "extra")["requested_specs"] == []


def test_files_with_hostile_names_do_not_confuse_the_records(store: Store) -> None:
    name = '"source": "x", "requested_specs": []'
    store.channel.add(Package(name="odd", files={name: "1", "a]": "2"}))
    store.create("a", "odd")
    document = record(store.location("a").prefix, "odd")
    assert document["files"] == [name, "a]"]
    assert document["requested_specs"] == ["odd"]


def test_cache_with_an_odd_path_is_written_as_json(store: Store, tmp_path: Path) -> None:
    settings = store.settings._replace(cache=tmp_path / 'ca"che \\1 ü')
    other = Store(settings, store.channel)
    other.create("a", "tool")
    assert record(other.location("a").prefix, "tool")["link"]["source"].startswith(str(settings.cache))


def test_variables_are_in_the_state_file(store: Store) -> None:
    lock = store.lock("tool", variables=[("A", "1"), ("SIZE", 'x "ü" $z')])
    store.realise(store.request("a", lock))
    state = json.loads((store.location("a").prefix / "conda-meta/state").read_text(encoding="utf-8"))
    assert state == {"env_vars": {"A": "1", "SIZE": 'x "ü" $z'}}


def test_lock_inside_the_environment_is_the_lock(store: Store) -> None:
    lock = store.lock("extra", "tool", variables=[("A", "1")])
    store.realise(store.request("a", lock))
    path = store.location("a").prefix / layout.LOCK_FILE
    assert conda_lock.loads(path.read_bytes(), source="x") == {"linux-64": lock}


def test_moment_of_creation_stays_through_generations_and_is_what_conda_reads(store: Store) -> None:
    before = time.time()
    store.create("a", "tool")
    path = store.location("a").prefix / "conda-meta/created_at"
    created = path.read_bytes()
    assert before <= float(created) <= time.time()
    store.create("a", "tool", "extra")
    assert path.read_bytes() == created
    take_kept(rollback_request(store, "a", 1), settings=store.settings, reporter=store.reporter)
    assert path.read_bytes() == created


def test_moment_that_conda_wrote_is_kept_and_none_is_invented(store: Store) -> None:
    store.create("a", "tool")
    path = store.location("a").prefix / "conda-meta/created_at"
    path.write_text("1.5")
    store.create("a", "extra")
    assert path.read_text() == "1.5"
    path.unlink()
    store.create("a", "tool", "extra")
    assert not path.exists()


def test_who_may_read_the_environment_may_read_its_records(store: Store) -> None:
    store.create("a", "tool")
    prefix = store.location("a").prefix
    expected = (prefix / "conda-meta").stat().st_mode & 0o666
    assert {path.stat().st_mode & 0o777 for path in (prefix / "conda-meta").glob("*.json")} == {expected}

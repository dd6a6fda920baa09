"""generation.json: read as written, refused when newer, and the up-to-date check."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from builders.store import Store
from envmgr.errors import StoreError
from envmgr.store import generations
from envmgr.store.generations import Generation


def make_generation(place: Path, /, **changes: object) -> Generation:
    values: dict[str, object] = {
        "number": 3,
        "created": "2026-11-22T10:00:00Z",
        "command": ("envmgr", "create"),
        "prefix": str(place),
        "name": None,
        "lock_digest": "a",
        "inputs_digest": "b",
        "spec_digest": "c",
        "switch": "exchange",
        "boot_id": generations.boot_id(),
        "previous": 2,
    }
    generation = Generation(**{**values, **changes})  # type: ignore[arg-type]
    path = place / generations.FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(generation.to_json())
    (place / "conda-meta/history").touch()
    return generation


def test_generation_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert generations.current(tmp_path) is None
    generation = make_generation(tmp_path)
    assert generations.current(tmp_path) == generation


def test_newer_schema_is_refused_with_the_mend(tmp_path: Path) -> None:
    make_generation(tmp_path)
    path = tmp_path / generations.FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 2, "new": 1}))
    with pytest.raises(StoreError) as caught:
        generations.current(tmp_path)
    assert "schema 2" in caught.value.message
    assert caught.value.hint is not None
    assert "upgrade envmgr" in caught.value.hint


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"schema": "x"}', b'{"schema": 1}', b"\xff", b"[" * 99_999]
)
def test_damaged_record_is_one_error(tmp_path: Path, content: bytes) -> None:
    make_generation(tmp_path)
    (tmp_path / generations.FILE).write_bytes(content)
    with pytest.raises(StoreError):
        generations.current(tmp_path)


@pytest.mark.parametrize("value", [None, -1, 1.5, True, [], {}, [1], 10**30, "x"])
@pytest.mark.parametrize("key", Generation._fields)
def test_record_with_a_wrong_value_is_one_error_or_harmless(tmp_path: Path, key: str, value: object) -> None:
    document = json.loads(make_generation(tmp_path).to_json()) | {key: value}
    (tmp_path / generations.FILE).write_text(json.dumps(document))
    try:
        found = generations.current(tmp_path)
    except StoreError:
        return
    assert found is not None
    assert Generation(*found) == found
    assert isinstance(found.number, int)
    assert isinstance(found.name, (str, type(None)))
    assert all(isinstance(word, str) for word in (*found.command, found.prefix, found.created))
    assert found.switch in ("exchange", "symlink", "copy")
    assert key not in {"number", "command"} or value in ([], 10**30)


def test_up_to_date_only_with_the_same_inputs_at_the_same_place(store: Store) -> None:
    location = store.location("a")
    assert not generations.is_current(location, "b")
    make_generation(location.prefix)
    assert generations.is_current(location, "b")
    assert not generations.is_current(location, "other")
    make_generation(location.prefix, prefix="/elsewhere")
    assert not generations.is_current(location, "b")


def test_unsettled_generation_of_another_boot_is_suspect(store: Store) -> None:
    location = store.location("a")
    generation = make_generation(location.prefix, boot_id="another")
    assert generations.is_suspect(location.prefix, generation)
    assert not generations.is_current(location, "b")
    (location.prefix / generations.SETTLED).write_bytes(b"1")
    assert not generations.is_suspect(location.prefix, generation)
    assert generations.is_current(location, "b")

from __future__ import annotations

import pytest

from envmgr.channels.shard_index import ShardIndex, dependencies

PLACE = "https://h.example/lab/noarch"


def packed(value: object) -> bytes:
    """Return a value as msgpack, by the forms that rattler's index writes."""
    if isinstance(value, dict):
        body = b"".join(packed(key) + packed(item) for key, item in value.items())
        return (bytes((0x80 | len(value),)) if len(value) < 16 else b"\xde" + len(value).to_bytes(2, "big")) + body
    if isinstance(value, list):
        head = bytes((0x90 | len(value),)) if len(value) < 16 else b"\xdc" + len(value).to_bytes(2, "big")
        return head + b"".join(map(packed, value))
    if isinstance(value, bytes):
        return bytes((0xC4, len(value))) + value
    text = str(value).encode()
    return (bytes((0xA0 | len(text),)) if len(text) < 32 else bytes((0xD9, len(text)))) + text


def index(shards: dict[str, object], base: str = "./shards/") -> ShardIndex:
    info = {"subdir": "noarch", "base_url": "", "shards_base_url": base}
    return ShardIndex(b"SHARD-CACHE-V1...." + packed({"info": info, "shards": shards}), PLACE)


def test_every_shard_has_its_hash() -> None:
    hashes = {f"package-{'x' * number}{number}": bytes([number]) * 32 for number in range(40)}
    assert index(dict(hashes)).hashes == hashes


def test_hash_that_is_text_is_one() -> None:
    assert index({"a": "ab" * 32, "b": b"b" * 32}).hashes == {"a": bytes.fromhex("ab" * 32), "b": b"b" * 32}


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("./shards/", f"{PLACE}/shards"),
        ("", PLACE),
        ("../s", "https://h.example/lab/s"),
        ("https://o.example/s/", "https://o.example/s"),
    ],
)
def test_shards_are_where_the_index_says_from_its_subdir(base: str, expected: str) -> None:
    assert index({}, base).base == expected


@pytest.mark.parametrize("broken", [{"a": b"short"}, {"a": "zz" * 32}, {"a": ["x"]}, {"": b"x" * 32}])
def test_what_is_no_hash_ends_the_index(broken: dict[str, object]) -> None:
    assert index({"before": b"b" * 32, **broken, "after": b"c" * 32}).hashes == {"before": b"b" * 32}


@pytest.mark.parametrize("data", [b"", b"\xa6shards", b"\xa6shards\xdf\xff", b"\xa6shards\xde\xff\xff\xd9"])
def test_index_that_breaks_off_names_no_shards(data: bytes) -> None:
    assert ShardIndex(data, PLACE).hashes == {}


def test_names_of_dependencies_are_those_of_every_record() -> None:
    shard = {
        "packages": {"a-1.tar.bz2": {"depends": ["b >=1", "c"], "md5": b"m" * 16}},
        "packages.conda": {
            "a-2.conda": {"depends": ["b >=1", "c"], "md5": b"n" * 16},
            "a-3.conda": {"depends": ["D[version='>=1']", "__cuda >=12", "e=1", "f<2", *(f"g{n}" for n in range(20))]},
            "a-4.conda": {"depends": []},
        },
    }
    assert dependencies(packed(shard)) == {"b", "c", "d", "e", "f", *(f"g{n}" for n in range(20))}


@pytest.mark.parametrize("data", [b"\xa7depends", b"\xa7depends\xdd\xff\xff\xff\xff", b"\xa7depends\x92\xa1b\xda"])
def test_shard_that_breaks_off_has_the_names_before(data: bytes) -> None:
    assert dependencies(data) <= {"b"}

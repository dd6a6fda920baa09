"""The index of a sharded subdir (CEP 16) and its shards as msgpack, of which no more is read than has to be known.

What is asked for is looked for among the bytes, which takes a fraction of unpacking them. Where something is missed or
made up, rattler, which reads it whole, has the last word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urljoin

_BASE_URL = b"\xafshards_base_url"  # a key of 15 bytes, as msgpack writes it
_SHARDS = b"\xa6shards"
_HASH = b"\xc4\x20"  # 32 bytes follow
_DEPENDS = b"\xa7depends"
_AFTER = b"\xa3md5"  # mostly what follows soon
_NAME_ENDS = re.compile(rb"[\s=<>!~\[;]")


class ShardIndex:
    """An index as rattler keeps it: `url` is that of its subdir, and the URLs of shards begin with `base`.

    `hashes` are the sha256 of shards (32 bytes) by the names of their packages.
    """

    def __init__(self, data: bytes, url: str) -> None:
        self.base = urljoin(f"{url.rstrip('/')}/", _text_after(data, _BASE_URL).decode(errors="replace")).rstrip("/")
        self.hashes = {name.decode(errors="replace"): digest for name, digest in _shards(data)}


def dependencies(shard: bytes) -> set[str]:
    """Return the names of the packages that the records of a shard depend on."""
    found: set[bytes] = set()
    seen: set[bytes] = set()
    at = shard.find(_DEPENDS)
    while at >= 0:
        begin = at + len(_DEPENDS)
        at = shard.find(_DEPENDS, begin)
        piece = shard[begin : shard.find(_AFTER, begin, at if at >= 0 else len(shard))]
        if piece not in seen:  # most versions of a package depend on the same
            seen.add(piece)
            found.update(_NAME_ENDS.split(text, maxsplit=1)[0] for text in _texts(shard, begin))
    return {name.decode(errors="replace").lower() for name in found if name and not name.startswith(b"__")}


def _shards(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the pairs of the map that is called `shards`, as far as there are any."""
    at = data.find(_SHARDS)
    if at < 0:
        return
    at += len(_SHARDS)
    at += {0xDE: 3, 0xDF: 5}.get(data[at] if at < len(data) else 0, 1)  # how long the form of a map is
    while True:
        start, end = _span(data, at)
        if end <= start:
            return
        digest = data[end + len(_HASH) : end + len(_HASH) + 32]
        at = end + len(_HASH) + 32
        if data[end : end + len(_HASH)] != _HASH:  # rattler reads it as text as well
            first, at = _span(data, end)
            digest = _unhex(data[first:at])
        if len(digest) != 32:
            return
        yield data[start:end], digest


def _unhex(text: bytes) -> bytes:
    try:
        return bytes.fromhex(text.decode("ascii"))
    except ValueError:
        return b""


def _texts(data: bytes, at: int) -> Iterator[bytes]:
    """Yield the texts of the array that begins at `at`, as far as there are any."""
    form = data[at] if at < len(data) else 0
    if 0x90 <= form <= 0x9F:
        count, at = form & 0x0F, at + 1
    elif form in (0xDC, 0xDD):
        size = 2 if form == 0xDC else 4
        count, at = int.from_bytes(data[at + 1 : at + 1 + size], "big"), at + 1 + size
    else:
        return
    for _ in range(count):
        start, end = _span(data, at)
        if end <= start or end > len(data):
            return
        yield data[start:end]
        at = end


def _span(data: bytes, at: int) -> tuple[int, int]:
    """Return where the text that msgpack has at `at` begins and ends; both the same where there is none."""
    form = data[at] if at < len(data) else 0
    if 0xA0 <= form <= 0xBF:
        return at + 1, at + 1 + (form & 0x1F)
    if form in (0xD9, 0xDA):
        start = at + 2 + (form == 0xDA)
        return start, start + int.from_bytes(data[at + 1 : start], "big")
    return at, at


def _text_after(data: bytes, key: bytes) -> bytes:
    at = data.find(key)
    start, end = _span(data, at + len(key)) if at >= 0 else (0, 0)
    return data[start:end]

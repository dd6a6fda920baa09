"""ELF files: which libraries one asks for, and where it looks for them (System V ABI, dynamic section)."""

from __future__ import annotations

import struct
from typing import NamedTuple

_NEEDED, _STRTAB, _RPATH, _RUNPATH = 1, 5, 15, 29
_LOAD, _DYNAMIC = 1, 2


class Dynamic(NamedTuple):
    """The dynamic section of one ELF file.

    `search` is its RPATH or RUNPATH, split; `search_offset` and `search_length` say where that text stands in the
    file, in bytes, and `tag_offset` where the kind of it does. Without one, all three are 0.
    """

    needed: tuple[str, ...]
    search: tuple[str, ...] = ()
    search_offset: int = 0
    search_length: int = 0
    tag_offset: int = 0
    layout: str = "<Q"


def read(data: bytes) -> Dynamic | None:
    """Return the dynamic section of an ELF file, or None for any other file, a static one and a damaged one."""
    if data[:4] != b"\x7fELF" or len(data) < 64:
        return None
    try:
        return _read(data)
    except (struct.error, ValueError, OverflowError, StopIteration):
        return None


def _read(data: bytes) -> Dynamic | None:
    wide, order = data[4] == 2, "<" if data[5] == 1 else ">"
    word = f"{order}Q" if wide else f"{order}I"
    headers = struct.unpack_from(word, data, 32 if wide else 28)[0]
    size, count = struct.unpack_from(f"{order}HH", data, 54 if wide else 42)
    segments = [_segment(data, headers + number * size, order, wide=wide) for number in range(count)]
    dynamic = next(((offset, length) for kind, offset, _, length in segments if kind == _DYNAMIC), None)
    if dynamic is None:
        return None
    step = struct.calcsize(word)
    entries = []
    for position in range(dynamic[0], dynamic[0] + dynamic[1], 2 * step):
        tag, value = struct.unpack_from(word, data, position)[0], struct.unpack_from(word, data, position + step)[0]
        if tag == 0:
            break
        entries.append((tag, value, position))
    address = next(value for tag, value, _ in entries if tag == _STRTAB)
    table = next(
        offset + address - start
        for kind, offset, start, length in segments
        if kind == _LOAD and start <= address < start + length
    )
    needed = tuple(_text(data, table + value) for tag, value, _ in entries if tag == _NEEDED)
    search = [(value, position) for tag, value, position in entries if tag in {_RPATH, _RUNPATH}]
    if not search:
        return Dynamic(needed)
    value, position = search[-1]
    text = _text(data, table + value)
    folders = tuple(folder for folder in text.split(":") if folder)
    return Dynamic(needed, folders, table + value, len(text.encode()), position, word)


def _segment(data: bytes, position: int, order: str, *, wide: bool) -> tuple[int, int, int, int]:
    """Return kind, offset, address and length (in the file) of a program header."""
    if wide:
        kind, _, offset, address, _, length = struct.unpack_from(f"{order}IIQQQQ", data, position)
    else:
        kind, offset, address, _, length = struct.unpack_from(f"{order}IIIII", data, position)
    return kind, offset, address, length


def _text(data: bytes, position: int) -> str:
    return data[position : data.index(b"\0", position)].decode("utf-8", "surrogateescape")


def with_search(data: bytes, folders: tuple[str, ...]) -> bytes | None:
    """Return the file with another search path, as RPATH; None where the old one leaves too little room.

    RPATH rather than RUNPATH, as conda-build writes it: LD_LIBRARY_PATH of another installation must not win.
    """
    found = read(data)
    text = ":".join(folders).encode()
    if found is None or not found.search_offset or len(text) > found.search_length:
        return None
    changed = bytearray(data)
    changed[found.search_offset : found.search_offset + found.search_length] = text.ljust(found.search_length, b"\0")
    struct.pack_into(found.layout, changed, found.tag_offset, _RPATH)
    return bytes(changed)

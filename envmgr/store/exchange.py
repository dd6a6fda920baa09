"""How a directory takes the place of another one in one step of the kernel.

Linux: renameat2(RENAME_EXCHANGE); macOS: renamex_np(RENAME_SWAP). File systems that refuse both (NFS, some
overlays) are found by probing.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from envmgr.store.generations import Switch

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # linux/fs.h
_RENAME_SWAP = 2  # sys/stdio.h of macOS
# renameat2 by number where the C library is older than glibc 2.28 (asm/unistd.h of each machine).
_RENAMEAT2 = {"x86_64": 316, "aarch64": 276, "ppc64le": 357, "s390x": 347, "riscv64": 276}
REFUSED = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM})


def exchange(one: Path, other: Path) -> None:
    """Let two existing directories of one file system take each other's place, atomically.

    Raises OSError: one of REFUSED where the file system cannot, EXDEV for a directory of a lower overlay layer.
    """
    function = _function()
    if function is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(one))
    ctypes.set_errno(0)
    if function(os.fsencode(one), os.fsencode(other)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(one), None, str(other))


def probe(directory: Path) -> Switch:
    """Return how directories below `directory` can be switched: by exchange, or else by symlink.

    Raises OSError where nothing can be made in `directory`.
    """
    scratch = Path(tempfile.mkdtemp(prefix=".probe-", dir=directory))
    try:
        one, other = scratch / "one", scratch / "other"
        one.mkdir()
        (other / "marker").mkdir(parents=True)
        try:
            exchange(one, other)
        except OSError:
            return "symlink"
        # Some network file systems report success and do a plain rename or nothing.
        return "exchange" if (one / "marker").is_dir() and other.is_dir() else "symlink"
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@lru_cache(maxsize=1)
def _function() -> Any:
    library = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "darwin":
        swap = getattr(library, "renamex_np", None)
        return None if swap is None else lambda one, other: swap(one, other, ctypes.c_uint(_RENAME_SWAP))
    if not sys.platform.startswith("linux"):
        return None
    renameat2 = getattr(library, "renameat2", None)
    if renameat2 is not None:
        return lambda one, other: renameat2(_AT_FDCWD, one, _AT_FDCWD, other, ctypes.c_uint(_RENAME_EXCHANGE))
    number = _RENAMEAT2.get(os.uname().machine)
    if number is None:
        return None
    call = library.syscall
    return lambda one, other: call(ctypes.c_long(number), _AT_FDCWD, one, _AT_FDCWD, other, _RENAME_EXCHANGE)

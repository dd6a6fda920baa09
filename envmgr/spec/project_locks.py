"""Locks and manifests of pip's project tools as what is wanted: Pipfile, Pipfile.lock, poetry.lock, pdm.lock, uv.lock.

A lock is followed package by package: each in its version, held against its hashes, with nothing resolved beside it.
Which index has them is this machine's business, since every file is held against its hash.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from packaging.utils import canonicalize_name

from envmgr.spec import pdm_lock, pipfile, poetry, uv_lock
from envmgr.spec.faults import Faults, SpecFault
from envmgr.spec.kinds import FileKind
from envmgr.spec.model import EnvironmentSpec
from envmgr.spec.project import Project, Wish, spec_of
from envmgr.urls import redact

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_READERS: Mapping[FileKind, Callable[[Mapping[str, Any], Wish], Project]] = {
    FileKind.PIPFILE: pipfile.read,
    FileKind.PIPFILE_LOCK: pipfile.read_lock,
    FileKind.POETRY_LOCK: poetry.read_lock,
    FileKind.PDM_LOCK: pdm_lock.read,
    FileKind.UV_LOCK: uv_lock.read,
}


def read(
    text: str,
    *,
    source: str,
    kind: FileKind,
    platform: str,
    extras: Sequence[str] = (),
    groups: Sequence[str] = (),
    load: Callable[[str], str],
) -> EnvironmentSpec:
    """Return what the file asks for on `platform`, with `extras` and dependency `groups`.

    Raises one SpecError that names every fault.
    """
    label = "stdin" if source == "-" else redact(source)
    faults = Faults(label)
    wish = Wish(platform, *(frozenset(map(str, map(canonicalize_name, names))) for names in (extras, groups)))
    document = _document(text, kind, faults)
    faults.raise_if_any()
    try:
        project = _READERS[kind](document, wish)
    except SpecFault as fault:
        faults.add_fault(None, fault)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        where = f" ({error.args[0]!r} is missing)" if isinstance(error, KeyError) else ""
        faults.add(None, f"it is not {kind.value} as its tool writes it{where}", "lock it anew with its tool")
    faults.raise_if_any()
    return spec_of(project, text, source, wish, faults, load)


def _document(text: str, kind: FileKind, faults: Faults) -> Mapping[str, Any]:
    try:
        found = json.loads(text) if kind is FileKind.PIPFILE_LOCK else tomllib.loads(text)
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, RecursionError) as error:
        language = "JSON" if kind is FileKind.PIPFILE_LOCK else "TOML"
        faults.add(None, f"not {language}: {error}")
        return {}
    if not isinstance(found, Mapping):
        faults.add(None, f"it is not {kind.value}: expected a table")
        return {}
    return found

"""Locked wheels, put by uv from its cache into a tree of their own (`uv pip sync`), by reflink or hardlink."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from envmgr.errors import PipError
from envmgr.lock.model import PipPackage
from envmgr.pypi import cached, pylock
from envmgr.pypi.uv import Uv, UvFailed
from envmgr.spec import requirements
from envmgr.spec.model import COMMAND_LINE

_LOGGED = "off,uv_extract=warn"  # what uv says of members that it leaves out
_UNSAFE = re.compile(r"Skipping unsafe file name: (.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the pip half goes: `staging` holds the conda half and its `python` (an absolute path below it),
    `prefix` is where staging will be. `owners` names the conda package of each path, relative to the prefix.
    `builder` is what the wheels that are built by this python have in common (empty: none of them is kept).
    `checkouts` is where those of this environment are, `checkouts_like` where those of the one are that it copies."""

    staging: Path
    prefix: Path
    python: Path
    owners: Mapping[str, str]
    builder: str = ""
    checkouts: Path | None = None
    checkouts_like: Path | None = None


def unpack(uv: Uv, packages: Sequence[PipPackage], place: Place, tree: Path) -> None:
    """Install `packages` exactly as locked into `tree`, a directory of their own beside which others may be made.

    Raises PipError for a wheel that is not the locked one, that cannot be had, or that would write outside.
    """
    try:
        _log_in(uv, packages, place, tree)
        if _unsafe(_sync(uv, packages, place, tree)):
            raise _refuse(uv, packages, place, tree)
    except UvFailed as failure:
        raise _failure(uv, failure, packages, place, tree) from failure
    (tree / ".lock").unlink(missing_ok=True)


def _log_in(uv: Uv, packages: Sequence[PipPackage], place: Place, tree: Path) -> None:
    """Fetch what was asked for with credentials into uv's cache: the lock has the places without them.

    uv replaces the `${VARIABLES}` itself, so that they are written nowhere. Raises UvFailed.
    """
    lines = [line for package in packages for line in _with_credentials(package)]
    if not lines or uv.offline:
        return
    order = tree.with_name("requirements.in")
    order.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    uv.run(
        ["pip", "install", "--no-deps", "--no-sources", "--quiet", "--requirements", order,
         "--target", tree.with_name("fetched"), "--python", place.python],
        hidden=((str(order), "the lock"), (str(place.staging), str(place.prefix)), *_secrets(lines, uv)),
    )  # fmt: skip


def place_with_credentials(package: PipPackage) -> str | None:
    """Return the URL of a repository or an archive as it was asked for, where that names variables; as git reads it."""
    for text in package.requested:
        url = requirements.parse(text, COMMAND_LINE).url if "${" in text else None
        if url is not None and "${" in url:
            parts = urlsplit(url.partition("#")[0].removeprefix("git+"))
            path = parts.path if package.has_file else parts.path.rpartition("@")[0] or parts.path
            return urlunsplit(parts._replace(path=path))
    return None


def _with_credentials(package: PipPackage) -> Iterator[str]:
    if package.kind not in ("archive", "vcs") or (package.is_local and package.kind == "archive"):
        return
    for text in package.requested:
        url = requirements.parse(text, COMMAND_LINE).url if "${" in text else None
        if url is not None and "${" in url:
            fragment = package.url.partition("#")[2]
            if package.kind == "vcs":
                commit = package.url.partition("#")[0].rpartition("@")[2]
                parts = urlsplit(url.partition("#")[0])
                url = urlunsplit(parts._replace(path=parts.path.rpartition("@")[0] or parts.path)) + f"@{commit}"
            else:
                url = url.partition("#")[0]
            yield f"{package.name} @ {url}{f'#{fragment}' if fragment else ''}"
            return


def _secrets(lines: Sequence[str], uv: Uv) -> Iterator[tuple[str, str]]:
    for name in sorted({name for line in lines for name in re.findall(r"\$\{([A-Z0-9_]+)\}", line)}):
        if uv.environ.get(name):
            yield uv.environ[name], f"${{{name}}}"


def _sync(uv: Uv, packages: Sequence[PipPackage], place: Place, tree: Path) -> tuple[str, ...]:
    """Install into `tree` and return what uv said of it."""
    order = tree.with_name("pylock.toml")
    order.write_text(pylock.write(packages), encoding="utf-8")
    return uv.run(
        ["pip", "sync", order, "--python", place.python, "--prefix", tree, "--preview-features", "pylock",
         "--no-sources", "--quiet", *_build_options(packages, uv)],
        variables={
            "RUST_LOG": _LOGGED,
            "PATH": os.pathsep.join(filter(None, (str(place.python.parent), uv.environ.get("PATH")))),
        },
        hidden=((f"{tree}/", ""), (str(place.staging), str(place.prefix))),
    )  # fmt: skip


def _build_options(packages: Sequence[PipPackage], uv: Uv) -> Iterator[str]:
    for package in packages:
        if package.kind == "directory":
            yield from uv.anew(package.name)
        for setting in package.config_settings:
            yield from ("--config-settings-package", f"{package.name}:{setting}")


def _unsafe(said: Sequence[str]) -> list[str]:
    """Return the members that uv left out, since they would be written outside; it says so in its log only."""
    return [match[1] for line in said if (match := _UNSAFE.match(line))]


def _refuse(uv: Uv, packages: Sequence[PipPackage], place: Place, tree: Path) -> PipError:
    """Return the refusal of wheels with members that would be written outside, named one by one.

    uv's cache forgets them, so that they are refused the next time as well.
    """
    uv.run(["cache", "clean", "--quiet", *(package.name for package in packages)])
    culprits: dict[str, str] = {}
    for package in packages:
        paths = _unsafe(_sync(uv, [package], place, tree.with_name("alone")))
        if paths:
            culprits[package.name] = paths[0]
            uv.run(["cache", "clean", "--quiet", package.name])
    lines = [f"the wheel of {name} would write {path}, which is outside of the environment"
             for name, path in sorted(culprits.items())]  # fmt: skip
    return PipError(
        "\n".join(lines) or "a wheel of the pip half would write outside of the environment",
        hint="nothing was installed; no honest wheel does that: distrust where it comes from",
        details={"packages": sorted(culprits)},
    )


def _failure(uv: Uv, failure: UvFailed, packages: Sequence[PipPackage], place: Place, tree: Path) -> PipError:
    if uv.offline and "connectivity is disabled" in failure.text:
        missing = [package for package in packages if not _is_cached(uv, package, place, tree)]
        if missing:
            return _lacking(missing)
    from envmgr.pypi import failures  # start-up time: what only a failure needs

    known = failures.explain_installation(failure)
    return known or PipError(f"the pip half cannot be installed\n{failures.indented(failure.text)}")


def _is_cached(uv: Uv, package: PipPackage, place: Place, tree: Path) -> bool:
    """Whether uv's cache has what installs a package: uv names the first one only that it lacks."""
    try:
        _sync(uv, [package], place, tree.with_name("alone"))
    except UvFailed:
        return False
    return True


def _lacking(missing: Sequence[PipPackage]) -> PipError:
    total = sum(package.size or 0 for package in missing)
    return PipError(
        f"offline, and the cache lacks {len(missing)} of the locked pip packages ({total} bytes):\n"
        + "\n".join(cached.listed(missing)),
        hint="run the same command once without --offline",
        details={"missing": [package.filename or package.name for package in missing], "bytes": total},
    )

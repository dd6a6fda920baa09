"""Checkouts to edit, of `-e git+URL@REVISION`: one directory for each commit, beside the environments.

It is a clone with the history of the repository and its `origin`. Like the directory of `-e PATH` it belongs to whoever
works in it: it is made where it is not there yet, and never changed. Another commit has another directory, so that no
generation takes away what another one, or a person, uses.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl

from envmgr.errors import PipError
from envmgr.lock.model import PipPackage
from envmgr.processes import process_tag, tag_is_dead
from envmgr.settings import Settings
from envmgr.urls import file_url, redact

DIRECTORY = "checkouts"
MIRRORS = "git"  # below the cache
_SECONDS = 1800.0
_SHORT = 12  # digits of a commit in a directory's name
# What builds leave in a checkout; anything else that git does not know is somebody's
_OF_BUILDS = (":(exclude,glob)**/*.egg-info/**", ":(exclude,glob)**/__pycache__/**", ":(exclude,glob)build/**")


class Checkout(NamedTuple):
    """Where the checkout of a package is: `home` is the directory of an environment's checkouts."""

    package: PipPackage
    home: Path

    @property
    def directory(self) -> Path:
        return self.home / f"{self.package.name}-{self.commit[:_SHORT]}"

    @property
    def commit(self) -> str:
        return self.package.url.partition("#")[0].rpartition("@")[2]

    @property
    def repository(self) -> str:
        """The URL of the repository, as git reads it, without credentials."""
        return self.package.url.partition("#")[0].removeprefix("git+").rpartition("@")[0]

    def as_directory(self) -> PipPackage:
        """Return what is installed for the package: the checkout, as a directory that is edited."""
        below = dict(parse_qsl(self.package.url.partition("#")[2])).get("subdirectory")
        url = file_url(self.directory) + (f"#subdirectory={below}" if below else "")
        return self.package._replace(kind="editable", url=url)

    def head(self) -> str | None:
        """Return the commit that is checked out, None where there is no checkout or git cannot tell."""
        with contextlib.suppress(PipError):
            return _git(self.directory, "rev-parse", "HEAD", environ=os.environ).strip()
        return None


def home(settings: Settings, prefix: Path) -> Path:
    """Return where the checkouts of the environment at `prefix` are."""
    environments = settings.root / "envs"
    if prefix.parent == environments:
        return settings.root / DIRECTORY / prefix.name
    digest = hashlib.sha256(os.fsencode(prefix)).hexdigest()[:8]
    return settings.root / DIRECTORY / f"{prefix.name}-{digest}"


def of(packages: Sequence[PipPackage], home: Path) -> tuple[Checkout, ...]:
    """Return the checkouts that `packages` of a lock have; raises PipError for a name that leads elsewhere."""
    found = tuple(Checkout(package, home) for package in packages if package.kind == "checkout")
    for each in found:
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*-[0-9a-f]{12}", each.directory.name):
            raise PipError(f"`{each.package.name}` at `{each.commit}` is no name and commit of a checkout")
    return found


def everywhere(settings: Settings) -> Iterator[Path]:
    """Yield the directory of every checkout of every environment; what killed processes left is removed."""
    with contextlib.suppress(OSError):
        for home in sorted((settings.root / DIRECTORY).iterdir()):
            for directory in sorted(home.iterdir()) if home.is_dir() else ():
                if not directory.name.startswith("."):
                    yield directory
                elif tag_is_dead(directory.name[1:].partition("~")[0]):
                    shutil.rmtree(directory, ignore_errors=True)


def make(checkout: Checkout, settings: Settings, *, source: str | None = None, like: Path | None = None) -> bool:
    """Make the checkout where it is not there, and return whether that was so.

    `source` is the repository's URL with credentials (None: it needs none), `like` the home of another environment's
    checkouts, where one of the same commit is copied with what people did to it. Raises PipError.
    """
    target = checkout.directory
    if target.is_dir():
        return False
    scratch = target.with_name(f".{process_tag()}~{target.name}")
    other = checkout._replace(home=like).directory if like is not None else None
    try:
        checkout.home.mkdir(parents=True, exist_ok=True)
        if other is not None and other.is_dir():
            shutil.copytree(other, scratch, symlinks=True)
        else:
            _clone(checkout, scratch, source or checkout.repository, settings)
        scratch.rename(target)
    except OSError as error:
        if target.is_dir():  # another process made it meanwhile
            return False
        raise PipError(f"{target} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return True


def is_cached(checkout: Checkout, settings: Settings) -> bool:
    """Whether the checkout is there, or can be made without a network."""
    return checkout.directory.is_dir() or _has(_mirror(checkout, settings), checkout.commit, settings.environ)


def has_work(directory: Path, environ: Mapping[str, str]) -> bool:
    """Whether a checkout holds what exists nowhere else, as far as git can tell: changes, new files, commits that no
    remote has, stashes. What git cannot read may."""
    try:
        return any(
            _git(directory, *command, environ=environ).strip()
            for command in (
                ("status", "--porcelain", "--untracked-files=all", "--", ".", *_OF_BUILDS),
                ("log", "--oneline", "-1", "HEAD", "--branches", "--not", "--remotes", "--tags"),
                ("stash", "list"),
            )
        )
    except PipError:
        return True


def _clone(checkout: Checkout, target: Path, source: str, settings: Settings) -> None:
    """Clone by way of a mirror in the cache, so that it is fetched once, and there when offline."""
    mirror, environ, commit = _mirror(checkout, settings), settings.environ, checkout.commit
    if not _has(mirror, commit, environ):
        if settings.offline and not source.startswith("file:"):
            raise PipError(
                f"offline, and the cache lacks {redact(checkout.package.url)}",
                hint="run the same command once without --offline",
            )
        try:
            _fetch(mirror, commit, source, environ, secret=source if source != checkout.repository else None)
        except PipError:
            if not _has(mirror, commit, environ):  # else another process fetched it at the same time
                raise
    _git(mirror, "clone", "--quiet", "--no-checkout", "--no-hardlinks", ".", target, environ=environ)
    _git(target, "remote", "set-url", "origin", checkout.repository, environ=environ)
    branch = checkout.package.revision or ""
    heads = _git(target, "for-each-ref", "--format=%(refname) %(objectname)", "refs/remotes/origin", environ=environ)
    if f"refs/remotes/origin/{branch} {commit}" in heads.splitlines():
        _git(target, "checkout", "--quiet", "-B", branch, "--track", f"origin/{branch}", environ=environ)
    else:
        _git(target, "checkout", "--quiet", "--detach", commit, environ=environ)
    if (target / ".gitmodules").is_file():
        _git(target, "submodule", "update", "--init", "--recursive", "--quiet", environ=environ)


def _fetch(mirror: Path, commit: str, source: str, environ: Mapping[str, str], *, secret: str | None) -> None:
    mirror.mkdir(parents=True, exist_ok=True)
    _git(mirror, "init", "--bare", "--quiet", environ=environ)
    refs = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
    _git(mirror, "fetch", "--quiet", "--force", "--", source, *refs, environ=environ, secret=secret)
    if not _has(mirror, commit, environ):
        _git(mirror, "fetch", "--quiet", "--", source, commit, environ=environ, secret=secret)


def _mirror(checkout: Checkout, settings: Settings) -> Path:
    return settings.cache / MIRRORS / hashlib.sha256(checkout.repository.encode()).hexdigest()[:32]


def _has(repository: Path, commit: str, environ: Mapping[str, str]) -> bool:
    if not repository.is_dir():
        return False
    with contextlib.suppress(PipError):
        _git(repository, "cat-file", "-e", f"{commit}^{{commit}}", environ=environ)
        return True
    return False


def _git(
    directory: Path, command: str, *arguments: str | Path, environ: Mapping[str, str], secret: str | None = None
) -> str:
    """Run git and return its stdout; raises PipError with its last words."""
    kept = {key: value for key, value in environ.items() if not re.match(r"GIT_(?:DIR|WORK_TREE|INDEX_FILE)$", key)}
    try:
        ended = subprocess.run(
            ["git", "-C", directory, command, *arguments],
            env={**kept, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise PipError("git is needed for a checkout to edit, and it is not on PATH") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PipError(f"git {command} in {directory}: {error}") from error
    if ended.returncode != 0:
        said = ended.stderr.decode("utf-8", "replace").strip()
        said = said.replace(secret, redact(secret)) if secret else said
        last = redact(said.splitlines()[-1]) if said else f"exit code {ended.returncode}"
        raise PipError(
            f"git {command} failed: {last.removeprefix('fatal: ')}",
            hint="check the URL and who may read it; git's own credentials count, and `${TOKEN}` in the URL does",
        )
    return ended.stdout.decode("utf-8", "replace")

"""The usual mistakes of an installation: where store and cache are, what they are registered as, who holds what."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from envmgr.channels import location as channels_location
from envmgr.channels import table_file
from envmgr.errors import EnvmgrError
from envmgr.leases import owner_of
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store import layout, registry
from envmgr.workflows import verify
from envmgr.workflows.finding import Finding, fault, notice

_NETWORK_FILE_SYSTEMS = ("nfs", "nfs4", "cifs", "smb3", "lustre", "beegfs", "gpfs", "ceph", "fuse.sshfs")
_LEAST_BYTES = 1 << 30
_LEAST_INODES = 50_000
_GIT_SECONDS = 10


def channels(settings: Settings) -> Iterator[Finding]:
    """Yield the faults of the channels.yaml files in force."""
    for path in channels_location.files(settings, beside=(Path.cwd(),)):
        try:
            table_file.read(path, home=settings.home)
        except EnvmgrError as error:
            yield fault(error.message, error.hint or f"mend {path}")


def store(settings: Settings) -> Iterator[Finding]:
    """Yield where store or cache are slow, or cannot be written or linked."""
    for name, directory in (("store", settings.root), ("cache", settings.cache)):
        there = _nearest(directory)
        if not os.access(there, os.W_OK | os.X_OK):
            yield fault(
                f"the {name} {directory} cannot be written", f"give permission, or: envmgr config set "
                f"{'root' if name == 'store' else 'cache'} PATH",
            )  # fmt: skip
        kind = _file_system(there)
        if kind in _NETWORK_FILE_SYSTEMS:
            yield notice(
                f"the {name} {directory} is on {kind}: every file of an environment is a request to a server",
                f"put it on a local disk: envmgr config set {'root' if name == 'store' else 'cache'} PATH",
            )
    store, cache = _nearest(settings.root), _nearest(settings.cache)
    if os.stat(store).st_dev != os.stat(cache).st_dev:
        yield notice(
            f"the store {settings.root} and the cache {settings.cache} are on different file systems: files are "
            "copied, not linked, and old generations are kept as locks only",
            f"put both on one: envmgr config set cache {settings.root.parent / 'envmgr-cache'}",
        )
    elif os.access(store, os.W_OK) and not _links(store):
        yield notice(
            f"{settings.root} has no hard links: files are copied, which takes time and room",
            "envmgr config set root PATH, on a file system with hard links or reflinks",
        )


def room(settings: Settings) -> Iterator[Finding]:
    """Yield where space or inodes run out."""
    for name, directory in (("store", settings.root), ("cache", settings.cache)):
        if not hasattr(os, "statvfs"):
            return
        found = os.statvfs(_nearest(directory))
        free = found.f_bavail * found.f_frsize
        if free < _LEAST_BYTES:
            yield notice(f"{free >> 20} MiB are left for the {name} {directory}", "envmgr clean")
        if found.f_files and found.f_favail < _LEAST_INODES:
            yield notice(f"{found.f_favail} inodes are left for the {name} {directory}", "envmgr clean")


def register(settings: Settings) -> Iterator[Finding]:
    """Yield registered environments that are gone."""
    gone = [prefix for prefix in registry.prefixes(settings) if not layout.is_environment(prefix)]
    if gone:
        shown = ", ".join(map(str, gone[:3])) + (f" and {len(gone) - 3} more" if len(gone) > 3 else "")
        yield notice(f"{registry.path_of(settings)} names environments that are gone: {shown}", "envmgr clean")


def git(settings: Settings) -> Iterator[Finding]:
    """Yield environments in a git work tree that does not ignore them."""
    git = shutil.which("git", path=settings.environ.get("PATH"))
    if git is None:
        return
    for location in registry.environments(settings):
        top = next((parent for parent in location.prefix.parents if (parent / ".git").exists()), None)
        if top is None or top in (settings.home, Path("/")):
            continue
        done = subprocess.run(
            [git, "-C", str(top), "check-ignore", "-q", str(location.prefix)],
            capture_output=True, check=False, timeout=_GIT_SECONDS, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if done.returncode == 1:
            relative = location.prefix.relative_to(top).as_posix()
            hidden = f"{Path(relative).parent.as_posix()}/.{location.prefix.name}.envmgr/".removeprefix("./")
            yield notice(
                f"{location.prefix} lies in the git repository {top}, which does not ignore it",
                f"printf '/{relative}/\\n/{hidden}\\n' >> {top / '.gitignore'}",
            )


def locks(settings: Settings) -> Iterator[Finding]:
    """Yield leases whose owner has ended or cannot be looked up."""
    directories = [settings.root / "envs/.leases"]
    directories += [each.lease.parent for each in registry.environments(settings) if each.hidden is not None]
    for directory in dict.fromkeys(directories):
        for path in sorted(directory.glob("*.lease")) if directory.is_dir() else ():
            owner = owner_of(path)
            if owner is not None and owner.is_dead() is not False:
                state = "has ended" if owner.is_dead() else "cannot be looked up from here"
                yield notice(
                    f"{path} is held by {owner}, which {state}",
                    "nothing to do: the next command takes it over, after a minute without a sign of life",
                )


def cache(settings: Settings, reporter: Reporter) -> Iterator[Finding]:
    """Yield cached artifacts that are not what was published."""
    for rotten in verify.verify_cache(settings, reporter).rotten:
        yield fault(f"{rotten.key or rotten.package}: {rotten.reasons[0]}", "envmgr verify --cache --fix")


def _nearest(directory: Path) -> Path:
    """Return the directory itself, or the nearest above it that exists."""
    return next(each for each in (directory, *directory.parents) if each.is_dir())


def _links(directory: Path) -> bool:
    """Whether two names can be one file there; tried out, and nothing is left behind."""
    probe = directory / f".envmgr-doctor-{os.getpid()}"
    other = probe.with_name(probe.name + "-link")
    try:
        probe.touch()
        os.link(probe, other)
    except OSError:
        return False
    finally:
        for path in (probe, other):
            path.unlink(missing_ok=True)
    return True


def _file_system(directory: Path, mounts: str = "/proc/self/mounts") -> str:
    """Return the type of the file system that a directory is on, empty where the system does not say."""
    try:
        lines = Path(mounts).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    real, best, kind = os.path.realpath(directory), "", ""
    for line in lines:
        fields = line.split()
        if len(fields) < 3:
            continue
        place = fields[1].encode().decode("unicode_escape")
        if (real == place or real.startswith(place.rstrip("/") + "/")) and len(place) >= len(best):
            best, kind = place, fields[2]
    return kind

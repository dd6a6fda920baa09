"""The pip half of an adopted environment: each distribution found again, with its hash, where it can be had."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from envmgr.channels.table import ChannelTable
from envmgr.errors import CorruptPackage, EnvmgrError, PipError
from envmgr.lock.model import CondaPackage, Lock, PipPackage
from envmgr.platforms.detect import detect
from envmgr.pypi import provided
from envmgr.pypi.indexes import Indexes
from envmgr.pypi.resolve import PipRequest, resolve
from envmgr.reporting import Reporter, SilentReporter
from envmgr.settings import Settings
from envmgr.store import ownership, records
from envmgr.store.carried import Left
from envmgr.store.dist_info import Installed
from envmgr.store.layout import Location
from envmgr.workflows import adoption, asked

_METADATA = (".dist-info/METADATA", ".egg-info/PKG-INFO", ".egg-info")


class _Resolver(NamedTuple):
    """What a resolution needs beside its requirements."""

    request: PipRequest
    settings: Settings
    reporter: Reporter

    def resolve(self, wanted: Sequence[Installed], bounds: Sequence[Installed]) -> tuple[PipPackage, ...]:
        """Return the packages that these distributions and what they need are; raises what `pypi.resolve` raises."""
        texts = [adoption.requirement_of(each) for each in wanted]
        limits = [f"{each.name}=={each.version}" for each in bounds if each.url is None]
        request = self.request
        return resolve(
            PipRequest(
                requirements=asked.additions((), texts)[0].pip,
                constraints=asked.additions((), limits)[0].pip if limits else (),
                conda=request.conda,
                platform=request.platform,
                virtual_packages=request.virtual_packages,
                locked=request.locked,
                indexes=request.indexes,
                build_python=request.build_python,
            ),
            settings=self.settings,
            reporter=self.reporter,
        ).packages


def with_pip_half(
    lock: Lock, location: Location, own: Lock | None, settings: Settings, reporter: Reporter
) -> tuple[Lock, tuple[Left, ...]]:
    """Return the lock with what pip and others installed, and what of that cannot be locked, with the reason.

    Raises ConfigError for what is configured about indexes, PipError for an unusable python.
    """
    found = records.from_pip(location.prefix)
    with tempfile.TemporaryDirectory(prefix="envmgr-adopt-") as directory:
        views = tuple(_views(lock.conda, location.prefix, Path(directory)))
        distributions = provided.read(views)
        lock = lock._replace(conda=provided.with_distributions(lock.conda, distributions))
        if not found:
            return lock._replace(pip=()), ()
        request = PipRequest(
            requirements=(),
            conda=views,
            platform=lock.platform,
            virtual_packages=detect(lock.platform, settings.environ),
            locked=own.pip if own is not None else (),
            indexes=Indexes.gather(settings, ChannelTable.read(settings, beside=(Path.cwd(),)).pypi),
            build_python=lambda: location.prefix / "bin/python",
        )
        packages, left = _locked(found, _Resolver(request, settings, SilentReporter()), reporter)
    names = adoption.asked_for({each.name: each for each in found})
    by_name = {each.name: each for each in found}
    texts = {
        name: name if by_name[name].url is None else adoption.requirement_of(by_name[name])
        for name in names
        if name in {package.name for package in packages}
    }
    pip = tuple(
        package._replace(requested=(texts[package.name],) if package.name in texts else ()) for package in packages
    )
    return lock._replace(pip=pip, request=lock.request._replace(pip=tuple(texts.values()))), left


def _locked(
    found: Sequence[Installed], resolver: _Resolver, reporter: Reporter
) -> tuple[tuple[PipPackage, ...], tuple[Left, ...]]:
    """Return what can be locked: all at once where that works, else whatever can be had by itself."""
    left = []
    with reporter.start("pip", "looking for what pip installed", total=len(found), unit="packages") as progress:
        try:
            packages = resolver.resolve(found, ())
        except PipError:
            there = []
            for each in found:
                progress.advance()
                try:
                    resolver.resolve([each], found)
                    there.append(each)
                except EnvmgrError as error:
                    left.append(Left(f"{each.name} {each.version}", error.message.splitlines()[-1].strip()))
            try:
                packages = resolver.resolve(there, found) if there else ()
            except PipError as error:
                return (), tuple(Left(f"{each.name} {each.version}", error.message) for each in found)
    versions = {each.name: each.version for each in found}
    same = []
    for package in packages:
        version = versions.get(package.name)
        if version is None:
            reporter.notice(f"{package.name} {package.version} is needed by what pip installed, and is not there")
        elif not ownership.is_same_version(version, package.version):
            left.append(Left(f"{package.name} {version}", f"found was {package.version} only"))
            continue
        same.append(package)
    return tuple(sorted(same)), tuple(left)


def _views(packages: Sequence[CondaPackage], prefix: Path, directory: Path) -> Iterator[tuple[CondaPackage, Path]]:
    """Yield each conda package with a directory in which its Python metadata lies as in its artifact."""
    for package in packages:
        view = directory / package.dist_name
        listed = [path for path in ownership.files_of_record(prefix, package.dist_name) if path.endswith(_METADATA)]
        paths = [path for path in listed if (prefix / path).is_file() and ".." not in path.split("/")]
        for path in paths:
            (view / path).parent.mkdir(parents=True, exist_ok=True)
            (view / path).write_bytes((prefix / path).read_bytes())
        _list(view, paths)
        try:
            provided.read([(package, view)])
        except CorruptPackage:  # of an old one, whose version is none by PEP 440
            _list(view, [])
        yield package, view


def _list(view: Path, paths: Sequence[str]) -> None:
    (view / "info").mkdir(parents=True, exist_ok=True)
    (view / "info/paths.json").write_text(json.dumps({"paths": [{"_path": path} for path in paths]}), encoding="utf-8")

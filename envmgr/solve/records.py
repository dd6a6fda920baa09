"""The border between repodata records and lock entries, in both directions and without loss.

What a channel says is believed here for the last time: a name, version, build, file name or hash that could lead a
path out of the cache or the prefix does not become a lock entry.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from rattler import BuildString, PackageRecord, RepoDataRecord

from envmgr.errors import ChannelError
from envmgr.lock.model import CondaPackage
from envmgr.spec.model import Dependency
from envmgr.urls import path_of_file_url, redact, without_credentials

# Wider than CEP 26 where real channels are, but never a separator, a leading dot, a space or a control character.
_NAME = re.compile(r"(?!__)[a-z0-9_][a-z0-9_.\-]{0,127}")
_VERSION = re.compile(r"[A-Za-z0-9_.+!~*\-]{1,128}")
_BUILD = re.compile(r"[A-Za-z0-9_.+\-]{0,128}")
_FILENAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+!~\-]{0,250}\.(?:conda|tar\.bz2)")
_SUBDIR = re.compile(r"[a-z0-9]{1,16}(?:-[a-z0-9]{1,16})?")
_SHA256 = re.compile(r"(?:[0-9a-f]{64})?")
_MD5 = re.compile(r"(?:[0-9a-f]{32})?")

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_OWN_FIELDS = frozenset(CondaPackage._fields) | {"fn"}
_NOARCH = {True: "generic", False: None}  # how indexes before 2017 said it
_SETTABLE = ("arch", "platform", "extra_depends", "flags", "legacy_bz2_size")


def package_of_record(record: RepoDataRecord, requested: Sequence[str] = ()) -> CondaPackage:
    """Return the lock entry of a record; URLs lose their credentials, `requested` is taken as given.

    Raises ChannelError for a record that no honest channel has: a name, version, build, file name or subdir that
    could name another place on disk (CEP 26), or no hash at all.
    """
    fields = json.loads(record.to_json())
    track_features = fields.get("track_features") or ()
    package = CondaPackage(
        name=fields["name"],
        version=fields["version"],
        build=fields["build"],
        build_number=fields["build_number"],
        subdir=fields["subdir"] or record.url.rpartition("/")[0].rpartition("/")[2],  # indexes before 2017 have none
        channel=without_credentials(record.channel or "").rstrip("/"),
        url=without_credentials(record.url),
        filename=record.file_name,
        sha256=fields.get("sha256") or "",
        md5=fields.get("md5"),
        size=fields.get("size"),
        timestamp=fields.get("timestamp"),
        depends=tuple(fields.get("depends", ())),
        constrains=tuple(fields.get("constrains", ())),
        noarch=_NOARCH.get(fields.get("noarch"), fields.get("noarch")),
        license=fields.get("license"),
        license_family=fields.get("license_family"),
        features=fields.get("features"),
        track_features=tuple(track_features.split() if isinstance(track_features, str) else track_features),
        python_site_packages_path=fields.get("python_site_packages_path"),
        requested=tuple(requested),
        other=_other(fields),
    )
    _distrust(package)
    return package


def packages_of_records(records: Iterable[RepoDataRecord], specs: Iterable[Dependency]) -> tuple[CondaPackage, ...]:
    """Return the lock entries of a solution, sorted by name, each with the texts of the specs that asked for it.

    Raises ChannelError as `package_of_record` does, and for a solution that has one name twice.
    """
    requested: dict[str, list[str]] = {}
    for spec in specs:
        requested.setdefault(spec.name, []).append(spec.text)
    packages: dict[str, CondaPackage] = {}
    for record in records:
        package = package_of_record(record, requested.get(record.name.normalized, ()))
        if package.name in packages:
            raise ChannelError(f"the solution has {package.name} twice: {packages[package.name].url} and {package.url}")
        packages[package.name] = package
    return tuple(packages[name] for name in sorted(packages))


def record_of_package(package: CondaPackage) -> RepoDataRecord:
    """Return the repodata record of a lock entry, equal to the one that it was made from.

    `purls` and `run_exports` are the exception: py-rattler reads them from repodata but cannot set them.
    Raises ChannelError for an entry that is no record (a version or hash that cannot be read).
    """
    other: Mapping[str, Any] = json.loads(package.other) if package.other else {}
    try:
        record = PackageRecord(
            package.name,
            package.version,
            BuildString.new_unchecked(package.build),
            package.build_number,
            package.subdir,
            noarch=package.noarch,  # type: ignore[arg-type]
            depends=list(package.depends),
            constrains=list(package.constrains),
            sha256=bytes.fromhex(package.sha256) if package.sha256 else None,
            md5=bytes.fromhex(package.md5) if package.md5 else None,
            size=package.size,
            features=package.features,  # type: ignore[arg-type]
            license=package.license,
            license_family=package.license_family,
            python_site_packages_path=package.python_site_packages_path,
        )
        record.timestamp = _moment(package.timestamp)
        record.indexed_timestamp = _moment(other.get("indexed_timestamp"))
        record.track_features = list(package.track_features)
        record.arch = record.platform = None
        for key in _SETTABLE:
            if key in other:
                setattr(record, key, other[key])
        for key in ("legacy_bz2_md5", "attestations_sha256"):
            if key in other:
                setattr(record, key, bytes.fromhex(other[key]))
        # rattler writes a channel's base URL with its slash, and compares channels as text.
        return RepoDataRecord(record, package.filename, package.url, package.channel + "/")
    except Exception as error:
        raise ChannelError(f"{package.dist_name} is no package record: {error}") from error


def indexed_moment(record: PackageRecord) -> datetime | None:
    """Return when a record entered its index, or else was built; None when the index says neither."""
    moment = record.indexed_timestamp or record.timestamp
    # py-rattler gives a timestamp of 0 as a number.
    return _EPOCH if moment == 0 else moment


def is_old_enough(record: RepoDataRecord, cutoff: datetime | None) -> bool:
    """Whether a record had entered its index at the cutoff (None: there is none); one without any time had not."""
    if cutoff is None:
        return True
    moment = indexed_moment(record)
    return moment is not None and moment <= cutoff


def indexed_at(package: CondaPackage) -> int | None:
    """Return when the package entered its index, or else was built, in milliseconds since the epoch."""
    other: Mapping[str, Any] = json.loads(package.other) if package.other else {}
    return other.get("indexed_timestamp") or package.timestamp


def _other(fields: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in fields.items() if key not in _OWN_FIELDS and value not in (None, [], {}, "")}
    return json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False) if rest else ""


def _moment(milliseconds: int | None) -> datetime | None:
    if milliseconds is None:
        return None
    # Half a millisecond on top: py-rattler cuts the float that it computes from this down to whole milliseconds.
    seconds, rest = divmod(milliseconds, 1000)
    return datetime.fromtimestamp(seconds, tz=timezone.utc).replace(microsecond=rest * 1000 + 500)


def _distrust(package: CondaPackage) -> None:
    for what, value, form in (
        ("name", package.name, _NAME),
        ("version", package.version, _VERSION),
        ("build", package.build, _BUILD),
        ("subdir", package.subdir, _SUBDIR),
        ("file name", package.filename, _FILENAME),
        ("sha256", package.sha256, _SHA256),
        ("md5", package.md5 or "", _MD5),
    ):
        if not form.fullmatch(value):
            raise ChannelError(
                f"{redact(package.url)!r} in channel {redact(package.channel)} has the {what} {value[:80]!r},"
                f" which no conda package may have"
            )
    # What a lock names has no channel here, and is held against its own by whoever reads the lock
    if package.channel and path_of_file_url(package.url) is not None and path_of_file_url(package.channel) is None:
        raise ChannelError(
            f"the channel {redact(package.channel)} has {package.filename} at {redact(package.url)}, on this machine",
            hint="its index is broken, or worse: tell the maintainers of the channel",
        )
    if not package.sha256 and not package.md5:
        raise ChannelError(f"{redact(package.url)} has neither a sha256 nor an md5 in its channel's index")

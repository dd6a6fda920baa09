"""The lock: the truth of an environment, both halves, for one platform.

Plain named tuples: reading a lock may import neither rattler nor yaml nor dataclasses (hot paths).
"""

from __future__ import annotations

from typing import NamedTuple

UNKNOWN = "?"
"""As `noarch`: the lock of another tool names the artifact alone, and its record is read from it once it is there."""


class CondaPackage(NamedTuple):
    """One conda artifact with its full repodata record (CEP 34, 36), so that installing needs no repodata.

    `channel` is the channel's base URL without subdir and without trailing slash; `url` is the artifact's
    canonical URL; neither has credentials. `size` is in bytes, `timestamp` in milliseconds since the epoch,
    hashes are lower-case hexadecimal. `requested` holds the match specs that asked for it by name; empty when
    it was only pulled in. `distributions` are the Python distributions that it provides, as `name==version`;
    they are read from the artifact, and only where there is a pip half to hold against them. `other` holds the
    keys of the repodata record that have no field here (`arch`, `indexed_timestamp`, …) as a JSON object with
    sorted keys, empty when there are none; `sha256` is empty where an old channel gives only `md5`.
    """

    name: str
    version: str
    build: str
    build_number: int
    subdir: str
    channel: str
    url: str
    filename: str
    sha256: str
    md5: str | None = None
    size: int | None = None
    timestamp: int | None = None
    depends: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()
    noarch: str | None = None
    license: str | None = None
    license_family: str | None = None
    features: str | None = None
    track_features: tuple[str, ...] = ()
    python_site_packages_path: str | None = None
    requested: tuple[str, ...] = ()
    distributions: tuple[str, ...] = ()
    other: str = ""

    @property
    def dist_name(self) -> str:
        """`name-version-build`, the name of its record in conda-meta (CEP 32)."""
        return f"{self.name}-{self.version}-{self.build}"


class PipPackage(NamedTuple):
    """One distribution of the pip half: where it is, its hash, and what it requires in this environment.

    `name` is normalised (PEP 503), `url` has no credentials, `size` is in bytes, `index_url` is that of the
    index that answered (None when not known), `requires` are the PEP 508 requirements whose markers hold here.

    `kind` says what `url` is: a `wheel` or an `sdist` of an index; an `archive` (either) that was asked for by URL or
    path; `vcs`, a repository as `git+URL@COMMIT#subdirectory=…`, where `revision` is what was asked for; `checkout`,
    the same as a clone to edit; a `directory` or an `editable` one as `file:///…`. `sha256` is that of the file; of a
    directory that of its contents, of an editable one that of the files which say what it requires; empty for a
    repository, whose commit is its hash. What has no file has no `filename`. `config_settings` are `KEY=VALUE` for the
    build.
    """

    name: str
    version: str
    url: str
    filename: str
    sha256: str
    size: int | None = None
    index_url: str | None = None
    requires: tuple[str, ...] = ()
    requested: tuple[str, ...] = ()
    kind: str = "wheel"
    revision: str | None = None
    config_settings: tuple[str, ...] = ()

    @property
    def is_built(self) -> bool:
        """Whether a wheel has to be built of it."""
        return self.kind != "wheel" and not self.filename.endswith(".whl")

    @property
    def is_repository(self) -> bool:
        """Whether it is a commit of a repository."""
        return self.kind in ("vcs", "checkout")

    @property
    def has_file(self) -> bool:
        """Whether it is one file with a name and a hash."""
        return self.kind not in _WITHOUT_FILE

    @property
    def is_local(self) -> bool:
        """Whether it is a directory, a repository or a file that is asked for by its place, which no index has."""
        return self.kind in _WITHOUT_FILE or (self.kind == "archive" and not self.url.startswith("http"))


_WITHOUT_FILE = frozenset({"vcs", "checkout", "directory", "editable"})
PIP_KINDS = frozenset({"wheel", "sdist", "archive", *_WITHOUT_FILE})


class Request(NamedTuple):
    """What was asked for, as written: enough to export it and to solve it again.

    `pip` are lines of a requirements file, options included; `pip_base` is the absolute directory that their relative
    paths are relative to, empty where they have none.
    """

    channels: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    gpu: str = ""
    pip_base: str = ""


class Lock(NamedTuple):
    """Both halves of an environment for one platform, and what they were solved from.

    `conda` and `pip` are sorted by name. `channels` are base URLs in priority order. `virtual_packages` are
    `name=version=build`, and `host_profile` is the name of the machine that they were captured on, empty for the one
    that solved. `channels_until` are `URL MOMENT` of channels that have an `exclude_newer` of their own. `spec_digest`
    is the semantic digest of the spec (sha256, hexadecimal).
    """

    platform: str
    conda: tuple[CondaPackage, ...]
    pip: tuple[PipPackage, ...] = ()
    channels: tuple[str, ...] = ()
    channel_priority: str = "strict"
    virtual_packages: tuple[str, ...] = ()
    solver: str = ""
    exclude_newer: str | None = None
    channels_until: tuple[str, ...] = ()
    spec_digest: str = ""
    sources: tuple[str, ...] = ()
    request: Request = Request()
    host_profile: str = ""

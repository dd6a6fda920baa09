"""What is wanted: the value that environment files and command lines become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rattler import MatchSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the user wrote something: a file as it was named on the command line and a 1-based line in it,
    or `source="command line"` with `line=None`."""

    source: str
    line: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"


COMMAND_LINE = Origin(source="command line")
ASKED_FOR_IN = "asked for in "
"""What the source of a spec begins with that stands in no file, but in the lock of an environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """One conda match spec (CEP 29) that was asked for: its text as written and as parsed.

    `channel` is the channel part as written (`conda-forge::x` → `conda-forge`), resolved to a URL by `channels/`;
    `match_spec` carries no channel part.
    """

    text: str
    name: str
    match_spec: MatchSpec
    channel: str | None
    origin: Origin

    def __reduce__(self) -> tuple[object, ...]:
        """Be sent to another process, which py-rattler's values cannot."""
        return _dependency, (self.text, self.name, str(self.match_spec), self.channel, self.origin)


def _dependency(text: str, name: str, match_spec: str, channel: str | None, origin: Origin) -> Dependency:
    from rattler import MatchSpec  # start-up time: only where a dependency was sent

    return Dependency(text=text, name=name, match_spec=MatchSpec(match_spec), channel=channel, origin=origin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One line for the pip half, as written, with its normalised name (PEP 503).

    A line for a package of an index is a PEP 508 requirement with extras and marker. One that names a source has its
    `url` (absolute; `file:`, `https:`, `git+…`; it may name `${VARIABLES}`), and where that does not say a name, `name`
    is the text itself until somebody has looked. `hashes` are `sha256:…`, or others where none is given, one of which
    an artifact must have; `config_settings` are `KEY=VALUE` for its build. `entry` is that of a pylock.toml (JSON of
    its PEP 751 table, paths absolute), which is followed exactly.
    """

    text: str
    name: str
    origin: Origin
    url: str | None = None
    extras: tuple[str, ...] = ()
    marker: str = ""
    is_editable: bool = False
    hashes: tuple[str, ...] = ()
    config_settings: tuple[str, ...] = ()
    specification: str = ""
    entry: str = ""

    @property
    def is_named(self) -> bool:
        """Whether the name is known."""
        return self.name != self.text or self.url is None

    @property
    def pep508(self) -> str:
        """The requirement without options, by PEP 508; of one whose name is not known, its URL."""
        if self.url is None:
            return self.specification or self.text
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        marker = f" ; {self.marker}" if self.marker else ""
        return f"{self.name}{extras} @ {self.url}{marker}" if self.is_named else f"{self.url}{marker}"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexOptions:
    """Where the options of a requirements file say that packages come from (`--index-url`, `--find-links`, …).

    URLs may hold credentials and `${VARIABLE}`; `find_links` are URLs or absolute paths. `origin` is the line of the
    first such option. They count before anything that the machine says.
    """

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    no_index: bool = False
    origin: Origin = COMMAND_LINE

    def __or__(self, later: IndexOptions) -> IndexOptions:
        """Return both: lists add up, and of single values the later one counts."""
        return IndexOptions(
            index_url=later.index_url or self.index_url,
            extra_index_urls=_union(self.extra_index_urls, later.extra_index_urls),
            find_links=_union(self.find_links, later.find_links),
            trusted_hosts=_union(self.trusted_hosts, later.trusted_hosts),
            no_index=self.no_index or later.no_index,
            origin=self.origin if self.origin is not COMMAND_LINE else later.origin,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PipOptions:
    """What the lines of a pip half set beside its requirements.

    `no_binary` and `only_binary` are normalised names or `:all:`; `lines` are the option lines as written, by their
    long names, their paths relative to the file that the pip half stands in.
    """

    indexes: IndexOptions = IndexOptions()
    no_binary: tuple[str, ...] = ()
    only_binary: tuple[str, ...] = ()
    pre: bool = False
    no_deps: bool = False
    require_hashes: bool = False
    lines: tuple[str, ...] = ()

    def __or__(self, later: PipOptions) -> PipOptions:
        """Return both: lists add up, and of single values the later one counts."""
        return PipOptions(
            indexes=self.indexes | later.indexes,
            no_binary=_union(self.no_binary, later.no_binary),
            only_binary=_union(self.only_binary, later.only_binary),
            pre=self.pre or later.pre,
            no_deps=self.no_deps or later.no_deps,
            require_hashes=self.require_hashes or later.require_hashes,
            lines=_union(self.lines, later.lines),
        )


NO_OPTIONS = PipOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSpec:
    """Everything that was asked for, for one platform (selectors already applied).

    `channels` are as written, in order, without `nodefaults`, and may hold credentials (`channels/` takes them off).
    `pip` is in file order, `-r` files included; an empty pip section asks for nothing. `pip_options` are what its
    option lines set, `pip_constraints` what its `-c` files say, `pip_base` the absolute directory that its relative
    paths are relative to. `warnings` begin with `file:line:`. `host_profile` names the machine that is solved for,
    `gpu` is `required` or empty.
    """

    name: str | None = None
    prefix: str | None = None
    channels: tuple[str, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    pip: tuple[Requirement, ...] = ()
    pip_options: PipOptions = NO_OPTIONS
    pip_constraints: tuple[Requirement, ...] = ()
    pip_base: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    platforms: tuple[str, ...] = ()
    category: str = "main"
    host_profile: str | None = None
    gpu: str = ""
    sources: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def _union(some: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*some, *others)))

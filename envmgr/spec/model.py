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


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One line for the pip half (PEP 508 with extras and marker), as written, with its normalised name (PEP 503)."""

    text: str
    name: str
    origin: Origin


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


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSpec:
    """Everything that was asked for, for one platform (selectors already applied).

    `channels` are as written, in order, without `nodefaults`, and may hold credentials (`channels/` takes them off).
    `pip` is in file order, `-r` files included; an empty pip section asks for nothing. `warnings` begin with
    `file:line:`. `host_profile` names the machine that is solved for, `gpu` is `required` or empty.
    """

    name: str | None = None
    prefix: str | None = None
    channels: tuple[str, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    pip: tuple[Requirement, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    platforms: tuple[str, ...] = ()
    category: str = "main"
    host_profile: str | None = None
    gpu: str = ""
    sources: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

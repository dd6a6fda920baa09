"""Staging: the whole tree of a generation is built and checked beside the environment, naming its final prefix."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from envmgr.artifacts import trees
from envmgr.artifacts.cache import Artifact
from envmgr.errors import StoreError
from envmgr.lock import conda_lock
from envmgr.lock.model import Lock
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.shell import scripts as shell_scripts
from envmgr.store import (
    bringing,
    bytecode,
    carrying,
    checks,
    commit,
    externally_managed,
    frozen,
    gpu_notice,
    layout,
    linking,
    metadata,
    ownership,
    pruning,
    unsharing,
    variables,
    wheel_turns,
)
from envmgr.store.carried import Carried, Extent, Left
from envmgr.store.carrying import Source, Target
from envmgr.store.checks import Clobber
from envmgr.store.commit import Checkpoint
from envmgr.store.generations import Generation
from envmgr.store.linking import Damaged, Linking

if TYPE_CHECKING:  # start-up time: YAML
    from envmgr.channels.pypi_section import PypiSection
    from envmgr.spec.model import IndexOptions

_NAMED = 5  # things in one message


class Staging(NamedTuple):
    """What goes into the tree, and whom to tell; `old` is the environment that it replaces (None: none).

    `carries` are the things that come along (None: there are none), up to `extent`; with `hands_over` they come from
    a tree that gives up its place. `known` is what else only the old one holds, as its files that were edited.
    """

    linking: Linking
    settings: Settings
    generation: Generation
    old: Path | None
    reporter: Reporter
    checkpoint: Checkpoint
    carries: Source | None = None
    extent: Extent = "everything"
    hands_over: bool = True
    known: Sequence[Left] = ()
    keeps_variables: bool = True
    pypi: PypiSection | None = None
    index_options: IndexOptions | None = None


def stage(staging: Staging, artifacts: Sequence[Artifact], tree: Path) -> Carried:
    """Build the new directory `tree`: both halves, metadata, lock, what is carried, scripts; checked.

    Return what was carried. Raises PackageError, PipError, StoreError and their kinds, and OSError; the tree is then
    to be thrown away.
    """
    lock, location = staging.linking.lock, staging.linking.location
    artifacts, omitted = _link(staging, artifacts, tree)
    staging.checkpoint("linked")
    installed: dict[str, tuple[str, ...]] = {}  # files by the sha256 of what brought them
    if lock.pip:
        from envmgr.pypi import built_wheels, checkouts  # start-up time: most environments have no pip half
        from envmgr.pypi import install as pip_half
        from envmgr.pypi.indexes import Indexes
        from envmgr.pypi.unpacking import Place

        place = Place(
            staging=tree,
            prefix=location.prefix,
            python=_python(tree, lock),
            owners=_owners(tree, artifacts),
            builder=built_wheels.builder(lock),
            checkouts=checkouts.home(staging.settings, location.prefix),
            checkouts_like=_like(staging),
        )
        indexes = Indexes.gather(staging.settings, staging.pypi, staging.index_options)
        with wheel_turns.turn(lock.pip, staging.settings, staging.reporter):
            distributions = pip_half.install(
                lock.pip, place, settings=staging.settings, reporter=staging.reporter, indexes=indexes
            )
        installed = {each.sha256: each.files for each in distributions}
        staging.checkpoint("pip half installed")
    _complete_python(staging, artifacts, installed, tree)
    (tree / layout.OWN_DIRECTORY).mkdir(parents=True)
    _write_metadata(staging, tree)
    gpu_notice.write(tree, lock.conda, lock.virtual_packages)
    staging.checkpoint("metadata written")
    with staging.reporter.start("check", "files"):
        clobbers = checks.check(tree, lock, artifacts)
    if staging.settings.link == "copy":
        with staging.reporter.start("link", "files of its own"):
            unsharing.unshare(str(tree))
    _report(staging, artifacts, (*omitted, *clobbers))
    came = _carry(staging, tree)
    staging.checkpoint("carried")
    # Then only, since scripts for activation and variables are carried as well.
    shell_scripts.write(tree, location.prefix, location.name)
    # Last, so that a tree with this file is complete.
    commit.write_generation(tree, staging.generation)
    staging.checkpoint("staged")
    return came


def _like(staging: Staging) -> Path | None:
    """Return where the checkouts of the environment are that is copied or continued, None where none is."""
    from envmgr.pypi import checkouts  # start-up time: as above

    if staging.carries is None or staging.extent == "nothing":
        return None
    return checkouts.home(staging.settings, Path(staging.carries.survey.root))


def _carry(staging: Staging, tree: Path) -> Carried:
    """Bring into the tree what people put into the old one; what cannot come marks the old one as worth keeping."""
    source = staging.carries
    if source is None:
        return Carried()
    plan = carrying.decide(source.survey, Target(tree, staging.linking.lock), staging.extent)
    with staging.reporter.start("carry", "files of no package", total=len(plan.steps), unit="files") as progress:
        came = bringing.bring(plan, hands_over=staging.hands_over, progress=progress)
    if staging.hands_over and staging.old is not None:
        is_saved = {each.original for each in came.saved}
        known = [each for each in staging.known if each.what not in is_saved]
        pruning.protect(staging.old, [*came.left, *known])  # before the switch: a kill after it must not let it go
    return came


def _link(
    staging: Staging, artifacts: Sequence[Artifact], tree: Path
) -> tuple[Sequence[Artifact], tuple[Clobber, ...]]:
    """Link the conda half: what is damaged in the cache is fetched again, once.

    Return the artifacts used, and the commands of which only one could stay.
    """
    try:
        return artifacts, linking.link(staging.linking, artifacts, tree, staging.reporter)
    except Damaged as damaged:
        names = ", ".join(sorted(damaged.names))
        staging.reporter.warning(f"damaged in the cache, fetched again: {names}")
        trees.remove(tree)
        artifacts = linking.fetch_again(staging.linking, artifacts, damaged, staging.reporter)
    try:
        return artifacts, linking.link(staging.linking, artifacts, tree, staging.reporter)
    except Damaged as damaged:
        raise StoreError(f"cannot be linked though just fetched: {damaged}") from damaged


def _complete_python(
    staging: Staging, artifacts: Sequence[Artifact], installed: Mapping[str, Sequence[str]], tree: Path
) -> None:
    """Add bytecode and the marker for pip, where they are asked for; `installed` are the files of the pip half."""
    linking_ = staging.linking
    python = next((package for package in linking_.lock.conda if package.name == "python"), None)
    if python is None:
        return
    site_packages = ownership.site_packages_of(tree)
    if staging.settings.compile_bytecode:
        groups = [
            bytecode.sources(
                each.package.sha256,
                each.manifest.prefix_paths(site_packages),
                without=each.manifest._replace(paths=each.manifest.placeholders).prefix_paths(site_packages),
            )
            for each in artifacts
        ]
        groups += [bytecode.sources(sha256, files) for sha256, files in sorted(installed.items())]
        interpreter = bytecode.Interpreter(_python(tree, linking_.lock), python.version)
        chosen = [each for each in groups if each is not None]
        bytecode.link(chosen, tree, interpreter, settings=staging.settings, reporter=staging.reporter)
        staging.checkpoint("bytecode linked")
    externally_managed.write(
        tree,
        linking_.location,
        site_packages=site_packages,
        old=staging.old,
        is_wanted=staging.settings.externally_managed,
    )


def _write_metadata(staging: Staging, tree: Path) -> None:
    lock = staging.linking.lock
    before = metadata.read_lock(staging.old) if staging.old is not None else None
    moment = time.time()
    block = metadata.history_block(
        lock,
        before.conda if before is not None else (),
        command=staging.generation.command,
        moment=moment,
    )
    metadata.write_history(tree, staging.old, block)
    metadata.write_created_at(tree, staging.old, moment)
    source = staging.carries
    is_kept = source is not None and staging.keeps_variables and staging.extent != "nothing"
    values = variables.merged(Path(source.survey.root), source.lock, lock) if source and is_kept else None
    metadata.write_state(tree, lock.request.variables if values is None else values)
    frozen.keep_marker(staging.old, tree)
    (tree / layout.LOCK_FILE).write_bytes(conda_lock.dumps_json(lock))


def _python(tree: Path, lock: Lock) -> Path:
    return tree / ("python.exe" if lock.platform.startswith("win-") else "bin/python")


def _owners(tree: Path, artifacts: Sequence[Artifact]) -> dict[str, str]:
    """Return the conda package of every path, relative to the prefix."""
    directory = ownership.site_packages_of(tree)
    return {path: each.package.name for each in artifacts for path in each.manifest.prefix_paths(directory)}


def _report(staging: Staging, artifacts: Sequence[Artifact], clobbers: Sequence[Clobber]) -> None:
    if clobbers:
        named = "; ".join(
            f"{each.path} of {each.loser} gives way to that of {each.winner}" for each in clobbers[:_NAMED]
        )
        more = f"; and {len(clobbers) - _NAMED} more" if len(clobbers) > _NAMED else ""
        staging.reporter.warning(f"several packages own the same files: {named}{more}")
    scripted = sorted(each.package.name for each in artifacts if "post-link" in each.manifest.link_scripts)
    if scripted and not staging.linking.run_scripts:
        staging.reporter.notice(
            f"not run, as by default: the post-link scripts of {', '.join(scripted)} (link_scripts: allow runs them)"
        )

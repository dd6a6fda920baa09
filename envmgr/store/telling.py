"""What is said of carried things: what came along, what stands beside what, what stayed behind and where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from envmgr.lock.model import Lock
from envmgr.reporting import Reporter
from envmgr.settings import Settings
from envmgr.store import installed
from envmgr.store.carried import Carried, Left
from envmgr.store.layout import Location

_NAMED = 5  # things in one message
_NOTABLE = 1 << 30  # bytes that are worth a word


def tell(
    location: Location, came: Carried, kept: Path | None, reporter: Reporter, before: Carried | None = None
) -> None:
    """Tell what was carried into the new generation, and what was not and is in `kept` still.

    What had been saved already in the generation `before` is not said again.
    """
    what = _carried(came)
    if what:
        reporter.notice(f"carried over into the new generation: {what}")
    if came.distributions:
        names = _named([each.name for each in came.distributions])
        reporter.notice(f"not in the lock: {names}; take it in with: envmgr install {location.arguments} --adopt")
    saved = [each.path for each in came.saved if before is None or each not in before.saved]
    if saved:
        files = _named(saved)
        reporter.warning(f"edited or in the way, and saved beside what the packages bring: {files}")
    lost = [each for each in came.left if each.is_lost]
    if lost:
        where = f"kept in {kept}" if kept is not None else "lost"
        reporter.warning(f"not carried over into the new generation, and {where}: {left_text(lost)}")
    others = [each for each in came.left if not each.is_lost]
    if others:
        reporter.notice(f"not carried over into the new generation: {left_text(others)}")


def tell_removed(location: Location, before: Lock | None, lock: Lock, reporter: Reporter) -> None:
    """Tell what pip removed from the environment and the new generation has again."""
    if before is None:
        return
    names = {package.name for package in lock.pip}
    names |= {each.partition("==")[0] for package in lock.conda for each in package.distributions}
    removed = installed.drift(location.prefix, before).removed
    back = [f"{name} {version}" for name, version in removed if name in names]
    if back:
        reporter.notice(f"removed with pip, and there again in the new generation, as locked: {_named(back)}")


def tell_checkouts(location: Location, settings: Settings, reporter: Reporter) -> None:
    """Tell where the checkouts are of an environment that was removed: somebody may have worked in them."""
    directory = settings.root / "checkouts"
    if directory.is_dir():
        from envmgr.pypi import checkouts  # start-up time: most environments have none

        home = checkouts.home(settings, location.prefix)
        if home.is_dir() and any(home.iterdir()):
            reporter.notice(f"its checkouts stay in {home}; `envmgr clean` removes those that hold nobody's work")


def tell_late(came: Carried | None, reporter: Reporter) -> None:
    """Tell what was written while the command ran."""
    if came is not None and (what := _carried(came)):
        reporter.notice(f"written while this command ran, and brought over: {what}")


def left_text(left: Sequence[Left]) -> str:
    """Return what stayed behind, each with its reason; those of one reason together."""
    by_reason: dict[str, list[str]] = {}
    for each in left:
        by_reason.setdefault(each.reason, []).append(each.what)
    return "; ".join(f"{_named(whats)} ({_printable(reason)})" for reason, whats in by_reason.items())


def _carried(came: Carried) -> str:
    parts = []
    if came.distributions:
        names = [f"{each.name} {each.version}" for each in came.distributions]
        parts.append(f"{_named(names)} (installed with pip)")
    if came.files:
        count = len(came.files)
        size = f", {came.size / (1 << 30):.1f} GiB" if came.size >= _NOTABLE else ""
        noun = "file" if count == 1 else "files"
        parts.append(f"{count:,} {noun} of no package ({_named(came.files)}{size})")
    return "; ".join(parts)


def _named(names: Iterable[str]) -> str:
    listed = [_printable(name) for name in names]
    more = f" and {len(listed) - _NAMED:,} more" if len(listed) > _NAMED else ""
    return ", ".join(listed[:_NAMED]) + more


def _printable(text: str) -> str:
    """Return a file name so that it cannot command a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)

"""`create -f FILE` where there is nothing to do, or the very same is being done already: answered before click.

Only the plain form is: one local file, a name or a path, `--yes` and `--quiet`. On a path that nobody waits for:
imports nothing heavy.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

_VALUED = {"-n": "name", "--name": "name", "-p": "prefix", "--prefix": "prefix", "-f": "file", "--file": "file"}
_QUIET = ("-q", "--quiet")
_YES = ("-y", "--yes")


class CreateLine(NamedTuple):
    """What the plain form says, as it was written; '' for what it does not."""

    file: str
    name: str = ""
    prefix: str = ""
    is_quiet: bool = False

    @property
    def question(self) -> tuple[str, str, str]:
        """Under which the answer is remembered: that of `run -f` is the same."""
        return self.file, self.name, self.prefix


def parse(arguments: Sequence[str]) -> CreateLine | None:
    """Return what the arguments of `create` say, or None for all but the plain form."""
    values: dict[str, str] = {}
    is_quiet = False
    words = iter(arguments)
    for word in words:
        key, equals, value = word.partition("=")
        if word in _QUIET or word in _YES:
            is_quiet = is_quiet or word in _QUIET
            continue
        if word in _VALUED:
            key, value = word, next(words, "")
        elif not (equals and key.startswith("--") and key in _VALUED):
            return None
        if _VALUED[key] in values or not value:
            return None
        values[_VALUED[key]] = value
    file = values.get("file", "-")
    if file == "-" or "://" in file or {"name", "prefix"} <= values.keys():
        return None
    return CreateLine(is_quiet=is_quiet, **values)


def answer(line: CreateLine, root: str, environ: Mapping[str, str], work: Callable[[], int]) -> int:
    """Return the exit code: of saying that nothing is to be done, where the store below `root` knows that, else that
    of `work()`, before which one waits while another process is at the same. Raises what `work` raises."""
    prefix = _known(line, root, environ)
    if prefix is None:
        from envmgr.store import followed
        from envmgr.turn import Turn

        with Turn(f"{followed.key(line.question, environ)}-{os.getuid()}", environ) as turn:
            if turn.take(f"creating from {line.file}"):
                return work()
            turn.wait(lambda owner: _say_who(owner, line))
        prefix = _known(line, root, environ)
    if prefix is None:
        return work()
    if not line.is_quiet:
        from envmgr.cli.messages import say

        directory, name = os.path.split(prefix)
        is_named = directory == os.path.join(root, "envs")
        say(f"{name} is up to date: {prefix}" if is_named else f"{prefix} is up to date")
    return 0


def _known(line: CreateLine, root: str, environ: Mapping[str, str]) -> str | None:
    from envmgr.cli import hot
    from envmgr.store import followed

    found = followed.prefix_of(root, line.question, environ)
    return None if found is None or hot.is_suspect(found[0]) else found[0]


def _say_who(owner: str, line: CreateLine) -> None:
    if not line.is_quiet:
        from envmgr.cli.messages import legible

        print(legible(f"waiting for {owner}"), file=sys.stderr, flush=True)

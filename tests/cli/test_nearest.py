from __future__ import annotations

import pytest

from builders.commands import Envmgr


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["create", "--chanel", "x"], "did you mean `--channel`?"),
        (["create", "--dryrun"], "did you mean `--dry-run`?"),
        (["list", "--jsno"], "did you mean `--json`?"),
        (["create", "-n", "x", "--solver", "libmama"], "did you mean `libmamba`?"),
        (["env", "lst"], "did you mean `envmgr env list`?"),
        (["tool", "instal"], "did you mean `envmgr tool install`?"),
        (["channel", "xyzzy"], "envmgr channel --help"),
        (["create", "--xyzzy"], "envmgr create --help"),
        (["create", "-n", "x", "-n", "y"], "give one of them"),
        (["run", "-p", "x", "-p", "y", "true"], "give one of them"),
    ],
)
def test_misuse_is_answered_with_what_is_nearest(envmgr: Envmgr, arguments: list[str], hint: str) -> None:
    done = envmgr(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith(f"\n\nhint: {hint}\n"), done.err


def test_what_was_typed_is_what_is_said(envmgr: Envmgr) -> None:
    assert envmgr("env", "lst").err.startswith("error: envmgr env has no command `lst`\n")
    assert "'libmama' is not one of" in envmgr("create", "-n", "x", "--solver", "libmama").err

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
    ],
)
def test_misuse_is_answered_with_what_is_nearest(envmgr: Envmgr, arguments: list[str], hint: str) -> None:
    done = envmgr(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith(f"\n\nhint: {hint}\n"), done.err

"""Environments made by hand: the files of CEP 32 and nothing else, for what reads prefixes."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from envmgr.shell import scripts


def make_prefix(
    prefix: Path,
    *,
    variables: Mapping[str, object] | None = None,
    package_variables: Mapping[str, Mapping[str, object]] | None = None,
    activate: Mapping[str, str] | None = None,
    deactivate: Mapping[str, str] | None = None,
    commands: Mapping[str, str] | None = None,
    static: bool = True,
) -> Path:
    """Make an environment at `prefix`; `static` writes the files of envmgr.shell, as a new generation has them.

    `variables` go to conda-meta/state, `package_variables` to env_vars.d by file name, scripts to activate.d and
    deactivate.d, `commands` to bin.
    """
    (prefix / "conda-meta").mkdir(parents=True, exist_ok=True)
    (prefix / "bin").mkdir(exist_ok=True)
    (prefix / "conda-meta" / "history").write_text("")
    if variables is not None:
        (prefix / "conda-meta" / "state").write_text(json.dumps({"env_vars": variables}))
    documents = {name: json.dumps(values) for name, values in (package_variables or {}).items()}
    directories = (("env_vars.d", documents), ("activate.d", activate or {}), ("deactivate.d", deactivate or {}))
    for directory, texts in directories:
        for name, text in texts.items():
            path = prefix / "etc" / "conda" / directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    for name, text in (commands or {}).items():
        (prefix / "bin" / name).write_text(text)
        (prefix / "bin" / name).chmod(0o755)
    if static:
        scripts.write(prefix, prefix, prefix.name if prefix.parent.name == "envs" else None)
    return prefix


def make_changing_command(root: Path, directory: Path) -> tuple[str, ...]:
    """Make what stands for envmgr in a hook: its `env …` gives the environment `one` another generation, in which A is
    `new`, and its `rename` moves `one` to `two`, which is made here; it writes what the hook told it to ROOT/hook.
    """
    one = make_prefix(root / "envs" / "one", variables={"A": "new"})
    one.rename(root / "next")
    make_prefix(root / "envs" / "two", variables={"A": "new"}).rename(root / "moved")
    make_prefix(one, variables={"A": "old", "ONLY": "1"})
    program = directory / "changing"
    program.write_text(
        "#!/bin/sh\n"
        'cd "$ENVMGR_ROOT" || exit\n'
        f'case $1 in _*) exec "{sys.executable}" -m envmgr.cli.main "$@" ;; esac\n'
        'printf %s "$_ENVMGR_HOOK" >hook\n'
        "case $1 in env) mv envs/one envs/.old; mv next envs/one ;; rename) rm -r envs/one; mv moved envs/two ;; esac\n"
    )
    program.chmod(0o755)
    return (str(program),)

"""Environments made by hand: the files of CEP 32 and nothing else, for what reads prefixes."""

from __future__ import annotations

import json
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

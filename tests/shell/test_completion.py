"""Completion in the real shells, with a table of its own and directories that are there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from builders.other_shells import find
from builders.prefixes import make_prefix
from envmgr.shell import completion, fish, posix
from envmgr.shell.completion import Table

TABLE = Table(
    commands=("activate", "create", "env", "remove", "run", "tool"),
    groups={
        "env": ("config", "create", "list"), "env config": ("vars",), "env config vars": ("set", "unset"),
        "tool": ("install", "uninstall"),
    },
    options={
        "create": ("--dry-run", "--file", "--name", "--solver"),
        "env": ("--help",),
        "env list": ("--json",),
        "remove": ("--name",),
    },
    values={
        "-n": "environments", "--name": "environments", "-p": "directories", "-f": "files",
        "--solver": "auto libmamba rattler",
    },
    arguments={"activate": "environments", "remove": "packages", "run": "command", "tool uninstall": "tools"},
)  # fmt: skip

CASES = [
    (["cr"], {"create"}),
    (["activate", "sci"], {"science", "science-2"}),
    (["activate", "--stack", "science-"], {"science-2"}),
    (["create", "-n", "oth"], {"other"}),
    (["create", "--s"], {"--solver"}),
    (["create", "--solver", "li"], {"libmamba"}),
    (["env", "li"], {"list"}),
    (["env", "list", "--"], {"--json"}),
    (["env", "config", ""], {"vars"}),
    (["env", "config", "vars", "s"], {"set"}),
    (["remove", "-n", "science", "num"], {"numpy"}),
    (["remove", "-n", "science", "ri"], {"rich"}),
    (["remove", "py"], {"python-dateutil"}),
    (["tool", "uninstall", "r"], {"ruff"}),
    (["xyzzy", "a"], set()),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "ro'ot $x"
    for name in ("science", "science-2", "other"):
        make_prefix(root / "envs" / name, static=False)
    (root / "envs" / "science-not-one").mkdir()
    (root / "envs/science/conda-meta/numpy-1.26.0-py311_0.json").touch()
    (root / "envs/science/lib/python3.11/site-packages/rich-13.0.dist-info").mkdir(parents=True)
    (root / "envs/other/conda-meta/python-dateutil-2.9-0.json").touch()
    (root / "tools/.records").mkdir(parents=True)
    (root / "tools/.records/ruff.json").touch()
    return root


def _completed(shell: str, words: list[str], root: Path, environ: dict[str, str], cwd: Path | None = None) -> set[str]:
    program = find(shell)
    if program is None:
        pytest.skip(f"the shell {shell} is not installed")
    text = completion.script(shell, TABLE, str(root))
    quoted = " ".join(posix.quote(word) for word in words)
    if shell == "bash":
        line = f"COMP_WORDS=(envmgr {quoted}); COMP_CWORD={len(words)}; _envmgr envmgr {posix.quote(words[-1])}"
        script = f'set -u\n{text}\n{line}; printf "%s\\n" "${{COMPREPLY[@]-}}"'
        options = ["--noprofile", "--norc", "-c", script]
    elif shell == "zsh":
        options = ["-f", "-c", f"{text}\n_envmgr_candidates {quoted}"]
    else:
        line = fish.quote("envmgr " + " ".join(words))
        options = ["--no-config", "-c", f"{text}\ncomplete -C {line}"]
    environ = {**environ, "CONDA_PREFIX": str(root / "envs/other"), "PATH": "/nowhere"}
    del environ["ENVMGR_ROOT"]
    done = subprocess.run(
        [program, *options], env=environ, capture_output=True, text=True, timeout=60, check=False,
        stdin=subprocess.DEVNULL, cwd=cwd,
    )  # fmt: skip
    assert done.stderr == ""
    found = {line.partition("\t")[0] for line in done.stdout.splitlines() if line}
    # In zsh, choosing those that begin so is the shell's part.
    return {word for word in found if word.startswith(words[-1])} if shell == "zsh" else found


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_words_are_completed_without_a_process(shell: str, root: Path, environ: dict[str, str]) -> None:
    found = {" ".join(words): _completed(shell, words, root, environ) for words, _ in CASES}
    assert found == {" ".join(words): expected for words, expected in CASES}


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_a_hostile_name_is_a_word_and_nothing_that_runs(shell: str, root: Path, environ: dict[str, str]) -> None:
    make_prefix(root / "envs" / "odd$(echo>pwned)`echo>pwned`", static=False)
    make_prefix(root / "envs" / "odd*", static=False)
    (root / "envs/other/conda-meta/evil$(echo>pwned)-1-0.json").touch()
    found = _completed(shell, ["activate", "odd"], root, environ, cwd=root)
    assert len(found) == 2
    assert any("(echo" in word for word in found)
    assert len(_completed(shell, ["remove", "evil"], root, environ, cwd=root)) == 1
    assert not (root / "pwned").exists()
    if shell == "bash":
        assert r"odd\*" in found  # as it is to be typed

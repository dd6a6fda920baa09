"""Scripts for shells that no test machine has: every change of their texts is looked at, in the diff of a snapshot.

`python tests/shell/test_snapshots.py` writes them anew.
"""

from __future__ import annotations

import sys
from pathlib import Path, PureWindowsPath

import pytest
import tree_sitter
import tree_sitter_powershell

from envmgr.shell import cmd, launcher, powershell
from envmgr.shell.plan import ActivationPlan

SNAPSHOTS = Path(__file__).parent / "snapshots"
PLAN = ActivationPlan(
    prefix="C:\\store\\envs\\it's 100%",
    name="it's 100%",
    path=("C:\\store\\envs\\it's 100%", "C:\\store\\envs\\it's 100%\\Library\\bin"),
    variables=(("A", 'say "hi" & exit %PATH%'), ("EMPTY", "")),
    activate=("etc/conda/activate.d/a.bat", "etc/conda/activate.d/b.ps1"),
    deactivate=("etc/conda/deactivate.d/a.bat",),
)


def _texts() -> dict[str, str]:
    command, root = ("C:\\Program Files\\envmgr's\\envmgr.exe",), "C:\\store"
    return {
        "hook.ps1": powershell.hook(command=command, root=root),
        "hook-without-prompt.ps1": powershell.hook(
            command=command, root=root, change_prompt=False, env_prompt="{name}"
        ),
        "hook.bat": cmd.hook(command=command, root=root),
        "activate.bat": cmd.script(PLAN),
        "launcher.bat": launcher.batch(PureWindowsPath("C:\\store\\tools\\ruff"), "ruff", "ruff").replace("\r\n", "\n"),
        "macro.bat": cmd.macro("C:\\store\\shell\\hook.bat"),
    }


@pytest.mark.parametrize("name", sorted(_texts()))
def test_text_is_that_of_the_snapshot(name: str) -> None:
    assert _texts()[name] == (SNAPSHOTS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["hook.ps1", "hook-without-prompt.ps1"])
def test_powershell_can_be_parsed(name: str) -> None:
    """By a grammar of PowerShell, since none is there that runs it."""
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
    text = _texts()[name]
    assert not parser.parse(text.encode()).root_node.has_error
    assert parser.parse(text.replace("    }\n", "", 1).encode()).root_node.has_error


def test_quoting_in_powershell_ends_no_string_early() -> None:
    assert powershell.quote("it's $HOME ’x‘ `n") == "'it''s $HOME ’’x‘‘ `n'"


def test_quoting_in_cmd_expands_nothing_and_stays_on_one_line() -> None:
    assert cmd.quote("100% of\r\nit") == "100%% of it"


if __name__ == "__main__":
    SNAPSHOTS.mkdir(exist_ok=True)
    for file, text in _texts().items():
        (SNAPSHOTS / file).write_text(text, encoding="utf-8")
    sys.exit()

from __future__ import annotations

import subprocess

import pytest

from builders.commands import Envmgr
from builders.other_shells import find
from builders.prefixes import make_prefix
from envmgr.cli import completion


def test_every_command_and_option_is_in_the_table() -> None:
    table = completion.table()
    assert {"create", "tool", "completion", "env"} <= set(table.commands)
    assert "--dry-run" in table.options["create"]
    assert "install" in table.groups["tool"]
    assert "--json" in table.options["env list"]
    assert table.values["--name"] == table.values["-n"] == "environments"
    assert table.values["--solver"].split()[0] == "auto"


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_the_hook_completes_with_what_init_wrote(envmgr: Envmgr, shell: str) -> None:
    program = find(shell)
    if program is None:
        pytest.skip(f"the shell {shell} is not installed")
    make_prefix(envmgr.prefix("science"))
    envmgr.ok("init", shell)
    hook = envmgr.root / "shell" / ("hook.sh" if shell == "bash" else "hook.fish")
    lines = {
        "bash": f". '{hook}'; COMP_WORDS=(envmgr activate sc); COMP_CWORD=2;"
        " $(complete -p envmgr | sed 's/.*-F \\([^ ]*\\).*/\\1/')"
        " envmgr sc; echo ${COMPREPLY[@]}",
        "fish": f"source '{hook}'; complete -C 'envmgr activate sc'",
    }
    done = subprocess.run(
        [program, "-c", lines[shell]], env={**envmgr.environ, "PYTHONHOME": "/nowhere"}, text=True,
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stdout.split() == ["science"], done
    assert done.stderr == ""

"""The whole way of a user's shell: hook, activate, use, deactivate, in a real bash."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import PROGRAM, Envmgr, environment_file


def _bash(envmgr: Envmgr, script: str) -> list[str]:
    if shutil.which("bash") is None:
        pytest.skip("this system has no bash")
    shims = Path(envmgr.environ["HOME"]) / "bin"
    shims.mkdir(exist_ok=True)
    program = " ".join(f"'{word}'" for word in PROGRAM)
    (shims / "envmgr").write_text(f'#!/bin/sh\nexec {program} "$@"\n')
    (shims / "envmgr").chmod(0o755)
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-c", f'set -euo pipefail\neval "$(envmgr shell-hook bash)"\n{script}'],
        env={**envmgr.environ, "PATH": f"{shims}:{envmgr.environ['PATH']}"},
        cwd=envmgr.directory, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout.splitlines()


def test_activate_use_deactivate(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.write(
        "environment.yml", environment_file(channel, "tool=1", "greet", more="variables:\n  COLOUR: dark red\n")
    )
    envmgr.ok("create", "-f", "environment.yml")
    lines = _bash(
        envmgr,
        'show() { echo "${CONDA_DEFAULT_ENV-none} ${COLOUR-unset} ${GREETING-unset}"; }\n'
        "show; envmgr activate science; show; tool in shell; envmgr env list | grep -c '*'\n"
        "envmgr list -q | head -2 | tail -1; envmgr deactivate; show; command -v tool || echo gone",
    )
    assert lines == [
        "none unset unset",
        "science dark red hello",
        "tool 1.0 in shell",
        "1",
        "   base-files  1.0      0      channel",
        "none unset unset",
        "gone",
    ]


def test_a_new_generation_under_an_active_shell(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.ok("create", "-n", "x", "-c", channel.url, "tool=1", "greet", "-q")
    lines = _bash(
        envmgr,
        "envmgr activate x; tool; echo $GREETING\n"
        f"envmgr create -q -n x -c {channel.url} tool=2 greet\n"
        "hash -r; tool; envmgr deactivate; echo ${GREETING-unset} ${CONDA_PREFIX-none}",
    )
    assert lines == ["tool 1.0", "hello", "tool 2.0", "unset none"]


def test_activation_of_what_is_not_there_leaves_the_shell_alone(envmgr: Envmgr) -> None:
    envmgr.ok("create", "-n", "science", "-q")
    script = 'envmgr activate sciense 2>message || echo "failed $?"; cat message; echo ${CONDA_PREFIX-none}'
    lines = _bash(envmgr, script)
    assert lines[0] == "failed 1"
    assert lines[-1] == "none"
    assert "hint: did you mean -n science?" in lines

"""`init` and `shell`, in the real shells: no line of theirs is ever typed, and no Python starts with a shell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from builders.commands import Envmgr
from builders.other_shells import find
from builders.prefixes import make_prefix

ASK = {
    "bash": ["-i", "-c", "envmgr activate one && echo $A"],
    "zsh": ["-i", "-c", "envmgr activate one && echo $A"],
    "fish": ["-c", "envmgr activate one; and echo $A"],
    "tcsh": ["-c", "envmgr activate one && echo $A"],
    "nushell": ["--config", "{rc}", "-c", "envmgr activate one; print $env.A"],
    "xonsh": ["--rc", "{rc}", "-c", "envmgr activate one\necho $A"],
}


def _program(shell: str) -> str:
    program = find("nu" if shell == "nushell" else shell)
    if program is None:
        pytest.skip(f"the shell {shell} is not installed")
    return program


def _still_fish(envmgr: Envmgr) -> None:
    """An interactive fish of a new user writes completions in the background, also when it has ended."""
    (Path(envmgr.environ["HOME"]) / ".local/share/fish/generated_completions").mkdir(parents=True)


def _rc(envmgr: Envmgr, shell: str) -> Path:
    document = envmgr("init", shell, "--dry-run", "--json").json
    return Path(document["files"][0]["path"])


@pytest.mark.parametrize("shell", sorted(ASK))
def test_a_new_shell_knows_activate_without_starting_python(envmgr: Envmgr, shell: str) -> None:
    program, rc = _program(shell), _rc(envmgr, shell)
    make_prefix(envmgr.prefix("one"), variables={"A": "activated"})
    shown = envmgr.ok("init", shell)
    assert "+# >>> envmgr initialize >>>" in shown
    assert str(rc) in shown
    # A Python that must not be started: the hook finds `envmgr` neither here nor on PATH.
    hook = next((envmgr.root / "shell").glob("hook.*"))
    hook.write_text(hook.read_text().replace(sys.executable, "/nowhere/python"))
    arguments = [word.format(rc=rc) for word in ASK[shell]]
    done = subprocess.run(
        [program, *arguments], env={**envmgr.environ, "TERM": "dumb"}, cwd=envmgr.directory,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "activated" in done.stdout.split(), done
    assert f"nothing to change in {rc}" in envmgr.ok("init", shell)
    envmgr.ok("init", "--reverse", shell)
    assert not rc.exists()


def test_an_interactive_elvish_knows_activate_and_shows_where_it_is(envmgr: Envmgr) -> None:
    """Only an interactive one reads its startup file, and only that has a prompt."""
    program, script = _program("elvish"), shutil.which("script")
    if script is None:
        pytest.skip("script is not installed")
    make_prefix(envmgr.prefix("one"), variables={"A": "activated"})
    envmgr.ok("init", "elvish")
    done = subprocess.run(
        [script, "-qec", program, "/dev/null"], text=True,
        input="envmgr activate one\nprint [$E:A]\nprint prompt($edit:prompt)\nexit\n",
        env={**envmgr.environ, "TERM": "xterm"}, cwd=envmgr.directory, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert "[activated]" in done.stdout
    assert re.search(r"prompt.{0,20}\(one\)", done.stdout)


def test_reverse_gives_back_the_file_and_leaves_conda_alone(envmgr: Envmgr) -> None:
    real = Path(envmgr.environ["HOME"]) / "dotfiles"
    real.write_bytes(b"# >>> conda initialize >>>\nx\n# <<< conda initialize <<<\nalias l=ls")
    real.chmod(0o640)
    rc = Path(envmgr.environ["HOME"]) / ".bashrc"
    rc.symlink_to("dotfiles")
    before = real.read_bytes()
    envmgr.ok("init", "bash", "--yes")
    assert real.read_bytes().startswith(before + b"\n# >>> envmgr")
    assert rc.is_symlink()
    envmgr.ok("init", "bash", "--reverse", "--yes")
    assert (real.read_bytes(), real.stat().st_mode & 0o777, rc.is_symlink()) == (before, 0o640, True)


def test_dry_run_shows_and_writes_nothing(envmgr: Envmgr) -> None:
    shown = envmgr.ok("init", "bash", "zsh", "--dry-run")
    assert shown.count("+# >>> envmgr initialize >>>") == 2
    assert os.listdir(envmgr.environ["HOME"]) == []
    assert not envmgr.root.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="this is about the other systems")
def test_for_cmd_the_change_is_shown_and_elsewhere_than_on_windows_not_made(envmgr: Envmgr) -> None:
    hook = envmgr.root / "shell/hook.bat"
    shown = envmgr.ok("init", "cmd", "--dry-run")
    assert "+++ HKCU\\Software\\Microsoft\\Command Processor\\AutoRun" in shown
    assert f'+(if exist "{hook}" doskey envmgr=call "{hook}" $*)' in shown
    done = envmgr("init", "cmd")
    assert (done.code, "the registry of Windows" in done.err) == (2, True)
    assert not hook.exists()


def test_a_directory_that_cannot_be_written_is_said_with_the_line_to_write(envmgr: Envmgr) -> None:
    (Path(envmgr.environ["HOME"]) / ".config").write_text("a file")
    done = envmgr("init", "fish")
    assert (done.code, "cannot be" in done.err, "if test -r" in done.err or "cannot be read" in done.err) == (
        1,
        True,
        True,
    )


def test_an_unknown_shell_is_answered_with_the_nearest(envmgr: Envmgr) -> None:
    done = envmgr("init", "zhs")
    assert (done.code, "did you mean `zsh`?" in done.err) == (2, True)
    assert "did you mean `fish`?" in envmgr("shell-hook", "fsh").err


SUBSHELLS = ("bash", "zsh", "fish", "tcsh", "dash", "ksh", "mksh", "elvish")


@pytest.mark.parametrize("shell", SUBSHELLS)
def test_shell_opens_in_the_environment(envmgr: Envmgr, shell: str) -> None:
    """After the startup file of the user, of which it is told nothing more afterwards."""
    program = _program(shell)
    _still_fish(envmgr)
    make_prefix(envmgr.prefix("one"), variables={"A": "activated"})
    home = Path(envmgr.environ["HOME"])
    for name, text in ((".zshrc", "export RC=read"), (".kshrc", "export RC=read"), (".mkshrc", "export RC=read"),
                       (".bashrc", "export RC=read"), (".xonshrc", "$RC = 'read'"),
                       (".config/elvish/rc.elv", "set-env RC read")):  # fmt: skip
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text + "\n")
    line = "echo $A $CONDA_SHLVL"
    if shell == "elvish":
        line = "echo '<'$E:A $E:CONDA_SHLVL $E:RC$E:ENV$E:_ENVMGR_SUBSHELL'>'"
    elif shell in ("bash", "zsh", "dash", "ksh", "mksh"):
        line = 'echo "<$A $CONDA_SHLVL ${RC-}${ENV-}${_ENVMGR_SUBSHELL-}>"'
    script = shutil.which("script")
    if script is None:
        pytest.skip("script is not installed")
    command = f"{sys.executable} -m envmgr.cli.main shell -n one --shell {shell}"
    path = os.path.dirname(program) + os.pathsep + envmgr.environ["PATH"]
    done = subprocess.run(
        [script, "-qec", command, "/dev/null"], input=f"{line}\nexit\n", text=True, capture_output=True, timeout=60,
        env={**envmgr.environ, "TERM": "xterm", "SHELL": "/bin/sh", "PATH": path}, cwd=envmgr.directory, check=False,
    )  # fmt: skip
    shown = done.stdout.replace(line, "")
    assert ("<activated 1 read>" if shell in ("bash", "zsh", "ksh", "mksh", "elvish") else "activated") in shown, shown


def test_the_prompt_of_an_interactive_fish_is_shown_and_given_back(envmgr: Envmgr) -> None:
    _program("fish")
    _still_fish(envmgr)
    make_prefix(envmgr.prefix("one"))
    envmgr.ok("init", "fish")
    rc = Path(envmgr.environ["HOME"]) / ".config/fish/config.fish"
    rc.write_text(rc.read_text() + "function fish_prompt; printf 'was %s> ' $status; end\n")
    lines = ("envmgr activate one", "false; fish_prompt", "envmgr deactivate", "true; fish_prompt", "functions -a")
    done = subprocess.run(
        ["fish", "-i", "-c", "\n".join(lines)], env={**envmgr.environ, "TERM": "dumb"}, cwd=envmgr.directory,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    shown = done.stdout.replace("\x1b[32m", "").replace("\x1b[m", "").replace("\x1b(B", "").replace("\x1b[30m", "")
    assert "(one) was 1> was 0> " in shown, done
    assert "__envmgr_fish" not in done.stdout
    assert "__envmgr1" not in done.stdout

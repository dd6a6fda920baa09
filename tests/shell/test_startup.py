from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envmgr.errors import ConfigError
from envmgr.shell import startup

HOOK = Path("/store/shell/hook.sh")
SHELLS = ("bash", "fish", "tcsh", "xonsh", "nushell", "elvish", "pwsh")
CONDA = b"# >>> conda initialize >>>\neval x\n# <<< conda initialize <<<\n"


@pytest.mark.parametrize("shell", SHELLS)
@given(content=st.one_of(st.none(), st.binary(max_size=40), st.just(CONDA)))
def test_taking_the_block_out_gives_back_every_byte(shell: str, content: bytes | None) -> None:
    written = startup.with_block(content, shell, HOOK)
    assert startup.without_block(written) == content
    assert startup.with_block(written, shell, HOOK) == written
    assert written.startswith(content or b"")


def test_a_block_for_another_store_is_replaced_in_its_place() -> None:
    written = startup.with_block(b"one", "bash", HOOK) + b"two\n"
    moved = startup.with_block(written, "bash", Path("/elsewhere/hook.sh"))
    assert moved == written.replace(b"/store/shell", b"/elsewhere")
    assert startup.without_block(moved) == b"one\ntwo\n"


def test_a_block_without_its_end_is_not_guessed_at() -> None:
    with pytest.raises(ConfigError, match="has no end"):
        startup.without_block(b"# >>> envmgr initialize >>>\nmine\n")


@pytest.mark.parametrize(
    ("shell", "platform", "expected"),
    [
        ("bash", "linux", "/home/me/.bashrc"),
        ("bash", "darwin", "/home/me/.bash_profile"),
        ("zsh", "linux", "/home/me/.zshrc"),
        ("dash", "linux", "/home/me/.profile"),
        ("fish", "linux", "/home/me/.config/fish/config.fish"),
        ("tcsh", "linux", "/home/me/.tcshrc"),
        ("xonsh", "linux", "/home/me/.config/xonsh/rc.xsh"),
        ("nu", "linux", "/home/me/.config/nushell/config.nu"),
        ("elvish", "linux", "/home/me/.config/elvish/rc.elv"),
        ("nushell", "darwin", "/home/me/Library/Application Support/nushell/config.nu"),
        ("pwsh", "linux", "/home/me/.config/powershell/profile.ps1"),
        ("powershell", "win32", "/home/me/Documents/WindowsPowerShell/profile.ps1"),
        ("pwsh", "win32", "/home/me/Documents/PowerShell/profile.ps1"),
    ],
)
def test_each_shell_has_its_startup_file(shell: str, platform: str, expected: str) -> None:
    assert str(startup.path_of(shell, {}, Path("/home/me"), platform)) == expected


def test_variables_move_startup_files() -> None:
    environ = {"ZDOTDIR": "/z", "XDG_CONFIG_HOME": "/c"}
    assert startup.path_of("zsh", environ, Path("/home/me")) == Path("/z/.zshrc")
    assert startup.path_of("fish", environ, Path("/home/me")) == Path("/c/fish/config.fish")


def test_tcsh_does_not_lose_the_cshrc_that_it_reads(tmp_path: Path) -> None:
    (tmp_path / ".cshrc").touch()
    assert startup.path_of("tcsh", {}, tmp_path) == tmp_path / ".cshrc"
    (tmp_path / ".tcshrc").touch()
    assert startup.path_of("tcsh", {}, tmp_path) == tmp_path / ".tcshrc"

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr
from builders.packages import Package

RECIPES = Path(__file__).resolve().parents[2] / "recipes"


@pytest.fixture
def science(envmgr: Envmgr, channel: LocalChannel) -> Envmgr:
    channel.add(
        Package(name="python", version="3.12.1", files={"bin/python": "#!/bin/sh\n"}, executable=["bin/python"])
    )
    channel.add(Package(name="ipykernel"), Package(name="r-irkernel"))
    envmgr.ok("create", "-n", "science", "-c", channel.url, "python", "ipykernel", "-q")
    envmgr.ok("create", "-n", "plain", "-c", channel.url, "tool", "-q")
    return envmgr


def test_a_kernel_is_registered_listed_and_taken_back(science: Envmgr, home: Path) -> None:
    science.ok("kernel", "install", "-n", "science")
    spec = json.loads((home / ".local/share/jupyter/kernels/science/kernel.json").read_text())
    assert spec["argv"][-8:-4] == ["run", "-p", str(science.prefix("science")), "python"]
    assert os.path.isabs(spec["argv"][0])
    assert spec["display_name"] == "Python (science)"
    science.ok("remove", "-n", "science", "--all", "--yes", "-q")
    assert science("kernel", "list", "--json").json[0]["exists"] is False
    science.ok("kernel", "remove", "science")
    assert science("kernel", "list", "--json").json == []


def test_an_environment_that_cannot_run_notebooks_is_said(science: Envmgr) -> None:
    done = science("kernel", "install", "-n", "plain")
    assert (done.code, "it has no ipykernel" in done.err) == (1, True)
    assert "envmgr install -n plain ipykernel" in done.err
    done = science("ide", "vscode", "-n", "plain")
    assert (done.code, "envmgr install -n plain python" in done.err) == (1, True)


def test_vscode_gets_the_interpreter_and_keeps_its_comments(science: Envmgr) -> None:
    settings = science.directory / ".vscode/settings.json"
    science.ok("ide", "vscode", "-n", "science")
    python = str(science.prefix("science") / "bin/python")
    assert json.loads(settings.read_text()) == {"python.defaultInterpreterPath": python}
    settings.write_text('{\n  // mine\n  "editor.tabSize": 2,\n}\n')
    science.ok("ide", "vscode", "-n", "science")
    assert "  // mine\n" in settings.read_text()
    before = settings.read_bytes()
    assert "names already" in science.ok("ide", "vscode", "-n", "science")
    assert settings.read_bytes() == before
    settings.write_text("{ broken")
    done = science("ide", "vscode", "-n", "science")
    assert (done.code, "settings.json:1: `broken` is no value" in done.err) == (1, True)
    assert settings.read_text() == "{ broken"


@pytest.mark.network
@pytest.mark.slow
def test_a_real_kernel_runs_a_cell_in_the_activated_environment(
    envmgr: Envmgr, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sys.platform == "win32":
        pytest.skip("the embedded channel is built on Linux only")
    envmgr.write("channels.yaml", f"channels: {{embedded: {{recipes: '{RECIPES}'}}}}\n")
    envmgr.write(
        "environment.yml",
        "name: notebooks\nchannels: [embedded]\ndependencies:\n  - python\n  - pip: [ipykernel]\n"
        "variables: {FROM_THE_FILE: 'yes'}\n",
    )
    done = envmgr.process("create", "-f", "environment.yml", "-q")
    assert done.code == 0, done.err
    assert envmgr.process("kernel", "install", "-n", "notebooks").code == 0
    for key in set(os.environ) - set(envmgr.environ):
        monkeypatch.delenv(key)
    for key, value in envmgr.environ.items():
        monkeypatch.setenv(key, value)
    from jupyter_client.manager import start_new_kernel  # reads the environment that was set above

    manager, client = start_new_kernel(kernel_name="notebooks", startup_timeout=60)
    try:
        outputs: list[str] = []
        code = "import os, sys; print(sys.prefix, os.environ['FROM_THE_FILE'], os.environ['CONDA_DEFAULT_ENV'])"
        reply = client.execute_interactive(
            code, timeout=60, output_hook=lambda message: outputs.append(message["content"].get("text", ""))
        )
        shown: list[str] = []
        client.execute_interactive(
            f"!{sys.executable} {_slow_work(envmgr)}", timeout=60,
            output_hook=lambda message: shown.append(message["content"].get("text", "")),
        )  # fmt: skip
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
    assert reply["content"]["status"] == "ok"
    assert "".join(outputs) == f"{envmgr.prefix('notebooks')} yes notebooks\n"
    drawn = "".join(shown).replace("\r\n", "\n")
    assert "download a package" in drawn
    assert _as_a_cell_shows(drawn) == ["a notice", "worked", ""]


def _slow_work(envmgr: Envmgr) -> Path:
    """Write what works under a progress display for longer than a drawing takes to come."""
    return envmgr.write(
        "work.py",
        "import os, sys, time\n"
        "from envmgr.cli.progress import reporter\n"
        "report = reporter(sys.stderr, os.environ)\n"
        "with report.start('fetch', 'a package', total=3000, unit='bytes') as fetched:\n"
        "    fetched.advance(1000)\n"
        "    time.sleep(1.2)\n"
        "    report.notice('a notice')\n"
        "    time.sleep(1.2)\n"
        "print('worked')\n",
    )


def _as_a_cell_shows(text: str) -> list[str]:
    """Return the lines of a cell's output: `\\r` goes to the beginning of a line, what is written there replaces."""
    lines = []
    for line in re.sub(r"\x1b\[[0-9;]*m", "", text).split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        assert "\x1b" not in shown
        lines.append(shown.rstrip())
    return lines

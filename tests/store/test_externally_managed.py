from __future__ import annotations

import configparser
import sys

from builders.channels import LocalChannel
from builders.commands import Envmgr
from workflows.conftest import index, machine  # noqa: F401 (fixtures)

PATH = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/EXTERNALLY-MANAGED"


def test_the_marker_is_written_on_request_and_stays(machine: Envmgr, channel: LocalChannel) -> None:  # noqa: F811
    machine.ok("create", "-n", "x", "-c", channel.url, "python", "-q", "--externally-managed")
    marker = machine.prefix("x") / PATH
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(marker)

    assert "envmgr install -n x --pip PACKAGE" in parser["externally-managed"]["Error"]
    assert machine("verify", "-n", "x", "--strict").code == 0
    machine.ok("install", "-n", "x", "--pip", "pure", "-q")
    assert marker.is_file()
    marker.unlink()
    machine.ok("install", "-n", "x", "--pip", "pure<2", "-q")
    assert not marker.exists()


def test_nothing_is_written_unless_asked_for(machine: Envmgr, channel: LocalChannel) -> None:  # noqa: F811
    machine.ok("create", "-n", "x", "-c", channel.url, "python", "-q")

    assert not (machine.prefix("x") / PATH).exists()

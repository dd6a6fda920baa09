"""`--pip-prefer-conda`: what the channels can satisfy is asked of conda, and only where the artifact says so."""

from __future__ import annotations

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr, environment_file
from builders.index_server import IndexServer
from builders.packages import Package
from builders.wheels import Wheel
from workflows.conftest import SITE


def of_python(name: str, version: str = "1.0", *, provides: str | None = None, **fields: object) -> Package:
    text = f"Metadata-Version: 2.1\nName: {provides or name}\nVersion: {version}\n"
    files = {f"{SITE}/{(provides or name).replace('-', '_')}-{version}.dist-info/METADATA": text}
    depends = ["python", *fields.pop("depends", [])]  # type: ignore[misc]
    return Package(name=name, version=version, files=files, depends=depends, **fields)  # type: ignore[arg-type]


@pytest.fixture
def lab(machine: Envmgr, channel: LocalChannel, index: IndexServer) -> Envmgr:
    """A channel with some of what an index has, under the same name and others, and with what only looks like it."""
    channel.add(
        of_python("same"), of_python("same", "3.0"),
        of_python("pytorch", "2.1", provides="torch"),
        of_python("msgpack-python", provides="msgpack"),
        Package(name="zstd", files={"lib/libzstd.so": ""}),
        of_python("python-zstd", provides="zstd"),
        of_python("impostor", provides="another"),
        of_python("old-python", depends=["python <3"]),
        of_python("with_underscore", provides="with-underscore"),
    )  # fmt: skip
    for name in ("same", "torch", "msgpack", "zstd", "impostor", "old-python", "with-underscore", "only-pip", "app"):
        index.add(Wheel(name=name, version="9", extras={"x": []}))
    return machine


def asked(machine: Envmgr, channel: LocalChannel, *lines: str) -> tuple[list[str], list[str], str]:
    """Return what the halves of a new environment have, beside python and pip, and what was said."""
    text = environment_file(channel, "python") + "  - pip:\n" + "".join(f"    - {line}\n" for line in lines)
    machine.write("environment.yml", text)
    done = machine("create", "-f", "environment.yml", "-y", "--json", "--pip-prefer-conda")
    assert done.code == 0, done
    linked = [f"{each['name']}={each['version']}" for each in done.json["actions"]["LINK"]]
    pip = [each["name"] for each in done.json["pip"]["install"]]
    return [each for each in linked if not each.startswith(("python=", "pip="))], pip, done.err


def test_lines_that_the_channels_satisfy_are_asked_of_conda_and_shown(lab: Envmgr, channel: LocalChannel) -> None:
    conda, pip, said = asked(lab, channel, "same<2", "torch>=2", "msgpack", "zstd", "With.Underscore", "only-pip")

    assert conda == ["msgpack-python=1.0", "python-zstd=1.0", "pytorch=2.1", "same=1.0", "with_underscore=1.0"]
    assert pip == ["only-pip"]
    assert "environment.yml:7: `same<2` is asked of conda, as `same <2`\n" in said
    assert "environment.yml:8: `torch>=2` is asked of conda, as `pytorch >=2`\n" in said
    exported = lab.ok("export", "-n", "science")
    assert "- pytorch >=2" in exported
    assert "- only-pip" in exported
    assert lab.ok("create", "-f", "environment.yml", "--pip-prefer-conda").startswith("science is up to date")


def test_what_conda_cannot_give_as_asked_stays_with_pip(lab: Envmgr, channel: LocalChannel) -> None:
    """A version that it lacks, a package that provides another, one for another python, an extra, a marker."""
    lines = ("same[x]>=9", "torch==9", "impostor", "old-python", "msgpack[x]", "zstd; python_version < '3'")
    conda, pip, said = asked(lab, channel, *lines)

    assert conda == []
    assert pip == ["impostor", "msgpack", "old-python", "same", "torch"]
    assert "is asked of conda" not in said


def test_without_the_flag_everything_stays_with_pip(lab: Envmgr, channel: LocalChannel) -> None:
    asked(lab, channel, "same<2", "only-pip")
    index_lines = environment_file(channel, "python") + "  - pip: ['same', 'only-pip']\n"
    lab.write("environment.yml", index_lines)
    document = lab("create", "-f", "environment.yml", "-y", "--json").json

    assert [each["name"] for each in document["actions"]["UNLINK"]] == ["same"]
    assert [each["name"] for each in document["pip"]["install"]] == ["same"]


def test_the_setting_counts_as_the_flag(lab: Envmgr, channel: LocalChannel) -> None:
    lab.ok("create", "-n", "x", "-c", channel.url, "python", "-q")
    done = lab("install", "-n", "x", "--pip", "msgpack", "--json", ENVMGR_PIP_PREFER_CONDA="1")

    assert [each["name"] for each in done.json["actions"]["LINK"]] == ["msgpack-python"]

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from envmgr.errors import ConfigError, UsageError
from envmgr.settings import Settings
from envmgr.spec.cutoff import cutoff, is_duration
from envmgr.workflows.request import CreateRequest, SourceText, inputs_digest, spec_digest

NOW = datetime(2026, 5, 4, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (None, None),
        ("2026-01-31", datetime(2026, 1, 31, 23, 59, 59, tzinfo=timezone.utc)),
        ("2026-01-31T10:00:00Z", datetime(2026, 1, 31, 10, tzinfo=timezone.utc)),
        ("2026-01-31T10:00:00", datetime(2026, 1, 31, 10, tzinfo=timezone.utc)),
        ("2026-01-31T10:00:00+02:00", datetime(2026, 1, 31, 8, tzinfo=timezone.utc)),
        ("14d", NOW - timedelta(days=14)),
        ("2 weeks", NOW - timedelta(days=14)),
        ("12h", NOW - timedelta(hours=12)),
        ("P14D", NOW - timedelta(days=14)),
        ("PT12H", NOW - timedelta(hours=12)),
    ],
)
def test_a_cutoff_is_a_date_a_time_or_a_duration(text: str | None, moment: datetime | None) -> None:
    assert cutoff(text, now=NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "14", "-3d", "99999999999d"])
def test_anything_else_is_no_cutoff(text: str) -> None:
    with pytest.raises(UsageError, match="--exclude-newer"):
        cutoff(text, now=NOW)


def request(**overrides: Any) -> CreateRequest:
    values: dict[str, Any] = {"command": ("create",), "files": (SourceText("e.yml", "dependencies: [a]"),)}
    return CreateRequest(**values | overrides)


def test_the_command_line_itself_does_not_count(settings: Settings) -> None:
    one, other = request(command=("create", "-q")), request(command=("create",))
    assert inputs_digest(one, settings, (), "linux-64") == inputs_digest(other, settings, (), "linux-64")


@pytest.mark.parametrize(
    "change",
    [
        {"files": (SourceText("e.yml", "dependencies: [b]"),)},
        {"specs": ("x",)},
        {"channels": ("c",)},
        {"override_channels": True},
        {"virtual_packages": ("__cuda=12",)},
        {"exclude_newer": "2026-01-01"},
    ],
)
def test_every_input_counts(change: dict[str, Any], settings: Settings) -> None:
    before = inputs_digest(request(), settings, (), "linux-64")
    assert inputs_digest(request(**change), settings, (), "linux-64") != before


def test_settings_machine_overrides_and_channel_files_count(settings: Settings, tmp_path: Path) -> None:
    table = tmp_path / "channels.yaml"
    table.write_text("channels: {}")
    changed = tmp_path / "changed.yaml"
    changed.write_text("channels: {a: b}")
    digests = {
        inputs_digest(request(), settings, (), "linux-64"),
        inputs_digest(request(), settings, (), "osx-64"),
        inputs_digest(request(), settings, (table,), "linux-64"),
        inputs_digest(request(), settings, (changed,), "linux-64"),
        inputs_digest(request(), settings._replace(channel_priority="flexible"), (), "linux-64"),
        inputs_digest(
            request(), settings._replace(environ={**settings.environ, "CONDA_OVERRIDE_CUDA": "12"}), (), "linux-64"
        ),
    }
    assert len(digests) == 6


def test_a_channel_file_that_vanished_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml cannot be read"):
        inputs_digest(request(), settings, (tmp_path / "gone.yaml",), "linux-64")


@pytest.mark.parametrize(
    "line", ["- -r requirements.txt", "- '-r requirements.txt'", "- --requirement=r.txt", "-r r.txt"]
)
def test_files_that_are_not_read_yet_leave_it_to_the_parsed_spec(line: str, settings: Settings) -> None:
    nested = request(files=(SourceText("e.yml", f"dependencies:\n  - pip:\n    {line}\n"),))
    assert inputs_digest(nested, settings, (), "linux-64") is None


def test_the_lock_beside_the_file_counts_byte_for_byte(settings: Settings) -> None:
    digests = {inputs_digest(request(), settings, (), "linux-64", data) for data in (None, b"", b"a", b"b")}
    assert len(digests) == 4


def test_what_a_lock_was_made_for_is_the_same_on_every_machine(settings: Settings, tmp_path: Path) -> None:
    def digest(settings: Settings, platform: str = "linux-64", channels: tuple[str, ...] = ("lab",)) -> str:
        return spec_digest("meaning", settings, [channels], platform)

    other_machine = settings._replace(
        root=tmp_path / "r", cache=tmp_path / "c", solver="libmamba", environ={"CONDA_OVERRIDE_CUDA": "12"}
    )
    assert digest(other_machine) == digest(settings)
    different = {
        digest(settings),
        digest(settings, platform="osx-64"),
        digest(settings, channels=("lab", "other")),
        digest(settings._replace(channel_priority="flexible")),
        digest(settings._replace(add_pip_as_python_dependency=False)),
    }
    assert len(different) == 5


def test_only_a_duration_moves() -> None:
    assert [is_duration(text) for text in (None, "2026-01-31", "14d", " 2 weeks")] == [False, False, True, True]

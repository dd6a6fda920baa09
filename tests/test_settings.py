from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from envmgr.errors import ConfigError
from envmgr.settings import Settings


def test_a_variable_beats_the_file_and_the_file_beats_the_default(environ: dict[str, str]) -> None:
    assert Settings.load(environ).channel_priority == "strict"
    Path(environ["ENVMGR_CONFIG"]).write_text("channel_priority: flexible\nkeep_generations: 5\nchannels: [lab]\n")
    from_file = Settings.load(environ)
    assert (from_file.channel_priority, from_file.keep_generations, from_file.channels) == ("flexible", 5, ("lab",))
    assert Settings.load(environ | {"ENVMGR_CHANNEL_PRIORITY": "disabled"}).channel_priority == "disabled"


def test_directories_default_to_those_of_the_user(environ: dict[str, str], home: Path) -> None:
    plain = {key: value for key, value in environ.items() if not key.startswith("ENVMGR_")}
    settings = Settings.load(plain)
    assert settings.root == home / ".local/share/envmgr"
    assert settings.cache == home / ".cache/envmgr"
    assert settings.config_file == home / ".config/envmgr/config.yaml"
    moved = Settings.load(plain | {"XDG_DATA_HOME": "/data", "XDG_CACHE_HOME": "/cache", "XDG_CONFIG_HOME": "/config"})
    assert (moved.root, moved.cache) == (Path("/data/envmgr"), Path("/cache/envmgr"))


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("ENVMGR_OFFLINE", "perhaps", "ENVMGR_OFFLINE: expected true or false, found `perhaps`"),
        ("ENVMGR_SOLVER", "conda", "ENVMGR_SOLVER: expected one of auto, libmamba, rattler, found `conda`"),
        ("ENVMGR_KEEP_GENERATIONS", "-1", "ENVMGR_KEEP_GENERATIONS: expected a whole number from 0, found `-1`"),
        ("ENVMGR_ROOT", "", "ENVMGR_ROOT: expected a directory, found ``"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(environ: dict[str, str], variable: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.load(environ | {variable: value})
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "expected keys and values, found list"),
        ("a: [", "cannot be read as YAML"),
        ("channel_prioritie: strict\n", "unknown key `channel_prioritie`"),
        ("channels: conda-forge\n", "channels: expected a list of names, found `conda-forge`"),
        ("offline: 7\n", "offline: expected true or false, found `7`"),
    ],
)
def test_a_faulty_file_is_named_with_the_key(environ: dict[str, str], text: str, message: str) -> None:
    Path(environ["ENVMGR_CONFIG"]).write_text(text)
    with pytest.raises(ConfigError) as caught:
        Settings.load(environ)
    assert message in caught.value.message
    assert environ["ENVMGR_CONFIG"] in caught.value.message


def test_the_nearest_key_is_the_hint(environ: dict[str, str]) -> None:
    Path(environ["ENVMGR_CONFIG"]).write_text("channel_prioritie: strict\n")
    with pytest.raises(ConfigError) as caught:
        Settings.load(environ)
    assert caught.value.hint == "did you mean `channel_priority`?"


def test_reading_settings_without_a_file_imports_nothing_heavy(environ: dict[str, str]) -> None:
    program = (
        "import sys; from envmgr.settings import Settings; Settings.load();"
        "heavy = {'yaml', 'platformdirs', 'rattler', 'requests', 'asyncio', 'dataclasses'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], env=environ, check=True)


def test_settings_travel_to_other_processes(environ: dict[str, str]) -> None:
    settings = Settings.load(environ)
    assert pickle.loads(pickle.dumps(settings)) == settings

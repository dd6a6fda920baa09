from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from envmgr.channels.model import Channel
from envmgr.channels.table import ChannelTable
from envmgr.errors import ChannelError, ConfigError
from envmgr.settings import Settings

FORGE = "https://conda.anaconda.org/conda-forge"


def read(settings: Settings, directory: Path, text: str | None = None) -> ChannelTable:
    if text is not None:
        (directory / "channels.yaml").write_text(text)
    return ChannelTable.read(settings, beside=[directory], system=directory / "system.yaml")


def urls(table: ChannelTable, *names: str) -> list[str]:
    return [channel.url for channel in table.resolve(names)]


@pytest.fixture
def table(settings: Settings, tmp_path: Path) -> ChannelTable:
    return read(settings, tmp_path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("conda-forge", [FORGE]),
        ("bioconda", ["https://conda.anaconda.org/bioconda"]),
        ("nvidia", ["https://conda.anaconda.org/nvidia"]),
        ("pytorch", ["https://conda.anaconda.org/pytorch"]),
        ("defaults", ["https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r"]),
        ("pkgs/main", ["https://repo.anaconda.com/pkgs/main"]),
        ("conda-forge/label/dev", [f"{FORGE}/label/dev"]),
        ("rapidsai", ["https://conda.anaconda.org/rapidsai"]),
        ("pytorch3d", ["https://conda.anaconda.org/pytorch3d"]),
        ("jaimergp/label/shim", ["https://conda.anaconda.org/jaimergp/label/shim"]),
        ("conda-forge/linux-64", [FORGE]),
        ("nodefaults", []),
        (f"{FORGE}/", [FORGE]),
        (f"{FORGE}/noarch", [FORGE]),
        ("s3://bucket/channel", ["s3://bucket/channel"]),
        ("oci://ghcr.io/channel-mirrors/conda-forge", ["oci://ghcr.io/channel-mirrors/conda-forge"]),
    ],
)
def test_what_names_mean_out_of_the_box(table: ChannelTable, name: str, expected: list[str]) -> None:
    assert urls(table, name) == expected


def test_channels_keep_their_order_and_come_once(table: ChannelTable) -> None:
    assert urls(table, "bioconda", "nodefaults", FORGE, "conda-forge", "bioconda") == [
        "https://conda.anaconda.org/bioconda",
        FORGE,
    ]


def test_defaults_are_used_only_when_named(table: ChannelTable) -> None:
    assert table.defaults == ()
    assert all("repo.anaconda" not in url for url in urls(table, "conda-forge", "nodefaults"))


@pytest.mark.parametrize("name", ["conda-forg", "conda-frge", "cnoda-forge", "conda_forge", "bioconda2", "pytorhc"])
def test_name_one_slip_from_a_known_one_is_refused(table: ChannelTable, name: str) -> None:
    with pytest.raises(ChannelError, match="is unknown") as caught:
        table.resolve([name])
    assert caught.value.hint is not None
    assert f"https://conda.anaconda.org/{name}" in caught.value.hint


def test_name_one_slip_from_one_of_the_file_is_refused(settings: Settings, tmp_path: Path) -> None:
    table = read(settings, tmp_path, "channels: {laboratory: https://lab.example}\n")
    with pytest.raises(ChannelError, match="`laboratory` is known"):
        table.resolve(["labratory"])


@pytest.mark.parametrize("name", ["", " ", "a b", "a//b", "ftp://x.example", "a\nb", "x;rm", "-c", "a/../b"])
def test_what_is_no_channel_is_refused(table: ChannelTable, name: str) -> None:
    with pytest.raises(ChannelError):
        table.resolve([name])


def test_directory_is_found_beside_the_environment_file(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "channel" / "noarch").mkdir(parents=True)
    table = read(settings, tmp_path)
    expected = (tmp_path / "channel").as_uri()
    assert urls(table, "./channel", str(tmp_path / "channel"), expected, "./channel/noarch") == [expected]
    assert table.resolve(["./channel"])[0].name == "./channel"


def test_directory_below_home(settings: Settings, tmp_path: Path, home: Path) -> None:
    (home / "mine").mkdir()
    assert urls(read(settings, tmp_path), "~/mine") == [(home / "mine").as_uri()]


def test_missing_directory_is_named(table: ChannelTable, tmp_path: Path) -> None:
    for name in ("./nothing", f"file://{tmp_path}/nothing", "~/nothing"):
        with pytest.raises(ChannelError, match="nothing, which is no directory"):
            table.resolve([name])


def test_recipes_make_a_channel_in_the_cache(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "recipes").mkdir()
    table = read(settings, tmp_path, "channels: {embedded: {recipes: recipes}}\ndefault: [embedded]\n")
    recipes = tmp_path / "recipes"
    digest = hashlib.sha256(os.fsencode(recipes)).hexdigest()[:12]
    expected = Channel(
        name="embedded", url=(settings.cache / "channels" / digest / "embedded").as_uri(), recipes=recipes
    )
    assert table.resolve(["embedded"]) == (expected,)
    assert table.with_recipes() == (expected,)
    assert table.defaults == ("embedded",)


def test_missing_recipes_are_named_with_the_line(settings: Settings, tmp_path: Path) -> None:
    table = read(settings, tmp_path, "channels:\n  embedded:\n    recipes: recipes\n")
    with pytest.raises(ChannelError, match=r"channels\.yaml:2: .*no directory"):
        table.resolve(["embedded"])


def test_built_channel_has_no_labels(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "recipes").mkdir()
    table = read(settings, tmp_path, "channels: {embedded: {recipes: recipes}}\n")
    with pytest.raises(ChannelError, match="has no labels"):
        table.resolve(["embedded/label/dev"])


def test_mirrors_apply_to_name_label_and_url(settings: Settings, tmp_path: Path) -> None:
    table = read(
        settings, tmp_path, f"channels:\n  conda-forge:\n    url: {FORGE}\n    mirrors: [https://m.example/cf]\n"
    )
    (channel,) = table.resolve(["conda-forge"])
    assert (channel.url, channel.mirrors) == (FORGE, ("https://m.example/cf",))
    assert table.resolve([FORGE])[0].mirrors == ("https://m.example/cf",)
    assert table.resolve(["conda-forge/label/dev"])[0].mirrors == ("https://m.example/cf/label/dev",)


def test_own_meaning_of_defaults(settings: Settings, tmp_path: Path) -> None:
    table = read(settings, tmp_path, "channels: {defaults: [https://a.example/1, https://a.example/2]}\n")
    assert urls(table, "defaults") == ["https://a.example/1", "https://a.example/2"]


def test_names_of_the_file_come_first(settings: Settings, tmp_path: Path) -> None:
    table = read(settings, tmp_path, "channels: {lab: https://lab.example, nvidia: https://n.example}\n")
    assert table.names() == ("lab", "nvidia", "conda-forge", "bioconda", "pytorch", "defaults")


def test_nearest_then_users_then_systems_file(settings: Settings, tmp_path: Path) -> None:
    below = tmp_path / "project" / "deep"
    below.mkdir(parents=True)
    (tmp_path / "project" / "channels.yaml").write_text("channels: {a: https://project.example}\n")
    users = settings.config_file.parent / "channels.yaml"
    users.write_text("channels: {a: https://user.example, b: https://user.example}\ndefault: [b]\n")
    system = tmp_path / "system.yaml"
    system.write_text("channels: {b: https://system.example, c: https://system.example/c}\ndefault: [c]\n")
    table = ChannelTable.read(settings, beside=[below], system=system)
    assert urls(table, "a", "b", "c") == ["https://project.example", "https://user.example", "https://system.example/c"]
    assert table.defaults == ("b",)
    assert table.files == (tmp_path / "project" / "channels.yaml", users, system)


def test_only_the_nearest_file_above_counts(settings: Settings, tmp_path: Path) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / "channels.yaml").write_text("channels: {x: https://far.example}\n")
    (tmp_path / "a" / "channels.yaml").write_text("channels: {y: https://near.example}\n")
    table = ChannelTable.read(
        settings._replace(config_file=tmp_path / "config" / "config.yaml"), beside=[below], system=tmp_path / "none"
    )
    assert table.files == (tmp_path / "a" / "channels.yaml",)


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give a file to another user")
def test_file_that_anybody_could_have_put_above_is_passed_over(settings: Settings, tmp_path: Path) -> None:
    open_to_all = tmp_path / "scratch"
    below = open_to_all / "project"
    below.mkdir(parents=True)
    open_to_all.chmod(0o1777)
    (open_to_all / "channels.yaml").write_text("channels: {conda-forge: https://evil.example}\n")
    os.chown(open_to_all / "channels.yaml", 12345, 12345)
    assert urls(read(settings, below), "conda-forge") == [FORGE]


def test_envmgr_channels_names_the_only_file(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "channels.yaml").write_text("channels: {a: https://beside.example}\n")
    (tmp_path / "named.yaml").write_text("channels: {b: https://named.example}\n")
    settings = Settings.load(environ | {"ENVMGR_CHANNELS": str(tmp_path / "named.yaml")})
    table = read(settings, tmp_path)
    assert table.files == (tmp_path / "named.yaml",)
    assert urls(table, "b") == ["https://named.example"]


def test_envmgr_channels_that_is_no_file_is_an_error(environ: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ENVMGR_CHANNELS"):
        read(Settings.load(environ | {"ENVMGR_CHANNELS": str(tmp_path / "nothing.yaml")}), tmp_path)


def test_variables_stand_for_secrets(settings: Settings, tmp_path: Path) -> None:
    settings = settings._replace(environ={**settings.environ, "CONDA_TOKEN": "sesame"})
    (channel,) = read(settings, tmp_path).resolve(["https://localhost/t/${CONDA_TOKEN}/stable"])
    assert channel.url == "https://localhost/stable"
    assert channel.name == "https://localhost/t/${CONDA_TOKEN}/stable"
    assert channel.access is not None
    assert channel.access.targets() == ("https://localhost/t/sesame/stable",)
    assert "sesame" not in repr(channel)


def test_unset_variable_is_named(table: ChannelTable) -> None:
    with pytest.raises(ChannelError, match="`CONDA_TOKEN`, which is not set") as caught:
        table.resolve(["https://localhost/t/${CONDA_TOKEN}/stable"])
    assert caught.value.hint == "set it: `export CONDA_TOKEN=…`"


def test_literal_credentials_are_left_out_of_the_name(table: ChannelTable) -> None:
    (channel,) = table.resolve(["https://me:sesame@lab.example/conda/"])
    assert (channel.name, channel.url) == ("https://lab.example/conda/", "https://lab.example/conda")
    assert "sesame" not in repr(channel)

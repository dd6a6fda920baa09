from __future__ import annotations

import os
from pathlib import Path

import pytest

from envmgr.errors import ConfigError
from envmgr.settings import Settings, sources


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "project"
    (directory / "below").mkdir(parents=True)
    monkeypatch.chdir(directory / "below")
    return directory / ".envmgr.yaml"


def test_the_project_beats_the_user_and_the_user_the_site(
    environ: dict[str, str], tmp_path: Path, project: Path
) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("solver: rattler\nkeep_generations: 1\nchannel_priority: flexible\n")
    Path(environ["ENVMGR_CONFIG"]).write_text("keep_generations: 2\nchannel_priority: disabled\n")
    project.write_text("channel_priority: strict\n")
    environ |= {"ENVMGR_SITE_CONFIG": str(site)}
    settings = Settings.load(environ)
    assert (settings.solver, settings.keep_generations, settings.channel_priority) == ("rattler", 2, "strict")
    places = [(each.kind, each.place) for each in sources({**environ, "ENVMGR_OFFLINE": "1"})]
    assert places[:3] == [("site", str(site)), ("user", environ["ENVMGR_CONFIG"]), ("project", str(project))]
    assert ("variable", "ENVMGR_OFFLINE") in places[3:]


@pytest.mark.parametrize("key", ["root", "cache", "shared_caches", "link_scripts", "ssl_verify", "env_prompt"])
def test_a_project_does_not_choose_where_things_are_nor_whose_code_runs(
    environ: dict[str, str], project: Path, key: str
) -> None:
    project.write_text(f"{key}: allow\n")
    with pytest.raises(ConfigError, match=f"`{key}` cannot be set for a project"):
        Settings.load(environ)


@pytest.mark.skipif(os.name == "nt" or os.getuid() != 0, reason="only root can give a file away")
def test_a_project_file_that_somebody_else_put_above_does_not_count(environ: dict[str, str], project: Path) -> None:
    project.write_text("solver: rattler\n")
    os.chown(project, 12345, 12345)
    assert Settings.load(environ).solver == "auto"


def test_a_bomb_of_aliases_is_refused(environ: dict[str, str]) -> None:
    lines = ["a: &a [x]", *(f"b{n}: &b{n} [{', '.join(['*a' if n == 0 else f'*b{n - 1}'] * 9)}]" for n in range(30))]
    Path(environ["ENVMGR_CONFIG"]).write_text("\n".join(lines))
    with pytest.raises(ConfigError, match="aliases are not read"):
        Settings.load(environ)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ssl_verify: false\n", "always checks who answers"),
        ("proxy_servers: [a]\n", "expected URLs by scheme"),
        ("proxy_servers: {https: proxy}\n", "expected a URL, found `proxy`"),
        ("channel_alias: corp\n", "expected a URL, found `corp`"),
    ],
)
def test_network_settings_are_checked(environ: dict[str, str], text: str, message: str) -> None:
    Path(environ["ENVMGR_CONFIG"]).write_text(text)
    with pytest.raises(ConfigError, match=message):
        Settings.load(environ)


def test_proxies_and_certificates_become_variables_unless_there_are_such(environ: dict[str, str]) -> None:
    Path(environ["ENVMGR_CONFIG"]).write_text(
        "proxy_servers: {https: http://proxy.example:3128}\nssl_verify: /site.pem\n"
    )
    clean = {key: value for key, value in environ.items() if "proxy" not in key.lower() and "SSL" not in key}
    clean = {key: value for key, value in clean.items() if "BUNDLE" not in key}
    found = Settings.load(clean).environ
    assert (found["HTTPS_PROXY"], found["https_proxy"]) == ("http://proxy.example:3128", "http://proxy.example:3128")
    assert (found["SSL_CERT_FILE"], found["REQUESTS_CA_BUNDLE"]) == ("/site.pem", "/site.pem")
    assert "HTTP_PROXY" not in found
    own = Settings.load({**clean, "https_proxy": "http://mine.example", "SSL_CERT_FILE": "/mine.pem"}).environ
    assert (own["https_proxy"], own["SSL_CERT_FILE"]) == ("http://mine.example", "/mine.pem")
    assert "HTTPS_PROXY" not in own


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# mine\nproxy_servers: {http: 'http://x'}\nsolver: 7\n", ":3: solver: expected one of"),
        ('channels:\n  - a\n  - b\n"offline": maybe\n', ":4: offline: expected true or false"),
        ("offline: true\nslover: x\n", ":2: unknown key `slover`"),
        ("offline: true\nchannels: [a]\noffline: false\n", ":3: `offline` stands in line 1 already"),
    ],
)
def test_a_fault_is_said_with_its_line(environ: dict[str, str], text: str, message: str) -> None:
    file = Path(environ["ENVMGR_CONFIG"])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        Settings.load(environ)
    assert raised.value.message.startswith(f"{file}{message}")

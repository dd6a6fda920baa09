from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from builders.channels import LocalChannel
from builders.commands import Envmgr


@pytest.fixture
def file(envmgr: Envmgr) -> Path:
    return Path(envmgr.environ["ENVMGR_CONFIG"])


def test_a_value_is_set_shown_with_its_source_and_taken_out_again(envmgr: Envmgr, file: Path) -> None:
    file.write_text("# mine\nkeep_generations: 3 # three\n")
    envmgr.ok("config", "set", "keep_generations", "5")
    envmgr.ok("config", "set", "offline", "yes")
    envmgr.ok("config", "set", "channels", "lab", "conda-forge")
    assert file.read_text() == "# mine\nkeep_generations: 5 # three\noffline: true\nchannels:\n- lab\n- conda-forge\n"
    assert envmgr.ok("config", "get", "channels") == "lab\nconda-forge\n"
    listed = envmgr("config", "list", "--json").json
    assert listed["keep_generations"] == {"value": 5, "source": str(file)}
    assert listed["solver"] == {"value": "auto", "source": "default"}
    envmgr.ok("config", "unset", "offline")
    assert "offline" not in file.read_text()


def test_lists_grow_at_both_ends_and_shrink(envmgr: Envmgr, file: Path) -> None:
    envmgr.ok("config", "append", "channels", "b", "-q")
    envmgr.ok("config", "prepend", "channels", "a", "-q")
    envmgr.ok("config", "append", "channels", "c", "d", "-q")
    envmgr.ok("config", "append", "channels", "a", "-q")
    envmgr.ok("config", "remove", "channels", "c", "-q")
    assert yaml.safe_load(file.read_text()) == {"channels": ["b", "d", "a"]}
    envmgr.ok("config", "append", "pinned_packages", "numpy=1.26", "python 3.12.*", "-q")
    assert envmgr.ok("config", "get", "pinned_packages") == "numpy=1.26\npython 3.12.*\n"
    done = envmgr("config", "remove", "channels", "zzz")
    assert (done.code, "channels has no `zzz`; it has b, d, a" in done.err) == (1, True)


def test_nothing_is_written_for_what_cannot_be_meant(envmgr: Envmgr, file: Path) -> None:
    for words, message in (
        (["set", "channel_prority", "strict"], "did you mean `channel_priority`?"),
        (["set", "channel_priority", "strct"], "expected one of strict, flexible, disabled, found `strct`"),
        (["set", "solver", "rattler", "libmamba"], "solver takes one value, found 2"),
        (["append", "solver", "rattler"], "solver holds one value, no list"),
        (["set", "root", "/x", "--project"], "root cannot be set for a project"),
        (["get", "rot"], "did you mean `root`?"),
        (["unset", "solver"], "does not set solver"),
    ):
        done = envmgr("config", *words)
        assert done.code in (1, 2)
        assert message in done.err
    assert not file.exists()
    assert list(envmgr.directory.iterdir()) == []


def test_a_faulty_file_can_be_mended_by_the_command(envmgr: Envmgr, file: Path) -> None:
    file.write_text("slover: rattler\nsolver: conda\n")
    assert envmgr("config", "list").code == 1
    assert envmgr("config", "unset", "slover", "-q", "--json").json["changed"] is True
    assert envmgr("config", "set", "solver", "rattler", "-q").code == 0
    assert envmgr.ok("config", "get", "solver") == "rattler\n"


def test_what_is_stronger_than_what_was_written_is_said(envmgr: Envmgr, file: Path) -> None:
    done = envmgr("config", "set", "solver", "libmamba", ENVMGR_SOLVER="rattler")
    assert done.err == "note: ENVMGR_SOLVER sets solver too, and is stronger: rattler\n"
    envmgr.ok("config", "set", "solver", "rattler", "--project", "-q")
    assert envmgr.ok("config", "sources").splitlines()[1:] == [
        f"user: {file}",
        "  solver: libmamba",
        f"project: {envmgr.directory}/.envmgr.yaml",
        "  solver: rattler",
        "variable: ENVMGR_CACHE",
        f"  cache: {envmgr.cache}",
        "variable: ENVMGR_ROOT",
        f"  root: {envmgr.root}",
    ]


def test_condas_spellings_are_understood(envmgr: Envmgr, file: Path) -> None:
    envmgr.ok("config", "--add", "channels", "lab")
    envmgr.ok("config", "--append", "channels", "conda-forge")
    envmgr.ok("config", "--set", "channel_priority", "flexible")
    shown = envmgr("config", "--show", "--json").json
    assert (shown["channels"], shown["channel_priority"]) == (["lab", "conda-forge"], "flexible")
    assert shown["envs_dirs"] == [str(envmgr.root / "envs")]
    assert envmgr("config", "--show", "envs_dirs", "pkgs_dirs", "--json").json.keys() == {"envs_dirs", "pkgs_dirs"}
    assert envmgr.ok("config", "--get", "channels") == "channels:\n- lab\n- conda-forge\n"
    got = envmgr("config", "--get", "channels", "--json").json
    assert (got["success"], got["rc_path"], got["get"]) == (True, str(file), {"channels": ["lab", "conda-forge"]})
    assert envmgr("config", "--show-sources", "--json").json[str(file)]["channel_priority"] == "flexible"
    alias = envmgr("config", "--show", "channel_alias", "--json").json["channel_alias"]
    assert (alias["scheme"], alias["location"], alias["token"]) == ("https", "conda.anaconda.org", None)
    envmgr.ok("config", "--remove", "channels", "lab")
    envmgr.ok("config", "--remove-key", "channel_priority")
    assert file.read_text() == "channels:\n- conda-forge\n"


def test_condas_files_are_taken_over_on_request_without_credentials(envmgr: Envmgr, file: Path) -> None:
    condarc = envmgr.write(
        "condarc",
        "channels: [corp, defaults, 'https://me:secret@x.example/t/tk-123/c']\n"
        "channel_alias: https://conda.corp.example/\n"
        "channel_priority: true\n"
        "proxy_servers: {https: 'http://u:secret@proxy.example:3128'}\n"
        "ssl_verify: /corp.pem\n"
        "custom_channels: {special: 'https://special.corp.example/x'}\n"
        "default_channels: ['https://a.corp.example/main']\n"
        "pinned_packages: [numpy=1.26]\n"
        "always_yes: true\nauto_update_conda: false\nenvs_dirs: [/x]\nanything: 1\n",
    )
    shown = envmgr("config", "import-conda", str(condarc), "--dry-run")
    assert (shown.code, file.exists()) == (0, False)
    done = envmgr("config", "import-conda", str(condarc))
    channels = file.with_name("channels.yaml")
    assert yaml.safe_load(file.read_text()) == {
        "channels": ["corp", "defaults", "https://x.example/c"],
        "channel_alias": "https://conda.corp.example",
        "channel_priority": "flexible",
        "proxy_servers": {"https": "http://proxy.example:3128"},
        "ssl_verify": "/corp.pem",
        "pinned_packages": ["numpy=1.26"],
        "always_yes": True,
    }
    assert yaml.safe_load(channels.read_text()) == {
        "channels": {"special": "https://special.corp.example/x/special", "defaults": ["https://a.corp.example/main"]}
    }
    assert "secret" not in shown.out + done.out + file.read_text()
    assert "is so anyway: envmgr does not update itself" in done.out
    assert "has another place here: envmgr config set root DIRECTORY" in done.out
    assert "anything" in done.out
    assert "nothing to write" in envmgr.ok("config", "import-conda", str(condarc))
    listed = envmgr.ok("channel", "list")
    assert "https://a.corp.example/main" in listed
    assert "https://conda.corp.example/conda-forge" in listed


def test_conda_without_a_configuration_is_said(envmgr: Envmgr) -> None:
    done = envmgr("config", "import-conda", CONDARC=str(envmgr.directory / "absent"))
    assert (done.code, "conda has no configuration here" in done.err) == (1, True)


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[str]]]:
    """A real proxy behind which every channel is empty, and what it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(self.path)
            body = b'{"packages": {}, "packages.conda": {}}'
            self.send_response(200 if self.path.endswith("/repodata.json") else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def test_the_proxy_of_the_configuration_is_asked(envmgr: Envmgr, proxy: tuple[str, list[str]]) -> None:
    url, asked = proxy
    names = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")
    envmgr.write(".envmgr.yaml", f"proxy_servers: {{http: '{url}'}}\n")
    done = envmgr.process("create", "-n", "x", "-c", "http://channel.example/c", "tool", **dict.fromkeys(names, ""))
    assert (done.code, "no package" in done.err or "tool" in done.err) == (1, True)
    assert "http://channel.example/c/noarch/repodata.json" in asked


def test_keys_that_only_conda_has_are_so_anyway_or_have_another_place(envmgr: Envmgr) -> None:
    done = envmgr("config", "--set", "auto_update_conda", "False", "--set", "offline", "true", "-q", "-f")
    assert (done.code, done.err) == (
        0, "auto_update_conda: False is so anyway: envmgr does not update itself\n",
    )  # fmt: skip
    assert Path(envmgr.environ["ENVMGR_CONFIG"]).read_text() == "offline: true\n"
    envmgr.ok("config", "--set", "channel_priority", "true", "--set", "solver", "classic", "--validate")
    assert envmgr.ok("config", "get", "channel_priority") == "flexible\n"
    for arguments, said in (
        (("--append", "pkgs_dirs", "/x"), "hint: envmgr config set cache DIRECTORY"),
        (("--set", "report_errors", "true"), "nothing is reported to anybody"),
        (("--env", "--add", "channels", "x"), "hint: for a directory: envmgr config set KEY VALUE --project"),
        (("--set", "ssl_verify", "false"), "always checks who answers"),
    ):
        done = envmgr("config", *arguments)
        assert (done.code != 0, said in done.err) == (True, True), done
    assert envmgr("config", "--set", "auto_update_conda", "no", "--json").json["success"]


def test_always_yes_agrees_for_its_user_and_for_no_project(envmgr: Envmgr, channel: LocalChannel) -> None:
    envmgr.ok("create", "-n", "x", "-c", channel.url, "greet", "-q")
    assert envmgr("remove", "-n", "x", "--all").code == 2
    envmgr.write(".envmgr.yaml", "always_yes: true\n")
    done = envmgr("remove", "-n", "x", "--all")
    assert (done.code, "`always_yes` cannot be set for a project" in done.err) == (1, True)
    (envmgr.directory / ".envmgr.yaml").unlink()
    envmgr.ok("config", "--set", "always_yes", "yes")
    envmgr.ok("remove", "-n", "x", "--all")
    assert not envmgr.prefix("x").exists()

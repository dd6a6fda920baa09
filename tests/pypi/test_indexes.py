from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from envmgr.channels import table_file
from envmgr.channels.pypi_section import PypiSection
from envmgr.errors import ConfigError
from envmgr.pypi.indexes import Indexes
from envmgr.settings import Settings
from envmgr.spec.model import IndexOptions, Origin

Gather = Callable[..., Indexes]
SECTION = """pypi:
  indexes:
    pytorch-cu128: https://me:${TOKEN}@download.pytorch.example/whl/cu128
    lab: https://lab.example/simple
    everywhere: https://more.example/simple
  packages: {torch: pytorch-cu128}
  default: lab
  exclude-newer: 14d
  sdists: forbid
"""


def section_of(text: str, home: Path = Path("/home/me")) -> PypiSection:
    return table_file.parse(text, Path("/work/channels.yaml"), home=home).pypi


@pytest.fixture
def gather(tmp_path: Path, home: Path) -> Gather:
    """Return a function that gathers what variables, the lines of a pip.conf and a channels.yaml say."""

    def gather(*conf: str, section: str = "", options: IndexOptions | None = None, **variables: str) -> Indexes:
        path = tmp_path / "pip.conf"
        path.write_text("\n".join(["[global]", *conf, ""]))
        environ = {"PIP_CONFIG_FILE": str(path) if conf else os.devnull, "HOME": str(home), **variables}
        return Indexes.gather(Settings.load(environ), section_of(section), options)

    return gather


def test_uv_is_told_what_pip_is_told(gather: Gather, tmp_path: Path) -> None:
    (tmp_path / "a, b").mkdir()
    found = gather(
        "index-url = https://u:p@one", "extra-index-url = https://two https://three", "no-index = yes", "cert = /c.pem",
        "client-cert = /me.pem", "trusted-host = h", "proxy = http://p", "timeout = 15.5", "retries = 9",
        "keyring-provider = import", "constraint = /site.txt", "build-constraint = /build.txt",
        PIP_FIND_LINKS=f"{tmp_path}/a, https://wheels",
    )  # fmt: skip

    assert found.variables() == {
        "UV_DEFAULT_INDEX": "https://u:p@one",
        "UV_INDEX": "https://two https://three",
        "UV_FIND_LINKS": "https://wheels",
        "UV_NO_INDEX": "1",
        "UV_BUILD_CONSTRAINT": "/build.txt",
        "UV_INSECURE_HOST": "h",
        "UV_HTTP_TIMEOUT": "16",
        "UV_HTTP_RETRIES": "9",
        "UV_KEYRING_PROVIDER": "subprocess",
        "SSL_CERT_FILE": "/c.pem",
        "SSL_CLIENT_CERT": "/me.pem",
        "ALL_PROXY": "http://p",
    }
    assert found.constraints == ("/site.txt",)


@pytest.mark.parametrize(
    ("conf", "variables", "provider"),
    [
        (["keyring-provider = auto"], {}, "subprocess"),
        (["keyring-provider = auto", "no-input = true"], {}, None),
        (["keyring-provider = auto"], {"PATH": "/nowhere"}, None),
        (["index-url = https://me@one/simple"], {}, "subprocess"),
        (["index-url = https://me:pass@one/simple"], {}, None),
        (["index-url = https://me@one/simple", "keyring-provider = disabled"], {}, "disabled"),
        (["index-url = https://me@one/simple"], {"UV_KEYRING_PROVIDER": "disabled"}, None),  # uv reads it itself
    ],
)
def test_keyring_is_asked_where_pip_would_ask_it(
    gather: Gather, tmp_path: Path, conf: list[str], variables: dict[str, str], provider: str | None
) -> None:
    command = tmp_path / "bin" / "keyring"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    found = gather(*conf, **{"PATH": str(command.parent), **variables})
    assert found.variables().get("UV_KEYRING_PROVIDER") == provider


def test_a_directory_of_links_is_a_url_in_which_uv_ends_no_entry(gather: Gather, tmp_path: Path) -> None:
    (tmp_path / "a,b").mkdir()

    assert gather(PIP_FIND_LINKS=f"{tmp_path}/a,b").variables()["UV_FIND_LINKS"] == f"file://{tmp_path}/a%2Cb"


@pytest.mark.parametrize(
    ("variables", "key", "expected"),
    [
        ({"UV_DEFAULT_INDEX": "https://uv"}, "index-url", "https://uv"),
        ({"UV_INDEX_URL": "https://uv"}, "index-url", "https://uv"),
        ({"UV_INDEX": "https://uv"}, "extra-index-url", "https://uv"),
        ({"UV_EXTRA_INDEX_URL": "https://uv"}, "extra-index-url", "https://uv"),
        ({"HTTPS_PROXY": "http://uv"}, "proxy", "http://uv"),
        ({"SSL_CERT_FILE": "/uv.pem"}, "cert", "/uv.pem"),
        ({"UV_HTTP_TIMEOUT": "3"}, "timeout", "3"),
        ({"UV_INDEX_URL": ""}, "index-url", "https://pip"),
    ],
)
def test_uv_s_own_variables_win_where_set(gather: Gather, variables: dict[str, str], key: str, expected: str) -> None:
    found = gather(
        "index-url = https://pip", "extra-index-url = https://pip", "proxy = http://pip", "cert = /pip.pem",
        "timeout = 9", **variables,
    )  # fmt: skip

    assert found.values(key) == (expected,)


def test_every_source_in_its_order(gather: Gather) -> None:
    options = IndexOptions(
        index_url="https://file", extra_index_urls=("https://file-extra",), origin=Origin(source="req.txt", line=2)
    )
    conf = ("index-url = https://pip", "extra-index-url = https://pip-extra")

    def defaults(**fields: object) -> tuple[str, ...]:
        return gather(*conf, TOKEN="t", **fields).values("index-url")

    assert defaults() == ("https://pip",)
    assert defaults(section=SECTION) == ("https://lab.example/simple",)
    assert defaults(section=SECTION, PIP_INDEX_URL="https://variable") == ("https://variable",)
    assert defaults(section=SECTION, PIP_INDEX_URL="https://x", UV_DEFAULT_INDEX="https://uv") == ("https://uv",)
    assert defaults(section=SECTION, UV_DEFAULT_INDEX="https://uv", options=options) == ("https://file",)
    every = gather(*conf, section=SECTION, options=options, TOKEN="t")
    assert every.values("extra-index-url") == (
        "https://file-extra", "https://more.example/simple", "https://pip-extra"
    )  # fmt: skip


def test_an_index_that_packages_are_pinned_to_answers_for_nothing_else(gather: Gather) -> None:
    found = gather(section=SECTION, TOKEN="s3cret")

    assert found.variables()["UV_INDEX"] == "https://more.example/simple"
    assert 'torch" = { index = "pytorch-cu128" }' in found.project(["torch"])
    assert "explicit = true" in found.project(["torch"])
    assert "s3cret" not in found.project(["torch"]) + repr(found)
    variables = found.variables()
    assert (variables["UV_INDEX_PYTORCH_CU128_USERNAME"], variables["UV_INDEX_PYTORCH_CU128_PASSWORD"]) == (
        "me", "s3cret"
    )  # fmt: skip
    urls = [(url, origin) for url, origin in found.index_urls()]
    assert urls == [
        ("https://me:s3cret@download.pytorch.example/whl/cu128", "/work/channels.yaml:3"),
        ("https://more.example/simple", "/work/channels.yaml:5"),
        ("https://lab.example/simple", "/work/channels.yaml:4"),
    ]


def test_a_variable_that_is_not_set_is_an_error_with_its_line(gather: Gather) -> None:
    with pytest.raises(ConfigError, match=r"channels.yaml:3: the index `pytorch-cu128`: .*`TOKEN`, which is not set"):
        gather(section=SECTION)


def test_nothing_said_is_the_index_of_everyone(gather: Gather) -> None:
    found = gather()

    assert found == Indexes()
    assert found.variables() == {}
    assert [origin for _, origin in found.index_urls()] == ["by default"]

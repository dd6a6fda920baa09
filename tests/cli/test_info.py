from __future__ import annotations

import sys

from builders.commands import Envmgr

CONDAS = {
    "active_prefix", "channels", "conda_prefix", "conda_shlvl", "conda_version", "config_files", "default_prefix",
    "envs", "envs_dirs", "offline", "pkgs_dirs", "platform", "python_version", "root_prefix", "virtual_pkgs",
}  # fmt: skip


def test_info_json_has_the_keys_that_editors_read(envmgr: Envmgr) -> None:
    envmgr.ok("create", "-n", "x", "-q")
    prefix = str(envmgr.prefix("x"))
    document = envmgr("info", "--json").json
    assert document.keys() >= CONDAS
    assert document["envs"] == [prefix]
    assert document["envs_dirs"] == [str(envmgr.root / "envs")]
    assert document["pkgs_dirs"] == [str(envmgr.cache / "pkgs")]
    assert (document["active_prefix"], document["default_prefix"]) == (None, str(envmgr.root))
    assert all(len(package) == 3 for package in document["virtual_pkgs"])
    active = envmgr("info", "--json", CONDA_PREFIX=prefix, CONDA_SHLVL="1").json
    assert (active["active_prefix"], active["default_prefix"], active["conda_shlvl"]) == (prefix, prefix, 1)


def test_info_for_people(envmgr: Envmgr) -> None:
    out = envmgr.ok("info")
    for line in ("envmgr: ", "platform: ", "solvers: ", "store: ", "environments:        0"):
        assert f"\n{line}" in f"\n{out}"
    assert sys.executable in out
    assert max(map(len, out.splitlines())) < 200


def test_parts(envmgr: Envmgr) -> None:
    assert envmgr.ok("info", "--base") == f"{envmgr.root}\n"
    assert envmgr.ok("info", "--envs").startswith("there are no environments yet")
    document = envmgr("info", "--envs", "--json").json
    assert document["environments"] == document["envs_details"] == {}


def test_a_wrong_override_is_one_error(envmgr: Envmgr) -> None:
    done = envmgr("info", "--json", CONDA_OVERRIDE_GLIBC="x y")
    assert (done.code, done.json["error"]) == (1, "ConfigError")


def test_where_the_pip_half_comes_from_is_shown_with_its_place_and_without_credentials(envmgr: Envmgr) -> None:
    envmgr.write("channels.yaml", "pypi:\n  indexes: {gpu: https://gpu.example/whl}\n  packages: {torch: gpu}\n")
    conf = envmgr.write("pip.conf", "[global]\nproxy = http://me:s3cret@proxy.example:3128\n")
    variables = {
        "PIP_CONFIG_FILE": str(conf),
        "UV_DEFAULT_INDEX": "https://me:s3cret@index.example/simple",
        "PIP_INDEX_URL": "https://weaker.example/simple",
        "PIP_EXTRA_INDEX_URL": "https://extra.example/simple?token=s3cret",
    }
    done = envmgr("info", "--json", **variables)
    channels = envmgr.directory / "channels.yaml"
    stated = [(each["key"], each["value"], each["origin"]) for each in done.json["pip"]]

    assert stated[:4] == [
        ("index", "https://gpu.example/whl", f"{channels}:2"),
        ("index", "https://extra.example/simple?token=***", "PIP_EXTRA_INDEX_URL"),
        ("index", "https://***@index.example/simple", "UV_DEFAULT_INDEX"),
        ("pin", "torch from gpu", f"{channels}:3"),
    ]
    assert ("proxy", "http://***@proxy.example:3128", f"{conf} [global]") in stated
    text = envmgr("info", **variables)
    assert "index https://***@index.example/simple (UV_DEFAULT_INDEX)" in text.out
    assert "s3cret" not in done.out + done.err + text.out + text.err


def test_what_cannot_be_read_for_the_pip_half_is_told(envmgr: Envmgr) -> None:
    conf = envmgr.write("pip.conf", "nonsense")

    assert f"pip's configuration file {conf} cannot be read" in envmgr.ok("info", PIP_CONFIG_FILE=str(conf))

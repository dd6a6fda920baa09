from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envmgr.urls import (
    file_name,
    file_url,
    is_url,
    path_of_file_url,
    redact,
    without_credentials,
    without_literal_credentials,
)

SECRETS = [
    ("https://user:hunter2@conda.example/lab", "https://conda.example/lab"),
    ("https://hunter2@conda.example/lab", "https://conda.example/lab"),
    ("https://user:p@ss@hunter2@conda.example/lab", "https://conda.example/lab"),
    ("https://conda.example/t/hunter2/lab/linux-64/a-1-0.conda", "https://conda.example/lab/linux-64/a-1-0.conda"),
    ("https://conda.example/lab?token=hunter2", "https://conda.example/lab"),
    ("https://conda.example/lab?x=1&api_key=hunter2&y=2", "https://conda.example/lab?x=1&y=2"),
    ("https://s3.example/a.whl?X-Amz-Signature=hunter2&v=1", "https://s3.example/a.whl?v=1"),
]


@pytest.mark.parametrize(("url", "bare"), SECRETS)
def test_no_secret_is_printed_or_written(url: str, bare: str) -> None:
    assert "hunter2" not in redact(f"cannot reach {url}: timeout")
    assert without_credentials(url) == bare


def test_what_is_no_secret_stays() -> None:
    text = "https://conda.example/lab/linux-64/repodata.json?x=1 at /tmp/t/x and user@host"
    assert redact(text).startswith("https://conda.example/lab/linux-64/repodata.json?x=1")
    assert without_credentials("https://conda.example/conda-forge") == "https://conda.example/conda-forge"


def test_a_directory_t_is_no_token() -> None:
    for text in ("/srv/t/channel", "file:///srv/t/channel"):
        assert redact(f"cannot read {text}") == f"cannot read {text}"
        assert without_credentials(text) == text


@given(st.text(st.characters(exclude_characters="/\x00", exclude_categories=["Cs"]), min_size=1))
def test_a_path_survives_as_a_file_url(name: str) -> None:
    path = Path("/root") / name
    if name not in {".", ".."}:
        assert path_of_file_url(file_url(path)) == path


def test_other_urls_are_no_paths() -> None:
    assert path_of_file_url("https://conda.example/x") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("https://x", True), ("file:///x", True), ("C:\\x", False), ("x/y", False), ("conda-forge", False)],
)
def test_what_has_a_scheme_is_a_url(text: str, expected: bool) -> None:
    assert is_url(text) is expected


def test_a_file_name_is_decoded() -> None:
    assert file_name("https://x.example/linux-64/a-1%211.0-0.conda?x=/y") == "a-1!1.0-0.conda"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("numpy >=1.26", "numpy >=1.26"),
        ("https://user:hunter2@h.example/lab::numpy >=1", "https://h.example/lab::numpy >=1"),
        ("x @ https://hunter2@h.example/x.whl ; os_name > ''", "x @ https://h.example/x.whl ; os_name > ''"),
        ("https://h.example/t/hunter2/lab::numpy", "https://h.example/lab::numpy"),
        ("https://${USER}:${TOKEN}@h.example/t/${TOKEN}/lab", "https://${USER}:${TOKEN}@h.example/t/${TOKEN}/lab"),
        ("https://${USER}:hunter2@h.example/lab", "https://h.example/lab"),
        ("file:///a/t/b::numpy", "file:///a/t/b::numpy"),
    ],
)
def test_literal_credentials_leave_a_text_and_variables_stay(text: str, clean: str) -> None:
    assert without_literal_credentials(text) == clean

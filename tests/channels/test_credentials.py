from __future__ import annotations

import pickle

import pytest

from envmgr.channels.credentials import Access, access_of, as_written


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("conda-forge", "conda-forge"),
        ("https://h.example/c", "https://h.example/c"),
        ("https://u:p@h.example/c", "https://h.example/c"),
        ("https://u:${P}@h.example/c", "https://h.example/c"),
        ("https://${U}:${P}@h.example/c", "https://${U}:${P}@h.example/c"),
        ("https://h.example/t/${TOKEN}/c", "https://h.example/t/${TOKEN}/c"),
        ("https://h.example/t/abc/c", "https://h.example/c"),
        ("https://h.example/t/${TOKEN}abc/c", "https://h.example/c"),
    ],
)
def test_only_variables_may_be_written_in_the_place_of_secrets(written: str, kept: str) -> None:
    assert as_written(written) == kept


def test_urls_without_credentials_need_no_access() -> None:
    assert access_of(("https://h.example/c",)) is None


def test_user_info_becomes_a_header_and_a_token_stays_in_the_path() -> None:
    access = access_of(("https://a%40b:p%3Aw@h.example:8443/c", "https://h.example/t/T/c"))
    assert access is not None
    assert access.targets() == ("https://h.example:8443/c", "https://h.example/t/T/c")
    (authorization,) = access.authorizations()
    assert (authorization.host, authorization.path) == ("h.example", "/c/")
    assert authorization.header == "Basic YUBiOnA6dw=="
    assert "YUBi" not in repr(authorization)


def test_access_is_never_written() -> None:
    with pytest.raises(TypeError, match="not written"):
        pickle.dumps(Access(("https://u:p@h.example",)))

from __future__ import annotations

import pytest
from rattler.exceptions import GatewayError

from envmgr.channels.credentials import Access
from envmgr.channels.failures import channel_error
from envmgr.channels.model import Channel

LAB = Channel(name="lab", url="https://h.example/lab", mirrors=("https://m.example/lab",))
LAB_TWO = Channel(name="lab-two", url="https://h.example/lab-two")
LOCAL = Channel(name="./c", url="file:///work/c")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("(404 Not Found) for url (https://h.example/lab/noarch/repodata.json)", "lab"),
        ("(404 Not Found) for url (https://h.example/lab-two/noarch/repodata.json)", "lab-two"),
        ("(502 Bad Gateway) for url (https://m.example/lab/noarch/repodata.json)", "lab"),
        ("could not find subdir 'noarch' in channel 'file:///work/c/'", "./c"),
    ],
)
def test_channel_is_known_by_the_url_in_the_text(text: str, name: str) -> None:
    error = channel_error(GatewayError(text), [LAB, LAB_TWO, LOCAL])
    assert error.details["channel"] == name
    assert f"`{name}`" in error.message


def test_text_without_a_url_names_no_channel_of_several() -> None:
    error = channel_error(GatewayError("failed to parse repodata.json\nCaused by: EOF"), [LAB, LAB_TWO])
    assert error.message == "a channel cannot be used: it sends something that is not repodata (EOF)"
    assert error.details == {}


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        ("x\nCaused by: dns error\nCaused by: failed to lookup address information", "host is not found", "spelling"),
        ("error sending request for url (https://h.example/lab/x)\nCaused by: operation timed out", "in time", "proxy"),
        ("no usable repodata cache for https://h.example/lab/noarch/", "envmgr is offline", "--offline"),
        ("(429 Too Many Requests) for url (https://h.example/lab/x)", "answers 429", "later"),
        ("(407 Proxy Authentication Required) for url (https://h.example/lab/x)", "answers 407", "credentials"),
        ("something new\nCaused by: a detail", "something new; a detail", "network"),
        ("", "no reason", "network"),
    ],
)
def test_reason_and_way_out(text: str, words: str, hint: str) -> None:
    error = channel_error(GatewayError(text), [LAB])
    assert words in error.message
    assert hint in str(error.hint)


def test_credentials_do_not_show() -> None:
    secret = Channel(name="lab", url="https://h.example/lab", access=Access(("https://h.example/t/sesame/lab",)))
    text = "(403 Forbidden) for url (https://h.example/t/sesame/lab/noarch/repodata.json)"
    error = channel_error(GatewayError(text), [LAB_TWO, secret])
    assert error.details["channel"] == "lab"
    assert "sesame" not in f"{error.message}{error.hint}{error.details}"


def test_a_name_that_nothing_is_known_of_may_stand_in_a_channels_yaml_elsewhere() -> None:
    unknown = Channel(name="embedded", url="https://conda.example/embedded")
    error = channel_error(GatewayError("Caused by: dns error (https://conda.example/embedded/noarch)"), [unknown])
    assert error.hint is not None
    assert "no channels.yaml in force here defines `embedded`" in error.hint
    assert "ENVMGR_CHANNELS=DIRECTORY/channels.yaml; else check the spelling" in error.hint
    known = Channel(name="https://conda.example/embedded", url="https://conda.example/embedded")
    error = channel_error(GatewayError("Caused by: dns error (https://conda.example/embedded/noarch)"), [known])
    assert error.hint is not None
    assert "channels.yaml" not in error.hint

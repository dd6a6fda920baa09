from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rattler import Client
from rattler.package_streaming import download_to_path

from builders.channels import LocalChannel
from builders.packages import Package
from builders.web import Answer, Request, WebServer
from envmgr.channels import gateway as gateways
from envmgr.channels.model import Channel
from envmgr.channels.table import ChannelTable
from envmgr.errors import ChannelError
from envmgr.settings import Settings

RECORD = {"name": "x", "version": "1.0", "build": "0", "build_number": 0, "depends": [], "subdir": "noarch"}
REPODATA = json.dumps(
    {"info": {"subdir": "noarch"}, "packages": {}, "packages.conda": {"x-1.0-0.conda": RECORD}}
).encode()


def repodata_at(*prefixes: str, **answers: Answer) -> Callable[[Request], Answer]:
    """Serve repodata.json below the prefixes, and other answers for it below /NAME/."""

    def answer(request: Request) -> Answer:
        if not request.path.endswith("/repodata.json"):
            return Answer(status=404)
        name = request.path.split("/")[1]
        if name in answers:
            return answers[name]
        is_there = request.path.startswith(tuple(f"/{prefix}/" for prefix in prefixes))
        return Answer(body=REPODATA) if is_there else Answer(status=404)

    return answer


@pytest.fixture
def dead_url() -> Iterator[str]:
    """A URL on a port that is taken and not listened on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/channel"


def check(settings: Settings, *channels: Channel) -> None:
    gateways.check(gateways.gateway(channels, settings), channels, "linux-64")


def failure(settings: Settings, channel: Channel) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        check(settings, channel)
    return caught.value


def named(url: str) -> Channel:
    return Channel(name="lab", url=url)


def test_local_channel_is_read(settings: Settings, make_channel: Callable[..., LocalChannel]) -> None:
    channel = make_channel().add(Package(name="x"))
    check(settings, named(channel.url))


@pytest.mark.parametrize("content", ['{"a', "[]", None])
def test_stored_logins_that_cannot_be_read_are_one_error(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    logins = tmp_path / "credentials.json"
    logins.mkdir() if content is None else logins.write_text(content)
    monkeypatch.setenv("RATTLER_AUTH_FILE", str(logins))
    with pytest.raises(ChannelError, match=r"credentials\.json"):
        gateways.client([named("https://conda.example/lab")], settings)


def test_local_channel_is_read_offline(settings: Settings, make_channel: Callable[..., LocalChannel]) -> None:
    channel = make_channel().add(Package(name="x"))
    check(settings._replace(offline=True), named(channel.url))


def test_directory_without_index_is_named(settings: Settings, tmp_path: Path) -> None:
    error = failure(settings, named((tmp_path / "nothing").as_uri()))
    assert f"{tmp_path}/nothing has no noarch/repodata.json" in error.message


def test_missing_platform_is_no_failure_but_missing_noarch_is(settings: Settings) -> None:
    with WebServer(repodata_at("a/noarch", "b/linux-64")) as server:
        check(settings, named(f"{server.url}/a"))
        error = failure(settings, named(f"{server.url}/b"))
    assert f"`lab` ({server.url}/b)" in error.message
    assert "answers 404" in error.message
    assert error.hint is not None
    assert "name" in error.hint


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(status=401), "answers 401 Unauthorized"),
        (Answer(status=403), "answers 403 Forbidden"),
        (Answer(body=b"<html>please log in</html>"), "something that is not repodata"),
        (Answer(body=REPODATA[:80]), "something that is not repodata"),
        (Answer(body=b"[]"), "something that is not repodata"),
        (Answer(body=b""), "something that is not repodata"),
        (Answer(body=b"\xff\xfe" * 50), "something that is not repodata"),
        (Answer(body=b"[" * 100_000), "something that is not repodata"),
    ],
)
def test_bad_answer_names_channel_and_way_out(settings: Settings, answer: Answer, words: str) -> None:
    with WebServer(repodata_at(bad=answer)) as server:
        error = failure(settings, named(f"{server.url}/bad"))
    assert error.message.startswith(f"the channel `lab` ({server.url}/bad) cannot be used: ")
    assert words in error.message
    assert error.hint
    assert error.details == {"channel": "lab", "url": f"{server.url}/bad"}


@pytest.mark.slow
def test_server_error_is_retried_and_then_reported(settings: Settings) -> None:
    with WebServer(repodata_at(bad=Answer(status=500))) as server:
        error = failure(settings, named(f"{server.url}/bad"))
        asked = Counter(request.path for request in server.requests)
    assert "answers 500" in error.message
    # Both subdirs are read at once; what fails first ends the other's attempts.
    assert max(asked[f"/bad/{subdir}/repodata.json"] for subdir in ("linux-64", "noarch")) == 4


@pytest.mark.slow
def test_unreachable_host_is_named(settings: Settings, dead_url: str) -> None:
    error = failure(settings, named(dead_url))
    assert "cannot be reached" in error.message
    assert dead_url in error.message


def test_failing_one_of_several_channels_is_named(settings: Settings) -> None:
    with WebServer(repodata_at("good", bad=Answer(body=b"<html>"))) as server:
        good, bad = named(f"{server.url}/good"), Channel(name="other", url=f"{server.url}/bad")
        with pytest.raises(ChannelError, match="`other`"):
            check(settings, good, bad)


def test_second_mirror_is_asked_when_the_first_is_down(settings: Settings, dead_url: str) -> None:
    with WebServer(repodata_at("second")) as server:
        channel = Channel(name="lab", url="https://canonical.invalid/lab", mirrors=(dead_url, f"{server.url}/second"))
        check(settings, channel)
        assert all(request.path.startswith("/second/") for request in server.requests)


def test_first_mirror_is_asked_first_and_the_channel_itself_never(settings: Settings) -> None:
    with WebServer(repodata_at("first", "second", "canonical")) as server:
        mirrors = (f"{server.url}/first", f"{server.url}/second")
        check(settings, Channel(name="lab", url=f"{server.url}/canonical", mirrors=mirrors))
        assert {request.path.split("/")[1] for request in server.requests} == {"first"}


def test_mirror_does_not_answer_for_a_channel_whose_name_begins_alike(settings: Settings) -> None:
    with WebServer(repodata_at("lab-two", "mirror")) as server:
        mirrored = Channel(name="lab", url=f"{server.url}/lab", mirrors=(f"{server.url}/mirror",))
        check(settings, mirrored, Channel(name="lab-two", url=f"{server.url}/lab-two"))
        assert {request.path.split("/")[1] for request in server.requests} == {"mirror", "lab-two"}


def test_offline_reads_the_cache_and_asks_nobody(settings: Settings) -> None:
    offline = settings._replace(offline=True)
    with WebServer(repodata_at("lab")) as server:
        channel = named(f"{server.url}/lab")
        error = failure(offline, channel)
        assert "not cached" in error.message
        assert server.requests == []
        check(settings, channel)
        asked = len(server.requests)
        assert asked
        check(offline, channel)
        assert len(server.requests) == asked


def test_repodata_is_kept_in_the_cache_directory_of_the_settings(settings: Settings) -> None:
    with WebServer(repodata_at("lab")) as server:
        check(settings, named(f"{server.url}/lab"))
    assert any((settings.cache / "repodata").iterdir())


def test_channel_recovers_after_a_bad_answer(settings: Settings) -> None:
    with WebServer(repodata_at(lab=Answer(body=b"<html>"))) as server:
        failure(settings, named(f"{server.url}/lab"))
        server.answer = repodata_at("lab")
        check(settings, named(f"{server.url}/lab"))


def resolved(settings: Settings, tmp_path: Path, url: str) -> Channel:
    return ChannelTable.read(settings, beside=[tmp_path], system=tmp_path / "none").resolve([url])[0]


def test_password_of_a_url_is_sent_to_its_channel_only(settings: Settings, tmp_path: Path) -> None:
    expected = "Basic " + base64.b64encode(b"me:p@ss").decode()

    def answer(request: Request) -> Answer:
        if request.path.startswith("/secret/") and request.authorization != expected:
            return Answer(status=401)
        return repodata_at("secret", "open")(request)

    with WebServer(answer) as server:
        channel = resolved(settings, tmp_path, f"{server.url.replace('//', '//me:p%40ss@')}/secret")
        assert channel.url == f"{server.url}/secret"
        check(settings, channel, named(f"{server.url}/open"))
        sent = {request.path.split("/")[1]: request.authorization for request in server.requests}
    assert sent == {"secret": expected, "open": None}


def test_conda_token_is_part_of_the_requests_and_of_nothing_else(settings: Settings, tmp_path: Path) -> None:
    with WebServer(repodata_at("t/TOKEN-1/lab", gone=Answer(status=403))) as server:
        channel = resolved(settings, tmp_path, f"{server.url}/t/TOKEN-1/lab")
        check(settings, channel)
        assert {request.path.split("/")[2] for request in server.requests} == {"TOKEN-1"}
        refused = resolved(settings, tmp_path, f"{server.url}/t/TOKEN-2/lab")
        error = failure(settings, refused)
    assert channel.url == f"{server.url}/lab"
    for text in (repr(channel), str(channel), repr(channel.access), error.message, str(error.details), str(error.hint)):
        assert "TOKEN" not in text


def test_password_of_a_mirror_is_sent_and_not_shown(settings: Settings, tmp_path: Path) -> None:
    with WebServer(repodata_at("mirror", refused=Answer(status=401))) as server:
        secret = server.url.replace("//", "//me:${PASSWORD}@")
        (tmp_path / "channels.yaml").write_text(
            "channels:\n"
            f"  lab: {{url: 'https://canonical.invalid/lab', mirrors: ['{secret}/mirror']}}\n"
            f"  bad: {{url: 'https://canonical.invalid/bad', mirrors: ['{secret}/refused']}}\n"
        )
        with_password = settings._replace(environ={**settings.environ, "PASSWORD": "open sesame"})
        channel = resolved(with_password, tmp_path, "lab")
        check(settings, channel)
        assert server.requests[0].authorization is not None
        bad = resolved(with_password, tmp_path, "bad")
        error = failure(settings, bad)
    assert "answers 401" in error.message
    for text in (repr(channel), error.message, str(error.__cause__)):
        assert "sesame" not in text


def test_download_goes_to_the_mirror_under_the_canonical_url(settings: Settings, tmp_path: Path) -> None:
    with WebServer(lambda request: Answer(body=request.path.encode())) as server:
        channel = Channel(name="lab", url="https://canonical.invalid/lab", mirrors=(f"{server.url}/mirror",))
        client: Client = gateways.client([channel], settings)
        target = tmp_path / "x"
        asyncio.run(download_to_path(client, "https://canonical.invalid/lab/noarch/x-1-0.conda", target))
    assert target.read_text() == "/mirror/noarch/x-1-0.conda"


def test_client_asks_nobody_offline(settings: Settings, tmp_path: Path) -> None:
    with WebServer(lambda request: Answer(body=b"x")) as server:
        client = gateways.client([], settings._replace(offline=True))
        with pytest.raises(Exception, match="offline"):
            asyncio.run(download_to_path(client, f"{server.url}/x", tmp_path / "x"))
        assert server.requests == []

"""What a failure of rattler's gateway means: which channel, what happened, and the way out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rattler.exceptions import FetchRepoDataError, GatewayError, InvalidUrlError, IoError

from envmgr.channels.model import Channel
from envmgr.channels.table import KNOWN
from envmgr.errors import ChannelError
from envmgr.urls import path_of_file_url, redact

GATEWAY_ERRORS = (GatewayError, FetchRepoDataError, InvalidUrlError, IoError)
_PANICS = ("PanicException", "RustPanic")  # what pyo3 raises where rust gave up, past `Exception` and below it
_STATUS = re.compile(r"\((?P<code>[45]\d\d) (?P<reason>[A-Za-z' -]+)\)")
_MOVED = re.compile(r"unexpected status code \((3\d\d [A-Za-z ]+)\)")
_URL = re.compile(r"[a-z0-9+]+://[^\s)\"'`]+")
_LOGIN_HINT = "a login page or proxy may answer in its place: open its noarch/repodata.json in a browser"
_PARTIAL_HINT = "the answer breaks off: run the command again; if it stays so, tell the maintainers of the channel"
_BROKEN_HINT = "its index is broken: tell the maintainers of the channel, or name a mirror in channels.yaml"
_REACH_HINT = "check the network and the proxy (HTTPS_PROXY), or use what is cached: --offline"


def is_panic(error: BaseException) -> bool:
    """Whether rattler crashed: an answer that it did not foresee, as a 304 to a question without a condition."""
    return type(error).__name__ in _PANICS


def names_place(error: BaseException) -> bool:
    """Whether the text of a failure names a URL; rattler names none for what it cannot parse."""
    return _URL.search(str(error)) is not None


def channel_error(error: BaseException, channels: Sequence[Channel], *, subdir: str | None = None) -> ChannelError:
    """Return the error that says which of `channels` failed, for which subdir where that is known, and what to do.

    Credentials do not show in it.
    """
    text = redact(str(error)).strip()
    channel = _channel_of(text, channels)
    if is_panic(error):
        message, hint = "rattler crashed on its answer", "if it answers 304, a cache between does: go around the proxy"
    else:
        message, hint = _reading(text, channel)
        if channel is not None and _is_plain_name(channel) and ("not found" in message or " 404 " in f"{message} "):
            hint = (
                f"no channels.yaml in force here defines `{channel.name}`; where one does, run the command beside it, "
                f"or name it: ENVMGR_CHANNELS=DIRECTORY/channels.yaml; else {hint}"
            )
    if subdir is not None:
        message = f"{subdir}: {message}"
    if channel is None:
        return ChannelError(f"a channel cannot be used: {message}", hint=hint)
    name, url = redact(channel.name), redact(channel.url)
    place = f"`{name}`" if name == url else f"`{name}` ({url})"
    details = {"channel": name, "url": url}
    return ChannelError(f"the channel {place} cannot be used: {message}", hint=hint, details=details)


def _is_plain_name(channel: Channel) -> bool:
    """Whether the channel is below the channel alias because nothing else is known of its name."""
    is_name = re.fullmatch(r"[\w.-]+", channel.name) is not None and channel.name not in KNOWN
    return is_name and channel.url.endswith(f"/{channel.name}")


def _channel_of(text: str, channels: Sequence[Channel]) -> Channel | None:
    """Return the channel whose URL, or mirror, stands in the text: of several the longest, the first as named."""
    if len(channels) == 1:
        return channels[0]
    bases = [
        (f"{redact(base)}/", channel)
        for channel in channels
        for base in (channel.url, *channel.mirrors, *(channel.access.targets() if channel.access else ()))
    ]
    found = [(len(base), channel) for base, channel in bases if base in text]
    return max(found, key=lambda pair: pair[0])[1] if found else None


def _reading(text: str, channel: Channel | None) -> tuple[str, str]:
    """Return what happened, in our words, and the hint."""
    lines = [line.removeprefix("Caused by: ").strip() for line in text.splitlines() if line.strip()] or ["no reason"]
    last = lines[-1]
    directory = path_of_file_url(channel.url) if channel is not None else None
    url = _URL.search(text)
    asked = url[0].rstrip(".,") if url else "it"
    moved = _MOVED.search(text)
    if moved is not None:
        return f"{asked} answers {moved[1]}, a redirect that leads nowhere", _LOGIN_HINT
    status = _STATUS.search(text)
    if status is not None and directory is None:
        return _of_status(int(status["code"]), status["reason"], asked)
    cases = (
        (("File too large",),
         "it is larger than a channel's index may be, unpacked",
         "if that is right, allow more MiB: `envmgr config set repodata_size_limit 8192`"),
        (("HTTP version parsed", "content-length parsed", "status-code parsed", "head is too large", "parsing header"),
         f"what answers at {asked} speaks no HTTP ({last})", "check host and port of the channel's URL, and the proxy"),
        (("after 3 retries",), f"{asked} cannot be reached: {lines[0].partition(' for url')[0]}", _REACH_HINT),
        (("scheme is not allowed",), f"it is redirected to {asked}, which is no place for a channel", _LOGIN_HINT),
        (("builder error", "shards_base_url"),
         f"its index names {asked}, which is no place for a channel", _BROKEN_HINT),
        (("following redirect",),
         f"{asked} is redirected, and that leads nowhere: {last}", _LOGIN_HINT),
        (("no usable repodata cache", "envmgr is offline"),
         "it is not cached, and envmgr is offline", "run the command once without --offline"),
        (("failed to open file", "could not find subdir"),
         f"{directory or 'its directory'} has no noarch/repodata.json", "name a directory that is an indexed channel"),
        (("timed out", "timeout"), f"{asked} does not answer in time", _REACH_HINT),
        (("failed to download",), f"{asked} cannot be unpacked: {last}", _PARTIAL_HINT),
        (("failed to decode", "error decoding response body"),
         f"{asked} is no whole answer: {last}", _PARTIAL_HINT),
        (("parse", "deserialize", "invalid type", "missing field", "is not a valid package name", "msgpack",
          "reading marker"),
         f"it sends something that is not repodata ({last})",
         "index it again" if directory is not None else _of_parsing(last)),
        (("dns error", "lookup address"), f"its host is not found ({asked})", f"check the spelling; {_REACH_HINT}"),
        (("(Connect)", "error sending request"), f"{asked} cannot be reached: {last}", _REACH_HINT),
    )  # fmt: skip
    for signs, message, hint in cases:
        if any(sign in text for sign in signs):
            return message, hint
    return "; ".join(dict.fromkeys((lines[0], last))), _REACH_HINT


def _of_status(code: int, reason: str, asked: str) -> tuple[str, str]:
    answer = f"{asked} answers {code} {reason}"
    if code == 407:
        return answer, "the proxy wants credentials: write `USER:PASSWORD@` before its host in HTTPS_PROXY"
    if code == 511:
        return answer, "log into this network first: open any page in a browser"
    if code in (401, 403):
        return answer, "give it credentials in channels.yaml: `USER:${PASSWORD}@` before the host of its `url:`"
    if code == 404 and asked.endswith(".msgpack.zst"):
        return answer, "the channel may just be changing: run the command again in a minute"
    if code == 404:
        return answer, "check the channel's name: there is none at this URL"
    return answer, "try again later, or name a mirror in channels.yaml"


def _of_parsing(reason: str) -> str:
    if "EOF" in reason:
        return _PARTIAL_HINT
    return _LOGIN_HINT if reason.endswith(("at line 1 column 1", "at line 1 column 2")) else _BROKEN_HINT

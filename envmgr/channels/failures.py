"""What a failure of rattler's gateway means: which channel, what happened, and the way out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rattler.exceptions import FetchRepoDataError, GatewayError, InvalidUrlError, IoError

from envmgr.channels.model import Channel
from envmgr.errors import ChannelError
from envmgr.urls import path_of_file_url, redact

GATEWAY_ERRORS = (GatewayError, FetchRepoDataError, InvalidUrlError, IoError)
_STATUS = re.compile(r"\((?P<code>[45]\d\d) (?P<reason>[A-Za-z' -]+)\)")
_URL = re.compile(r"[a-z0-9+]+://[^\s)\"'`]+")
_REACH_HINT = "check the network and the proxy (HTTPS_PROXY), or use what is cached: --offline"


def channel_error(error: Exception, channels: Sequence[Channel]) -> ChannelError:
    """Return the error that says which of `channels` failed and what to do; credentials do not show in it."""
    text = redact(str(error)).strip()
    channel = _channel_of(text, channels)
    message, hint = _reading(text, channel)
    if channel is None:
        return ChannelError(f"a channel cannot be used: {message}", hint=hint)
    name, url = redact(channel.name), redact(channel.url)
    place = f"`{name}`" if name == url else f"`{name}` ({url})"
    details = {"channel": name, "url": url}
    return ChannelError(f"the channel {place} cannot be used: {message}", hint=hint, details=details)


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
    status = _STATUS.search(text)
    lines = [line.removeprefix("Caused by: ").strip() for line in text.splitlines() if line.strip()]
    url = _URL.search(text)
    asked = url[0].rstrip(".,") if url else "it"
    if "no usable repodata cache" in text or "envmgr is offline" in text:
        return "it is not cached, and envmgr is offline", "run the command once without --offline"
    if "failed to open file" in text or (channel is not None and path_of_file_url(channel.url) and "subdir" in text):
        directory = "the directory" if channel is None else str(path_of_file_url(channel.url) or "the directory")
        return f"{directory} has no noarch/repodata.json", "name a directory that is a channel, or index it"
    if status is not None:
        return _of_status(int(status["code"]), status["reason"], asked)
    if "parse" in lines[0] or "deserialize" in text or "invalid type" in text or "missing field" in text:
        reason = lines[-1] if lines else "unreadable"
        return f"it sends something that is not repodata ({reason})", (
            "a login page or proxy may answer in its place: open its noarch/repodata.json in a browser"
        )
    if "dns error" in text or "lookup address" in text:
        return f"its host is not found ({asked})", f"check the spelling; {_REACH_HINT}"
    if "timed out" in text or "timeout" in text:
        return f"{asked} does not answer in time", _REACH_HINT
    if "Connect" in text or "error sending request" in text:
        return f"{asked} cannot be reached: {lines[-1]}", _REACH_HINT
    return "; ".join(dict.fromkeys((lines[0], lines[-1]))), _REACH_HINT


def _of_status(code: int, reason: str, asked: str) -> tuple[str, str]:
    answer = f"{asked} answers {code} {reason}"
    if code in (401, 403, 407):
        return answer, "name it in channels.yaml with credentials: `url: https://USER:${PASSWORD}@HOST/CHANNEL`"
    if code == 404:
        return answer, "check the channel's name: there is none at this URL"
    return answer, "try again later, or name a mirror in channels.yaml"

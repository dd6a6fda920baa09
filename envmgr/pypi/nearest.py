"""Names near to one that no index has: among those that are known here, or that a small index lists.

Known are what conda provides, what is asked for and what was locked. An index whose root listing (PEP 503, PEP 691) is
small is asked for it; a large one, such as PyPI, is not, and no list of popular names is shipped.
"""

from __future__ import annotations

import base64
import difflib
import json
import os
import re
import ssl
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from packaging.utils import canonicalize_name

from envmgr.pypi.uv import Uv
from envmgr.urls import path_of_file_url

_LARGEST = 1024 * 1024  # bytes of a listing; PyPI's has 40 million
_SECONDS = 3.0
_LIKENESS = 0.75  # of 1
_JSON = "application/vnd.pypi.simple.v1+json"


def nearest(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return up to three of `known` that look like `name`, the nearest first."""
    others = sorted({canonicalize_name(each) for each in known} - {name})
    return tuple(difflib.get_close_matches(name, others, n=3, cutoff=_LIKENESS))


def listed(uv: Uv) -> frozenset[str]:
    """Return the names that the configured indexes list, those of large and unreachable ones left out."""
    urls = () if uv.offline else uv.indexes.index_urls()
    bare = (re.sub(r"^[A-Za-z0-9._-]+=", "", url) for url, _ in urls)  # uv's variables may name an index: NAME=URL
    return frozenset(name for url in bare if "://" in url for name in _names(url, uv))


def pinned_to_others(name: str, uv: Uv) -> str | None:
    """Return the name of an index that has `name`, and that answers for the packages pinned to it only."""
    for index in () if uv.offline else uv.indexes.pinned:
        url = f"{uv.indexes.with_user(index).rstrip('/')}/{name}"
        directory = path_of_file_url(url)
        try:
            if directory is not None:
                if directory.is_dir():
                    return index.name
                continue
            with _opener(uv).open(_request(url), timeout=_SECONDS):
                return index.name
        except (OSError, ValueError):
            continue  # only a hint is wanted
    return None


def _names(url: str, uv: Uv) -> Iterator[str]:
    directory = path_of_file_url(url)
    try:
        if directory is not None:
            yield from _below(directory)
            return
        with _opener(uv).open(_request(url), timeout=_SECONDS) as answer:
            if int(answer.headers.get("Content-Length") or 0) > _LARGEST:
                return
            data = answer.read(_LARGEST + 1)  # it may not say its length
        if len(data) > _LARGEST:
            return
        text = data.decode("utf-8", "replace")
        if "json" in answer.headers.get("Content-Type", ""):
            projects = json.loads(text)["projects"]
            yield from (str(each["name"]) for each in projects)
        else:
            yield from re.findall(r"<a\b[^>]*>\s*([A-Za-z0-9._-]+)\s*</a>", text, re.IGNORECASE)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return  # only a hint is wanted


def _below(directory: Path) -> Iterator[str]:
    with os.scandir(directory) as entries:
        for number, entry in enumerate(entries):
            if number > _LARGEST // 32:
                return
            if entry.is_dir():
                yield entry.name


def _request(url: str) -> urllib.request.Request:
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    bare = urlunsplit(parts._replace(netloc=host, path=parts.path.rstrip("/") + "/"))
    request = urllib.request.Request(bare, headers={"Accept": f"{_JSON}, text/html;q=0.1"})  # noqa: S310 (http only)
    if user:
        name, _, password = user.partition(":")
        token = f"{unquote(name)}:{unquote(password)}".encode()
        request.add_unredirected_header("Authorization", "Basic " + base64.b64encode(token).decode("ascii"))
    return request


def _opener(uv: Uv) -> urllib.request.OpenerDirector:
    """Return what opens http and https URLs as uv would: with its proxies and its certificates."""
    of = uv.environ
    every = of.get("ALL_PROXY") or of.get("all_proxy")
    proxies = {scheme: of.get(f"{scheme}_proxy") or of.get(f"{scheme.upper()}_PROXY") or every for scheme in
               ("http", "https")}  # fmt: skip
    context = ssl.create_default_context(cafile=of.get("SSL_CERT_FILE"), capath=of.get("SSL_CERT_DIR"))
    handlers = (
        urllib.request.ProxyHandler({scheme: proxy for scheme, proxy in proxies.items() if proxy}),
        urllib.request.HTTPSHandler(context=context),
    )
    return urllib.request.build_opener(*handlers)

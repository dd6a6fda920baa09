"""Single requests to package indexes beside uv, made as uv makes them: for hints, and for what indexes do not say."""

from __future__ import annotations

import base64
import ssl
import urllib.request
from typing import Literal
from urllib.parse import unquote, urlsplit, urlunsplit

from envmgr.pypi.uv import Uv

SECONDS = 3.0  # for an answer
_JSON = "application/vnd.pypi.simple.v1+json"


def request(url: str, what: Literal["page", "head", "file"] = "page") -> urllib.request.Request:
    """Return the request for a page of an index, a file, or the head of one; user and password come from the URL."""
    is_page = what == "page"
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    path = parts.path.rstrip("/") + "/" if is_page else parts.path
    bare = urlunsplit(parts._replace(netloc=host, path=path, fragment=""))
    headers = {"Accept": f"{_JSON}, text/html;q=0.1"} if is_page else {"Accept-Encoding": "identity"}
    made = urllib.request.Request(bare, headers=headers, method="HEAD" if what == "head" else "GET")  # noqa: S310 (http only)
    if user:
        name, _, password = user.partition(":")
        token = f"{unquote(name)}:{unquote(password)}".encode()
        made.add_unredirected_header("Authorization", "Basic " + base64.b64encode(token).decode("ascii"))
    return made


def opener(uv: Uv) -> urllib.request.OpenerDirector:
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

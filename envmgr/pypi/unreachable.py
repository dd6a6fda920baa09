"""What uv says of an index that it cannot reach, or that does not let it in."""

from __future__ import annotations

import re

from envmgr.errors import PipError

_REFUSED = re.compile(r"valid authentication credentials|returned a \d{3} ")  # uv counts both as `not found`
_STATUS = re.compile(r"\b(401|403|404|407|410|429|5\d\d) [A-Z][A-Za-z ]+")
_URL = re.compile(r"https?://[^\s)`]+")


def explain(text: str) -> PipError | None:
    """Return the error to show where an index was not reached, or refused; None for anything else."""
    if "No solution found" in text and not _REFUSED.search(text):
        return None
    status, url = _STATUS.search(text), _URL.search(text)
    index = url[0].rstrip(".,;") if url else "the package index"
    if status is not None:
        return PipError(
            f"{index} answered {status[0].strip()}",
            hint=_STATUS_HINTS.get(status[1], "try again later, or point PIP_INDEX_URL at another index"),
            details={"engine": text},
        )
    if (
        "client error (Connect)" in text
        or "dns error" in text
        or "timed out" in text
        or "error sending request" in text
    ):
        reason = text.partition("\nhint: ")[0].rpartition("cause: ")[2].strip()
        known = (hint for sign, hint in _TLS_HINTS.items() if sign in reason)
        return PipError(
            f"{index} cannot be reached: {reason}",
            hint=next(known, "check the network and PIP_INDEX_URL, or work from the cache with --offline"),
            details={"engine": text},
        )
    return None


_TLS_HINTS = {
    "UnknownIssuer": "name the file that has its authority's certificate: PIP_CERT=FILE",
    "CertificateRequired": "name the file that has your key and certificate: PIP_CLIENT_CERT=FILE",
    "NotValidForName": "write the host as the certificate has it",
    "CertExpired": "its certificate is too old: whoever runs the index has to renew it",
}
_STATUS_HINTS = {
    "401": "give the user and password in PIP_INDEX_URL, or in ~/.netrc",
    "403": "this user may not read it: check the user and password in PIP_INDEX_URL or ~/.netrc",
    "404": "the index no longer has the file: let it be locked anew with `envmgr lock --update PACKAGE`",
    "407": "the proxy wants a user and password: give them in HTTPS_PROXY",
    "429": "the index limits how often it may be asked: try again later",
}

from __future__ import annotations

import pytest

from envmgr.pypi import unreachable

# As uv (0.13) said it to a server with a certificate of its own authority, and to one that asks for the client's
UNKNOWN = """Failed to fetch: `https://127.0.0.1:1/simple/app/`
  cause: error sending request for url (https://127.0.0.1:1/simple/app/)
  cause: client error (Connect)
  cause: invalid peer certificate: UnknownIssuer

hint: Consider enabling use of system TLS certificates with the `--system-certs` command-line flag"""
NO_CLIENT = UNKNOWN.partition("\n\n")[0].replace(
    "invalid peer certificate: UnknownIssuer", "received fatal alert: CertificateRequired"
)


@pytest.mark.parametrize(("text", "hint"), [(UNKNOWN, "PIP_CERT=FILE"), (NO_CLIENT, "PIP_CLIENT_CERT=FILE")])
def test_a_certificate_that_is_missing_is_asked_for_by_pip_s_name(text: str, hint: str) -> None:
    error = unreachable.explain(text)
    assert error is not None
    assert error.message.startswith("https://127.0.0.1:1/simple/app/ cannot be reached: ")
    assert "--system-certs" not in error.message
    assert hint in (error.hint or "")


def test_what_is_no_refusal_of_an_index_is_left_to_others() -> None:
    assert unreachable.explain("No solution found when resolving dependencies") is None

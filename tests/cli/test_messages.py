from __future__ import annotations

import io
import json

import pytest

from envmgr.cli import messages
from envmgr.cli.conda_names import exception_keys
from envmgr.errors import (
    ChannelError,
    CommandNotFound,
    EnvironmentNotFound,
    EnvmgrError,
    PackagesNotFound,
    StoreError,
    Unsatisfiable,
)


def _printed(error: ChannelError, *, colour: bool) -> str:
    stream = io.StringIO()
    messages.print_error(error, stream, colour=colour)
    return stream.getvalue()


def test_error_and_hint_in_house_style() -> None:
    assert _printed(ChannelError("it is gone", hint="write x"), colour=False) == "error: it is gone\n\nhint: write x\n"
    assert _printed(ChannelError("it is gone"), colour=False) == "error: it is gone\n"


def test_only_the_labels_have_colour() -> None:
    printed = _printed(ChannelError("gone", hint="x"), colour=True)
    assert printed == "\x1b[31;1merror:\x1b[0m gone\n\n\x1b[36mhint:\x1b[0m x\n"


def _said(capsys: pytest.CaptureFixture[str], value: object) -> str:
    messages.say_json(value)
    return capsys.readouterr().out


def test_credentials_never_show(capsys: pytest.CaptureFixture[str]) -> None:
    error = ChannelError(
        "https://me:secret@host/t/TOKEN/x failed",
        hint="https://me:secret@host",
        details={"urls": ["https://a:secret@b"]},
    )
    shown = (
        _printed(error, colour=False)
        + messages.warning_line(error.message, colour=False)
        + _said(capsys, messages.error_document(error))
    )
    assert "secret" not in shown
    assert "TOKEN" not in shown


def test_text_of_strangers_cannot_steer_the_terminal() -> None:
    assert messages.legible("a\x1b]0;title\x07\x9b2Jb\tc\nd\re") == "a?]0;title??2Jb\tc\nd?e"
    assert messages.legible("safe\u202egpj.exe\u2066\u200f\u2028") == "safe?gpj.exe???"


def test_json_has_the_class_as_error(capsys: pytest.CaptureFixture[str]) -> None:
    error = Unsatisfiable("no", details={"conflicts": [{"where": "environment.yml:7"}], "edits": ()})
    assert json.loads(_said(capsys, messages.error_document(error))) == {
        "success": False,
        "error": "Unsatisfiable",
        "message": "no",
        "hint": None,
        "details": {"conflicts": [{"where": "environment.yml:7"}], "edits": []},
        "exception_name": "UnsatisfiableError",
    }


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (EnvmgrError("x"), {"exception_name": "CondaError"}),
        (StoreError("x"), {"exception_name": "CondaError"}),
        (PackagesNotFound("x"), {"exception_name": "PackagesNotFoundError"}),
        (PackagesNotFound("x", details={"conflicts": [{"spec": "scippy"}]}),
         {"exception_name": "PackagesNotFoundError", "packages": ["scippy"]}),
        (EnvironmentNotFound("x"), {"exception_name": "EnvironmentLocationNotFound"}),
        (CommandNotFound("x"), {"exception_name": "CondaError"}),
    ],
)  # fmt: skip
def test_scripts_tell_errors_apart_by_condas_names(error: EnvmgrError, expected: dict[str, object]) -> None:
    assert exception_keys(error) == expected


def test_colour_needs_a_terminal_that_wants_it() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert messages.wants_colour(Terminal(), {})
    assert not messages.wants_colour(Terminal(), {"NO_COLOR": "1"})
    assert not messages.wants_colour(Terminal(), {"TERM": "dumb"})
    assert not messages.wants_colour(io.StringIO(), {})
    closed = io.StringIO()
    closed.close()
    assert not messages.wants_colour(closed, {})

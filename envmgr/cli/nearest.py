"""What click complains about, as an error of ours: with the nearest command, option or choice as the hint."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

import click

from envmgr.errors import UsageError


def usage_error(error: click.UsageError, where: str) -> UsageError:
    """Return the error for a complaint of click about the command `where` (as `envmgr env`)."""
    message = error.format_message()
    near = None
    if isinstance(error, click.NoSuchOption):
        message = f"No such option: {error.option_name}"
        options = error.possibilities or (_options(error.ctx) if error.ctx is not None else ())
        near = _nearest(error.option_name, options)
    elif isinstance(error, click.BadParameter) and isinstance(getattr(error.param, "type", None), click.Choice):
        near = _nearest(_quoted(message), [str(choice) for choice in error.param.type.choices])  # type: ignore[union-attr]
    elif error.ctx is not None and isinstance(error.ctx.command, click.Group) and message.startswith("No such command"):
        name = _quoted(message)
        message = f"{where} has no command `{name}`"
        near = _nearest(name, error.ctx.command.list_commands(error.ctx), before=f"{where} ")
    return UsageError(message, hint=f"did you mean `{near}`?" if near else f"{where} --help")


def _options(context: click.Context) -> list[str]:
    return [option for parameter in context.command.params for option in parameter.opts if option.startswith("--")]


def _nearest(word: str, candidates: Iterable[str], *, before: str = "") -> str | None:
    found = difflib.get_close_matches(word, list(candidates), n=1)
    return f"{before}{found[0]}" if found else None


def _quoted(message: str) -> str:
    """Return what was typed, as click's message has it in quotes: behind the names of an option, before any choice."""
    found = re.search(r": '([^']*)'", message) or re.search(r"'([^']*)'", message)
    return found[1] if found is not None else ""

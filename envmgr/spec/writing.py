"""environment.yml (CEP 24) from what was asked for; reading it back gives the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

_TEXT = "tag:yaml.org,2002:str"


def to_mapping(
    *,
    name: str | None = None,
    channels: Sequence[str] = (),
    dependencies: Sequence[str] = (),
    pip: Sequence[str] = (),
    variables: Sequence[tuple[str, str]] = (),
    gpu: str = "",
) -> dict[str, Any]:
    """Return an environment file as plain values, without the keys that have none (`dependencies` is always there).

    `dependencies` are match specs and `pip` requirement lines, as they were asked for.
    """
    listed: list[Any] = [*dependencies, *([{"pip": list(pip)}] if pip else [])]
    mapping: dict[str, Any] = {"name": name, "channels": list(channels), "dependencies": listed}
    mapping |= {"variables": dict(variables), "gpu": gpu}
    return {key: value for key, value in mapping.items() if value or key == "dependencies"}


def dumps(mapping: Mapping[str, Any]) -> str:
    """Return the YAML text of what `to_mapping` gives, ending in a newline, same input same bytes.

    Values are quoted where YAML 1.1, YAML 1.2 or a selector would read them as something other than text;
    variables always.
    """
    document = dict(mapping)
    if "variables" in document:
        document["variables"] = {key: _Quoted(value) for key, value in document["variables"].items()}
    return yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000_000, default_flow_style=False
    )


class _Quoted(str):
    """A text that is always written in double quotes, since a variable's value is data."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Lists are indented below their key, as people write them; nothing becomes an anchor."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: _Dumper, data: str) -> yaml.ScalarNode:
    # A `#` may be taken for a selector comment, and YAML 1.2 reads `0o17` as a number: quotes settle both.
    is_risky = "#" in data or data[:1].isdigit() or not data.isprintable()
    return dumper.represent_scalar(_TEXT, str(data), style='"' if is_risky else None)


def _represent_quoted(dumper: _Dumper, data: _Quoted) -> yaml.ScalarNode:
    return dumper.represent_scalar(_TEXT, str(data), style='"')


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(_Quoted, _represent_quoted)

"""Options that a requirements file may set (pip's requirements file format), for the whole pip half.

Read is what pip reads there, and `--no-deps`, which people pass beside the file. `${VARIABLE}` stays as written: it is
expanded where it is used, and never written.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from packaging.utils import canonicalize_name

from envmgr.spec.faults import SpecFault, shown
from envmgr.spec.model import IndexOptions, Origin, PipOptions

_SHORT = {"-i": "--index-url", "-f": "--find-links", "-c": "--constraint", "-r": "--requirement", "-e": "--editable",
          "-C": "--config-settings"}  # fmt: skip
_SYNONYMS = {"--pypi-url": "--index-url", "--config-setting": "--config-settings", "--requirements": "--requirement",
             "--constraints": "--constraint", "--no-dependencies": "--no-deps"}  # fmt: skip
_WITH_VALUE = frozenset({
    "--index-url", "--extra-index-url", "--find-links", "--no-binary", "--only-binary", "--trusted-host",
    "--constraint", "--requirement", "--editable", "--hash", "--config-settings",
})  # fmt: skip
_FLAGS = frozenset({"--no-index", "--pre", "--prefer-binary", "--no-deps", "--require-hashes"})
_NOT_NEEDED = {
    "--upgrade": "`envmgr update` moves to newer versions",
    "-U": "`envmgr update` moves to newer versions",
    "--user": "an environment is a place of its own",
    "--no-cache-dir": "what is cached is held against its hash",
    "--ignore-installed": "an environment is always made anew",
    "-I": "an environment is always made anew",
    "--force-reinstall": "an environment is always made anew",
    "--quiet": "write `-q` after envmgr instead",
    "-q": "write `-q` after envmgr instead",
    "--use-feature": "it changes how pip works, not what is installed",
    "--use-pep517": "every build is one by PEP 517",
    "--progress-bar": "it changes how pip works, not what is installed",
    "--disable-pip-version-check": "it changes how pip works, not what is installed",
}


_INDEX_OPTIONS = {
    "--index-url": ("index_url", False),
    "--no-index": ("no_index", False),
    "--extra-index-url": ("extra_index_urls", True),
    "--find-links": ("find_links", True),
    "--trusted-host": ("trusted_hosts", True),
}
REQUIREMENT_OPTIONS = ("--hash", "--config-settings")


def with_option(options: PipOptions, name: str, value: str, origin: Origin) -> PipOptions:
    """Return the options with one more, by its long name; raises SpecFault for a value that it cannot have."""
    if name == "--prefer-binary":  # wheels are preferred always
        return options
    if name in ("--no-binary", "--only-binary"):
        return _with_format(options, name, value)
    if name not in _INDEX_OPTIONS:
        flag: dict[str, Any] = {name.removeprefix("--").replace("-", "_"): True}
        return replace(options, **flag)
    if not value and name != "--no-index":
        raise SpecFault(f"`{name}` names nothing", f"write `{name} VALUE`, or remove the line")
    field, is_list = _INDEX_OPTIONS[name]
    change: dict[str, Any] = {field: (value,) if is_list else value or True}
    return replace(options, indexes=options.indexes | IndexOptions(**change, origin=origin))


def _with_format(options: PipOptions, name: str, value: str) -> PipOptions:
    """Return the options with a format of names more; as for pip, the later of two options wins a name."""
    other, this = ("only_binary", "no_binary") if name == "--no-binary" else ("no_binary", "only_binary")
    mine, theirs = list(getattr(options, this)), list(getattr(options, other))
    for each in filter(None, (part.strip() for part in value.split(","))):
        if each == ":none:":
            mine.clear()
        elif each == ":all:":
            mine, theirs = [":all:"], []
        else:
            named = canonicalize_name(each)
            mine.append(named)
            theirs = [known for known in theirs if known != named]
    changes: dict[str, Any] = {this: tuple(dict.fromkeys(mine)), other: tuple(theirs)}
    return replace(options, **changes)


def split(line: str) -> tuple[str, str]:
    """Return what a line says before its first option, and the rest, as pip tells them apart."""
    match = re.search(r"(?:^|\s)(?=-)", line)
    if match is None:
        return line.strip(), ""
    return line[: match.start()].strip(), line[match.start() :].strip()


def parse(text: str) -> Iterator[tuple[str, str]]:
    """Yield the options in a text by their long names, each with its value (empty for a flag).

    Raises SpecFault for an option that a pip half cannot have.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise SpecFault(f"{shown(text)}: {error}", "close the quotation mark") from error
    waiting = iter(words)
    for word in waiting:
        name, equals, value = word.partition("=")
        if not word.startswith("--") and word[:2] in _SHORT:
            name, equals, value = _SHORT[word[:2]], word[2:3], word[2:].removeprefix("=")
        name = _SYNONYMS.get(name, name)
        if name in _FLAGS and not equals:
            yield name, ""
            continue
        if name not in _WITH_VALUE:
            raise _unknown(text, name)
        if not equals:
            value = next(waiting, "")
            if not value:
                raise SpecFault(f"{shown(text)}: `{name}` names nothing", f"write `{name} VALUE`, or remove the line")
        yield name, value


def _unknown(text: str, name: str) -> SpecFault:
    if name in _NOT_NEEDED:
        return SpecFault(
            f"{shown(text)}: the option {shown(name)} has no meaning here: {_NOT_NEEDED[name]}", "remove it"
        )
    if name in ("--global-option", "--install-option", "--build-option"):
        return SpecFault(
            f"{shown(text)}: {shown(name)} is for setup.py, which no build calls any more (PEP 517)",
            "write `--config-settings KEY=VALUE`, where the package's build knows one",
        )
    if not name.startswith("-"):
        return SpecFault(f"{shown(text)}: {shown(name)} is no option", "write one requirement a line")
    return SpecFault(
        f"{shown(text)}: {shown(name)} is no option that pip reads from a file",
        "remove it; settings of pip that are for all environments belong into pip's configuration, which envmgr reads",
    )

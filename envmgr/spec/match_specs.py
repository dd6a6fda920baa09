"""Match specs (CEP 29): one text into a Dependency, in every spelling that conda users write.

rattler parses; this module takes the channel part off (a `Dependency` carries it beside the match spec), and
corrects where rattler and conda differ on real files:

* `name[Extra]`, pip's extras: older conda ignored them, rattler refuses; real files have them, ignored with a
  warning;
* `name ==1.8.* build`: rattler reads exactly 1.8 where a build follows; read as 1.8.*, as CEP 29 says;
* `name[version=1 build=x]`, without a comma: rattler refuses, read as conda does;
* `name[build=x, build=y]`: rattler takes the last, conda refuses; refused;
* `numpy >=1.2 <2`: rattler reads `<2` as a build string that nothing has, conda refuses; refused with the mend;
* `pkg..name`, `-pkg`: rattler accepts names that CEP 26 forbids; refused.

Not read, with a fault that says so: packages by URL or file, `extras`, `when` and `flags` (no accepted CEP),
namespaces, credentials inside of a match spec.
"""

from __future__ import annotations

import re

from rattler import MatchSpec, Subdir
from rattler.exceptions import InvalidMatchSpecError

from envmgr.spec.faults import SpecFault, shown
from envmgr.spec.model import Dependency, Origin
from envmgr.urls import file_name, is_url, redact, without_credentials

MAXIMUM_CHARACTERS = 1_000
_NAME = re.compile(r"(?:__)?(?:[a-z0-9]|[a-z0-9_](?!_))[._-]?(?:[a-z0-9]+(?:[._-]|$))*")
_EXTRAS = re.compile(
    r"(?P<name>[^\[\]]*)(?P<extras>\[\s*[A-Za-z0-9._-]+(?:\s*,\s*[A-Za-z0-9._-]+)*\s*\])(?P<rest>[^\[\]]*)"
)
_BRACKET_KEYS = ("version", "build", "build_number", "channel", "subdir", "md5", "sha256", "license")
_KEY = re.compile(r"(?<=[\[,\s])([a-z_0-9]+)\s*=")
_MISSING_COMMA = re.compile(rf"(?<=[^,\[\s])\s+(?=(?:{'|'.join(_BRACKET_KEYS)})\s*=)")
_EQUALS_GLOB = re.compile(r"==\s*(?=[^,|=\s\]'\"]*\*)")
_BRACKET_CHANNEL = re.compile(r"(?P<before>[\[,\s])channel\s*=\s*(?P<value>'[^']*'|\"[^\"]*\"|[^,\s\]]+)")
_BRACKET_URL = re.compile(r"\[(?:.*[,\s])?(?:url|fn)\s*=")
_NOT_A_BUILD = re.compile(r"[<>=!~,|\s]")
_ARTIFACT = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)-(?P<build>[^-]+)\.(?:conda|tar\.bz2)")
_SUBDIRS = frozenset(str(subdir) for subdir in Subdir.all())
_REPAIRS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r">{2,}"), ">"),
    (re.compile(r"<{2,}"), "<"),
    (re.compile(r"=>"), ">="),
    (re.compile(r"=<"), "<="),
    (re.compile(r"={3,}"), "=="),
    (re.compile(r"\s*@\s*"), "=="),
    (re.compile(r"(?<![~><=!])~(?![=])\s*"), "~="),
    (re.compile(r"\s*\band\b\s*"), ","),
    (re.compile(r"\s*\bor\b\s*"), "|"),
    (re.compile(r"\s+(?=[<>!=~])"), ""),
    (re.compile(r"(?<=[\w.*])(?=[<>]=?\d)(?<!^)(?<=\d)"), ","),
    (re.compile(r"[\s,;:=<>!~|]+$"), ""),
    (re.compile(r",{2,}"), ","),
)


def parse(text: str, origin: Origin) -> tuple[Dependency, tuple[str, ...]]:
    """Return the dependency that `text` asks for, and what the user should be warned of.

    Raises SpecFault for anything that is not one match spec over one exact package name.
    """
    text = text.strip()
    _check_text(text)
    channel, subdir, rest = _split_channel(text)
    warnings: tuple[str, ...] = ()
    extras = _EXTRAS.fullmatch(rest)
    if extras is not None and extras["extras"].strip("[] ") not in _BRACKET_KEYS:
        warnings = (f"{shown(extras['extras'])} in {shown(text)} is ignored: conda packages have no extras",)
        rest = extras["name"] + extras["rest"]
    rest = _normalised(rest, text)
    rest, bracket_channel = _without_bracket_channel(rest)
    if bracket_channel is not None:
        channel, subdir = _split_subdir(bracket_channel)[0], subdir or _split_subdir(bracket_channel)[1]
    if subdir is not None:
        rest = _with_key(rest, f'subdir="{subdir}"')
    match_spec = _match_spec(rest, text)
    name = match_spec.name.normalized
    build = match_spec.build
    if not _NAME.fullmatch(name):
        raise SpecFault(f"{shown(text)}: {shown(name)} is not a package name (CEP 26)", "write the package's name")
    if build is not None and not build.startswith("^") and _NOT_A_BUILD.search(build):
        raise SpecFault(f"{shown(text)} is not a match spec: {shown(build)} is not a build", _mend(text))
    channel = None if channel in (None, "*", "") else channel
    return Dependency(text=text, name=name, match_spec=match_spec, channel=channel, origin=origin), warnings


def _normalised(rest: str, text: str) -> str:
    """Return the spelling that rattler reads as conda reads `rest`."""
    head, bracket, keys = _EQUALS_GLOB.sub("=", rest).partition("[")
    if not bracket:
        return head
    keys = _MISSING_COMMA.sub(",", bracket + keys)
    found = _KEY.findall(keys)
    twice = next((key for key in found if found.count(key) > 1), None)
    if twice is not None:
        raise SpecFault(f"{shown(text)} is not a match spec: the key `{twice}` stands in it twice", "write it once")
    return head + keys


def _check_text(text: str) -> None:
    if not text:
        raise SpecFault("a match spec is empty", "write a package name or remove the line")
    if len(text) > MAXIMUM_CHARACTERS:
        raise SpecFault(f"{shown(text)} is longer than {MAXIMUM_CHARACTERS} characters", "write one package a line")
    if not text.replace("\t", " ").isprintable():
        raise SpecFault(f"{shown(text)} is not one line of text", "write one package a line")
    if "{{" in text or "{%" in text:
        raise SpecFault(f"{shown(text)} is a template", "render the file first, and read the result")
    if redact(text) != text:
        raise SpecFault(
            f"{shown(text)} has credentials, which do not belong into a match spec",
            "name the channel in channels.yaml and write `NAME::PACKAGE`",
        )
    is_artifact = text.partition("#")[0].endswith((".conda", ".tar.bz2"))
    if _BRACKET_URL.search(text) or (is_artifact and (is_url(text) or "/" in text or "\\" in text)):
        raise SpecFault(f"{shown(text)} names one file; envmgr does not install packages by URL yet", _by_name(text))


def _by_name(text: str) -> str:
    """Return the mend that asks a channel for what a package URL names."""
    url = text.partition("#")[0]
    match = _ARTIFACT.fullmatch(file_name(url)) if is_url(url) else None
    if match is None:
        return "ask for it by name, from a channel that has it: `CHANNEL::NAME==VERSION=BUILD`"
    base = without_credentials(url).rsplit("/", 2)[0].removeprefix("https://conda.anaconda.org/")
    return f"write `{base}::{match['name']}=={match['version']}={match['build']}`"


def _split_channel(text: str) -> tuple[str | None, str | None, str]:
    """Return channel, subdir and the rest of `channel/subdir::rest`."""
    before, separator, after = text.partition("::")
    if separator and "[" not in before:
        channel, subdir = _split_subdir(before.strip())
        return channel, subdir, after.strip()
    head = text.split("[", 1)[0]
    if ":" in head:
        raise SpecFault(f"{shown(text)} is not a match spec: `:` has no meaning here", "write `CHANNEL::PACKAGE`")
    return None, None, text


def _split_subdir(channel: str) -> tuple[str, str | None]:
    base, _, last = channel.rstrip("/").rpartition("/")
    return (base, last) if base and last in _SUBDIRS else (channel.rstrip("/"), None)


def _without_bracket_channel(text: str) -> tuple[str, str | None]:
    head, bracket, keys = text.partition("[")
    match = _BRACKET_CHANNEL.search(bracket + keys)
    if match is None:
        return text, None
    whole = bracket + keys
    remaining = whole[: match.start()] + match["before"] + whole[match.end() :].lstrip(", ")
    remaining = re.sub(r"[,\s]+\]$", "]", remaining)
    return head + ("" if remaining == "[]" else remaining), match["value"].strip("'\"")


def _with_key(text: str, key: str) -> str:
    """Return `text` with one more key in its brackets; rattler reads only one pair of brackets."""
    if text.endswith("]") and "[" in text:
        separator = "" if text.endswith("[]") else ","
        return f"{text[:-1]}{separator}{key}]"
    return f"{text}[{key}]"


def _match_spec(rest: str, text: str) -> MatchSpec:
    try:
        return _parsed(rest)
    except InvalidMatchSpecError as error:
        reason = str(error).partition("\n")[0].partition(", package names can")[0]
        if "invalid bracket key: " in reason:
            key = reason.rpartition(": ")[2]
            raise SpecFault(
                f"{shown(text)}: the key {shown(key)} is not read",
                f"keys are {', '.join(_BRACKET_KEYS)}",
            ) from error
        raise SpecFault(f"{shown(text)} is not a match spec: {shown(reason)[1:-1]}", _mend(text)) from error


def _parsed(text: str) -> MatchSpec:
    return MatchSpec(text, exact_names_only=True, extras=False, conditionals=False, flags=False)


def _mend(text: str) -> str:
    """Return the nearest spelling that is a match spec, found by repairing the usual slips one after another."""
    repaired = text
    for pattern, replacement in _REPAIRS:
        repaired = pattern.sub(replacement, repaired)
        try:
            match_spec = _parsed(repaired)
        except InvalidMatchSpecError:
            continue
        if _NAME.fullmatch(match_spec.name.normalized) and not _NOT_A_BUILD.search(match_spec.build or ""):
            return f"write `{repaired}`"
    name = re.match(r"[A-Za-z0-9._-]+", text)
    example = name[0].lower() if name else "numpy"
    return f"write for example `{example}`, `{example}=1.26`, `{example}>=1.26,<2` or `{example}==1.26.4=BUILD`"

"""What uv says when it cannot, in the terms of the file that was written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from packaging.utils import canonicalize_name

from envmgr.errors import PipError
from envmgr.pypi import unreachable
from envmgr.pypi.compilation import names_not_found
from envmgr.pypi.unresolved import Unresolved, pythons
from envmgr.pypi.uv import UvFailed
from envmgr.spec.model import Requirement
from envmgr.urls import redact

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_NOT_CACHED = re.compile(
    rf"(?:there are no versions of|Because) ({_NAME})|`({_NAME})==|Because ({_NAME}) was not found|/([^/\s]+\.whl)\b"
)
_FLAG = re.compile(r"`--([a-z-]+)[= ]([\w-]+)`")
_BUILD = re.compile(r"Failed to build `(?P<what>[^`]+)`(?=\s+cause: (?:The build backend|Failed to install req))")
_SHOWN_LINES = 12
_UNDECLARED = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
_ABI = re.compile(
    rf"only found wheels for `({_NAME})`(?: \(v([^)]+)\))? with the following Python (?:ABI|version) tags?: (.*)"
)
_URL = re.compile(r"https?://[^\s)`]+")
_EMPTY = re.compile(rf"Because there are no versions of ({_NAME}) and you require \1\b")
_SSH = re.compile(
    r"^\s*(?:ssh: )?(\S.*(?:hostname|Permission denied|Host key verification|port \d+:).*)$", re.MULTILINE
)
_NO_RELEASE = re.compile(
    rf"no versions? of ({_NAME})(?:\[[^\]]*\])?[=<>~!]|only ({_NAME})(?:\[[^\]]*\])?[=<>~!]\S+ (?:is|are) available"
)
_FILTERED = re.compile(
    rf"`({_NAME})` was filtered by `exclude-newer` to only include packages uploaded before (\S+?)\. "
    r"The latest version satisfying the requirement is v(\S+?)(?:, published at (\S+?))?\. "
)
_YANKED = re.compile(rf"({_NAME})==(\S+) was yanked")
_BROKEN_OFF = re.compile(r"end of file before message length|connection closed before|error decoding response body")
_NO_ARCHIVE = re.compile(r"Failed to extract archive|Invalid zip|Failed to read metadata|Failed to read from zip")
_WHAT = re.compile(r"Failed to download `([^`]+)`")
_SIZE = re.compile(r"Size mismatch for `([^`]+)`: expected (\d+) bytes, but downloaded (\d+) bytes")
_MISMATCH = re.compile(
    r"Hash mismatch for `(?P<what>[^`]+)`.*?sha256:(?P<expected>[0-9a-f]{64}).*?sha256:(?P<found>[0-9a-f]{64})",
    re.DOTALL,
)


def explain(
    error: UvFailed,
    requirements: Sequence[Requirement],
    *,
    offline: bool,
    near: Callable[[str], Sequence[str]],
    elsewhere: Callable[[str], str | None] = lambda _: None,
    offered: Callable[[str], Sequence[str]] = lambda _: (),
    constraints: Sequence[str] = (),
) -> PipError:
    """Return the error to show for what uv said about `requirements` (those that hold here).

    `near` gives the names that look like one that no index has, `elsewhere` the index that answers for pins only and
    has a name, `offered` the newest versions that an index has; `constraints` tell
    which are in force.
    """
    return (
        _mismatch(error.text)
        or _build(error.text, requirements)
        or _repository(error.text, requirements)
        or (_offline(error.text) if offline else None)
        or unreachable.explain(error.text)
        or _broken(error.text)
        or _unknown(error.text, requirements, near, elsewhere)
        or _unsatisfiable(error.text, requirements, offered, constraints)
    )


def explain_installation(error: UvFailed) -> PipError | None:
    """Return the error to show for a wheel that cannot be had as locked, or None for anything else."""
    return _mismatch(error.text) or _build(error.text, ()) or unreachable.explain(error.text) or _broken(error.text)


def _broken(text: str) -> PipError | None:
    """Explain an answer that came, and is not what it should be."""
    what, url = _WHAT.search(text), _URL.search(text)
    name = f"the wheel of {what[1]}" if what else f"the answer of {url[0].rstrip('.,;')}" if url else None
    details = {"engine": text}
    if name is None:
        return None
    if _BROKEN_OFF.search(text):
        return PipError(f"{name} broke off before its end", hint="nothing was changed: try again", details=details)
    if what and _NO_ARCHIVE.search(text):
        return PipError(
            f"{name} is no wheel: {text.rpartition('cause: ')[2].strip()}",
            hint="nothing was changed; look at what its URL gives: a proxy's or a login page is a usual cause",
            details=details,
        )
    if "unexpected JSON" in text or "unexpected HTML" in text or "Received some unexpected" in text:
        return PipError(
            f"{name} is none of a package index (PEP 503, PEP 691): {text.rpartition('cause: ')[2].strip()}",
            hint="an index URL ends in /simple as a rule; a proxy's or a login page is another usual cause",
            details=details,
        )
    if "Hash mismatch for package metadata" in text:
        return PipError(
            f"{name} is not the metadata that the index promises: its sha256 is another",
            hint="nothing was changed; distrust the index, or try again if it was just being updated",
            details=details,
        )
    return None


def _mismatch(text: str) -> PipError | None:
    size = _SIZE.search(text)
    if size is not None:
        return PipError(
            f"the wheel of {size[1]} is not the one that was locked: expected {size[2]} bytes, found {size[3]}",
            hint="nothing was installed; if the index did replace the file, solve again, else distrust it",
            details={"expected": int(size[2]), "found": int(size[3])},
        )
    match = _MISMATCH.search(text)
    if match is None:
        return None
    return PipError(
        f"the wheel of {match['what']} is not the one that was locked: "
        f"expected sha256 {match['expected']}, found {match['found']}",
        hint="nothing was installed; if the index did replace the file, solve again, else distrust it",
        details={"expected": match["expected"], "found": match["found"]},
    )


def _build(text: str, requirements: Sequence[Requirement]) -> PipError | None:
    match = _BUILD.search(text)
    if match is None:
        return None
    what = match["what"].partition(" @ ")[0]
    name = canonicalize_name(re.split(r"[=<>!~ \[]", what)[0])
    lines = "".join(f"\n  {each.origin}: `{each.text}`" for each in requirements if each.name == name)
    said = [line.strip() for line in text[match.end() :].partition("\nhint: ")[0].splitlines()]
    undeclared = _UNDECLARED.search(text)
    said = [line for line in said if line and not line.startswith(("cause: Call to", "hint:", "cause: The build"))]
    tail = "".join(f"\n  {line}" for line in said[-_SHOWN_LINES:])
    return PipError(
        f"{what} cannot be built; its build ended with{tail}" + (f"\nasked for:{lines}" if lines else ""),
        hint=_for_module(undeclared[1])
        if undeclared
        else "compilers and libraries that a build needs can come from "
        f"conda: add them to dependencies, or ask for the conda package of {name}",
        details={"name": name, "engine": text},
    )


def _for_module(module: str) -> str:
    """Return what to do for a build that imports a module which its project does not say that it needs."""
    if module == "pkg_resources":
        return (
            "its build needs `pkg_resources` and does not say so; setuptools before 82 has it: write `setuptools<82` "
            "into a file, and name that: PIP_BUILD_CONSTRAINT=FILE"
        )
    return (
        f"its build needs `{module}` and does not say so: add what has it, and setuptools, to dependencies, and let "
        "builds see them: UV_NO_BUILD_ISOLATION=1"
    )


def _repository(text: str, requirements: Sequence[Requirement]) -> PipError | None:
    """Explain a repository that cannot be had: git's own last words, and the lines that name it."""
    if "Git operation failed" not in text:
        return None
    fatal = re.findall(r"fatal: (.*)", text)
    missing = re.search(r"failed to fetch (branch or tag|commit) `([^`]+)`", text)
    lines = [each for each in requirements if each.url and redact(_plain(each.url)) in text]
    what = ", ".join(f"{each.origin}: `{each.text}`" for each in lines) or "a repository of the pip half"
    if missing is not None and "find remote ref" in text:
        return PipError(
            f"{what}: the repository has no {missing[1]} `{missing[2]}`",
            hint="write another name behind the `@`, or a commit",
            details={"engine": text},
        )
    reason = fatal[-1] if fatal else text.rpartition("cause: ")[2].strip()
    ssh = re.findall(
        r"^\s*(?:ssh: )?(\S.*(?:hostname|Permission denied|Host key verification|port \d+:).*)$", text, re.M
    )
    hint = "check the URL and who may read it; git's own credentials count, and `${TOKEN}` in the URL does"
    if any((each.url or "").startswith("git+ssh:") for each in lines):
        reason = ssh[-1] if ssh else reason
        hint = "ssh has to let you in without a question (try `ssh -T USER@HOST`), or write it as `git+https://…`"
    return PipError(
        f"{what} cannot be fetched: {reason}",
        hint=hint,
        details={"engine": text},
    )


def _offline(text: str) -> PipError | None:
    missing = sorted({name for groups in _NOT_CACHED.findall(text) for name in groups if name})
    if not missing:
        return None
    return PipError(
        f"offline, and the cache lacks what the pip half needs: {', '.join(missing)}",
        hint="run the same command once without --offline",
        details={"missing": missing, "engine": text},
    )


def _unknown(
    text: str,
    requirements: Sequence[Requirement],
    near: Callable[[str], Sequence[str]],
    elsewhere: Callable[[str], str | None],
) -> PipError | None:
    unknown = names_not_found(text)
    if not unknown:
        return None
    pinnable = {name: index for name in sorted(unknown) if (index := elsewhere(name)) is not None}
    asked = [requirement for requirement in requirements if requirement.name in unknown]
    if asked:
        return Unresolved(
            "\n".join(
                f"{each.origin}: no package index in use has `{each.name}` (asked for as `{each.text}`)"
                for each in asked
            ),
            asked,
            hint=_pins(pinnable) or _spelling({each.name: near(each.name) for each in asked}),
            details={"names": sorted(unknown)},
        )
    names = ", ".join(f"`{name}`" for name in sorted(unknown))
    return PipError(
        f"no package index in use has {names}, which another package needs\n" + indented(text),
        hint=_pins(pinnable) or "name the index that has it with PIP_EXTRA_INDEX_URL",
        details={"names": sorted(unknown)},
    )


def _pins(pinnable: Mapping[str, str]) -> str | None:
    if not pinnable:
        return None
    lines = " and ".join(f"`{name}: {index}`" for name, index in pinnable.items())
    return f"the index has it, and answers for what is pinned to it only: add {lines} to pypi.packages in channels.yaml"


def _spelling(near: Mapping[str, Sequence[str]]) -> str:
    meant = [f"{' or '.join(f'`{other}`' for other in others)}" for others in near.values() if others]
    index = "name the index that has it with PIP_EXTRA_INDEX_URL"
    return f"did you mean {', '.join(meant)}? Otherwise {index}" if meant else f"check the spelling, or {index}"


def _unsatisfiable(
    text: str,
    requirements: Sequence[Requirement],
    offered: Callable[[str], Sequence[str]],
    constraints: Sequence[str],
) -> PipError:
    body, _, hint = text.partition("\nhint: ")
    mentioned = [
        requirement
        for requirement in requirements
        if mentions(text, requirement.name) or (requirement.url and _plain(requirement.url) in text)
    ]
    lines = "".join(f"\n  {requirement.origin}: `{requirement.text}`" for requirement in mentioned)
    return Unresolved(
        f"the pip half cannot be resolved\n{indented(body)}" + (f"\nasked for:{lines}" if lines else ""),
        mentioned,
        hint=_hint(hint.strip(), body)
        or _versions(body, mentioned, offered)
        or (f"constraints count too: {', '.join(constraints)}" if constraints else None),
        details={"engine": text},
        pythons=pythons(body),
    )


def mentions(text: str, name: str) -> bool:
    """Whether what uv said names a distribution."""
    pattern = re.escape(canonicalize_name(name)).replace(r"\-", "[-_.]+")
    return re.search(rf"(?<![\w.-]){pattern}(?![\w-])", text, re.IGNORECASE) is not None


def _versions(text: str, mentioned: Sequence[Requirement], offered: Callable[[str], Sequence[str]]) -> str | None:
    """Return what to write where no release is what is asked for, or where two lines ask for one name differently."""
    absent = _NO_RELEASE.search(text)
    if absent is not None:
        name = next(each for each in absent.groups() if each)
        versions = offered(canonicalize_name(name))
        return f"the newest that the index has of {name}: {', '.join(versions)}" if versions else None
    names = [each.name for each in mentioned]
    twice = next((each for each in mentioned if names.count(each.name) > 1), None)
    return f"{twice.name} is asked for more than once: keep the line that is meant" if twice else None


def _plain(url: str) -> str:
    """Return a URL as messages name it: without `git+`, revision and fragment."""
    return re.sub(r"@[^/@]*$", "", url.partition("#")[0].removeprefix("git+"))


def _hint(text: str, body: str) -> str | None:
    """Return the first of uv's hints, with the variables that envmgr passes on instead of flags that it has not."""
    filtered, empty, yanked = _FILTERED.search(text), _EMPTY.search(body), _YANKED.search(body)
    if filtered is not None:
        name, cutoff, version, uploaded = filtered.groups()
        why = f"was uploaded {uploaded}" if uploaded else "has no upload time on its index, so that its age is unknown"
        return f"{name} {version} {why}; the cutoff is {cutoff}: move it with --exclude-newer, or in channels.yaml"
    if empty is not None and not text:
        return (
            f"the index lists no file for {empty[1]}: open its page in a browser; an index that wants a login, and a "
            "proxy in between, answer with a page that has none"
        )
    if yanked is not None:
        return f"a yanked release is taken only where it is pinned: `{yanked[1]}=={yanked[2]}`"
    if "`--python-version` value" in text:
        return None  # what is said of python is in the account
    abi = _ABI.search(text)
    minors = sorted({int(minor) for minor in re.findall(r"`cp3(\d+)", abi[3])}) if abi is not None else []
    if abi is not None and minors:
        listed = ", ".join(f"3.{minor}" for minor in minors)
        newest = f"python 3.{minors[-1]}.*"
        return f"{abi[1]} {abi[2] or ''} has wheels for python {listed}: ask for `{newest}`, or for another version"
    if "--index-strategy" in text:
        return (
            "the first index that has a name answers for it, so that nobody can slip in a package of that name; "
            "where every index is trusted alike, set UV_INDEX_STRATEGY=unsafe-best-match"
        )
    lines = _FLAG.sub(lambda flag: f"`UV_{flag[1].upper().replace('-', '_')}={flag[2]}`", text).splitlines()
    return lines[0] if lines else None


def indented(text: str) -> str:
    """Return uv's account without its first words and hints, indented for a message."""
    text = re.sub(r"^No solution found[^\n]*\n\s*cause: ", "", text.partition("\nhint: ")[0])
    return "\n".join(f"  {line.strip()}" for line in text.splitlines() if line.strip())

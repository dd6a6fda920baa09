"""Recipes: `recipe.yaml`, schema 1 (CEP 13 and CEP 14), rendered to packages that are put together from a payload.

A recipe stands in a directory of its own, with an optional `variants.yaml` beside it. Rendering is rattler-build's;
what envmgr does not act on (scripts, sources, outputs) is refused rather than ignored.
"""

from __future__ import annotations

import copy
import hashlib
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rattler_build import RattlerBuildError, Stage0Recipe, VariantConfig
from rattler_build.render import RenderConfig
from rattler_build.tool_config import PlatformConfig

from envmgr.channels.artifact import Metadata
from envmgr.channels.payloads import Payload, PayloadFault, parse
from envmgr.errors import ChannelError

LARGEST = 1 << 20  # bytes of a recipe.yaml
_ACTED_ON: dict[str, set[str]] = {
    "": {"schema_version", "context", "package", "build", "requirements", "about", "extra"},
    "build": {"number", "string", "noarch", "python", "variant"},
    "build.python": {"entry_points", "site_packages_path"},
    "build.variant": {"use_keys", "ignore_keys", "down_prioritize_variant"},
    "requirements": {"run", "run_constraints", "run_exports"},
}
_ABOUT = {"homepage": "home", "repository": "dev_url", "documentation": "doc_url", "license": "license",
          "license_family": "license_family", "summary": "summary", "description": "description"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """One package that a recipe yields, and what it is put together from; `directory` is the recipe's."""

    directory: Path
    metadata: Metadata
    payload: tuple[Payload, ...]


def render(directory: Path, *, platform: str, context: Mapping[str, str], digest: str) -> tuple[Rendered, ...]:
    """Return the packages of the recipe in `directory` for the subdir `platform`.

    `context` is what recipes may refer to beside their own context; `digest` goes into the `hash` of the build
    string, so that other inputs give another file name. Raises ChannelError with file
    and line.
    """
    path = directory / "recipe.yaml"
    text = _read(path)
    stage = _parse(path, text)
    _refuse_the_unsupported(path, text)
    variants = _variants(directory / "variants.yaml")
    config = RenderConfig(platform=PlatformConfig(target_platform=platform), extra_context=dict(context))
    try:
        outputs = [(variant, variant.recipe.to_dict()) for variant in stage.render(variants, config)]
    except RattlerBuildError as error:
        raise _render_fault(path, text, str(error)) from error
    rendered = []
    for variant, document in outputs:
        number = int(document.get("build", {}).get("number", 0))
        build = str(document["build"]["string"])
        if variant.hash_info is not None:
            # rattler-build hashes the variant; two builds of one name must differ in every other input too.
            whole = hashlib.sha256(f"{variant.hash_info.hash} {digest}".encode()).hexdigest()[:7]
            build = build.replace(variant.hash_info.hash, whole)
        metadata = _metadata(path, document, build=build, number=number, platform=platform, text=text)
        rendered.append(Rendered(directory=directory, metadata=metadata, payload=_payload(path, text, document)))
    names = [package.metadata.stem for package in rendered]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise _fault(path, text, ("build", "string"), f"two variants are both called `{twice}`",
                     hint="put what tells them apart into `build.string`")  # fmt: skip
    return tuple(rendered)


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
        if len(data) > LARGEST:
            raise ChannelError(f"{path}: expected at most {LARGEST} bytes, found {len(data)}")
        return data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ChannelError(f"{path} cannot be read: {error}") from error


def _parse(path: Path, text: str) -> Stage0Recipe:
    try:
        return Stage0Recipe.from_file(path)
    except RattlerBuildError as error:
        message = str(error)
        syntax = re.search(
            r"Failed to parse YAML: (?:(\d+):\d+: )?(.*?)(?: at \d+:\d+ and (\d+):\d+)?$", message, re.DOTALL
        )
        if syntax is not None:
            raise ChannelError(f"{path} line {syntax[1] or syntax[3] or 1}: {syntax[2]}") from error
        where = _locate(_raw(text), _message_of)
        raise _fault(path, text, where, re.sub(r"^invalid value for '[^']*': ", "", message)) from error


def _message_of(document: Mapping[str, Any]) -> str | None:
    """Return why rattler-build refuses this document, or None where it does not."""
    with tempfile.TemporaryDirectory(prefix="envmgr-recipe-") as scratch:
        try:
            Stage0Recipe.from_dict(dict(document), recipe_dir=scratch)
        except (RattlerBuildError, TypeError, ValueError) as error:
            return str(error)
    return None


def _locate(document: dict[str, Any], message_of: Callable[[dict[str, Any]], str | None]) -> tuple[str | int, ...]:
    """Return the path to the fault: the innermost item without which the complaint goes away.

    rattler-build's Python layer gives the complaint but not its place.
    """
    complaint = message_of(document)
    path: tuple[str | int, ...] = ()
    while complaint is not None:
        node = _at(document, path)
        keys: list[str | int] = list(node) if isinstance(node, dict) else list(range(len(node)))
        for key in keys if isinstance(node, dict | list) else []:
            trial = copy.deepcopy(document)
            del _at(trial, path)[key]
            found = message_of(trial)
            if found != complaint and not (found or "").startswith("missing required"):
                path = (*path, key)
                break
        else:
            break
        if not isinstance(_at(document, path), dict | list):
            break
    return path


def _at(document: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


def _raw(text: str) -> dict[str, Any]:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return document if isinstance(document, dict) else {}


def _refuse_the_unsupported(path: Path, text: str) -> None:
    document = _raw(text)
    for section, known in _ACTED_ON.items():
        keys = tuple(section.split(".")) if section else ()
        node: Any = document
        for key in keys:
            node = node.get(key) if isinstance(node, dict) else None
        for key in node if isinstance(node, dict) else ():
            if key not in known:
                raise _fault(path, text, (*keys, key), f"`{'.'.join((*keys, str(key)))}` is not supported: "
                             "packages are put together from `extra.payload`, no build is run",
                             hint="build this recipe with rattler-build, and add its channel")  # fmt: skip


def _variants(path: Path) -> VariantConfig:
    if not path.is_file():
        return VariantConfig()
    try:
        return VariantConfig.from_file(path)
    except (RattlerBuildError, OSError, ValueError) as error:
        raise ChannelError(f"{path} is not a variant configuration: {error}") from error


def _metadata(path: Path, document: dict[str, Any], *, build: str, number: int, platform: str, text: str) -> Metadata:
    section = document.get("build", {})
    requirements = document.get("requirements", {})
    noarch = section.get("noarch")
    name = str(document["package"]["name"]).lower()
    about = document.get("about", {})
    features = int(section.get("variant", {}).get("down_prioritize_variant") or 0)
    if not re.fullmatch(r"[0-9A-Za-z_.+]+", build):
        raise _fault(path, text, ("build", "string"), f"`{build}` is not a build string (CEP 26)")
    if "-" in str(document["package"]["version"]):
        raise _fault(path, text, ("package", "version"),
                     f"`{document['package']['version']}`: a version has no `-` (CEP 33)")  # fmt: skip
    return Metadata(
        name=name,
        version=str(document["package"]["version"]),
        build=build,
        build_number=number,
        subdir="noarch" if noarch else platform,
        noarch=noarch,
        depends=_specs(path, text, requirements.get("run", ()), "run"),
        constrains=_specs(path, text, requirements.get("run_constraints", ()), "run_constraints"),
        track_features=tuple(f"{name}-p-{position}" for position in range(features)),
        license=about.get("license"),
        python_site_packages_path=section.get("python", {}).get("site_packages_path"),
        entry_points=tuple(str(entry) for entry in section.get("python", {}).get("entry_points", ())),
        about={_ABOUT[key]: value for key, value in about.items() if key in _ABOUT},
        run_exports={
            kind: list(_specs(path, text, specs, "run_exports"))
            for kind, specs in requirements.get("run_exports", {}).items()
        },
        info_files={"recipe/recipe.yaml": text.encode(), **_licenses(path, about, text)},
    )


def _specs(path: Path, text: str, specs: Sequence[object], key: str) -> tuple[str, ...]:
    for spec in specs:
        if not isinstance(spec, str):  # pin_subpackage, pin_compatible: they need a build's environment
            found = next(iter(spec)) if isinstance(spec, dict) and spec else type(spec).__name__
            message = f"expected match specs in `requirements.{key}`, found {found}"
            hint = "write the spec itself, such as `name >=1.2,<2`"
            raise _fault(path, text, ("requirements", key), message, hint=hint)
    return tuple(str(spec) for spec in specs)


def _licenses(path: Path, about: Mapping[str, Any], text: str) -> dict[str, bytes]:
    files = about.get("license_file", [])
    found = {}
    for name in [files] if isinstance(files, str) else files:
        source = path.parent / str(name)
        if not source.resolve().is_relative_to(path.parent.resolve()) or not source.is_file():
            raise _fault(path, text, ("about", "license_file"), f"there is no file `{name}` beside the recipe")
        found[f"licenses/{name}"] = source.read_bytes()
    return found


def _payload(path: Path, text: str, document: Mapping[str, Any]) -> tuple[Payload, ...]:
    extra = document.get("extra", {})
    if "payload" not in extra:
        raise _fault(path, text, ("extra",), "there is no `extra.payload`: it says what the package is made of",
                     hint="write `extra: {payload: []}` for a package without files")  # fmt: skip
    try:
        return parse(extra["payload"], path.parent)
    except PayloadFault as error:
        where = ("extra", "payload", *error.path)
        raise _fault(path, text, where, f"{_dotted(where)}: {error}") from error


def _render_fault(path: Path, text: str, message: str) -> ChannelError:
    """Return rattler-build's complaint with the line that it concerns; it prints Rust values."""
    told = re.search(r'(?:message|reason): "((?:[^"\\]|\\.)*)"', message)
    reason = told[1].replace('\\"', '"') if told else message
    spot = re.search(r"line: (\d+)", message)
    line = int(spot[1]) if spot else 1
    template = re.search(r" \(in [^)]*\) \(template: (.*)\)$", reason)
    if template is not None:  # the place is one in the template, not in the file
        line = next((number for number, content in enumerate(text.splitlines(), 1) if template[1] in content), line)
        reason = f"{reason[: template.start()]} in `{template[1]}`"
    elif "build string template" in reason:
        line = _line(text, ("build", "string"))
    return ChannelError(f"{path} line {line}: {reason}")


def _dotted(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).lstrip(".")


def _fault(
    path: Path, text: str, where: tuple[str | int, ...], message: str, *, hint: str | None = None
) -> ChannelError:
    return ChannelError(f"{path} line {_line(text, where)}: {message}", hint=hint)


def _line(text: str, where: tuple[str | int, ...]) -> int:
    """Return the line of the innermost part of `where` that the text has."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return 1
    line = 1
    for key in where:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(key)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line + 1
        else:
            break
    return line

from __future__ import annotations

from pathlib import Path

import pytest

from envmgr.channels.payloads import LinksPayload
from envmgr.channels.recipes import Rendered, render
from envmgr.errors import ChannelError

GOOD = "package: {name: demo, version: '1.0'}\nextra: {payload: []}\n"
CONTEXT = {"interpreter_version": "3.11.7", "interpreter_minor": "3.11"}


def rendered(
    directory: Path, text: str, *, variants: str | None = None, digest: str = "0" * 64
) -> tuple[Rendered, ...]:
    (directory / "recipe.yaml").write_text(text)
    if variants is not None:
        (directory / "variants.yaml").write_text(variants)
    return render(directory, platform="linux-64", context=CONTEXT, digest=digest)


def fault(directory: Path, text: str) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        rendered(directory, text)
    return caught.value


def test_a_recipe_may_use_the_interpreter_and_its_own_context(tmp_path: Path) -> None:
    text = (
        "context: {name: demo}\npackage: {name: '${{ name }}', version: '${{ interpreter_version }}'}\n"
        "requirements: {run: ['python ${{ interpreter_minor }}.*']}\nextra: {payload: []}\n"
    )
    (package,) = rendered(tmp_path, text)
    assert (package.metadata.name, package.metadata.version) == ("demo", "3.11.7")
    assert package.metadata.depends == ("python 3.11.*",)
    assert package.metadata.subdir == "linux-64"


def test_selectors_follow_the_platform(tmp_path: Path) -> None:
    text = (
        GOOD + "requirements:\n  run:\n    - if: linux\n      then: __linux\n      else: __other\n"
        "    - if: win\n      then: vc\n"
    )
    assert rendered(tmp_path, text)[0].metadata.depends == ("__linux",)


def test_each_variant_is_a_package(tmp_path: Path) -> None:
    text = (
        "package: {name: demo, version: '1'}\nbuild:\n  string: ${{ flavour }}_h${{ hash }}_0\n"
        "  variant: {down_prioritize_variant: '${{ 1 if flavour == \"bitter\" else 0 }}'}\n"
        "requirements:\n  run:\n    - if: flavour == 'sweet'\n      then: sugar\n"
        "extra: {payload: {links: {lib/a: '${{ flavour }}'}}}\n"
    )
    bitter, sweet = rendered(tmp_path, text, variants="flavour: [sweet, bitter]\n")
    assert sweet.metadata.build.startswith("sweet_h")
    assert (sweet.metadata.depends, bitter.metadata.depends) == (("sugar",), ())
    assert (sweet.metadata.track_features, bitter.metadata.track_features) == ((), ("demo-p-0",))
    assert sweet.payload == (LinksPayload(links={"lib/a": "sweet"}),)


def test_the_hash_of_a_build_covers_every_input(tmp_path: Path) -> None:
    first = rendered(tmp_path, GOOD, digest="a" * 64)[0].metadata.build
    assert rendered(tmp_path, GOOD, digest="a" * 64)[0].metadata.build == first
    assert rendered(tmp_path, GOOD, digest="b" * 64)[0].metadata.build != first


def test_variants_that_cannot_be_told_apart_are_refused(tmp_path: Path) -> None:
    text = "package: {name: demo, version: '1'}\nbuild: {string: same}\nextra: {payload: [], why: '${{ flavour }}'}\n"
    (tmp_path / "variants.yaml").write_text("flavour: [sweet, bitter]\n")
    text += "requirements: {run: ['${{ flavour }}']}\n"
    error = fault(tmp_path, text)
    assert "line 2: two variants are both called `demo-1-same`" in error.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("package: {name: a, version: '1'\nabout: {}\n", "line 2"),
        ("- a\n", "line 1"),
        ("", "line 1: missing required field 'package'"),
        ("package: {name: a}\n", "line 1: missing required field 'version'"),
        ("package: {name: a, version: '1'}\npackage: {name: a, version: '1'}\n", "line 2: Duplicate key"),
        (GOOD + "abut: {license: MIT}\n", "line 3: unknown top-level field 'abut'"),
        (GOOD + "about:\n  license: MIT\n  lizense: MIT\n", "line 5: unknown field 'lizense'"),
        (GOOD + "build:\n  number: many\n", "line 4"),
        (GOOD + "requirements:\n  run:\n    - python\n    - numpy >>1\n", "line 6: unable to parse version spec: >>1"),
        (GOOD + "requirements:\n  run:\n    - ${{ pin_subpackage('demo') }}\n", "line 4"),
        ("package: {name: a, version: '1-1'}\nextra: {payload: []}\n", "line 1: `1-1`: a version has no `-`"),
        ("package: {name: ../a, version: '1'}\nextra: {payload: []}\n", "line 1"),
        (GOOD + "build: {string: ../../x}\n", "line 3: `../../x` is not a build string"),
        ("package:\n  name: a\n  version: ${{ nope }}\nextra: {payload: []}\n", "line 3: Template rendering failed"),
        (GOOD + "build:\n  script: make\n", "line 4: `build.script` is not supported"),
        (GOOD + "source: {path: .}\n", "line 3: `source` is not supported"),
        (GOOD + "requirements:\n  run: []\n  host: [python]\n", "line 5: `requirements.host` is not supported"),
        (GOOD + "build:\n  skip: true\n", "line 4: `build.skip` is not supported"),
        (GOOD + "about:\n  license_file: COPYING\n", "line 4: there is no file `COPYING`"),
        (GOOD + "about:\n  license_file: ../../etc/passwd\n", "line 4: there is no file"),
        ("package: {name: a, version: '1'}\n", "line 1: there is no `extra.payload`"),
        ("package: {name: a, version: '1'}\nextra:\n  payload: numpy\n", "line 3: extra.payload: expected a mapping"),
        (
            "package: {name: a, version: '1'}\nextra:\n  payload:\n    - wheel: numpy\n    - weel: numpy\n",
            "line 5: extra.payload[1]: expected exactly one of",
        ),
        (
            "package: {name: a, version: '1'}\nextra:\n  payload:\n    wheel: numpy\n    form: x\n",
            "line 5: extra.payload.form: unknown key `form` beside `wheel`",
        ),
        (
            "package: {name: a, version: '1'}\nextra:\n  payload:\n    files: ../..\n",
            "line 4: extra.payload.files: `../..`: expected a relative path",
        ),
        (
            "package: {name: a, version: '1'}\nextra:\n  payload:\n    wheel: https://evil.example/x.whl\n",
            "line 4: extra.payload.wheel: `https://evil.example/x.whl` is not a requirement",
        ),
    ],
)
def test_a_fault_is_named_with_file_and_line(tmp_path: Path, text: str, expected: str) -> None:
    message = fault(tmp_path, text).message
    assert message.startswith(f"{tmp_path / 'recipe.yaml'} ")
    assert expected in message


def test_a_recipe_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ChannelError, match="cannot be read"):
        render(tmp_path, platform="linux-64", context=CONTEXT, digest="0" * 64)


def test_a_recipe_of_many_megabytes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ChannelError, match="expected at most"):
        rendered(tmp_path, GOOD + "#" * (1 << 20))


def test_faulty_variants_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ChannelError, match=r"variants\.yaml"):
        rendered(tmp_path, GOOD, variants="flavour: {sweet: [\n")

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rattler import BuildString, PackageRecord

from envmgr.spec import match_specs
from envmgr.spec.digest import canonical_dependency, canonical_match_spec
from envmgr.spec.faults import SpecFault
from envmgr.spec.model import COMMAND_LINE, Dependency


def parse(text: str) -> Dependency:
    dependency, warnings = match_specs.parse(text, COMMAND_LINE)
    assert warnings == ()
    return dependency


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("numpy", "numpy"),
        ("NumPy", "numpy"),
        ("  numpy ", "numpy"),
        ("numpy=1.26", 'numpy[version="1.26.*"]'),
        ("numpy =1.26", 'numpy[version="1.26.*"]'),
        ("numpy = 1.26", 'numpy[version="1.26.*"]'),
        ("numpy 1.26.*", 'numpy[version="1.26.*"]'),
        ("numpy 1.26*", 'numpy[version="1.26.*"]'),
        ("numpy 1.26", 'numpy[version="==1.26"]'),
        ("numpy==1.26", 'numpy[version="==1.26"]'),
        ("numpy == 1.26", 'numpy[version="==1.26"]'),
        ("python=3.10", 'python[version="3.10.*"]'),
        ("numpy>=1.2,<2", 'numpy[version=">=1.2,<2"]'),
        ("numpy >=1.2, <2", 'numpy[version=">=1.2,<2"]'),
        ("numpy >1.8,<2|==1.7", 'numpy[version=">1.8,<2|==1.7"]'),
        ("numpy~=1.2", 'numpy[version="~=1.2"]'),
        ("numpy!=1.2.*", 'numpy[version="!=1.2.*"]'),
        ("numpy=1.26=py*", 'numpy[version="==1.26",build="py*"]'),
        ("numpy 1.26.4 py310_0", 'numpy[version="==1.26.4",build="py310_0"]'),
        ("blas=*=openblas", 'blas[build="openblas"]'),
        ("blas=*=*openblas*", 'blas[build="*openblas*"]'),
        ("pytorch[build=*cuda*]", 'pytorch[build="*cuda*"]'),
        ("x[build='^py.*$']", 'x[build="^py.*$"]'),
        ("x[version='>=1',build_number=3]", 'x[version=">=1",build_number="==3"]'),
        (
            "x[build=py*,md5=d7c89558ba9fa0495403155b64376d81]",
            'x[build="py*",md5="d7c89558ba9fa0495403155b64376d81"]',
        ),
        ("numpy==1.26.*", 'numpy[version="1.26.*"]'),
        ("numpy==1.26.*=py310*", 'numpy[version="1.26.*",build="py310*"]'),
        ("numpy ==1.26.* py310*", 'numpy[version="1.26.*",build="py310*"]'),
        ("x[version='==1.26.*',build=b]", 'x[version="1.26.*",build="b"]'),
        ("x[version=1.10 build=py38_0]", 'x[version="==1.10",build="py38_0"]'),
        ("__glibc>=2.17", '__glibc[version=">=2.17"]'),
        ("_libgcc_mutex=0.1=main", '_libgcc_mutex[version="==0.1",build="main"]'),
    ],
)
def test_spelling(text: str, canonical: str) -> None:
    dependency = parse(text)
    assert canonical_match_spec(dependency.match_spec) == canonical
    assert dependency.channel is None
    assert dependency.text == text.strip()


@pytest.mark.parametrize(
    ("text", "channel", "canonical"),
    [
        ("conda-forge::numpy", "conda-forge", "numpy"),
        ("conda-forge::numpy=1.26", "conda-forge", 'numpy[version="1.26.*"]'),
        ("conda-forge/linux-64::numpy", "conda-forge", 'numpy[subdir="linux-64"]'),
        ("conda-forge/noarch::x[version='>=1']", "conda-forge", 'x[version=">=1",subdir="noarch"]'),
        ("conda-forge/label/dev::x", "conda-forge/label/dev", "x"),
        ("https://h.example/c/linux-64::x", "https://h.example/c", 'x[subdir="linux-64"]'),
        ("./channel::x", "./channel", "x"),
        ("x[channel=conda-forge]", "conda-forge", "x"),
        ("x[version='>=1',channel=\"c/linux-64\",build=b]", "c", 'x[version=">=1",build="b",subdir="linux-64"]'),
        ("*/linux-64::x", None, 'x[subdir="linux-64"]'),
        ("x[subdir=linux-64]", None, 'x[subdir="linux-64"]'),
    ],
)
def test_channel_stands_beside_the_match_spec(text: str, channel: str | None, canonical: str) -> None:
    dependency = parse(text)
    assert dependency.channel == channel
    assert dependency.match_spec.channel is None
    assert canonical_match_spec(dependency.match_spec) == canonical


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("numpy >>1.26", "write `numpy >1.26`"),
        ("numpy=>1", "write `numpy>=1`"),
        ("numpy=<1", "write `numpy<=1`"),
        ("numpy===1.2", "write `numpy==1.2`"),
        ("numpy>=1,", "write `numpy>=1`"),
        ("numpy @ 1.2", "write `numpy==1.2`"),
        ("numpy~1.2", "write `numpy~=1.2`"),
        ("numpy>=1.2 and <2", "write `numpy>=1.2,<2`"),
        ("numpy >=1.2 <2", "write `numpy>=1.2,<2`"),
        ("numpy 1.2<2", "write `numpy 1.2,<2`"),
        (
            "https://conda.anaconda.org/conda-forge/linux-64/x-1.0-0.conda",
            "write `conda-forge::x==1.0=0`",
        ),
        ("https://h.example/c/noarch/a-b-1.0-py_0.tar.bz2#abc", "write `https://h.example/c::a-b==1.0=py_0`"),
    ],
)
def test_slip_is_refused_with_the_line_to_write(text: str, mend: str) -> None:
    with pytest.raises(SpecFault) as caught:
        match_specs.parse(text, COMMAND_LINE)
    assert caught.value.mend == mend
    parse(mend.removeprefix("write `").removesuffix("`"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "*",
        "numpy*",
        "^num.*$",
        "-pkg",
        ".pkg",
        "pkg..name",
        "päckage",
        "a,b",
        "x:y",
        "c:ns:x",
        "a b c d",
        "a\nb",
        "a\x00",
        "a\x1b[31m",
        "a[extras=[x]]",
        "a[when='python>3']",
        "a[foo=1]",
        "a[build]",
        "a[build=x,build=y]",
        "a[",
        "numpy=",
        "numpy==",
        "a/b",
        "./x-1.0-0.conda",
        "/tmp/x-1.0-0.tar.bz2",
        "x[url='https://h.example/x-1.0-0.conda']",
        "{{ x }}",
        "x=={{ v }}",
        "a" * 5000,
        "(" * 900,
        "a " + "(" * 900,
        "a[build=" + "*" * 900 + "]",
    ],
)
def test_what_is_no_match_spec_is_a_fault(text: str) -> None:
    with pytest.raises(SpecFault) as caught:
        match_specs.parse(text, COMMAND_LINE)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 400


def test_credentials_in_a_match_spec_are_refused_and_not_shown() -> None:
    for text in (
        "https://u:sesame@h.example/c::x",
        "https://h.example/t/sesame/c::x",
        "x[channel='https://u:sesame@h/c']",
    ):
        with pytest.raises(SpecFault) as caught:
            match_specs.parse(text, COMMAND_LINE)
        assert "sesame" not in caught.value.message


def test_extras_are_ignored_with_a_warning() -> None:
    dependency, warnings = match_specs.parse("sphinxcontrib-svg2pdfconverter[CairoSVG]", COMMAND_LINE)
    assert str(dependency.match_spec) == "sphinxcontrib-svg2pdfconverter"
    assert len(warnings) == 1
    dependency, warnings = match_specs.parse("dask[array, complete]>=2", COMMAND_LINE)
    assert str(dependency.match_spec) == "dask >=2"
    assert len(warnings) == 1


@given(st.text(max_size=60))
def test_any_text_is_a_dependency_or_a_fault(text: str) -> None:
    try:
        dependency, _ = match_specs.parse(text, COMMAND_LINE)
    except SpecFault:
        return
    assert parse_again(canonical_dependency(dependency)) == canonical_dependency(dependency)


def parse_again(text: str) -> str:
    return canonical_dependency(match_specs.parse(text, COMMAND_LINE)[0])


def truth(shared_data: Path, name: str) -> Any:
    return json.loads((shared_data / "truth" / name).read_bytes())


def test_cep_29_equivalent_spellings_are_one(shared_data: Path) -> None:
    for group in truth(shared_data, "cep29.json")["equivalent_groups"]:
        assert len({canonical_dependency(parse(text)) for text in group}) == 1, group


# Forms of conda's own tests that are refused on purpose: patterns for names, files, drafts, and odd hashes.
REFUSED = re.compile(r"^(\*|mkl@|.*::\*|.*\.tar\.bz2)|(when|extras|flags|url)=|(md5|sha256)=\w{8}\]|\*\.7\.\*")


def test_conda_own_match_specs_are_read(shared_data: Path) -> None:
    refused = []
    for case in truth(shared_data, "matchspec_parse.json"):
        text = case["spec"]
        if not isinstance(text, str) or case["kwargs"] or REFUSED.search(text):
            continue
        try:
            dependency, _ = match_specs.parse(text, COMMAND_LINE)
        except SpecFault as fault:
            refused.append((text, fault.message))
            continue
        assert dependency.name == case["fields"]["name"].lower(), text
    assert refused == []


def test_what_conda_refuses_is_refused(shared_data: Path) -> None:
    accepted = []
    for case in truth(shared_data, "matchspec_invalid.json"):
        if isinstance(case["spec"], str) and not case["kwargs"]:
            try:
                match_specs.parse(case["spec"], COMMAND_LINE)
            except SpecFault:
                continue
            accepted.append(case["spec"])
    assert accepted == []


def test_real_match_specs_match_as_conda_and_rattler_agree(shared_data: Path) -> None:
    for case in truth(shared_data, "matchspec_match_real_consensus.json"):
        found = case["record"]
        record = PackageRecord(
            found["name"], found["version"], BuildString(found["build"]), found["build_number"], "linux-64"
        )
        dependency, _ = match_specs.parse(case["spec"], COMMAND_LINE)
        assert dependency.match_spec.matches(record) is case["match"], case

from __future__ import annotations

from textwrap import dedent

import pytest

from envmgr.spec import environment_file
from envmgr.spec.digest import semantic_digest

# Changes only together with digest.SCHEMA: a lock made before must not look outdated.
YESTERDAY = "3168001158716deffe1349cd098ff0b6e15c20b4b642bac5ac7b5d3265d2de8d"


def digest(text: str) -> str:
    return semantic_digest(environment_file.read(dedent(text), source="e.yml", platform="linux-64"))


BASE = """\
    channels: [conda-forge, bioconda]
    dependencies:
      - numpy=1.26
      - conda-forge::scipy
      - blas=*=openblas
      - pip: ["rich[b,a]>=13,<14", "tomli; python_version < '3.11'"]
    variables: {A: "1", B: "2"}
    """

SAME = """\
    # the same, written by somebody else
    name: other
    category: dev
    platforms: [linux-64]
    dependencies:
      - pip: ["tomli ; python_version<\\"3.11\\"", "Rich[A, b] <14, >=13"]
      - scipy[channel=conda-forge]
      - blas[build=openblas]
      - numpy 1.26.*
      - numpy=1.26.*=*
      - pywin32  # [win]
    channels:
      - conda-forge
      - bioconda
      - nodefaults
    variables:
      B: 2
      A: 1
    """


def test_spelling_order_and_comments_do_not_count() -> None:
    assert digest(BASE) == digest(SAME)
    assert len(digest(BASE)) == 64


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[conda-forge, bioconda]", "[bioconda, conda-forge]"),
        ("numpy=1.26", "numpy==1.26"),
        ("conda-forge::scipy", "scipy"),
        ("openblas", "mkl"),
        ("<14", "<15"),
        ("3.11", "3.10"),
        ("[b,a]", "[b]"),
        ('A: "1"', 'A: "3"'),
    ],
)
def test_every_change_of_meaning_counts(old: str, new: str) -> None:
    assert digest(BASE) != digest(BASE.replace(old, new))


def test_digest_is_the_one_of_yesterday() -> None:
    assert digest("channels: [conda-forge]\ndependencies: [numpy>=1.26, {pip: [rich]}]\n") == YESTERDAY

"""What our own code decides about match specs and versions, against what conda says of the same strings."""

from __future__ import annotations

import json
import operator
from pathlib import Path
from typing import Any

import pytest
from rattler import BuildString, MatchSpec, PackageRecord, Version
from rattler.exceptions import InvalidMatchSpecError, InvalidVersionError

# rattler gives a `*` in front of a version no meaning; no package of the real data is asked for like that.
DEVIATIONS = {"numpy >=1,*.7.*", "numpy *.7.*,>=1"}
COMPARISONS = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
               ">=": operator.ge}  # fmt: skip


def _rows(shared_data: Path, name: str) -> list[Any]:
    rows = json.loads((shared_data / "truth" / name).read_text())
    assert isinstance(rows, list)
    assert rows
    return rows


def _record(row: dict[str, Any]) -> PackageRecord:
    build = BuildString.new_unchecked(row.get("build", ""))
    return PackageRecord(
        row["name"], row["version"], build, row.get("build_number", 0), row.get("subdir", "noarch"),
        license=row.get("license"), license_family=row.get("license_family"),
    )  # fmt: skip


def test_real_specs_match_real_records_as_in_conda(shared_data: Path) -> None:
    rows = _rows(shared_data, "matchspec_match_real_consensus.json")
    wrong = [row for row in rows if MatchSpec(row["spec"]).matches(_record(row["record"])) != row["match"]]
    assert wrong == []


def test_specs_of_conda_own_tests_match_as_in_conda(shared_data: Path) -> None:
    rows = [row for row in _rows(shared_data, "matchspec_match.json") if not row["spec"].startswith("*[")]
    wrong = {row["spec"] for row in rows if MatchSpec(row["spec"]).matches(_record(row["record"])) != row["match"]}
    assert wrong == DEVIATIONS


def test_a_spec_without_a_package_name_is_refused(shared_data: Path) -> None:
    rows = [row for row in _rows(shared_data, "matchspec_match.json") if row["spec"].startswith("*[")]
    for row in rows:
        with pytest.raises(InvalidMatchSpecError):
            MatchSpec(row["spec"])


def test_real_versions_are_ordered_as_in_conda(shared_data: Path) -> None:
    wrong = []
    for left, right, expected in _rows(shared_data, "version_compare_real_consensus.json"):
        one, other = Version(left), Version(right)
        if (one > other) - (one < other) != expected:
            wrong.append((left, right))
    assert wrong == []


def test_versions_of_conda_own_tests_compare_as_in_conda(shared_data: Path) -> None:
    for row in _rows(shared_data, "version_compare.json"):
        if "*" in row["a"] + row["b"]:  # no version in the sense of CEP 33
            with pytest.raises(InvalidVersionError):
                (Version(row["a"].strip()), Version(row["b"].strip()))
            continue
        compare = COMPARISONS[row["op"]]
        assert compare(Version(row["a"].strip()), Version(row["b"].strip())) == row["result"], row


def test_version_bounds_of_conda_own_tests_hold_as_in_conda(shared_data: Path) -> None:
    for row in _rows(shared_data, "version_spec_match.json"):
        text = f"x[version='{row['spec']}']"
        if "^" in row["spec"]:  # CEP 29 has no regular expressions for versions
            with pytest.raises(InvalidMatchSpecError):
                MatchSpec(text)
            continue
        assert MatchSpec(text).matches(_record({"name": "x", "version": row["version"]})) == row["match"], row

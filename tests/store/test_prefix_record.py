"""The head of a prefix record is that of rattler, whatever the lock entry holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from envmgr.errors import ChannelError
from envmgr.lock.model import CondaPackage
from envmgr.solve.records import record_of_package
from envmgr.store import prefix_record

PLAIN = CondaPackage(
    name="tool", version="1.2.3", build="h0_1", build_number=1, subdir="linux-64", channel="https://host/channel",
    url="https://host/channel/linux-64/tool-1.2.3-h0_1.conda", filename="tool-1.2.3-h0_1.conda", sha256="a" * 64,
)  # fmt: skip
PATHS = [b'  "files": [],\n  "paths_data": {\n    "paths_version": 1,\n    "paths": []\n  },\n']


def _named(**changes: Any) -> CondaPackage:
    package = PLAIN._replace(**changes)
    filename = f"{package.dist_name}.conda"
    return package._replace(filename=filename, url=f"https://host/channel/linux-64/{filename}")


@pytest.mark.parametrize(
    "package",
    [
        PLAIN,
        PLAIN._replace(md5="b" * 32, size=0, timestamp=1_600_000_000_123, noarch="python"),
        PLAIN._replace(depends=("a >=1,<2", 'b "ü"'), constrains=("c",), features="f", track_features=("x", "y")),
        PLAIN._replace(license="ü/\"\\\b\f\t\n\x01\x7f\u2028", license_family="F", python_site_packages_path="lib/x"),
        PLAIN._replace(sha256="", md5="b" * 32),
        PLAIN._replace(url="https://host/a b/ü/tool-1.2.3-h0_1.conda"),
        PLAIN._replace(url="https://host:443/a/../linux-64/tool-1.2.3-h0_1.conda"),
        PLAIN._replace(url="file:///a/b/linux-64/tool-1.2.3-h0_1.conda"),
        PLAIN._replace(filename="tool-1.2.3-h0_1.tar.bz2"),
        PLAIN._replace(
            other=json.dumps({"arch": "x86_64", "platform": "linux", "indexed_timestamp": 1_700_000_000_000,
                              "legacy_bz2_md5": "c" * 32, "legacy_bz2_size": 7, "attestations_sha256": "d" * 64,
                              "flags": ["f"], "unknown": [1], "purls": ["pkg:pypi/tool"]})
        ),
        PLAIN._replace(other=json.dumps({"extra_depends": {"b": ["c"], "a": []}})),
        *(_named(version=version) for version in ("1", "2024a", "1.1.1w", "1.0_8", "1!2.0", "1.0+l", "0.1.dev1", "v1")),
    ],
    ids=str,
)  # fmt: skip
def test_record_says_what_rattler_says(package: CondaPackage) -> None:
    text = prefix_record.write(package, Path("/cache/ü"), PATHS, is_linked=True).decode()
    expected: dict[str, Any] = json.loads(record_of_package(package).to_json())
    found = json.loads(text)
    assert list(found) == [
        *expected, "extracted_package_dir", "requested_specs", "files", "paths_data", "link"
    ]  # fmt: skip
    assert {key: found[key] for key in expected} == expected
    assert found["link"] == {"source": "/cache/ü", "type": 1}


def test_copies_are_said(tmp_path: Path) -> None:
    assert json.loads(prefix_record.write(PLAIN, tmp_path, PATHS, is_linked=False))["link"]["type"] == 3


@pytest.mark.parametrize("changes", [{"noarch": "strange"}, {"filename": "other.conda"}])
def test_entry_that_is_no_record_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ChannelError, match="is no package record"):
        prefix_record.write(PLAIN._replace(**changes), Path("/cache"), PATHS, is_linked=True)

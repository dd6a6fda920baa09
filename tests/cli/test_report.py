from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from builders.channels import LocalChannel
from builders.commands import Envmgr
from builders.packages import Package

BROWSER = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
           "--disable-background-networking", "--disable-component-update")  # fmt: skip


@pytest.fixture
def science(envmgr: Envmgr, channel: LocalChannel) -> Envmgr:
    evil = Package(name="evil", files={"share/evil": "x" * 4000})
    channel.add(evil, license="<script>document.title='owned'</script>\u202e")
    envmgr.ok("create", "-n", "science", "-c", channel.url, "tool=1", "evil", "-q")
    envmgr.ok("install", "-n", "science", "numpy", "-q")
    return envmgr


def test_a_page_has_everything_in_itself(science: Envmgr) -> None:
    assert science.ok("report", "-n", "science") == f"written: {science.directory}/science.html\n"
    page = (science.directory / "science.html").read_text()
    for text in ("base-files", "1.26", "envmgr install -n science numpy", "default-src &#x27;none&#x27;"):
        assert text in page or text.replace("&#x27;", "'") in page
    for reference in ("http:", "https:", "<link", "src=", "@import", "url("):
        assert reference not in page.replace("http-equiv", "")
    assert "<script>document" not in page
    assert "\u202e" not in page
    assert science.ok("report", "-n", "science", "-o", "-") == page


def test_a_browser_shows_it(science: Envmgr, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed")
    science.ok("report", "-n", "science", "-q")
    page = science.directory / "science.html"
    done = subprocess.run(
        [browser, *BROWSER, f"--user-data-dir={tmp_path / 'browser'}", "--virtual-time-budget=2000", "--dump-dom",
         page.as_uri()],
        capture_output=True, text=True, timeout=90, check=True, env={**science.environ, "HOME": str(tmp_path)},
    )  # fmt: skip
    assert "<title>science: environment</title>" in done.stdout
    assert done.stdout.count('class="tile conda"') == 4
    assert done.stdout.count('class="n conda"') == 4
    assert "&lt;script&gt;" in done.stdout


def test_the_bill_of_materials_is_valid_and_the_same_each_time(science: Envmgr) -> None:
    validators = pytest.importorskip("cyclonedx.validation.json", reason="cyclonedx-python-lib is not installed")
    from cyclonedx.schema import SchemaVersion

    text = science.ok("report", "-n", "science", "--sbom", "-")
    assert validators.JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert science.ok("report", "-n", "science", "--sbom", "-") == text
    document = json.loads(text)
    by_name = {each["name"]: each for each in document["components"]}
    lock = science("list", "-n", "science", "--json").json
    assert sorted(by_name) == [each["name"] for each in lock]
    assert by_name["tool"]["hashes"][0]["alg"] == "SHA-256"
    assert by_name["tool"]["purl"].startswith("pkg:conda/tool@1.0?build=0&channel=")
    needed = {each["ref"]: each.get("dependsOn", []) for each in document["dependencies"]}
    assert needed["conda/tool@1.0"] == ["conda/base-files@1.0"]
    assert needed["environment"] == ["conda/evil@1.0", "conda/numpy@1.26", "conda/tool@1.0"]


def test_two_files_in_one_are_a_misuse(science: Envmgr) -> None:
    done = science("report", "-n", "science", "-o", "a", "--sbom", "b")
    assert (done.code, "name two files" in done.err) == (2, True)


def test_a_page_that_cannot_be_written_is_said_by_the_name_that_was_given(science: Envmgr) -> None:
    target = science.directory / "absent/page.html"
    done = science("report", "-n", "science", "-o", str(target))
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error: {target} cannot be written: No such file or directory\n")

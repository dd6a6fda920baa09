from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from builders.index_server import IndexServer
from builders.wheels import Wheel
from envmgr.errors import PipError
from envmgr.lock.model import PipPackage
from envmgr.pypi.install import InstalledDistribution, install
from envmgr.pypi.unpacking import Place
from envmgr.settings import Settings
from pypi.conftest import CollectingReporter

SITE_PACKAGES = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"


class Site:
    """A staged conda half, an index, and `install` with its usual arguments."""

    def __init__(self, index: IndexServer, staging: Path, prefix: Path, settings: Settings) -> None:
        self.index = index
        self.staging = staging
        self.prefix = prefix
        self.settings = settings
        self.reporter = CollectingReporter()

    def lock(self, wheel: Wheel, *, sha256: str | None = None, requested: Sequence[str] = ()) -> PipPackage:
        data = wheel.content()
        return PipPackage(
            name=wheel.name,
            version=wheel.version,
            url=f"http://{self.index.host}/files/{wheel.filename}",
            filename=wheel.filename,
            sha256=sha256 or hashlib.sha256(data).hexdigest(),
            size=len(data),
            index_url=self.index.url,
            requested=tuple(requested),
        )

    def install(self, *packages: PipPackage, **owners: str) -> tuple[InstalledDistribution, ...]:
        place = Place(staging=self.staging, prefix=self.prefix, python=self.staging / "bin" / "python", owners=owners)
        return install(packages, place, settings=self.settings, reporter=self.reporter)

    def serve(self, *wheels: Wheel) -> tuple[InstalledDistribution, ...]:
        self.index.add(*wheels)
        return self.install(*(self.lock(wheel) for wheel in wheels))

    def files(self) -> set[str]:
        found = set()
        for directory, _, names in os.walk(self.staging):
            found |= {os.path.relpath(os.path.join(directory, name), self.staging) for name in names}
        return found - {"bin/python", "pyvenv.cfg"}


@pytest.fixture
def site(index: IndexServer, make_staging: Callable[..., Path], load: Callable[..., Settings], tmp_path: Path) -> Site:
    return Site(index, make_staging(), tmp_path / "envs" / "x", load())


@pytest.fixture
def load(environ: dict[str, str], index: IndexServer) -> Callable[..., Settings]:
    kept = {
        key: value
        for key, value in environ.items()
        if not key.startswith("PIP_") and not key.lower().endswith("_proxy")
    }
    kept |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index.url, "UV_HTTP_RETRIES": "0"}
    return lambda **variables: Settings.load(kept | variables)


def assert_record_is_met(root: Path, dist_info: str) -> None:
    with (root / SITE_PACKAGES / dist_info / "RECORD").open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows
    for name, digest, size in rows:
        file = root / SITE_PACKAGES / name
        if not name.endswith("/RECORD"):
            data = file.read_bytes()
            expected = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            assert (digest, size) == (f"sha256={expected}", str(len(data)))


def test_files_are_installed_listed_and_nothing_else_is_left(site: Site) -> None:
    wheel = Wheel(name="app", scripts=["app = app:main"], data={"data/share/app/x.txt": "x"})
    [installed] = site.serve(wheel)

    assert (installed.name, installed.version) == ("app", "1.0")
    assert set(installed.files) == site.files()
    assert {"bin/app", "share/app/x.txt", f"{SITE_PACKAGES}/app/__init__.py"} <= set(installed.files)
    assert installed.files == tuple(sorted(installed.files))
    assert sorted(os.listdir(site.staging)) == ["bin", "conda-meta", "lib", "pyvenv.cfg", "share"]


def test_requested_says_what_was_asked_for_and_installer_who_did_it(site: Site) -> None:
    asked, pulled = Wheel(name="asked"), Wheel(name="pulled")
    site.index.add(asked, pulled)
    site.install(site.lock(asked, requested=["asked>=1"]), site.lock(pulled))

    packages = site.staging / SITE_PACKAGES
    assert (packages / "asked-1.0.dist-info" / "REQUESTED").read_bytes() == b""
    assert not (packages / "pulled-1.0.dist-info" / "REQUESTED").exists()
    assert (packages / "pulled-1.0.dist-info" / "INSTALLER").read_text() == "uv"
    assert_record_is_met(site.staging, "asked-1.0.dist-info")
    assert_record_is_met(site.staging, "pulled-1.0.dist-info")


@pytest.mark.parametrize(
    ("staging", "prefix"),
    [
        ("s", "envs/x"),
        ("s", "envs/with some spaces"),
        ("s", "envs/" + "long" * 40),
        ("staging with spaces", "envs/x"),
        ("staging it's", "envs/it's me"),
        ("staging" + "long" * 40, "envs/x"),
    ],
)
def test_scripts_name_the_final_prefix_and_run_there(
    staging: str, prefix: str,
    index: IndexServer, make_staging: Callable[..., Path], load: Callable[..., Settings], tmp_path: Path,
) -> None:  # fmt: skip
    site = Site(index, make_staging(staging), tmp_path / prefix, load())
    script = "#!python\nprint('script')\n"
    site.serve(Wheel(name="app", scripts=["app = app:main"], data={"scripts/beep": script}))
    for directory, _, names in os.walk(site.staging):
        for name in names:
            if name != "pyvenv.cfg":
                content = (Path(directory) / name).read_bytes() if name != "python" else b""
                assert os.fsencode(site.staging) not in content
    site.prefix.parent.mkdir(parents=True, exist_ok=True)
    site.staging.rename(site.prefix)

    assert_record_is_met(site.prefix, "app-1.0.dist-info")
    for name, expected in (("app", "ok\n"), ("beep", "script\n")):
        ended = subprocess.run([site.prefix / "bin" / name], capture_output=True, text=True, check=False)
        assert (ended.stdout, ended.stderr) == (expected, "")


def test_the_cache_is_not_touched_by_relocation(site: Site) -> None:
    script = "#!python\nprint('script')\n"
    wheel = Wheel(name="app", data={"scripts/beep": script})
    site.serve(wheel)
    cached = [path for path in site.settings.cache.glob("uv/archive-v*/**/beep") if path.is_file()]

    assert [path.read_text() for path in cached] == [script]


def test_a_second_environment_is_linked_from_the_cache(site: Site, make_staging: Callable[..., Path]) -> None:
    site.serve(Wheel(name="app"))
    seen = len(site.index.requests)
    first = site.staging
    site.staging = make_staging("envs/.staging/2")
    site.install(site.lock(Wheel(name="app")))

    assert len(site.index.requests) == seen
    assert (site.staging / SITE_PACKAGES / "app/__init__.py").read_bytes() == (
        first / SITE_PACKAGES / "app/__init__.py"
    ).read_bytes()


@pytest.mark.parametrize("is_cached", [False, True])
def test_a_wrong_hash_is_refused_also_from_the_cache(site: Site, is_cached: bool) -> None:
    wheel = Wheel(name="app")
    site.index.add(wheel)
    if is_cached:
        site.install(site.lock(wheel))
        before = site.files()
    with pytest.raises(PipError, match="is not the one that was locked: expected sha256 aaaa") as caught:
        site.install(site.lock(wheel, sha256="a" * 64))

    assert caught.value.details["found"] == hashlib.sha256(wheel.content()).hexdigest()
    assert site.files() == (before if is_cached else set())


def test_a_truncated_wheel_is_refused(site: Site) -> None:
    wheel = Wheel(name="app")
    site.index.add(wheel)
    site.index.answers[f"/files/{wheel.filename}"] = (200, "application/octet-stream", wheel.content()[:300])
    with pytest.raises(PipError):
        site.install(site.lock(wheel))
    assert site.files() == set()


def test_a_file_of_the_conda_half_is_not_overwritten(site: Site) -> None:
    theirs = site.staging / SITE_PACKAGES / "app" / "__init__.py"
    theirs.parent.mkdir()
    theirs.write_text("conda's")
    site.index.add(Wheel(name="app"))
    with pytest.raises(
        PipError, match=f"pip package app would overwrite {SITE_PACKAGES}/app/__init__.py of the conda "
    ):
        site.install(site.lock(Wheel(name="app")), **{f"{SITE_PACKAGES}/app/__init__.py": "app-conda"})

    assert theirs.read_text() == "conda's"
    assert site.files() == {f"{SITE_PACKAGES}/app/__init__.py"}


def test_the_same_file_in_both_halves_is_no_clash(site: Site) -> None:
    theirs = site.staging / SITE_PACKAGES / "space" / "__init__.py"
    theirs.parent.mkdir()
    theirs.write_text("")
    site.serve(Wheel(name="app", files={"space/__init__.py": "", "space/app.py": "1"}))

    assert (site.staging / SITE_PACKAGES / "space" / "app.py").read_text() == "1"


def test_a_program_of_the_conda_half_is_not_replaced(site: Site) -> None:
    (site.staging / "bin" / "tool").symlink_to("python")
    with pytest.raises(PipError, match="pip package app would overwrite bin/tool of the conda half"):
        site.serve(Wheel(name="app", scripts=["tool = app:main"]))


def test_two_wheels_that_own_one_file_are_refused_by_name(site: Site) -> None:
    with pytest.raises(PipError, match=rf"pip packages one and two both bring {SITE_PACKAGES}/shared\.py, with differ"):
        site.serve(Wheel(name="two", files={"shared.py": "2"}), Wheel(name="one", files={"shared.py": "1"}))
    assert site.files() == set()


def test_two_wheels_may_bring_the_same_file_with_the_same_contents(site: Site) -> None:
    site.serve(Wheel(name="two", files={"space/__init__.py": ""}), Wheel(name="one", files={"space/__init__.py": ""}))

    assert site.reporter.notices == [
        f"the pip packages one and two both bring {SITE_PACKAGES}/space/__init__.py, with the same contents"
    ]


@pytest.mark.parametrize(
    "wheel",
    [
        Wheel(name="evil", scripts=["../../outside.txt = evil:main"]),
        Wheel(name="evil", scripts=["python3 = evil:main"]),
        Wheel(name="evil", data={"data/conda-meta/outside.txt": "x"}),
        Wheel(name="evil", record='"'),
    ],
    ids=["entry-point", "interpreter", "conda-meta", "record"],
)
def test_a_hostile_wheel_is_refused_and_writes_nothing(site: Site, wheel: Wheel, tmp_path: Path) -> None:
    with pytest.raises(PipError, match="evil"):
        site.serve(wheel)

    assert site.files() == set()
    assert not [path for path in tmp_path.rglob("outside.txt") if "cache" not in path.parts]


@pytest.mark.parametrize(
    "wheel",
    [
        Wheel(name="evil", files={"../../../../../outside.txt": "x", "evil.py": ""}),
        Wheel(name="evil", files={"/outside.txt": "x", "evil.py": ""}),
        Wheel(name="evil", data={"data/../../../../../outside.txt": "x"}),
        Wheel(name="evil", data={"scripts/../../../outside.txt": "x"}),
        Wheel(name="evil", files={"../../../outside.txt": "x"}, record=""),
    ],
    ids=["file", "absolute", "data", "script", "not-in-its-record"],
)
def test_a_wheel_that_writes_outside_is_refused_every_time(site: Site, wheel: Wheel, tmp_path: Path) -> None:
    site.index.add(Wheel(name="other"), wheel)
    other, package = site.lock(Wheel(name="other")), site.lock(wheel)
    for _ in range(2):
        with pytest.raises(
            PipError, match=r"^the wheel of evil would write \S*outside.txt, which is outside of the env"
        ):
            site.install(other, package)

    assert site.files() == set()
    assert not [path for path in tmp_path.rglob("outside.txt") if "cache" not in path.parts]
    assert not Path("/outside.txt").exists()


@pytest.mark.parametrize(
    "wheel",
    [
        Wheel(name="evil", record="../../../../outside.txt,,\nevil-1.0.dist-info/RECORD,,\n"),
        Wheel(name="evil", record="missing.py,,\nevil-1.0.dist-info/RECORD,,\n"),
        Wheel(name="evil", record=""),
    ],
    ids=["record-outside", "record-missing", "record-empty"],
)
def test_nothing_lands_outside_and_every_record_is_true(site: Site, wheel: Wheel, tmp_path: Path) -> None:
    [installed] = site.serve(wheel)

    assert set(installed.files) == site.files()
    assert_record_is_met(site.staging, "evil-1.0.dist-info")
    outside = [path for path in tmp_path.rglob("outside.txt") if "cache" not in path.parts]
    assert all(site.staging in path.parents for path in outside)
    assert not Path("/outside.txt").exists()


def test_a_link_in_a_wheel_is_no_way_out(site: Site, tmp_path: Path) -> None:
    """A member that calls itself a link (as zip archives can) becomes a file, or is refused."""
    (tmp_path / "target").mkdir()
    wheel = Wheel(name="evil", files={"evil.py": "", "out": str(tmp_path / "target"), "out/file.txt": "x"})
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(wheel.content())) as honest, zipfile.ZipFile(content, "w") as hostile:
        for member in honest.infolist():
            if member.filename == "out":
                member.external_attr = 0o120777 << 16
            hostile.writestr(member, honest.read(member))
    site.index.answers[f"/files/{wheel.filename}"] = (200, "application/octet-stream", content.getvalue())
    package = site.lock(wheel)._replace(size=None, sha256=hashlib.sha256(content.getvalue()).hexdigest())
    with pytest.raises(PipError):
        site.install(package)

    assert site.files() == set()
    assert list((tmp_path / "target").iterdir()) == []


def test_signatures_are_recorded(site: Site) -> None:
    wheel = Wheel(name="app", files={"app.py": "", "app-1.0.dist-info/RECORD.jws": "{}"})
    lines = [line for line in _record(wheel) if "RECORD.jws" not in line]
    wheel.record = "".join(f"{line}\n" for line in lines)
    [installed] = site.serve(wheel)

    assert f"{SITE_PACKAGES}/app-1.0.dist-info/RECORD.jws" in installed.files
    assert_record_is_met(site.staging, "app-1.0.dist-info")


def _record(wheel: Wheel) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(wheel.content())) as archive:
        return archive.read(f"{wheel.dist_info}/RECORD").decode().splitlines()


def test_wheels_of_a_directory_leave_no_trace_of_uv(site: Site, tmp_path: Path) -> None:
    wheel = Wheel(name="app")
    package = site.lock(wheel)._replace(url=wheel.write(tmp_path / "wheels").as_uri(), index_url=None)
    site.install(package)

    names = os.listdir(site.staging / SITE_PACKAGES / "app-1.0.dist-info")
    assert not {"uv_cache.json", "direct_url.json"} & set(names)
    assert_record_is_met(site.staging, "app-1.0.dist-info")


def test_offline_installs_from_a_warm_cache_and_names_what_a_cold_one_lacks(
    site: Site, load: Callable[..., Settings], make_staging: Callable[..., Path], tmp_path: Path
) -> None:
    wheel = Wheel(name="app")
    site.serve(wheel)
    site.staging, site.settings = make_staging("envs/.staging/2"), load(ENVMGR_OFFLINE="1")
    [installed] = site.install(site.lock(wheel))
    assert installed.name == "app"

    site.staging = make_staging("envs/.staging/3")
    site.settings = load(ENVMGR_OFFLINE="1")
    others = [site.lock(Wheel(name=name)) for name in ("first", "second")]
    with pytest.raises(PipError) as caught:
        site.install(*others, site.lock(wheel))
    total = sum(other.size or 0 for other in others)
    assert caught.value.message == (
        f"offline, and the cache lacks 2 of the locked pip packages ({total} bytes):\n"
        f"  first-1.0-py3-none-any.whl ({others[0].size} bytes)\n"
        f"  second-1.0-py3-none-any.whl ({others[1].size} bytes)"
    )


def test_an_index_with_a_password_gives_its_wheels(site: Site, load: Callable[..., Settings]) -> None:
    site.index.users["me"] = "s3cret"
    site.settings = load(PIP_INDEX_URL=site.index.url.replace("//", "//me:s3cret@"))
    site.serve(Wheel(name="app"))

    found = [path for path in site.staging.rglob("*") if path.is_file() and b"s3cret" in path.read_bytes()]
    assert found == []


def test_the_conda_half_is_not_asked_to_leave(site: Site) -> None:
    theirs = site.staging / SITE_PACKAGES / "lib-1.0.dist-info"
    theirs.mkdir()
    (theirs / "METADATA").write_text("Metadata-Version: 2.1\nName: lib\nVersion: 1.0\n")
    (theirs / "INSTALLER").write_text("conda")
    (theirs / "RECORD").write_text("lib-1.0.dist-info/METADATA,,\n")
    site.serve(Wheel(name="app"))

    assert sorted(os.listdir(theirs)) == ["INSTALLER", "METADATA", "RECORD"]


def test_no_packages_need_no_interpreter(site: Site) -> None:
    (site.staging / "bin" / "python").unlink()

    assert site.install() == ()

from __future__ import annotations

from pathlib import Path

import pytest

from builders.projects import Project
from envmgr.pypi import directories


def test_name_and_version_are_read_where_they_are_static(tmp_path: Path) -> None:
    static = Project(name="Static.Thing", version="1.0.0-rc1").write(tmp_path / "static")
    dynamic = Project(name="dynamic", dynamic=True).write(tmp_path / "dynamic")
    (tmp_path / "old").mkdir()
    (tmp_path / "old/setup.cfg").write_text("[metadata]\nname = Old_Thing\n")
    assert (directories.name_of(static), directories.version_of(static)) == ("static-thing", "1.0.0rc1")
    assert (directories.name_of(dynamic), directories.version_of(dynamic)) == (None, None)
    assert directories.name_of(tmp_path / "old") == "old-thing"
    assert [directories.is_project(path) for path in (static, tmp_path / "old")] == [True, False]


@pytest.mark.parametrize("path", ["pyproject.toml", "not toml", "[project]\nname = 1\n"])
def test_what_is_no_project_file_says_nothing(tmp_path: Path, path: str) -> None:
    (tmp_path / "pyproject.toml").write_text(path)
    assert directories.name_of(tmp_path) is None


@pytest.mark.parametrize(
    "path",
    [
        ".git/HEAD", "build/lib/x.py", "src/__pycache__/x.pyc", "thing.egg-info/PKG-INFO", "env/conda-meta/history",
        "virtual/pyvenv.cfg", "environment.conda-lock.yml", ".venv/bin/python", "x.pyc",
    ],
)  # fmt: skip
def test_what_tools_leave_in_a_directory_does_not_count(tmp_path: Path, path: str) -> None:
    project = Project(name="thing").write(tmp_path / "thing")
    before = directories.digest(project)
    (project / path).parent.mkdir(parents=True, exist_ok=True)
    (project / path).write_text("left")
    assert directories.digest(project) == before


def test_contents_names_modes_and_links_count_and_the_place_does_not(tmp_path: Path) -> None:
    project = Project(name="thing").write(tmp_path / "thing")
    digests = [directories.digest(project), directories.digest(Project(name="thing").write(tmp_path / "other/place"))]
    assert digests[0] == digests[1]
    code = project / "src/thing.py"
    code.write_text("VALUE = 2\n")
    digests.append(directories.digest(project))
    code.chmod(0o755)
    digests.append(directories.digest(project))
    code.rename(project / "src/renamed.py")
    digests.append(directories.digest(project))
    (project / "link").symlink_to("src")
    digests.append(directories.digest(project))
    assert len(set(digests)) == 5


def test_an_editable_one_changes_with_what_says_its_requirements(tmp_path: Path) -> None:
    project = Project(name="thing").write(tmp_path / "thing")
    before = directories.metadata_digest(project)
    (project / "src/thing.py").write_text("VALUE = 2\n")
    assert directories.metadata_digest(project) == before
    Project(name="thing", requires=["six"]).write(project)
    assert directories.metadata_digest(project) != before

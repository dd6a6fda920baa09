"""Small Python projects that build without any network: directories, sdists and repositories with a backend inside."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

# A PEP 517 and PEP 660 backend; `dynamic` projects keep their version from everybody but it. It leaves a line in
# $BUILD_LOG for each wheel that it builds.
_BACKEND = """
import base64, hashlib, os, re, sys, zipfile

TEXT = open("pyproject.toml").read()
NAME = re.search(r'name = "(.*)"', TEXT)[1]
VERSION = re.search(r'version = "(.*)"', TEXT)[1]
REQUIRES = re.findall(r'^  "(.*)",$', TEXT, re.M)
MODULE = NAME.replace("-", "_")


def _wheel(directory, files, editable=False):
    info = f"{MODULE}-{VERSION}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {NAME}", f"Version: {VERSION}"]
    lines += [f"Requires-Dist: {each}" for each in REQUIRES]
    files = {
        **files,
        f"{info}/METADATA": "\\n".join(lines) + "\\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\\nGenerator: tiny\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    def row(name, text):
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        return f"{name},sha256={digest},{len(text)}\\n"
    record = "".join(row(*each) for each in files.items()) + f"{info}/RECORD,,\\n"
    name = f"{MODULE}-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as archive:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(path, text)
    if os.environ.get("BUILD_LOG"):
        with open(os.environ["BUILD_LOG"], "a") as log:
            log.write(f"{NAME} {sys.prefix}\\n")
    return name


def build_wheel(directory, config_settings=None, metadata_directory=None):
    if os.path.exists("broken"):
        print("compiling the thing")
        sys.exit("tiny.c:1: fatal error: nothing works here")
    source = open(f"src/{MODULE}.py").read()
    if os.path.exists("leaky"):
        source += f"\\nPATH = {os.environ['PATH']!r}"
    settings = {key: value for key, value in (config_settings or {}).items()}
    return _wheel(directory, {f"{MODULE}.py": f"{source}\\nSETTINGS = {settings!r}\\n"})


def build_editable(directory, config_settings=None, metadata_directory=None):
    return _wheel(directory, {f"__editable__{MODULE}.pth": os.path.abspath("src") + "\\n"})
"""


@dataclass(kw_only=True)
class Project:
    """One project; `dynamic` ones say their version only when they are built, `broken` ones cannot be, and
    `leaky` ones write where they are built into their module. From `metadata_version` 2.2 on the PKG-INFO of its sdist
    says what it requires (PEP 643). The build `imports` a module that it does not say that it needs."""

    name: str
    version: str = "1.0"
    requires: Sequence[str] = ()
    dynamic: bool = False
    broken: bool = False
    leaky: bool = False
    source: str = "VALUE = 1"
    metadata_version: str = "2.1"
    imports: str = ""

    @property
    def module(self) -> str:
        return self.name.replace("-", "_")

    def files(self) -> dict[str, str]:
        """Return the files of the project, by relative path."""
        lines = ["[build-system]", "requires = []", 'build-backend = "tiny_backend"', 'backend-path = ["."]', ""]
        if self.dynamic:
            lines += [f'# name = "{self.name}"', f'# version = "{self.version}"']
        else:
            lines += ["[project]", f'name = "{self.name}"', f'version = "{self.version}"', "dependencies = ["]
            lines += [f'  "{each}",' for each in self.requires] + ["]"]
        files = {
            "pyproject.toml": "\n".join(lines) + "\n",
            "tiny_backend.py": (f"import {self.imports}\n" if self.imports else "") + _BACKEND,
            f"src/{self.module}.py": self.source + "\n",
        }
        marks = {name: "" for name in ("broken", "leaky") if getattr(self, name)}
        return {**files, **marks}

    def write(self, directory: Path) -> Path:
        """Write the project into `directory` and return it."""
        for path, text in self.files().items():
            file = directory / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return directory

    def sdist(self) -> tuple[str, bytes]:
        """Return the file name and content of an sdist (PEP 625), the same bytes each time."""
        stem = f"{self.module}-{self.version}"
        lines = [f"Metadata-Version: {self.metadata_version}", f"Name: {self.name}", f"Version: {self.version}"]
        lines += [f"Requires-Dist: {each}" for each in self.requires if self.metadata_version != "2.1"]
        files = {"PKG-INFO": "\n".join(lines) + "\n", **self.files()}
        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w") as archive:
            for path, text in files.items():
                member = tarfile.TarInfo(f"{stem}/{path}")
                member.size = len(text.encode())
                archive.addfile(member, io.BytesIO(text.encode()))
        return f"{stem}.tar.gz", gzip.compress(plain.getvalue(), mtime=0)

    def write_sdist(self, directory: Path) -> Path:
        """Write the sdist into `directory` and return its path."""
        directory.mkdir(parents=True, exist_ok=True)
        name, data = self.sdist()
        (directory / name).write_bytes(data)
        return directory / name

    def repository(self, directory: Path, *, tag: str = "v1") -> str:
        """Make (or go on with) a git repository of the project, commit, tag, and return the commit."""
        if shutil.which("git") is None:
            pytest.skip("git is not installed")
        self.write(directory)
        if not (directory / ".git").is_dir():
            git(directory, "init", "-q", "-b", "main")
        git(directory, "add", "-A")
        git(directory, "-c", "user.email=a@example.org", "-c", "user.name=a", "commit", "-q", "-m", "work")
        git(directory, "tag", "-f", tag)
        return git(directory, "rev-parse", "HEAD").strip()


def git(directory: Path, *arguments: str) -> str:
    """Run git in a directory, with no configuration of this machine, and return its stdout."""
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    command = ["git", "-C", str(directory), *arguments]
    return subprocess.run(command, env=environ, check=True, capture_output=True, text=True).stdout

"""Bytecode of both halves, compiled once per artifact and Python version into the cache, and linked from there.

The files are unchecked hash-based pycs (PEP 552): they hold whatever the times of their sources are, so that one file
serves every environment. Python corrects the path inside when it imports one. An artifact that brings its own bytecode
for a source keeps that.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from envmgr.errors import StoreError
from envmgr.reporting import Reporter
from envmgr.settings import Settings

DIRECTORY = "bytecode"
_WHOLE = ".whole"
_FILES_OF_ONE_PROCESS = 100  # fewer are compiled sooner than a further interpreter starts
_MOST_PROCESSES = 8
# Reads [[source, target, shown], …]; what is no Python 3 is left out, as it is where it is imported
_PROGRAM = """
import json, os, py_compile, sys
for source, target, shown in json.load(sys.stdin):
    os.makedirs(os.path.dirname(target), exist_ok=True)
    try:
        py_compile.compile(source, target, dfile=shown, doraise=True, quiet=2,
                           invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    except Exception:
        pass
"""


class Sources(NamedTuple):
    """The Python files that one artifact brings: `sha256` names the artifact, `paths` are relative to the prefix and
    have no bytecode of their own."""

    sha256: str
    paths: tuple[str, ...]


class Interpreter(NamedTuple):
    """The python of a tree: where it is, and its version (`3.12.4`)."""

    path: Path
    version: str

    @property
    def tag(self) -> str:
        """The tag of its bytecode (PEP 3147), such as `cpython-312`."""
        return "cpython-" + "".join(self.version.split(".")[:2])

    @property
    def key(self) -> str:
        """What the bytecode of one version has in common; a pre-release has a format of its own."""
        is_final = re.fullmatch(r"\d+(\.\d+)*", self.version) is not None
        return self.tag if is_final else f"{self.tag}-{self.version}"


def sources(sha256: str, paths: Iterable[str], *, without: Iterable[str] = ()) -> Sources | None:
    """Return what is to be compiled of an artifact that brings `paths`, `without` those whose text depends on the
    prefix; None where that is nothing, or where no hash names the artifact."""
    brought = frozenset(paths)
    compiled = {_source_of(path) for path in brought if path.endswith(".pyc")}
    left_out = frozenset(without) | compiled
    chosen = tuple(sorted(path for path in brought if _is_module(path) and path not in left_out))
    return Sources(sha256, chosen) if chosen and re.fullmatch("[0-9a-f]{64}", sha256) else None


def link(
    artifacts: Sequence[Sources], tree: Path, interpreter: Interpreter, *, settings: Settings, reporter: Reporter
) -> None:
    """Give every source of `artifacts` in `tree` its bytecode, compiled by `interpreter` where no cache has it.

    Raises StoreError where the cache cannot be written.
    """
    missing = [each for each in artifacts if _cached(each, interpreter, settings) is None]
    with reporter.start("link", "bytecode", total=len(missing), unit="packages") as progress:
        if missing:
            _compile(missing, tree, interpreter, settings)
        progress.advance(len(missing))
        for each in artifacts:
            directory = _cached(each, interpreter, settings)
            if directory is not None:
                _link(each, directory, tree, interpreter)


def prune(settings: Settings, *, needed: Iterable[str]) -> int:
    """Remove the bytecode of every artifact but the `needed` ones (sha256), and return the bytes of it."""
    kept, freed = frozenset(needed), 0
    root = settings.cache / DIRECTORY
    with contextlib.suppress(OSError):
        for directory in sorted(root.iterdir()):
            if directory.name not in kept:
                freed += sum(path.lstat().st_size for path in directory.rglob("*.pyc"))
                shutil.rmtree(directory, ignore_errors=True)
    return freed


def _is_module(path: str) -> bool:
    return path.endswith(".py") and "site-packages/" in path


def _source_of(pyc: str) -> str:
    directory, _, name = pyc.rpartition("/")
    if directory.endswith("__pycache__"):
        return f"{directory[: -len('__pycache__')]}{name.partition('.')[0]}.py"
    return pyc[:-1]


def _cached(each: Sources, interpreter: Interpreter, settings: Settings) -> Path | None:
    for cache in (settings.cache, *settings.shared_caches):
        directory = cache / DIRECTORY / each.sha256 / interpreter.key
        if (directory / _WHOLE).is_file():
            return directory
    return None


def _compile(missing: Sequence[Sources], tree: Path, interpreter: Interpreter, settings: Settings) -> None:
    """Compile into directories beside the final ones, and publish each by a rename: two may do so at once."""
    root = settings.cache / DIRECTORY
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".compiling-", dir=root) as work:
            jobs = [
                (os.path.join(tree, path), os.path.join(work, each.sha256, _pyc(path, interpreter)), path)
                for each in missing
                for path in each.paths
            ]
            _run(jobs, interpreter)
            for each in missing:
                made = Path(work, each.sha256)
                made.mkdir(exist_ok=True)
                (made / _WHOLE).touch()
                target = root / each.sha256 / interpreter.key
                target.parent.mkdir(exist_ok=True)
                with contextlib.suppress(OSError):  # another process was first
                    os.rename(made, target)
    except OSError as error:
        raise StoreError(f"{error.filename or root} cannot be written: {error.strerror}") from error


def _run(jobs: Sequence[tuple[str, str, str]], interpreter: Interpreter) -> None:
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = max(1, min(processors, _MOST_PROCESSES, len(jobs) // _FILES_OF_ONE_PROCESS))
    # Isolated and without site: no .pth file of a package gets to run code
    command = [os.fspath(interpreter.path), "-I", "-S", "-c", _PROGRAM]
    running = []
    try:
        for number in range(count):
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True
            )
            running.append(process)
            assert process.stdin is not None
            json.dump(jobs[number::count], process.stdin)
            process.stdin.close()
        for process in running:
            process.wait()
    finally:
        for process in running:
            if process.poll() is None:
                process.kill()
                process.wait()
    if any(process.returncode for process in running):
        raise StoreError(f"{interpreter.path} ended with an error while it compiled Python files")


def _link(each: Sources, directory: Path, tree: Path, interpreter: Interpreter) -> None:
    for path in each.paths:
        pyc = _pyc(path, interpreter)
        source, target = os.path.join(directory, pyc), os.path.join(tree, pyc)
        try:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.link(source, target)
        except FileExistsError:
            continue
        except OSError:  # another file system, or a source that is no Python 3
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(source, target)


def _pyc(path: str, interpreter: Interpreter) -> str:
    directory, _, name = path.rpartition("/")
    return f"{directory}/__pycache__/{name[:-3]}.{interpreter.tag}.pyc"

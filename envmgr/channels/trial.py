"""Trying a relocated Python before it is published: it must start elsewhere and do what the original does."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from envmgr.channels.artifact import PLACEHOLDER, File
from envmgr.channels.distribution import NotRelocatable
from envmgr.channels.interpreter import Interpreter

_SECONDS = 120
# Left out on purpose, or with an effect when imported (a browser, a poem).
_NOT_COMPARED = ("antigravity", "this", "idlelib", "turtledemo", "test")
_QUESTIONS = """
import importlib, json, site, sys, sysconfig, warnings
warnings.simplefilter("ignore")
skipped = set(sys.argv[1].split(","))
modules = []
for name in sorted(sys.stdlib_module_names):
    if name in skipped or name.startswith(("_test", "xx", "_xx", "_ctypes_test")):
        continue
    try:
        importlib.import_module(name)
    except BaseException:
        continue
    modules.append(name)
maps = open("/proc/self/maps").read().splitlines()
print(json.dumps({
    "modules": modules,
    "prefix": sys.prefix,
    "stdlib": sysconfig.get_path("stdlib"),
    "purelib": sysconfig.get_path("purelib"),
    "sites": site.getsitepackages(),
    "libdir": sysconfig.get_config_var("LIBDIR"),
    "loaded": sorted({line.split(maxsplit=5)[5] for line in maps if len(line.split(maxsplit=5)) == 6}),
}))
"""


def verify(interpreter: Interpreter, files: Sequence[File]) -> None:
    """Start the copy from another directory and hold it against the original.

    Raises NotRelocatable when it does not start, names or loads anything of the old prefix, or lacks a module that the
    original can import.
    """
    with tempfile.TemporaryDirectory(prefix="envmgr python ") as scratch:  # with a space: prefixes may have one
        prefix = Path(os.path.realpath(scratch))
        _install(files, prefix)
        copy = prefix / "bin" / "python"
        with ThreadPoolExecutor(2) as pool:
            original = pool.submit(_ask, interpreter.executable, interpreter.prefix)
            answers = _ask(str(copy), str(prefix))
            expected = original.result()
    _compare(interpreter, prefix, answers, expected)


def _install(files: Sequence[File], prefix: Path) -> None:
    for file in files:
        path = prefix / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if file.link is not None:
            path.symlink_to(file.link)
        else:
            path.write_bytes(file.read().replace(PLACEHOLDER.encode(), os.fsencode(prefix)))
            path.chmod(0o755 if file.executable else 0o644)


def _ask(executable: str, where: str) -> dict[str, Any]:
    command = [executable, "-I", "-B", "-c", _QUESTIONS, ",".join(_NOT_COMPARED)]
    try:
        result = subprocess.run(command, capture_output=True, cwd=where, env={"PATH": os.defpath, "HOME": where},
                                text=True, timeout=_SECONDS, check=False)  # fmt: skip
        answers = json.loads(result.stdout.splitlines()[-1]) if result.returncode == 0 else None
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError) as error:
        raise NotRelocatable(f"the copy of Python cannot be tried: {error}") from error
    if answers is None:
        said = (result.stderr.strip() or f"exit code {result.returncode}").splitlines()[-1]
        raise NotRelocatable(f"the copy of Python does not start: {said}")
    return dict(answers)


def _compare(interpreter: Interpreter, prefix: Path, copy: dict[str, Any], original: dict[str, Any]) -> None:
    if copy["prefix"] != str(prefix):
        raise NotRelocatable(f"the copy of Python takes {copy['prefix']} for its prefix instead of its own directory")
    for key in ("stdlib", "purelib", "libdir"):
        if not str(copy[key]).startswith(f"{prefix}{os.sep}"):
            raise NotRelocatable(f"sysconfig of the copied Python has {copy[key]} as {key}, outside its own directory")
    if str(prefix / interpreter.site_packages) not in copy["sites"]:
        raise NotRelocatable(f"the copied Python looks for packages in {', '.join(copy['sites'])}")
    missing = sorted(set(original["modules"]) - set(copy["modules"]))
    if missing:
        raise NotRelocatable(f"the copied Python cannot import {', '.join(missing)}, which the original can")
    strangers = [path for path in copy["loaded"] if path.startswith(f"{interpreter.prefix}/lib/")]
    if strangers:
        raise NotRelocatable(f"the copied Python loads {', '.join(strangers)}")

"""Files of which a line knows another hash than the sha256 that is locked: held against it when they are locked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from envmgr.errors import PipError
from envmgr.lock.model import PipPackage
from envmgr.pypi.compilation import Question
from envmgr.pypi.uv import RESOLVE_SECONDS, Uv, UvFailed
from envmgr.spec.model import Requirement


def check(
    packages: Sequence[PipPackage],
    requirements: Sequence[Requirement],
    question: Question,
    uv: Uv,
    build_python: Callable[[], Path] | None,
) -> None:
    """Fetch the files whose lines give only other hashes, and raise PipError for one that has none of them, or that
    uv would build to look at it, which `build_python` can (None: nothing can here)."""
    for package in packages:
        asked = [requirement for requirement in requirements if requirement.name == package.name]
        hashes = [each for requirement in asked for each in requirement.hashes]
        if not package.has_file or not hashes or any(each.startswith("sha256:") for each in hashes):
            continue
        where = f"{asked[0].origin}: `{asked[0].text}`"
        if package.is_built and build_python is None:
            raise PipError(
                f"{where}: {package.filename} can be held against a sha256 only for {question.target.platform}",
                hint=f"write `--hash=sha256:{package.sha256}`, once you trust it",
            )
        try:
            python = build_python() if package.is_built and build_python is not None else Path(sys.executable)
            _fetch(package, hashes, question, uv, python)
        except UvFailed as failure:
            if "Hash mismatch" not in failure.text:
                raise PipError(f"{where}: its hash cannot be looked at: {failure.text}") from failure
            raise PipError(
                f"{where}: {package.filename} has none of the hashes that are given for {package.name}",
                hint="if the file was replaced on purpose, write its new hash; else distrust it",
                details={"expected": hashes, "engine": failure.text},
            ) from failure


def _fetch(package: PipPackage, hashes: Sequence[str], question: Question, uv: Uv, python: Path) -> None:
    target = question.target
    with TemporaryDirectory(prefix="envmgr-pip-") as name:
        order = Path(name, "requirements.in")
        options = "".join(f" --hash={each}" for each in hashes)
        order.write_text(f"{package.name} @ {package.url}{options}\n", encoding="utf-8")
        arguments: list[str | Path] = [
            "pip", "install", "--no-deps", "--no-sources", "--quiet", "--requirements", order,
            "--target", Path(name, "tree"), "--python", python,
        ]  # fmt: skip
        if not package.is_built:
            arguments += ["--python-version", target.python_version, "--python-platform", target.python_platform]
        uv.run(arguments, variables=dict(target.variables), hidden=question.secrets, timeout=RESOLVE_SECONDS)

"""Which packages are for an accelerator, and whether this machine shows one (light: `run` looks)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

ACCELERATORS = ("__cuda", "__cuda_arch")  # CEP 30, CEP 46
_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_CLAUSE = re.compile(r"(>=|<=|==|!=|>|<|=|)\s*([0-9]+(?:\.[0-9]+)*)(\.?\*)?")
# Where a driver shows itself: its own file, its devices, that of WSL, that of Tegra.
_SIGNS = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg", "/dev/nvhost-gpu")


def mentions(texts: Iterable[str]) -> list[str]:
    """Return the match specs among `texts` that ask for an accelerator."""
    return [text for text in texts if text.startswith("__") and text.split(" ")[0].split("[")[0] in ACCELERATORS]


def allows(spec: str, version: str) -> bool:
    """Whether a match spec on a virtual package, as `__cuda >=12,<13`, allows a version; what cannot be read does."""
    bound = re.sub(r"^[\w.-]+|version|build.*|['\"\[\]]", "", spec.strip()).strip().split(" ")[0]
    bound = re.sub(r"^=(?=[<>!])", "", bound)  # of `[version='>=8']`
    return bound in ("", "=", "*") or any(
        all(_holds(clause.strip(), version) for clause in either.split(",")) for either in bound.split("|")
    )


def _holds(clause: str, version: str) -> bool:
    match = _CLAUSE.fullmatch(clause)
    if match is None or not _VERSION.fullmatch(version):
        return True
    operator, found, wanted = match[1], _numbers(version), _numbers(match[2])
    if operator in ("", "=", "==", "!=") and (operator == "=" or match[3]):
        return (found[: len(wanted)] == wanted) is (operator != "!=")
    length = max(len(found), len(wanted))
    left, right = (each + (0,) * (length - len(each)) for each in (found, wanted))
    return {
        ">=": left >= right, "<=": left <= right, ">": left > right, "<": left < right, "!=": left != right,
    }.get(operator, left == right)  # fmt: skip


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def is_visible(environ: Mapping[str, str], signs: Iterable[str] = _SIGNS) -> bool:
    """Whether the machine shows a driver, or the user said that it has one (CONDA_OVERRIDE_CUDA); nothing is loaded."""
    if "CONDA_OVERRIDE_CUDA" in environ:
        return bool(environ["CONDA_OVERRIDE_CUDA"])
    return any(os.path.exists(sign) for sign in signs)

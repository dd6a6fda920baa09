"""Which packages are for an accelerator, and whether this machine shows one (light: `run` looks)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

ACCELERATORS = ("__cuda", "__cuda_arch")  # CEP 30, CEP 46
# Where a driver shows itself: its own file, its devices, that of WSL, that of Tegra.
_SIGNS = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg", "/dev/nvhost-gpu")


def mentions(texts: Iterable[str]) -> list[str]:
    """Return the match specs among `texts` that ask for an accelerator."""
    return [text for text in texts if text.startswith("__") and text.split(" ")[0].split("[")[0] in ACCELERATORS]


def is_visible(environ: Mapping[str, str], signs: Iterable[str] = _SIGNS) -> bool:
    """Whether the machine shows a driver, or the user said that it has one (CONDA_OVERRIDE_CUDA); nothing is loaded."""
    if "CONDA_OVERRIDE_CUDA" in environ:
        return bool(environ["CONDA_OVERRIDE_CUDA"])
    return any(os.path.exists(sign) for sign in signs)

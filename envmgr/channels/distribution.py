"""Whether the running Python is one that can be copied at all.

Imports the standard library only: the Pythons that are refused have none of envmgr's dependencies.
"""

from __future__ import annotations

import os
import sys
import sysconfig

from envmgr.channels.interpreter import Interpreter

_ANOTHER_PYTHON = (
    "install envmgr with a Python of uv, pyenv or python.org, such as `uv tool install --managed-python envmgr`"
)


class NotRelocatable(Exception):
    """The interpreter cannot be packed; `hint` is the way out."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def refuse_the_changed(interpreter: Interpreter) -> None:
    """Raise NotRelocatable for a Python whose copy would not find the packages of an environment.

    Debian and Ubuntu change `site` and `sysconfig` to use dist-packages, Fedora to use lib64; other platforms than
    Linux are not supported yet.
    """
    if sys.platform != "linux":
        raise NotRelocatable(f"the running Python can be packed on Linux only, not yet on {sys.platform}")
    if set(sysconfig.get_scheme_names()) & {"deb_system", "posix_local", "rpm_prefix"}:
        raise NotRelocatable(
            f"{interpreter.executable} is changed by its distribution: it looks for packages in dist-packages or "
            "lib64, and a copy would not find those of an environment",
            hint=_ANOTHER_PYTHON,
        )
    expected = os.path.join(interpreter.prefix, os.path.dirname(interpreter.site_packages))
    if interpreter.standard_library != expected:
        raise NotRelocatable(
            f"the standard library of {interpreter.executable} is expected in {expected}, "
            f"found in {interpreter.standard_library}",
            hint=_ANOTHER_PYTHON,
        )

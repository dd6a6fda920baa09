"""The two files by which programs activate an environment once `info` told them conda's root: nb_conda_kernels sources
`ROOT/bin/activate PREFIX` to start a kernel, batch scripts `$(conda info --base)/etc/profile.d/conda.sh`."""

from __future__ import annotations

ACTIVATE = "bin/activate"
PROFILE = "etc/profile.d/conda.sh"
_WRITTEN = "# Written by envmgr, to be sourced"


def texts(hook: str) -> dict[str, str]:
    """Return the files by path relative to the root of the store; `hook` is that of bash, dash and zsh."""
    return {
        ACTIVATE: f'{_WRITTEN} in bash or zsh: . bin/activate NAME|PREFIX\n{hook}\nenvmgr activate "$@"\n',
        PROFILE: f'{_WRITTEN}: `conda activate` is then `envmgr activate`\n{hook}\nconda() {{ envmgr "$@"; }}\n',
    }


def is_ours(content: bytes) -> bool:
    """Whether one of these files is what envmgr wrote, and not conda's own."""
    return content.startswith(_WRITTEN.encode())

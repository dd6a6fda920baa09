"""What commands of conda, mamba, pixi, uv, pip, Poetry, pdm and Pipenv are called here, for who types them."""

from __future__ import annotations

_CREATE = "envmgr create -f environment.yml"
HINTS = {
    "add": "envmgr install PACKAGE --save",
    "build": "envmgr channel build",
    "cache": "envmgr clean --dry-run",
    "check": "envmgr verify -n NAME",
    "compare": "envmgr diff FILE NAME",
    "freeze": "envmgr export --format requirements",
    "help": "envmgr --help, or: envmgr COMMAND --help",
    "index": "a directory of packages is indexed by conda-index or rattler-index; recipes: envmgr channel build",
    "global": "envmgr tool install PACKAGE",
    "notices": "there are none: envmgr asks nobody but your channels",
    "outdated": "envmgr update --all --dry-run",
    "pack": "envmgr export --format explicit",
    "package": "envmgr list, and for the packages of a file: envmgr verify",
    "pip": "envmgr install --pip REQUIREMENT, or: envmgr run pip",
    "pipx": "envmgr tool install --pip PACKAGE",
    "python": "envmgr run python, or another one: envmgr install python=3.12",
    "repoquery": "envmgr search PACKAGE, envmgr tree PACKAGE, envmgr tree --reverse PACKAGE",
    "self": "it is updated as it was installed, by pip: pip install --upgrade envmgr",
    "self-update": "it is updated as it was installed, by pip: pip install --upgrade envmgr",
    "show": "envmgr list NAME, or: envmgr why NAME",
    "sync": _CREATE,
    "task": "envmgr run COMMAND",
    "venv": "envmgr create -n NAME python",
    "virtualenv": "envmgr create -n NAME python",
    "workspace": "envmgr env list",
    "x": "envmgr exec SPEC -- COMMAND",
}
"""The command of another tool → the hint."""

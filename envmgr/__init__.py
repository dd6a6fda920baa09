"""envmgr: conda-style environments, both halves from one lock, always whole."""

__version__ = "0.1.0"

"""Leases: locks between processes that need no byte-range locking (being written)."""

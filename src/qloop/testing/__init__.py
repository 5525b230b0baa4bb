"""Contracts for plug-in authors: each check runs an implementation and says in one sentence which rule it breaks."""

from qloop.testing.backend import check_backend

__all__ = ["check_backend"]

"""Contracts for plug-in authors: each check runs an implementation and says in one sentence which rule it breaks."""

from qloop.testing.backend import check_backend
from qloop.testing.decoder import check_decoder
from qloop.testing.stage import check_stage

__all__ = ["check_backend", "check_decoder", "check_stage"]

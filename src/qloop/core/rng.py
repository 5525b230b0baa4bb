"""Named random streams: one seed at the edge, independent generators inside."""

import hashlib

import numpy as np


def make_rng(seed: int, *path: str | int) -> np.random.Generator:
    """Return the generator of one named stream.

    Streams with different paths are independent, and using one never shifts another: a part that is switched off leaves
    every other part's random numbers as they were, which is what makes comparisons paired.

    Args:
        seed: the run's seed, non-negative.
        path: names and indices of the stream, for example ``"world", 3``.

    Source: numpy SeedSequence; the naming is ours.
    """
    digest = hashlib.sha256("/".join(map(str, path)).encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest[:16], "<u4").tolist()])

import numpy as np

from qloop.core.rng import make_rng


def test_a_stream_is_its_seed_and_path():
    assert make_rng(7, "world", 3).integers(1 << 30) == make_rng(7, "world", 3).integers(1 << 30)
    draws = {
        make_rng(seed, *path).integers(1 << 62) for seed in (0, 1) for path in ((), ("a",), ("b",), ("a", 1), (1, "a"))
    }
    assert len(draws) == 10


def test_streams_are_uncorrelated():
    # False-alarm rate 6e-5: four standard errors of a correlation over 40,000 draws.
    first, second = (make_rng(0, "shots", k).standard_normal(40_000) for k in (0, 1))
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / 200

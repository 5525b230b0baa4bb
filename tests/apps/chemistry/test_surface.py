import numpy as np
import pytest

from qloop.apps.chemistry.surface import keep_points, smooth

GRID = np.linspace(1.0, 3.4, 13)


def curve(x):
    return -0.2 * np.exp(-0.5 * (x - 2.8) ** 2)


@pytest.mark.parametrize("method", [smooth, keep_points])
def test_points_without_noise_are_interpolated(method):
    found = method(GRID[::2], curve(GRID[::2]), np.full(7, 1e-12), GRID)
    assert found.mean[::2] == pytest.approx(curve(GRID[::2]), abs=2e-5)
    assert found.mean == pytest.approx(curve(GRID), abs=2e-3)
    assert (found.deviation[::2] < 1e-4).all()


@pytest.mark.parametrize("method", [smooth, keep_points])
def test_the_smoother_is_the_mean_to_first_order(method):
    rng = np.random.default_rng(0)
    x, variance = GRID[[12, 0, 5, 8, 3]], np.full(5, 1e-5)
    y = curve(x) + 0.003 * rng.normal(size=5)
    found = method(x, y, variance, GRID)
    assert found.smoother.shape == (13, 5)
    assert found.smoother @ y == pytest.approx(found.mean, abs=1e-10)
    if method is keep_points:
        for k in range(5):
            moved = method(x, y + 1e-6 * np.eye(5)[k], variance, GRID).mean
            assert (moved - found.mean) / 1e-6 == pytest.approx(found.smoother[:, k], abs=1e-6)


def test_more_noise_means_wider_intervals_and_smoother_curves():
    rng = np.random.default_rng(1)
    y = curve(GRID) + 0.01 * rng.normal(size=13)
    quiet, loud = (smooth(GRID, y, np.full(13, v), GRID) for v in (1e-6, 1e-4))
    assert (loud.deviation > quiet.deviation).all()
    assert (loud.deviation < 0.01).all()
    assert np.abs(np.diff(loud.mean, 2)).sum() < np.abs(np.diff(quiet.mean, 2)).sum()


def test_a_gap_is_known_least():
    x = GRID[[0, 1, 2, 12]]
    found = smooth(x, curve(x), np.full(4, 1e-6), GRID)
    assert 5 <= found.deviation.argmax() <= 9


def test_intervals_cover_draws_from_the_prior():
    # 150 curves of 13 points: the points of one curve hang together, so that the share of covered points has a
    # standard error of about 1.2 %; the bounds are four of them from 90 %.
    rng = np.random.default_rng(2)
    inside = []
    for _ in range(150):
        length, amplitude = 2.4 * rng.choice([0.5, 0.7, 1.0]), 0.1
        kernel = amplitude**2 * np.exp(-(((GRID[:, None] - GRID) / length) ** 2) / 2)
        truth = np.linalg.cholesky(kernel + 1e-10 * np.eye(13)) @ rng.normal(size=13)
        seen = rng.choice(13, 6, replace=False)
        y = truth[seen] + 0.005 * rng.normal(size=6)
        found = smooth(GRID[seen], y, np.full(6, 0.005**2), GRID)
        inside.append(np.abs(found.mean - truth) <= 1.645 * found.deviation)
    assert 0.85 < np.mean(inside) < 0.95


def test_units_do_not_matter():
    x, y, variance = GRID[::3], curve(GRID[::3]), np.full(5, 1e-6)
    plain, scaled = smooth(x, y, variance, GRID), smooth(10 * x, 1000 * y, 1e6 * variance, 10 * GRID)
    assert scaled.mean == pytest.approx(1000 * plain.mean)
    assert scaled.deviation == pytest.approx(1000 * plain.deviation, rel=1e-6)


def test_kept_points_take_the_nearest_points_deviation():
    found = keep_points(np.array([1.0, 2.0, 3.0]), np.zeros(3), np.array([1.0, 4.0, 9.0]), np.array([1.2, 1.9, 3.4]))
    assert found.deviation.tolist() == [1, 2, 3]

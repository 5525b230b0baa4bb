import numpy as np
import pytest

from qloop.search.spsa import minimise_spsa

CENTRE = np.array([0.7, -0.4, 0.2])


def bowl(points, calls, rng=None, deviation=0.0):
    calls.append(points)
    noise = deviation * rng.normal(size=2) if rng else np.zeros(2)
    return tuple(float(np.sum((point - CENTRE) ** 2)) + n for point, n in zip(points, noise, strict=True))


def run(steps=400, seed=0, deviation=0.0, start=None, calls=None, **options):
    calls = [] if calls is None else calls
    noise = np.random.default_rng(99)
    start = np.zeros(3) if start is None else start
    rng = np.random.default_rng(seed)
    return minimise_spsa(lambda *points: bowl(points, calls, noise, deviation), start, rng, steps=steps, **options)


def test_it_finds_the_bottom_of_a_bowl():
    assert run() == pytest.approx(CENTRE, abs=0.01)


def test_noise_is_averaged_away():
    # The error over 40 seeds is 0.045 (root mean square); the bound is twice that.
    errors = [np.linalg.norm(run(seed=seed, deviation=0.05) - CENTRE) for seed in range(10)]
    assert np.sqrt(np.mean(np.square(errors))) < 0.1


def test_equal_seeds_give_equal_bits():
    assert run(seed=3, deviation=0.1).tobytes() == run(seed=3, deviation=0.1).tobytes()
    assert run(seed=3).tobytes() != run(seed=4).tobytes()


@pytest.mark.parametrize("steps", [1, 2, 40])
def test_two_evaluations_a_step_symmetric_about_the_point(steps):
    calls = []
    run(steps=steps, calls=calls, perturbation=0.1)
    assert len(calls) == steps
    plus, minus = calls[0]
    assert plus + minus == pytest.approx(np.zeros(3))
    assert abs(plus - minus) == pytest.approx(np.full(3, 0.2))


def test_the_start_stays_and_nothing_to_search_costs_nothing():
    start, calls = np.zeros(3), []
    run(start=start)
    assert not start.any()
    assert len(minimise_spsa(lambda *points: bowl(points, calls), np.zeros(0), np.random.default_rng(0), steps=9)) == 0
    assert not calls


def test_one_wild_slope_moves_a_parameter_by_two_first_steps_at_most():
    count = iter(range(1000))

    def cliff(plus, minus):
        return (1e9, 0.0) if next(count) == 3 else (0.001 * plus.sum(), 0.001 * minus.sum())

    end = minimise_spsa(cliff, np.zeros(2), np.random.default_rng(0), steps=12, first_step=0.05)
    assert np.abs(end).max() < 12 * 0.1

import numpy as np
import pytest

from qloop.mitigation.selection import select


def test_a_candidate_that_is_better_everywhere_is_taken():
    losses = {"channel": np.full(8, 4.0), "readout": np.full(8, 1.0), "raw": np.full(8, 2.0)}
    found = select(losses, "channel")
    assert (found.chosen, found.left_default) == ("readout", True)
    assert found.p_values == {"readout": pytest.approx(1 / 256), "raw": pytest.approx(1 / 256)}
    assert found.losses == {"channel": 4, "readout": 1, "raw": 2}


def test_a_smaller_mean_alone_is_no_evidence():
    # One reference with a huge loss makes the default's mean 25 times larger; its sign may be chance.
    found = select({"channel": np.array([100.0, 1, 1, 1]), "raw": np.array([1.0, 1, 1, 1])}, "channel")
    assert not found.left_default
    assert found.p_values["raw"] == 0.5


def test_the_level_is_shared_by_the_candidates():
    # Better at all of five references: p = 1/32, enough for one candidate at 5 % and not for two.
    default, better = np.full(5, 2.0), np.full(5, 1.0)
    assert select({"channel": default, "raw": better}, "channel").left_default
    assert not select({"channel": default, "raw": better, "readout": default}, "channel").left_default


def test_the_default_alone():
    found = select({"raw": np.zeros(1)}, "raw")
    assert (found.chosen, found.left_default, found.p_values) == ("raw", False, {})


@pytest.mark.parametrize("references", [5, 8])
def test_without_a_difference_the_default_is_left_as_rarely_as_stated(references):
    # 2,000 jobs with losses that are exchangeable between three recipes: more than 130 alarms at a true rate of 5 %
    # has probability 7e-4 (binomial), and the rate is below that because two candidates share the level.
    rng = np.random.default_rng(0)
    jobs = rng.chisquare(1, (2000, 3, references)) * rng.chisquare(1, (2000, 1, references))
    names = ("channel", "readout", "raw")
    left = sum(select(dict(zip(names, job, strict=True)), "channel").left_default for job in jobs)
    assert left <= 130
    # The test has teeth: with eight references its smallest p-value is 1/256.
    assert left > 0 or references < 6


def test_a_truly_better_candidate_is_found_most_of_the_time():
    # With losses four times smaller, 85 % of 300 jobs leave the default (standard error 2 %).
    rng = np.random.default_rng(1)
    left = 0
    for _ in range(300):
        shared = rng.chisquare(1, 8)
        losses = {"channel": 4 * shared * rng.uniform(0.5, 2, 8), "raw": shared * rng.uniform(0.5, 2, 8)}
        found = select(losses, "channel")
        left += found.chosen == "raw"
    assert left > 230

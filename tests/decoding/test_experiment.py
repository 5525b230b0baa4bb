import numpy as np
import pytest
import stim

from qloop.core.errors import InvalidValueError
from qloop.decoding.experiment import (
    Experiment,
    check_half,
    count_rounds,
    parse_slice,
    read_dem,
    read_experiment,
    spread,
)
from tests.decoding.toys import repetition


def test_rounds_are_read_from_coordinates():
    assert count_rounds(repetition(rounds=5)[0]) == 5
    assert count_rounds(stim.DetectorErrorModel("error(0.1) D0 L0")) is None
    dem, events, flips = repetition(rounds=4)
    assert Experiment(name="x", dem=dem, events=events, flips=flips).rounds == 4
    assert Experiment(name="x", dem=dem, events=events, flips=flips, rounds=9).rounds == 9


def test_three_files_are_an_experiment(tmp_path):
    dem, events, flips = repetition()
    (tmp_path / "m.dem").write_text(str(dem))
    np.save(tmp_path / "e.npy", events)
    np.save(tmp_path / "f.npy", flips)
    files = tmp_path / "m.dem", tmp_path / "e.npy", tmp_path / "f.npy"
    experiment = read_experiment(*files, select=slice(1, None, 2), distance=3)
    assert experiment.name == f"{tmp_path.name}/e"
    assert (experiment.distance, experiment.rounds) == (3, 3)
    assert (experiment.events[:] == events[1::2]).all()
    assert (experiment.flips[:] == flips[1::2]).all()


def test_shapes_must_fit():
    dem, events, flips = repetition()
    with pytest.raises(InvalidValueError, match=r"events of `x` must have shape \[500, 8\], got \[500, 7\]"):
        Experiment(name="x", dem=dem, events=events[:, :7], flips=flips)
    with pytest.raises(InvalidValueError, match=r"flips of `x` must have shape \[500, 1\], got \[499, 1\]"):
        Experiment(name="x", dem=dem, events=events, flips=flips[1:])
    with pytest.raises(InvalidValueError, match="predictions of tensor network"):
        Experiment(name="x", dem=dem, events=events, flips=flips, predictions={"tensor network": flips[1:]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("error(1.5) D0 L0", "not a detector error model"),
        ("hello", "not a detector error model"),
        ("error(0.1) D0", "has 1 and 0"),
        ("error(0.1) L0", "has 0 and 1"),
    ],
)
def test_what_is_no_model(tmp_path, text, message):
    (tmp_path / "m.dem").write_text(text)
    with pytest.raises(InvalidValueError, match=message):
        read_dem(tmp_path / "m.dem")


def test_a_model_serves_the_other_half_only(tmp_path):
    odd, even = tmp_path / "pij_from_even_for_odd.dem", tmp_path / "pij_from_odd_for_even.dem"
    for path, good, bad in (
        (odd, ("1::2", "101:200:4"), (":", "::2", "1:")),
        (even, ("::2", "100::6"), (":", "1::2", "::3")),
    ):
        for text in good:
            check_half(path, parse_slice(text))
        for text in bad:
            with pytest.raises(InvalidValueError, match="choose them with `[01]::2`"):
                check_half(path, parse_slice(text))
    check_half(tmp_path / "fitted.dem", slice(None))
    check_half(odd, slice(None, None, 2), learning=True)
    with pytest.raises(InvalidValueError, match="learns from even ones only: choose them with `0::2`"):
        check_half(odd, slice(1, None, 2), learning=True)


def test_one_of_a_list_is_for_all():
    assert list(spread(a=[1], b=[2, 3], c=(None,))) == [(1, 2, None), (1, 3, None)]
    with pytest.raises(InvalidValueError, match="`b` must be one for all or one for each of 3, got 2"):
        spread(a=[1, 2, 3], b=[1, 2])


@pytest.mark.parametrize("text", ["3", "1:2:3:4", "a:b", "-1:", "1;2", ""])
def test_slices_are_pythons_without_negative_numbers(text):
    with pytest.raises(InvalidValueError, match="START:STOP"):
        parse_slice(text)

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from qloop.core.errors import InvalidValueError
from qloop.core.memo import DictMemo
from qloop.core.page import page_from_json, page_to_json
from qloop.decoding.comparison import compare
from qloop.decoding.comparison_page import comparison_page
from qloop.decoding.experiment import Experiment
from qloop.decoding.posterior import Decoded
from qloop.decoding.shots import ShotFile, encode_shots
from qloop.decoding.tally import add, count
from tests.decoding.toys import Never, Toy, repetition

DECODERS = {"toy": Toy(), "never": Never()}


def experiment(rounds=3, distance=3, shots=3000, **more):
    dem, events, flips = repetition(rounds=rounds, distance=distance, shots=shots)
    return Experiment(name=f"d{distance} r{rounds}", dem=dem, events=events, flips=flips, distance=distance, **more)


@pytest.fixture(scope="module")
def comparison():
    return compare([experiment(rounds, distance) for distance in (3, 5) for rounds in (3, 5)], DECODERS)


def test_four_shots_by_hand():
    flips = np.array([[0], [0], [1], [1]], np.uint8)
    first = Decoded(predictions=np.array([[0], [1], [1], [0]], bool), confidence=np.array([1.0, 0.61, 0.91, 0.61]))
    second = Decoded(predictions=np.array([[0], [0], [0], [0]], bool))
    counts = count(np.array([[0, 1], [1, 1], [0, 0], [0, 1]], np.uint8), flips, [first, second], [0.5, np.nan])
    assert counts["shots"] == 4
    assert counts["events"].tolist() == [1, 3]
    assert counts["wrong"].tolist() == [2, 2]
    assert counts["only"].tolist() == [[0, 1], [1, 0]]
    assert counts["doubt"].sum(axis=1).tolist() == [[2, 2], [0, 0]]
    # Fifteen bins of [.5, 1]: .61 is in bin 3, .91 in bin 12, 1 in the last.
    assert np.flatnonzero(counts["sure"][0]).tolist() == [3, 12, 14]
    assert counts["sure"][0, [3, 12, 14]].tolist() == [2, 1, 1]
    assert counts["right"][0, [3, 12, 14]].tolist() == [0, 1, 1]
    assert counts["stated"][0, 3] == pytest.approx(1.22)


@settings(max_examples=15, deadline=None)
@given(cut=st.integers(0, 200))
def test_counts_of_two_blocks_add_up(cut):
    dem, events, flips = repetition(shots=200)
    decoded = Toy().compile(dem).decode(events)

    def some(part):
        one = Decoded(predictions=decoded.predictions[part], confidence=decoded.confidence[part])
        return count(events[part], flips[part], [one], [0.25])

    whole, halves = some(slice(None)), add([some(slice(None, cut)), some(slice(cut, None))])
    assert halves.pop("seconds") == 2 * whole.pop("seconds")
    assert whole.keys() == halves.keys()
    for name, value in whole.items():
        assert halves[name] == pytest.approx(value), name


def test_errors_tests_and_confidence_are_those_of_the_shots():
    one = experiment()
    found = compare(one, DECODERS)
    decoded = Toy().compile(one.dem).decode(one.events)
    wrong, flipped = (decoded.predictions != one.flips)[:, 0], one.flips[:, 0] > 0
    error = found.error(found.trials[0], "toy")
    assert error.value == wrong.mean()
    assert (error.low, error.high) == tuple(binomtest(wrong.sum(), 3000).proportion_ci(0.9, method="wilson"))
    test = found.mcnemar("toy", "never")
    assert (test.only_first, test.only_second) == ((wrong & ~flipped).sum(), (~wrong & flipped).sum())
    assert test.p_value < 1e-6
    assert found.mcnemar("toy", "toy").p_value == 1
    ratio = found.error_ratio("toy", "never")
    assert ratio.value == pytest.approx(wrong.sum() / flipped.sum())
    assert ratio.low < ratio.value < ratio.high < 1
    kept, risk = found.risk_coverage("toy")
    assert (kept[-1], risk[-1]) == (1, pytest.approx(wrong.mean()))
    sure = decoded.confidence == 1
    assert (kept[0], risk[0]) == (sure.mean(), pytest.approx(wrong[sure].mean()))
    stated, right, shots = found.reliability("toy")
    assert np.average(stated, weights=shots) == pytest.approx(decoded.confidence.mean())
    assert np.average(right, weights=shots) == pytest.approx(1 - wrong.mean())
    assert found.risk_coverage("never") is found.reliability("never") is found.calibration_error("never") is None
    assert found.microseconds("toy") > 0


def test_per_cycle_is_by_distance(comparison):
    assert comparison.per_cycle("toy", 5).value < comparison.per_cycle("toy", 3).value < 0.05
    assert comparison.per_cycle("toy", 7) is None


def test_the_page_has_every_figure_and_survives_json(comparison):
    page = comparison_page(comparison, "h")
    figures = [figure for section in page.sections for figure in section.figures]
    titles = [getattr(figure, "title", "") for figure in figures]
    for title in (
        "Every decoder",
        "Logical error of every experiment",
        "Error against rounds, distance 3",
        "Error against rounds, distance 5",
        "Error per cycle against distance",
        "Pairs on the same shots",
        "Error against coverage",
        "Confidence of toy",
        "Detection events: d3 r5",
        "Detection events: d5 r5",
    ):
        assert title in titles
    heat = figures[titles.index("Detection events: d3 r5")]
    trial = next(trial for trial in comparison.trials if trial.name == "d3 r5")
    assert (len(heat.y_ticks), len(heat.x_ticks)) == (2, 6)
    assert np.sum(heat.values) == pytest.approx(trial.counts["events"].sum() / trial.shots)
    assert page_from_json(page_to_json(page)) == page


def test_published_predictions_join(comparison):
    one = experiment()
    published = Experiment(**{**vars(one), "predictions": {"oracle": one.flips}})
    found = compare(published, {"never": Never()})
    assert found.decoders == ("never", "oracle")
    assert found.pooled_error("oracle").value == 0
    assert found.microseconds("oracle") is None
    assert found.error_ratio("never", "oracle") is None
    with pytest.raises(InvalidValueError, match="predictions of the same decoders"):
        compare([one, published], DECODERS)


def test_files_and_arrays_count_the_same_and_pieces_are_remembered(tmp_path):
    dem, events, flips = repetition(shots=20_000)
    (tmp_path / "e.b8").write_bytes(encode_shots(events, "b8"))
    (tmp_path / "f.01").write_bytes(encode_shots(flips, "01"))
    on_disk = Experiment(
        name="x", dem=dem, events=ShotFile(tmp_path / "e.b8", dem.num_detectors), flips=ShotFile(tmp_path / "f.01", 1)
    )
    memo, done = DictMemo(), []
    first = compare(on_disk, DECODERS, memo=memo, progress=lambda event: done.append(event.done))
    assert done[-1] == 20_000
    assert len(memo.values) == 3
    again = compare(on_disk, DECODERS, memo=memo, progress=lambda event: pytest.fail("decoded again"))
    assert again.to_json() == first.to_json()
    in_memory = compare(Experiment(name="x", dem=dem, events=events, flips=flips), DECODERS)
    for name, value in first.trials[0].counts.items():
        if name != "seconds":
            assert in_memory.trials[0].counts[name] == pytest.approx(value)


def test_what_cannot_be_compared():
    one = experiment(shots=10)
    for experiments, decoders in (([], DECODERS), (one, {})):
        with pytest.raises(InvalidValueError, match="experiments and decoders of different names"):
            compare(experiments, decoders)
    with pytest.raises(InvalidValueError, match="needs shots"):
        compare(Experiment(name="x", dem=one.dem, events=one.events[:0], flips=one.flips[:0]), DECODERS)
    with pytest.raises(InvalidValueError, match="did you mean `frontier`"):
        compare(one, ["frontir"])

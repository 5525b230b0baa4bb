"""Learning priors: does it find what generated the shots, and does it resume to the same bits?"""

import numpy as np
import pytest
import stim

from qloop.core.errors import InvalidValueError
from qloop.core.memo import DictMemo
from qloop.decoding import ErrorModel, FrontierDecoder, fit_priors
from qloop.decoding.tying import tie


def memory(rounds, p, q, shots, seed):
    circuit = stim.Circuit.generated(
        "repetition_code:memory",
        distance=3,
        rounds=rounds,
        before_round_data_depolarization=p,
        before_measure_flip_probability=q,
    )
    events, flips = circuit.compile_detector_sampler(seed=seed).sample(shots, separate_observables=True)
    return circuit.detector_error_model(decompose_errors=True), events, flips


def loss(dem, events, flips):
    post = FrontierDecoder(dem).posterior(events)
    return -post.log_classes[np.arange(len(flips)), flips[:, 0].astype(int)].mean()


TRUE = [memory(rounds, 0.06, 0.15, 3000, rounds) for rounds in (3, 6)]
START = [memory(rounds, 0.15, 0.04, 1, 0)[0] for rounds in (3, 6)]


@pytest.mark.parametrize("known", [True, False])
def test_it_comes_close_to_what_generated_the_shots(known):
    fitted = fit_priors(
        START,
        [events for _, events, _ in TRUE],
        [flips for _, _, flips in TRUE] if known else None,
        epochs=6,
        batch=256,
        learning_rate=0.1,
    )
    assert fitted.history[fitted.best] < fitted.history[0]
    for start, made, (true, _, _), rounds in zip(START, fitted.dems, TRUE, (3, 6), strict=True):
        _, events, flips = memory(rounds, 0.06, 0.15, 20_000, 99)
        gain = loss(start, events, flips) - loss(made, events, flips)
        assert gain > 0.8 * (loss(start, events, flips) - loss(true, events, flips))
        assert {i.tag for i in made if i.type == "error"} == {"fitted for frontier"}


def test_an_interrupted_fit_goes_on_to_the_same_bits():
    class Interrupted(DictMemo):
        def put(self, key, value):
            if len(self.values) == 2:
                raise KeyboardInterrupt
            super().put(key, value)

    _, events, flips = TRUE[0]
    whole = fit_priors(START[0], events[:600], flips[:600], epochs=4, memo=DictMemo())
    memo = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        fit_priors(START[0], events[:600], flips[:600], epochs=4, memo=memo)
    resumed = DictMemo()
    resumed.values = memo.values
    again = fit_priors(START[0], events[:600], flips[:600], epochs=4, memo=resumed)
    assert str(again.dem) == str(whole.dem)
    assert again.history == whole.history


def test_noise_of_single_priors_is_trusted_less():
    true, events, flips = TRUE[1]
    model = ErrorModel.from_dem(true)
    noise = np.random.default_rng(0).normal(size=model.num_errors)
    noisy = model.with_priors(1 / (1 + (1 - model.priors) / model.priors * np.exp(-noise)))
    fitted = fit_priors(noisy, events, flips, epochs=6, batch=256, learning_rate=0.1)
    (kinds,), size = tie([model])

    def spread(dem):
        priors = ErrorModel.from_dem(dem).priors
        logits = np.log(priors / (1 - priors))
        return np.std(logits - (np.bincount(kinds, logits, size) / np.bincount(kinds))[kinds])

    assert spread(fitted.dem) < 0.6 * spread(noisy)


def test_what_is_learned_is_the_same_for_any_number_of_rounds():
    models = [ErrorModel.from_dem(memory(rounds, 0.05, 0.05, 1, 0)[0]) for rounds in (4, 9)]
    indices, size = tie(models)
    assert set(indices[0]) == set(indices[1]) == set(range(size))
    alone = ErrorModel.from_dem(stim.DetectorErrorModel("error(0.1) D0 L0\nerror(0.2) D0"))
    assert tie([alone])[1] == 2
    with pytest.raises(InvalidValueError, match="one has none"):
        tie([alone, models[0]])


def test_matching_has_a_fit_of_its_own():
    _, events, flips = TRUE[1]
    fitted = fit_priors(START[1], events, flips, decoder="pymatching")
    assert fitted.decoder == "pymatching"
    assert fitted.history[1] <= fitted.history[0] + 1e-9 or fitted.best == 0
    assert {i.tag for i in fitted.dem if i.type == "error"} == {"fitted for pymatching"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"flips": np.zeros((3000, 1))}, "more than one class"),
        ({"flips": np.zeros((10, 1))}, r"shape \[3000, 1\]"),
        ({"validation": 1.5}, r"in \(0, 1\), got 1.5"),
        ({"epochs": 0}, "`epochs` must be at least 1, got 0"),
        ({"decoder": "frontiers"}, "did you mean `frontier`"),
        ({"decoder": "pymatching", "flips": None}, "`flips` must be given"),
        ({"decoder": "pymatching", "validation": 1.5}, r"in \(0, 1\), got 1.5"),
        ({"decoder": "pymatching", "validation": 1e-6}, "must leave shots on both sides, got 0 of 3000"),
    ],
)
def test_bad_input_is_one_sentence(change, sentence):
    _, events, flips = TRUE[0]
    with pytest.raises(InvalidValueError, match=sentence):
        fit_priors(START[0], events, **({"flips": flips} | change))

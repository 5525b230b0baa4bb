"""The hybrid: what each switch leaves out, and that what is frozen stays as it was drawn."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from qloop.apps.classify.data import Cases
from qloop.apps.classify.neural import fit_encoder, make_layers, train_hybrid
from qloop.apps.classify.settings import (
    ClassifySettings,
    DataSettings,
    ModelSettings,
    PartSettings,
    TrainingSettings,
)
from qloop.core.errors import InvalidValueError

RNG = np.random.default_rng(0)
LABELS = np.arange(40) % 2
CASES = Cases(
    name="blobs",
    inputs=RNG.normal(size=(40, 3)) + 3 * LABELS[:, None],
    labels=LABELS,
    classes=("a", "b"),
    columns=("x", "y", "z"),
    same_unit=False,
)
SETTINGS = ClassifySettings(
    data=DataSettings(name="digits"),
    model=ModelSettings(num_qubits=2, layers=1),
    training=TrainingSettings(epochs=3),
)
ROWS = np.arange(40)


def switched(**parts):
    return replace(SETTINGS, parts=PartSettings(**parts))


def test_switches_leave_out_gates_and_freeze_weights():
    whole, product = make_layers(SETTINGS, 2, 0), make_layers(switched(entanglement=False), 2, 0)
    assert (whole[0].program.count_two_qubit(), product[0].program.count_two_qubit()) == (2, 0)
    # The rest starts alike, so that a comparison is paired.
    assert torch.equal(whole[0].weight, product[0].weight)
    assert torch.equal(whole[1].weight, product[1].weight)


@pytest.mark.parametrize(("part", "place"), [("weights", 0), ("head", 1)])
def test_a_part_that_is_off_stays_as_it_was_drawn(part, place):
    trained = train_hybrid(switched(**{part: False}), CASES, ROWS, 5).model
    drawn = [module.double() for module in make_layers(SETTINGS, 2, 5)]
    for k in (0, 1):
        assert torch.equal(trained[k].weight, drawn[k].weight) == (k == place)


def test_with_everything_off_nothing_is_trained():
    off = dict.fromkeys(("encoder", "entanglement", "weights", "head"), False)
    hybrid = train_hybrid(switched(**off), CASES, ROWS, 0)
    assert len(hybrid.train_loss) == 0
    np.testing.assert_allclose(hybrid.predict(CASES.inputs).sum(axis=1), 1)


def test_an_encoder_that_is_off_takes_the_first_columns():
    encoder = fit_encoder(switched(encoder=False), CASES, ROWS, 0)
    np.testing.assert_array_equal(encoder.columns_, [0, 1])


def test_encoder_and_model_learn_from_the_training_cases_alone():
    spoiled = replace(CASES, inputs=np.where(ROWS[:, None] < 30, CASES.inputs, 1e6))
    hybrids = [train_hybrid(SETTINGS, cases, ROWS[:30], 0) for cases in (CASES, spoiled)]
    same = [hybrid.predict(CASES.inputs).tobytes() for hybrid in hybrids]
    assert same[0] == same[1]


def test_more_qubits_than_columns_is_one_sentence():
    settings = replace(SETTINGS, model=ModelSettings(num_qubits=4))
    with pytest.raises(InvalidValueError, match="at most the 3 columns of blobs, got 4"):
        fit_encoder(settings, CASES, ROWS, 0)

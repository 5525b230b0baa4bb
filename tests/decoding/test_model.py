import numpy as np
import pytest
import stim

from qloop.core.errors import InvalidValueError
from qloop.decoding.model import ErrorModel

DEM = stim.DetectorErrorModel("""
    error(0.1) D0 D1
    error(0.2) D0 ^ D1
    error(0.3) D1 L0 ^ D2 L0 ^ D1 D2 D3 L1
    detector(1, 2, 0) D0
    detector(1, 2) D3
""")


def test_equal_symptoms_are_one_error_and_pieces_add_up():
    model = ErrorModel.from_dem(DEM)
    assert model.symptoms == (((0, 1), 0), ((3,), 2))
    np.testing.assert_allclose(model.priors, [0.1 * 0.8 + 0.2 * 0.9, 0.3])
    np.testing.assert_array_equal(model.coordinates[3], [1, 2, np.nan])


def test_new_priors_are_shared_out_and_read_back():
    model = ErrorModel.from_dem(DEM)
    made = model.with_priors(np.array([0.05, 0.4]))
    np.testing.assert_allclose(ErrorModel.from_dem(made).priors, [0.05, 0.4])
    assert [i.targets_copy() for i in made if i.type == "error"] == [i.targets_copy() for i in DEM if i.type == "error"]
    same = [i.args_copy()[0] for i in model.with_priors(model.priors) if i.type == "error"]
    np.testing.assert_allclose(same, [0.1, 0.2, 0.3])


@pytest.mark.parametrize("text", ["error(1) D0", "error(0.1) L0"])
def test_models_that_cannot_be_decoded_are_refused(text):
    with pytest.raises(InvalidValueError, match=r"an error.* must"):
        ErrorModel.from_dem(stim.DetectorErrorModel(text))


def test_wrong_events_flips_and_priors_are_refused():
    model = ErrorModel.from_dem(DEM)
    with pytest.raises(InvalidValueError, match=r"shape \[shots, 4\].*got \(3, 5\)"):
        model.check_events(np.zeros((3, 5)))
    with pytest.raises(InvalidValueError, match="zeros and ones"):
        model.check_events(np.full((3, 4), 2))
    with pytest.raises(InvalidValueError, match=r"shape \[3, 2\].*got \(3,\)"):
        model.check_flips(np.zeros(3), 3)
    with pytest.raises(InvalidValueError, match=r"in \(0, 1/2\), got 0.5"):
        model.with_priors(np.array([0.1, 0.5]))

import stim

from qloop.decoding.elimination import CLOSE, ERROR, eliminate
from qloop.decoding.model import ErrorModel


def surface(distance, rounds):
    return ErrorModel.from_dem(
        stim.Circuit.generated(
            "surface_code:rotated_memory_z", distance=distance, rounds=rounds, after_clifford_depolarization=0.01
        ).detector_error_model()
    )


def test_a_chain_needs_two_open_detectors():
    chain = ErrorModel.from_dem(stim.DetectorErrorModel("".join(f"error(0.1) D{i} D{i + 1}\n" for i in range(9))))
    assert eliminate(chain).width == 2


def test_every_error_is_added_before_its_detectors_close():
    model = surface(3, 3)
    order = eliminate(model)
    closed = set()
    for kind, item in zip(order.kinds, order.items, strict=True):
        if kind == ERROR:
            assert not closed & set(model.symptoms[item][0])
        else:
            closed.add(int(item))
    assert closed == set(range(model.num_detectors))
    assert sorted(order.items[order.kinds == ERROR]) == list(range(model.num_errors))
    assert (order.kinds == CLOSE).sum() == model.num_detectors


def test_the_frontier_does_not_grow_with_rounds():
    assert eliminate(surface(3, 12)).width == eliminate(surface(3, 6)).width <= 9

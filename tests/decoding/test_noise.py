import pytest
import stim
from hypothesis import given, settings
from hypothesis import strategies as st

from qloop.core.errors import InvalidValueError
from qloop.decoding.codes import repetition_code, surface_code
from qloop.decoding.noise import SI1000, UniformNoise

TASKS = ["surface_code:rotated_memory_x", "surface_code:rotated_memory_z", "repetition_code:memory"]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("distance", "rounds"), [(3, 1), (3, 4), (5, 2)])
def test_uniform_noise_is_that_of_stims_generators(task, distance, rounds):
    knobs = (
        "after_clifford_depolarization",
        "after_reset_flip_probability",
        "before_measure_flip_probability",
        "before_round_data_depolarization",
    )
    reference = stim.Circuit.generated(task, distance=distance, rounds=rounds, **dict.fromkeys(knobs, 0.01))
    noisy = UniformNoise(0.01).apply(stim.Circuit.generated(task, distance=distance, rounds=rounds))
    expected = reference.flattened().detector_error_model()
    assert noisy.detector_error_model().approx_equals(expected, atol=1e-12)


def test_si1000_by_hand():
    circuit = stim.Circuit("R 0 1\nTICK\nH 0\nTICK\nCZ 0 1\nTICK\nMR 0\nDETECTOR rec[-1]\nTICK\nMX 1")
    assert SI1000(0.01).apply(circuit) == stim.Circuit("""
        R 0 1
        X_ERROR(0.02) 0 1
        TICK
        H 0
        DEPOLARIZE1(0.001) 0
        DEPOLARIZE1(0.001) 1
        TICK
        CZ 0 1
        DEPOLARIZE2(0.01) 0 1
        TICK
        X_ERROR(0.05) 0
        MR 0
        X_ERROR(0.02) 0
        DETECTOR rec[-1]
        DEPOLARIZE1(0.001) 1
        DEPOLARIZE1(0.02) 1
        TICK
        Z_ERROR(0.05) 1
        MX 1
        DEPOLARIZE1(0.001) 0
        DEPOLARIZE1(0.02) 0
    """)


@settings(max_examples=10, deadline=None)
@given(
    st.sampled_from([3, 5]),
    st.integers(1, 3),
    st.sampled_from("XZ"),
    st.sampled_from([UniformNoise, SI1000]),
    st.floats(0.001, 0.1),
)
def test_the_circuit_below_the_noise_and_its_distance_stay(distance, rounds, basis, kind, p):
    ideal, noisy = surface_code(distance, rounds, basis=basis), surface_code(distance, rounds, kind(p), basis=basis)
    assert noisy.without_noise() == ideal.flattened().without_noise()
    assert len(noisy.shortest_graphlike_error()) == distance
    bit = repetition_code(distance, rounds, kind(p))
    assert len(bit.shortest_graphlike_error()) == distance


def test_gates_that_a_bit_controls_are_free_of_noise():
    circuit = stim.Circuit("CX sweep[0] 1\nM 1\nCX rec[-1] 1")
    assert SI1000(0.1).apply(circuit) == stim.Circuit("CX sweep[0] 1\nX_ERROR(0.5) 1\nM 1\nCX rec[-1] 1")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: UniformNoise(0.8), r"`p` must be in \[0, 0.75\], got 0.8"),
        (lambda: SI1000(-0.1), r"`p` must be in \[0, 0.2\], got -0.1"),
        (lambda: UniformNoise(0.1).apply(stim.Circuit("M(0.1) 0")), "must be without noise"),
        (lambda: SI1000(0.1).apply(stim.Circuit("MPP X0*X1")), "measurements must be of single qubits, got `MPP X0"),
        (lambda: surface_code(4, 1), "`distance` must be odd and at least 3, got 4"),
        (lambda: repetition_code(3, 0), "`rounds` must be at least 1, got 0"),
        (lambda: surface_code(3, 1, basis="Y"), '`basis` must be "X" or "Z", got \'Y\''),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(InvalidValueError, match=message):
        make()

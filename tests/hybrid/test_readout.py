import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp

from qloop.circuits.pauli import PauliSum
from qloop.core.errors import InvalidValueError
from qloop.hybrid.readout import read_outputs


def test_settings_grow_with_bases_and_not_with_terms():
    z = PauliSum.from_labels({"ZII": 1.0, "IZI": 0.5, "ZZZ": 0.25, "IZZ": 2.0, "III": 3.0})
    assert read_outputs(z, 3).bases.tolist() == [[3, 3, 3]]
    assert len(read_outputs([z, PauliSum.from_labels({"XXI": 1.0, "IXX": 0.1})], 3).bases) == 2
    assert read_outputs("Z", 3).bases.tolist() == [[3, 3, 3]]
    assert read_outputs(PauliSum.from_labels({"III": 3.0}), 3).bases.tolist() == [[3, 3, 3]]


def test_outputs_by_hand():
    readout = read_outputs([SparsePauliOp(["ZZ", "II"], [2.0, 1.0]), SparsePauliOp("IZ")], 2)
    frequencies = np.array([[0.5, 0.25, 0.0, 0.25]])
    np.testing.assert_allclose(readout.from_frequencies([frequencies]), [[1 + 2 * 0.5, 0.0]])
    bits = np.array([[0, 0], [0, 0], [1, 0], [1, 1]], np.uint8)
    np.testing.assert_allclose(readout.from_bits([bits]), [2.0, 0.0])
    np.testing.assert_allclose(read_outputs("probabilities", 2).from_bits([bits]), frequencies[0])


def test_bits_and_frequencies_tell_the_same():
    rng = np.random.default_rng(0)
    observables = [PauliSum(4, rng.integers(0, 4, (7, 4), np.uint8), rng.normal(size=7)) for _ in range(3)]
    readout = read_outputs(observables, 4)
    bits = [rng.integers(0, 2, (50, 4)).astype(np.uint8) for _ in readout.bases]
    counts = [np.bincount(part @ [1, 2, 4, 8], minlength=16)[np.newaxis] / 50 for part in bits]
    np.testing.assert_allclose(readout.from_bits(bits), readout.from_frequencies(counts)[0], atol=1e-12)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ("z", "`outputs` cannot be `z`: did you mean `Z`"),
        (SparsePauliOp("ZZZ"), "must act on the 2 measured qubits of the circuit, got one on 3"),
        ([], "at least one observable, got none"),
        (["ZZ"], "must be a `SparsePauliOp` or a `PauliSum`, got `str`"),
        (SparsePauliOp("ZZ", [1j]), "real coefficients"),
    ],
)
def test_bad_outputs(outputs, message):
    with pytest.raises(InvalidValueError, match=message):
        read_outputs(outputs, 2)

"""Quantum kernels for scikit-learn: a circuit takes a case as its angles, and cases are compared by their states."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import get_blas_funcs
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.utils.validation import check_is_fitted, validate_data

from qloop.circuits.pauli import PauliSum
from qloop.circuits.simulate.batch import BatchedCircuit
from qloop.hybrid.circuit import read_circuit
from qloop.hybrid.parameters import assign_roles

FloatArray = NDArray[np.floating[Any]]


class CircuitKernel(TransformerMixin, BaseEstimator):
    """Abstract: a kernel between cases, each the angles of a circuit in radians.

    Works as ``SVC(kernel=kernel)``, and as a transformer to the similarities with the cases it was fitted on.

    Args:
        circuit: a `QuantumCircuit` or a `Program`; parameters whose name starts with x take the columns of a case, in
            natural order.
        weights: values of all other parameters, in the circuit's order.
        dtype: ``"float32"`` or ``"float64"``, the precision of the states.
    """

    circuit: Any
    weights: ArrayLike
    dtype: str

    @abstractmethod
    def gram(self, X: ArrayLike, Y: ArrayLike | None = None) -> FloatArray:
        """Return the similarity of every case of X to every case of Y, by default of X, shape [len(X), len(Y)]."""

    def __call__(self, X: ArrayLike, Y: ArrayLike | None = None) -> FloatArray:
        """Return `gram`, as scikit-learn asks a kernel for it."""
        return self.gram(X, Y)

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Remember the cases that `transform` compares with."""
        self.cases_ = validate_data(self, X, dtype=np.dtype(self.dtype))
        return self

    def transform(self, X: ArrayLike) -> FloatArray:
        """Return the similarity of every case to those of `fit`."""
        check_is_fitted(self)
        return self.gram(validate_data(self, X, dtype=np.dtype(self.dtype), reset=False), self.cases_)

    def _compile(self, observables: Sequence[PauliSum] | None = None) -> BatchedCircuit:
        program = read_circuit(self.circuit)
        roles = assign_roles(program.parameters, None)
        return BatchedCircuit(program, observables, inputs=roles.inputs, dtype=np.dtype(self.dtype))


class FidelityKernel(CircuitKernel):
    """The squared overlap of two cases' states, between 0 and 1; all states are computed once.

    Source: Havlicek et al., arXiv:1804.11326; Schuld and Killoran, arXiv:1803.07128.
    """

    def __init__(self, circuit: Any = None, weights: ArrayLike = (), dtype: str = "float32") -> None:
        self.circuit = circuit
        self.weights = weights
        self.dtype = dtype

    def gram(self, X: ArrayLike, Y: ArrayLike | None = None) -> FloatArray:
        """Return the squared overlaps, shape [len(X), len(Y)]; without Y those of X with itself.

        Raises:
            InvalidValueError: a wrong number of columns or weights, values that are not finite, or more memory than
                there is.
        """
        circuit = self._compile()
        left = circuit.states(X, self.weights)
        if Y is not None and Y is not X:
            return _squared(left.conj() @ circuit.states(Y, self.weights).T)
        # Half of a Hermitian matrix is half of the work.
        (herk,) = get_blas_funcs(("herk",), (left,))
        low = np.tril(_squared(herk(1.0, left.T, trans=2, lower=True)))
        return low + np.tril(low, -1).T


class ProjectedKernel(CircuitKernel):
    """A Gaussian of the distance between two cases' one-qubit reduced states.

    Args:
        circuit: see `CircuitKernel`.
        weights: see `CircuitKernel`.
        gamma: factor of the squared Frobenius distance, summed over qubits.
        dtype: see `CircuitKernel`.

    Source: Huang et al., arXiv:2011.01938, equation 9.
    """

    def __init__(
        self, circuit: Any = None, weights: ArrayLike = (), gamma: float = 1.0, dtype: str = "float32"
    ) -> None:
        self.circuit = circuit
        self.weights = weights
        self.gamma = gamma
        self.dtype = dtype

    def features(self, X: ArrayLike) -> FloatArray:
        """Return X, Y and Z of every measured qubit, shape [cases, 3 num_outputs]."""
        outputs = range(len(read_circuit(self.circuit).outputs))
        paulis = [PauliSum.from_terms(len(outputs), [(letter, (q,), 1.0)]) for q in outputs for letter in "XYZ"]
        circuit = self._compile(paulis)
        return circuit.values(X, self.weights)

    def gram(self, X: ArrayLike, Y: ArrayLike | None = None) -> FloatArray:
        """Return the similarities, shape [len(X), len(Y)]; without Y those of X with itself."""
        left = self.features(X)
        right = left if Y is None or Y is X else self.features(Y)
        # The squared distance of two one-qubit states is half that of their Bloch vectors.
        return rbf_kernel(left, right, gamma=self.gamma / 2)


def _squared(overlaps: NDArray[np.complexfloating]) -> FloatArray:
    return overlaps.real**2 + overlaps.imag**2

"""From settings to a `Problem`: integrals, mapping and circuits, each remembered under its content."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qloop.apps.chemistry.ansatz import Grown, Optimum, build_ansatz
from qloop.apps.chemistry.design import Brief, Circuit, Compiler, Design, finish_design, plain_circuit, search_circuit
from qloop.apps.chemistry.integrals import ActiveSpace, compute_curve, count_orbitals
from qloop.apps.chemistry.mapping import QubitCurve, map_curve
from qloop.apps.chemistry.molecule import Molecule, parse_atoms, read_xyz
from qloop.apps.chemistry.settings import ChemistrySettings
from qloop.apps.chemistry.stages import anchor_geometries
from qloop.apps.chemistry.state import Problem
from qloop.core.errors import InvalidValueError
from qloop.core.memo import Memo, Value, content_key, remembered
from qloop.core.progress import Event, Progress
from qloop.core.rng import make_rng
from qloop.devices.catalog import load_device
from qloop.devices.device import Device

FloatArray = NDArray[np.float64]
MAX_QUBITS = 10
"""Widest tapered register whose noise is simulated and whose measurement is planned over all outcomes."""


def read_molecule(settings: ChemistrySettings) -> Molecule:
    """Return the molecule of the settings.

    Raises:
        InvalidValueError: neither or both of `atoms` and `xyz`, or atoms that make no molecule.
    """
    table = settings.molecule
    if bool(table.atoms) == (table.xyz is not None):
        raise InvalidValueError("`molecule` needs either `atoms` or `xyz`, and not both.")
    if table.xyz is not None:
        return read_xyz(table.xyz, table.unit, table.charge, table.spin)
    return parse_atoms(table.atoms, table.unit, table.charge, table.spin)


def geometries(settings: ChemistrySettings) -> tuple[FloatArray, list[Molecule]]:
    """Return the distances in angstrom and the molecule at each.

    Raises:
        InvalidValueError: the scan does not go upwards or names atoms that do not exist.
    """
    scan = settings.scan
    if scan.stop <= scan.start:
        raise InvalidValueError(f"`scan.stop` must exceed `scan.start`, got {scan.stop} and {scan.start}.")
    molecule = read_molecule(settings)
    grid = np.linspace(scan.start, scan.stop, scan.points)
    return grid, [molecule.with_bond(scan.bond, length, scan.move) for length in grid]


def build_problem(settings: ChemistrySettings, seed: int, memo: Memo, progress: Progress) -> tuple[Problem, Device]:
    """Compute what does not depend on the machine's hidden state.

    Args:
        settings: validated settings.
        seed: of the encoding search.
        memo: remembers integrals and circuits.
        progress: told of both.

    Returns:
        The problem, and the published device.

    Raises:
        InvalidValueError: a molecule, basis, active space or device that does not exist or fit.
    """
    device = load_device(settings.device.name)
    shots = settings.shots
    shares = shots.reference_share + shots.clifford_share + shots.readout_share
    if shares > 0.5:
        raise InvalidValueError(f"the shares of `shots` must add up to at most 0.5, they add up to {shares:.2g}.")
    grid, molecules = geometries(settings)
    frozen = molecules[0].num_core_orbitals if settings.molecule.frozen_core else 0
    active = (settings.active.electrons, settings.active.orbitals) if any(_active(settings)) else None
    orbitals = active[1] if active else count_orbitals(molecules[0], settings.molecule.basis) - frozen
    # At least: alpha and beta parity and the three mirror planes of D2h are all that can be tapered off.
    _check_size(2 * orbitals - 5, device)
    key = content_key("integrals", *_identity(molecules), settings.molecule.basis, frozen, list(active or ()))
    spaces = _spaces_from_value(
        remembered(
            memo,
            key,
            lambda: _spaces_to_value(
                compute_curve(
                    molecules,
                    settings.molecule.basis,
                    frozen,
                    active,
                    lambda done: progress(Event(stage="integrals", text="molecule", done=done, total=len(grid))),
                )
            ),
        )
    )
    curve = map_curve(spaces, settings.mapping)
    _check_size(curve.num_qubits, device)
    if len(curve.valid) < 2:
        raise InvalidValueError("Hartree-Fock is exact for this molecule: no other determinant has its symmetry.")
    designs = _Designs(curve, spaces, device, settings, seed, memo, progress, key)
    problem = Problem(
        grid=grid,
        spaces=tuple(spaces),
        design=designs,
        shots=settings.shots,
        target_ha=settings.scan.target_mha / 1000,
        optimise_on=settings.optimise_on,
    )
    return problem, device


class _Designs:
    """Circuits by (encoding searched?, compiler), made when first asked for and then kept."""

    def __init__(
        self,
        curve: QubitCurve,
        spaces: Sequence[ActiveSpace],
        device: Device,
        settings: ChemistrySettings,
        seed: int,
        memo: Memo,
        progress: Progress,
        key: str,
    ) -> None:
        self.curve, self.device, self.seed = curve, device, seed
        self.memo, self.progress = memo, progress
        self.anchors = anchor_geometries(len(spaces))
        self.brief = Brief(
            curve=curve,
            anchors=self.anchors,
            exact_ha=np.array([spaces[k].energies["FCI"] for k in self.anchors]),
            tolerance_ha=settings.tolerance_mha / 1000,
            device=device,
            shots=settings.shots.per_geometry,
        )
        self.key = (key, settings.mapping, settings.tolerance_mha, device.name, device.calibrated, self.brief.shots)
        self.circuits: dict[bool, Circuit] = {}
        self.designs: dict[tuple[bool, Compiler], Design] = {}

    def __call__(self, searched: bool, how: Compiler) -> Design:
        if (searched, how) not in self.designs:
            circuit = self._circuit(searched)
            self.designs[searched, how] = finish_design(self.curve, circuit, self.anchors, self.device, how)
        return self.designs[searched, how]

    def _circuit(self, searched: bool) -> Circuit:
        if searched not in self.circuits:
            key = content_key("circuit", *self.key, searched, self.seed if searched else 0)
            value = remembered(self.memo, key, lambda: self._make(searched))
            self.circuits[searched] = _circuit_from_value(value, self.curve)
        return self.circuits[searched]

    def _make(self, searched: bool) -> Value:
        self.progress(Event(stage="design", text="searching encodings" if searched else "growing the plain ansatz"))
        found = search_circuit(self.brief, make_rng(self.seed, "encoding")) if searched else plain_circuit(self.brief)
        return _circuit_to_value(found)


def _check_size(num_qubits: int, device: Device) -> None:
    most = min(MAX_QUBITS, device.num_qubits)
    if num_qubits > most:
        raise InvalidValueError(
            f"the curve needs {num_qubits} or more qubits after tapering, at most {most} can be run on `{device.name}` "
            "here: choose a smaller active space."
        )


def _active(settings: ChemistrySettings) -> tuple[int, int]:
    electrons, orbitals = settings.active.electrons, settings.active.orbitals
    if bool(electrons) != bool(orbitals):
        raise InvalidValueError(f"`active` needs both `electrons` and `orbitals`, got {electrons} and {orbitals}.")
    return electrons, orbitals


def _identity(molecules: Sequence[Molecule]) -> list[Any]:
    first = molecules[0]
    return [list(first.symbols), first.charge, first.spin, np.array([m.coordinates for m in molecules])]


def _spaces_to_value(spaces: Sequence[ActiveSpace]) -> Value:
    return {
        "one_body": np.array([space.one_body for space in spaces]),
        "two_body": np.array([space.two_body for space in spaces]),
        "constant": [space.constant for space in spaces],
        "electrons": list(spaces[0].electrons),
        "energies": [space.energies for space in spaces],
        "doubtful": [space.doubtful for space in spaces],
    }


def _spaces_from_value(value: Value) -> list[ActiveSpace]:
    alpha, beta = value["electrons"]
    columns = (value[name] for name in ("one_body", "two_body", "constant", "energies", "doubtful"))
    return [
        ActiveSpace(
            one_body=one, two_body=two, constant=constant, electrons=(alpha, beta), energies=energies, doubtful=doubtful
        )
        for one, two, constant, energies, doubtful in zip(*columns, strict=True)
    ]


def _circuit_to_value(circuit: Circuit) -> Value:
    grown = circuit.grown
    return {
        "matrix": circuit.matrix,
        "operators": grown.operators,
        "values": np.array([optimum.values for optimum in grown.optima]),
        "energies": grown.energies_ha,
        "evaluations": [optimum.evaluations for optimum in grown.optima],
        "curvature": np.array([optimum.curvature for optimum in grown.optima]),
        "reached": grown.reached,
        "gates": circuit.gates,
        "predicted_ha": circuit.predicted_ha,
        "tried": circuit.tried,
    }


def _circuit_from_value(value: Value, curve: QubitCurve) -> Circuit:
    columns = (value[name] for name in ("values", "energies", "evaluations", "curvature"))
    optima = tuple(
        Optimum(values=values, energy_ha=float(energy), evaluations=evaluations, curvature=curvature)
        for values, energy, evaluations, curvature in zip(*columns, strict=True)
    )
    reference = curve.reference @ value["matrix"].T % 2
    grown = Grown(
        program=build_ansatz(reference, value["operators"]),
        operators=value["operators"],
        optima=optima,
        reached=value["reached"],
    )
    rest = {name: value[name] for name in ("gates", "predicted_ha", "tried")}
    return Circuit(matrix=value["matrix"], grown=grown, **rest)

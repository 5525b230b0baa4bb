"""Settings of the task kind ``chemistry``: every table and key of its TOML file."""

from pathlib import Path
from typing import Literal

from qloop.core.settings import REQUIRED, setting, settings


@settings
class MoleculeSettings:
    """Atoms, basis and electrons."""

    name: str = setting("molecule", "name for reports")
    atoms: str = setting("", 'atoms written "Li 0 0 0; H 0 0 1.6"')
    xyz: Path | None = setting(None, "xyz file, instead of `atoms`")
    unit: Literal["angstrom", "bohr"] = setting("angstrom", "unit of the coordinates")
    basis: str = setting("sto-3g", "Gaussian basis, by PySCF's names")
    charge: int = setting(0, "total charge", unit="e")
    spin: int = setting(0, "number of unpaired electrons, 2S", ge=0)
    frozen_core: bool = setting(True, "leave the core orbitals out")


@settings
class ActiveSettings:
    """Active space; both zero take everything that is not frozen."""

    electrons: int = setting(0, "electrons in the active space", ge=0)
    orbitals: int = setting(0, "spatial orbitals in the active space", ge=0)


@settings
class ScanSettings:
    """Geometries along a curve."""

    bond: tuple[int, int] = setting((0, 1), "the two atoms whose distance is scanned, counted from 0")
    move: Literal["atom", "scale"] = setting("atom", "move the second atom, or scale the whole molecule")
    start: float = setting(REQUIRED, "first distance", unit="angstrom", gt=0)
    stop: float = setting(REQUIRED, "last distance", unit="angstrom", gt=0)
    points: int = setting(9, "number of geometries", ge=3, le=200)
    target_mha: float = setting(0.0, "stop when every half width is below this; 0 measures all", unit="mHa", ge=0)


@settings
class DeviceSettings:
    """Where the circuits run, and how the simulated machine differs from its published calibration."""

    name: str = setting("FakeTorino", "calibration snapshot, or a device of `qloop list devices`")
    drift: float = setting(0.3, "spread of the logarithm of errors and times since the calibration", ge=0, le=2)
    coherent: float = setting(0.0, "spread of a fixed ZZ angle per two-qubit gate", unit="rad", ge=0, le=1)
    crosstalk: float = setting(0.0, "spread of the spectator ZZ rate", unit="rad/us", ge=0, le=100)
    idling: bool = setting(True, "waiting qubits relax")


@settings
class ShotSettings:
    """The budget, spent on everything that is measured."""

    per_geometry: int = setting(100_000, "shots a geometry, references included", ge=1000, le=100_000_000)
    reference_share: float = setting(0.10, "share for the Hartree-Fock reference", ge=0.001, le=0.5)
    clifford_share: float = setting(0.10, "share for the Clifford references", ge=0.001, le=0.5)
    readout_share: float = setting(0.02, "share for the readout calibration", ge=0.001, le=0.5)


@settings
class PartSettings:
    """A switch for every part of the loop."""

    warm_start: bool = setting(True, "start parameters from a spline through solved geometries")
    allocation: bool = setting(
        True, "split coefficients over settings, spread shots by the nearest geometry's variances"
    )
    encoding: bool = setting(True, "search the qubit encoding")
    placement: bool = setting(True, "search seeds and placements by predicted success")
    readout: bool = setting(True, "calibrate the readout where the channel is off")
    channel: bool = setting(True, "learn a noise channel at Clifford references")
    reference: bool = setting(True, "subtract the error seen at the Hartree-Fock reference")
    postselection: bool = setting(True, "keep outcomes with the right number of electrons")
    extrapolation: bool = setting(False, "extrapolate to zero noise from folded circuits")
    gate: bool = setting(True, "leave the default correction on significant evidence")
    process: bool = setting(True, "smooth the curve by a Gaussian process")
    model_error: bool = setting(True, "widen intervals by a model error learned on simulated twins")


@settings
class LedgerSettings:
    """How the ledger is measured."""

    repeats: int = setting(8, "paired re-runs on fresh worlds; 0 skips the ledger", ge=0, le=1000)
    twins: int = setting(64, "simulated twins that teach the model error", ge=8, le=1000)


@settings
class ChemistrySettings:
    """An energy curve of a molecule on a noisy device."""

    molecule: MoleculeSettings = setting(REQUIRED, "the molecule")
    active: ActiveSettings = setting(ActiveSettings, "the active space")
    scan: ScanSettings = setting(REQUIRED, "the geometries")
    device: DeviceSettings = setting(DeviceSettings, "the device")
    shots: ShotSettings = setting(ShotSettings, "the shots")
    parts: PartSettings = setting(PartSettings, "the switches")
    ledger: LedgerSettings = setting(LedgerSettings, "the ledger")
    mapping: Literal["jordan_wigner", "parity"] = setting(
        "jordan_wigner", "mapping where the encoding is not searched; symmetries are tapered off either"
    )
    tolerance_mha: float = setting(
        2.0, "how far the ansatz may stay above the exact energy at the geometries it is grown on", unit="mHa", gt=0
    )
    optimise_on: Literal["exact", "device"] = setting(
        "exact", "where parameters are optimised: exact simulation, or the device by SPSA"
    )

"""The switchable parts of the loop, as the ledger prints them."""

from qloop.core.ledger import Part
from qloop.mitigation import channel, extrapolation, readout

PARTS = (
    Part(
        name="warm_start",
        stage="prepare",
        nature="learns",
        does="starts parameters and curvature from a spline through solved geometries",
        off="starts from the nearest solved geometry",
    ),
    Part(
        name="allocation",
        stage="prepare",
        nature="learns",
        does="splits coefficients over the settings that see them, spreads shots by the nearest geometry's spreads",
        off="each Pauli string in one setting, shots by the size of the coefficients (L2)",
        references=(
            "Shot allocation by variances: Crawford et al., arXiv:1908.06942",
            "Coefficient splitting: Yen, Ganeshram and Izmaylov, arXiv:2201.01471",
        ),
    ),
    Part(
        name="encoding",
        stage="design",
        nature="searches",
        does="searches the qubit encoding for fewer two-qubit gates",
        off="the mapping of the settings with Z2 symmetries tapered off",
        references=(
            "Tapering: Bravyi et al., arXiv:1701.08213",
            "qubit-ADAPT: Tang et al., arXiv:1911.10205",
            "Linear encodings: Steudtner and Wehner, arXiv:1712.07067",
        ),
    ),
    Part(
        name="placement",
        stage="design",
        nature="searches",
        does="searches transpiler seeds and placements by predicted success",
        off="Qiskit's level 2, which already places by reported errors",
        references=("mapomatic: Nation and Treinish, arXiv:2209.15512",),
    ),
    Part(
        name="readout",
        stage="correct",
        nature="textbook",
        does="calibrates every qubit's readout; used where the channel is off, and as the gate's alternative",
        off="reads bits as they come",
        references=(readout.REFERENCE,),
    ),
    Part(
        name="channel",
        stage="correct",
        nature="learns",
        does="learns three numbers a qubit at Clifford references that all geometries share",
        off="readout calibration alone",
        references=(channel.REFERENCE,),
    ),
    Part(
        name="reference",
        stage="correct",
        nature="textbook",
        does="subtracts the error seen at the Hartree-Fock state",
        off="takes energies as they come",
        references=("Reference-state error mitigation: Lolur et al., arXiv:2203.14756",),
    ),
    Part(
        name="postselection",
        stage="correct",
        nature="textbook",
        does="keeps outcomes with the right number of electrons where the setting shows it",
        off="keeps every outcome",
        references=("Symmetry verification: Bonet-Monroig et al., arXiv:1807.10050",),
    ),
    Part(
        name="extrapolation",
        stage="correct",
        nature="textbook",
        does="extrapolates linearly to zero noise from circuits folded three times",
        off="no folding",
        references=(extrapolation.REFERENCE,),
    ),
    Part(
        name="gate",
        stage="correct",
        nature="learns",
        does="leaves the default correction when held-out references say so",
        off="always the default correction",
    ),
    Part(
        name="process",
        stage="interpret",
        nature="learns",
        does="smooths E - E_HF by a Gaussian process, hyperparameters integrated out, and picks the next geometries",
        off="the points themselves, geometries in order",
        references=("Gaussian processes: Rasmussen and Williams (2006)",),
    ),
    Part(
        name="model_error",
        stage="interpret",
        nature="learns",
        does="widens intervals by a model error learned on simulated twins of the job",
        off="intervals of shot noise and fit alone",
    ),
)
NAMES = frozenset(part.name for part in PARTS)

"""Settings of the task kind ``classify``: every table and key of its TOML file."""

from pathlib import Path
from typing import Literal

from qloop.core.settings import REQUIRED, setting, settings


@settings
class DataSettings:
    """Cases and their classes."""

    name: Literal["", "digits", "breast_cancer"] = setting("", "a set that comes with scikit-learn")
    file: Path | None = setting(None, "a table, instead of `name`: .csv with a header, .parquet or .npz")
    target: str = setting("", "the file's column, or array, that holds the class; all others must be numbers")
    classes: tuple[int | str, ...] = setting((), "classes to tell apart; empty takes all")
    same_unit: bool = setting(False, "the file's columns share one unit, as pixels do, and are scaled together")
    test_share: float = setting(0.25, "share of the cases that nothing is learned from", ge=0.05, le=0.9)


@settings
class ModelSettings:
    """The hybrid: an encoder that compresses to angles, a circuit, a head that interprets."""

    num_qubits: int = setting(8, "qubits of the circuit, one angle each; at most the number of columns", ge=1)
    encoder: Literal["pca", "autoencoder", "denoiser", "selection"] = setting("pca", "what compresses to angles")
    circuit: Literal["hardware_efficient", "reupload", "iqp", "brickwork"] = setting(
        "hardware_efficient", "the circuit, of which the Z of every qubit is measured"
    )
    layers: int = setting(3, "layers of the circuit", ge=1, le=100)
    head: Literal["linear", "mlp"] = setting("linear", "what turns outputs into classes")


@settings
class TrainingSettings:
    """How a model is trained; a fifth of the training cases decides when to stop."""

    epochs: int = setting(100, "most passes over the training cases", ge=1, le=100_000)
    batch_size: int = setting(32, "cases per step", ge=1)
    learning_rate: float = setting(0.02, "step size of Adam", gt=0)
    patience: int = setting(20, "epochs without a lower validation loss before the training stops", ge=1)


@settings
class PartSettings:
    """A switch for every part of the hybrid."""

    encoder: bool = setting(True, "learn the encoder")
    entanglement: bool = setting(True, "let two-qubit gates entangle")
    weights: bool = setting(True, "train the circuit's weights")
    head: bool = setting(True, "train the head")


@settings
class AblationSettings:
    """How the twins are measured, and with them the ledger."""

    seeds: int = setting(5, "paired trainings of every model; 0 skips twins, verdict and ledger", ge=0, le=1000)
    trials: int = setting(2, "settings tried for every model before it is compared", ge=1, le=100)


@settings
class ClassifySettings:
    """A classifier with a quantum circuit inside, beside its classical twins."""

    data: DataSettings = setting(REQUIRED, "the cases")
    model: ModelSettings = setting(ModelSettings, "the hybrid")
    training: TrainingSettings = setting(TrainingSettings, "the training")
    parts: PartSettings = setting(PartSettings, "the switches")
    ablation: AblationSettings = setting(AblationSettings, "the twins")

"""Google's layout of 2022: a folder per memory experiment with ``properties.yml``, all files side by side.

Source: arXiv:2207.06431, doi:10.5281/zenodo.6804040.
"""

import re
from pathlib import Path, PurePosixPath

from qloop.core.errors import InvalidValueError
from qloop.datasets.memory import Files, Memory, experiment_files, first_file, named_files


def find_memories(path: Path) -> tuple[Memory, ...]:
    """Return the memory experiments in a folder or zip archive, small codes and few rounds first.

    The models ``pij_from_even_for_odd`` and ``pij_from_odd_for_even`` were fitted to halves of these shots: each serves
    only the shots (numbered from 0) of the other half.

    Raises:
        InvalidValueError: there is none, or its properties are not as published.
    """
    memories = [_read(folder, files) for folder, files in experiment_files(path, "properties.yml").items()]
    return tuple(sorted(memories, key=lambda memory: (memory.distance, memory.rounds, memory.name)))


def _read(folder: str, files: Files) -> Memory:
    text = files["properties.yml"].read_text(encoding="utf-8")
    stated = dict(re.findall(r"^(\w+): *(\w+)", text, re.MULTILINE))
    for name in ("distance", "rounds", "basis", "shots"):
        if name not in stated:
            raise InvalidValueError(f"`{folder}properties.yml` must state `{name}`.")
    row, column = stated.get("center_data_qubit_row"), stated.get("center_data_qubit_col")
    flips = "obs_flips_actual"
    return Memory(
        name=PurePosixPath(folder).name,
        distance=int(stated["distance"]),
        rounds=int(stated["rounds"]),
        basis=stated["basis"],
        centre=(int(row), int(column)) if row and column else None,
        published_shots=int(stated["shots"]),
        detection_file=first_file(folder, files, "detection_events.b8"),
        flip_file=first_file(folder, files, f"{flips}.01", f"{flips}.b8", f"{flips}.npy"),
        prediction_files=named_files(files, "obs_flips_predicted_by_"),
        circuit_files=named_files(files, "circuit_", ".stim"),
        dem_files=named_files(files, "", ".dem"),
    )

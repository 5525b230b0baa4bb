"""Google's layout of 2022: a folder per memory experiment with ``properties.yml``, all files side by side.

Source: arXiv:2207.06431, doi:10.5281/zenodo.6804040.
"""

import re
from pathlib import Path

from qloop.core.errors import InvalidValueError
from qloop.datasets.memory import Memory, Place, find_rows, folders_with, named_files


def find_memories(path: Path) -> tuple[Memory, ...]:
    """Return the memory experiments in a folder or zip archive, small codes and few rounds first.

    The models ``pij_from_even_for_odd`` and ``pij_from_odd_for_even`` were fitted to halves of these shots: each serves
    only the shots (numbered from 0) of the other half.

    Raises:
        InvalidValueError: there is none, or its properties are not as published.
    """
    memories = [_read(folder) for folder in folders_with(path, "properties.yml")]
    return tuple(sorted(memories, key=lambda memory: (memory.distance, memory.rounds, memory.name)))


def _read(folder: Place) -> Memory:
    file = folder / "properties.yml"
    stated = dict(re.findall(r"^(\w+): *(\w+)", file.read_text(encoding="utf-8"), re.MULTILINE))
    missing = [name for name in ("distance", "rounds", "basis", "shots") if name not in stated]
    if missing:
        raise InvalidValueError(f"`{file}` must state `{missing[0]}`.")
    centre = "center_data_qubit_row", "center_data_qubit_col"
    return Memory(
        name=folder.name,
        distance=int(stated["distance"]),
        rounds=int(stated["rounds"]),
        basis=stated["basis"],
        centre=(int(stated[centre[0]]), int(stated[centre[1]])) if centre[0] in stated else None,
        published_shots=int(stated["shots"]),
        detection_file=folder / "detection_events.b8",
        flip_file=find_rows(folder, "obs_flips_actual"),
        prediction_files=named_files(folder, "obs_flips_predicted_by_"),
        circuit_files=named_files(folder, "circuit_", ".stim"),
        dem_files=named_files(folder, "", ".dem"),
    )

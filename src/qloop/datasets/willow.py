"""Google's layout of 2024: ``[sample/]patch/basis/rounds/`` with ``metadata.json`` and a folder per decoder.

Source: arXiv:2408.13687, doi:10.5281/zenodo.13273331.
"""

import json
import re
from pathlib import Path

from qloop.core.errors import InvalidValueError
from qloop.datasets.memory import Memory, Place, entries, find_rows, folders_with, named_files

_NAME = re.compile(r"(?<![^/])(?:(?:sample_\d+|d\d+_at_q(\d+)_(\d+)|[XZ]|r\d+)(?:/|$))+$")


def find_memories(path: Path) -> tuple[Memory, ...]:
    """Return the memory experiments in a folder or zip archive, small codes and few rounds first.

    Raises:
        InvalidValueError: there is none, or its metadata are not as published.
    """
    memories = [_read(folder) for folder in folders_with(path, "metadata.json")]
    return tuple(sorted(memories, key=lambda memory: (memory.distance, memory.rounds, memory.name)))


def _read(folder: Place) -> Memory:
    file = folder / "metadata.json"
    try:
        stated = json.loads(file.read_text(encoding="utf-8"))
        # The repetition codes call their rounds cycles.
        distance, rounds = int(stated["distance"]), int(stated.get("rounds") or stated["cycles"])
        basis, shots = str(stated["basis"]), int(stated["shots"])
    except KeyError as error:
        raise InvalidValueError(f"`{file}` must state {error}.") from None
    except (ValueError, TypeError, AttributeError):
        raise InvalidValueError(f"`{file}` must be metadata as JSON.") from None
    name = _NAME.search(str(folder).rstrip("/"))
    results = folder / "decoding_results"
    decoders = entries(results) if results.exists() else []
    predicted = {decoder.name: decoder / "obs_flips_predicted.b8" for decoder in decoders}
    models = {decoder.name: decoder / "error_model.dem" for decoder in decoders}
    return Memory(
        name=name[0] if name else folder.name,
        distance=distance,
        rounds=rounds,
        basis=basis,
        centre=(int(name[1]), int(name[2])) if name and name[1] else None,
        published_shots=shots,
        detection_file=folder / "detection_events.b8",
        flip_file=find_rows(folder, "obs_flips_actual"),
        # Not every decoder was run on every experiment.
        prediction_files={decoder: place for decoder, place in predicted.items() if place.exists()},
        circuit_files=named_files(folder, "circuit_", ".stim"),
        dem_files={decoder: place for decoder, place in models.items() if place.exists()},
    )

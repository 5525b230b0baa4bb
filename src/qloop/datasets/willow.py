"""Google's layout of 2024: ``[sample/]patch/basis/rounds/`` with ``metadata.json`` and a folder per decoder.

Source: arXiv:2408.13687, doi:10.5281/zenodo.13273331.
"""

import json
import re
from pathlib import Path, PurePosixPath

from qloop.core.errors import InvalidValueError
from qloop.datasets.memory import Files, Memory, experiment_files, first_file, named_files

_NAME = re.compile(r"(?<![^/])(?:(?:sample_\d+|d\d+_at_q(\d+)_(\d+)|[XZ]|r\d+)(?:/|$))+$")


def find_memories(path: Path) -> tuple[Memory, ...]:
    """Return the memory experiments in a folder or zip archive, small codes and few rounds first.

    Raises:
        InvalidValueError: there is none, or its metadata are not as published.
    """
    memories = [_read(folder, files) for folder, files in experiment_files(path, "metadata.json").items()]
    return tuple(sorted(memories, key=lambda memory: (memory.distance, memory.rounds, memory.name)))


def _read(folder: str, files: Files) -> Memory:
    try:
        stated = json.loads(files["metadata.json"].read_text(encoding="utf-8"))
        # The repetition codes call their rounds cycles.
        distance, rounds = int(stated["distance"]), int(stated.get("rounds") or stated["cycles"])
        basis, shots = str(stated["basis"]), int(stated["shots"])
    except KeyError as error:
        raise InvalidValueError(f"`{folder}metadata.json` must state {error}.") from None
    except (ValueError, TypeError, AttributeError):
        raise InvalidValueError(f"`{folder}metadata.json` must be metadata as JSON.") from None
    name = _NAME.search(folder.rstrip("/"))
    return Memory(
        name=name[0] if name else PurePosixPath(folder).name,
        distance=distance,
        rounds=rounds,
        basis=basis,
        centre=(int(name[1]), int(name[2])) if name and name[1] else None,
        published_shots=shots,
        detection_file=first_file(folder, files, "detection_events.b8"),
        flip_file=first_file(folder, files, "obs_flips_actual.b8"),
        # Not every decoder was run on every experiment.
        prediction_files=named_files(files, "decoding_results/", "/obs_flips_predicted.b8"),
        circuit_files=named_files(files, "circuit_", ".stim"),
        dem_files=named_files(files, "decoding_results/", "/error_model.dem"),
    )

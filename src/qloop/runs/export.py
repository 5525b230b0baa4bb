"""A run outside the store: JSON, arrays and the report, for other tools and for keeping."""

import io
import json
import math
import shutil
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from qloop.core.errors import InvalidValueError
from qloop.core.page import page_to_json
from qloop.runs.atomic import write_atomic
from qloop.runs.npz import write_arrays
from qloop.runs.page import render
from qloop.runs.run import Run


def export(run: Run, path: Path) -> None:
    """Write a run outside the store, whole or not at all.

    Args:
        run: a finished run.
        path: a new file ``*.json`` for everything but arrays and report; a new file ``*.zip`` or otherwise a new folder
            for ``run.json``, ``arrays.npz`` and ``report.html``.

    Raises:
        InvalidValueError: the path exists or cannot be written.
    """
    if path.exists():
        raise InvalidValueError(f"`{path}` exists and stays as it is: choose another name.")
    try:
        if path.suffix == ".json":
            with write_atomic(path) as file:
                file.write(_json_bytes(run))
        elif path.suffix == ".zip":
            with write_atomic(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, content in _files(run):
                    archive.writestr(name, content)
        else:
            _write_folder(run, path)
    except OSError as error:
        raise InvalidValueError(f"cannot write `{path}`: {error.strerror}.") from error


def run_to_json(run: Run) -> dict[str, Any]:
    """Return everything but the arrays as values of standard JSON; what is no number there becomes null."""
    answer = run.answer
    data = {
        **asdict(run.entry),
        "answer": answer.values,
        "ledger": answer.ledger.to_json(),
        "page": page_to_json(answer.page),
        "references": list(answer.references),
        "timings": answer.timings,
        "arrays": sorted(answer.arrays),
    }
    return {key: finite(value) for key, value in data.items()}


def finite(value: Any) -> Any:
    """Return JSON values with `None` for what JSON cannot say: infinite interval ends and missing numbers."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _json_bytes(run: Run) -> bytes:
    return json.dumps(run_to_json(run), indent=1, allow_nan=False).encode()


def _files(run: Run) -> Iterator[tuple[str, bytes]]:
    yield "run.json", _json_bytes(run)
    if run.answer.arrays:
        arrays = io.BytesIO()
        write_arrays(arrays, {name: np.asarray(array) for name, array in run.answer.arrays.items()})
        yield "arrays.npz", arrays.getvalue()
    yield "report.html", render(run).encode()


def _write_folder(run: Run, path: Path) -> None:
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        temporary.mkdir()
        for name, content in _files(run):
            (temporary / name).write_bytes(content)
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)

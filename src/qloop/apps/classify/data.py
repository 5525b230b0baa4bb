"""Cases with their classes: from a table in a file, or from scikit-learn."""

import csv
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qloop.apps.classify.settings import DataSettings
from qloop.core.errors import InvalidValueError, import_extra, nearest
from qloop.core.rng import make_rng
from qloop.core.splits import Split

Columns = Mapping[str, NDArray[Any]]
FEWEST = 10
"""Cases that every class needs: fewer leave a side of a split without it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Cases:
    """What is to be told apart.

    Args:
        name: of the set.
        inputs: shape [cases, columns].
        labels: index of each case's class.
        classes: name of each class.
        columns: name of each column.
        same_unit: whether the columns share one unit.
    """

    name: str
    inputs: NDArray[np.float64]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    columns: tuple[str, ...]
    same_unit: bool


def load_cases(settings: DataSettings) -> Cases:
    """Return the cases that the settings name.

    Raises:
        InvalidValueError: no set or two, a file that is missing or cannot be read, a target that is no column, a value
            that is no finite number, an unknown class, a single class, or a class with too few cases.
        MissingExtraError: a Parquet file without PyArrow.
    """
    if bool(settings.name) == (settings.file is not None):
        raise InvalidValueError("`data` takes one of `name` and `file`, got " + ("both." if settings.name else "none."))
    if settings.file is None:
        name, columns, targets = _from_scikit_learn(settings.name)
    else:
        name = settings.file.stem
        columns, targets = _from_file(settings.file, settings.target)
    if not columns:
        raise InvalidValueError(f"`{name}` has no column beside the target.")
    inputs = np.column_stack([_numbers(column, values) for column, values in columns.items()])
    kept, labels, classes = _choose([_class_name(value) for value in targets], [str(c) for c in settings.classes])
    return Cases(
        name=name,
        inputs=inputs[kept],
        labels=labels,
        classes=classes,
        columns=tuple(columns),
        same_unit=settings.same_unit or settings.name == "digits",
    )


def split_cases(labels: NDArray[np.int64], share: float, seed: int, *path: str) -> Split:
    """Draw the cases to hold out, the classes on both sides as evenly as they come.

    Args:
        labels: index of each case's class.
        share: of the cases that are held out.
        seed: which ones.
        path: name of the draw.
    """
    shuffled = make_rng(seed, "split", *path).permutation(len(labels))
    ordered = shuffled[np.argsort(labels[shuffled], kind="stable")]
    # Every class runs through the line once; equal steps take the same share of each.
    tested = np.diff(np.floor(share * np.arange(len(labels) + 1) + 0.5)) > 0
    return Split(np.sort(ordered[~tested]), np.sort(ordered[tested]))


def _from_scikit_learn(name: str) -> tuple[str, Columns, Sequence[Any]]:
    from sklearn import datasets

    loaded = getattr(datasets, f"load_{name}")()
    # The digits' names are the digits themselves.
    names = loaded.target_names[loaded.target]
    return name.replace("_", " "), dict(zip(map(str, loaded.feature_names), loaded.data.T, strict=True)), names.tolist()


def _from_file(path: Path, target: str) -> tuple[Columns, Sequence[Any]]:
    if path.suffix not in _READERS:
        raise InvalidValueError(f"`data.file` must end in {', '.join(_READERS)}, got `{path.name}`.")
    if not path.is_file():
        raise InvalidValueError(f"there is no data file `{path}`.")
    try:
        table = dict(_READERS[path.suffix](path))
    except (OSError, EOFError, ValueError, csv.Error, zipfile.BadZipFile) as error:
        if isinstance(error, InvalidValueError):
            raise
        raise InvalidValueError(f"cannot read `{path}`: {str(error).splitlines()[0].rstrip('.')}.") from None
    if target not in table:
        raise InvalidValueError(f"`data.target` `{target}` is not a column of `{path.name}`: {nearest(target, table)}")
    targets = table.pop(target)
    if targets.ndim != 1:
        raise InvalidValueError(f"`{target}` must hold one class per case, got shape {targets.shape}.")
    return table, targets.tolist()


def _read_csv(path: Path) -> Columns:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        rows = []
        for row in reader:
            if row and len(row) != len(header):
                raise InvalidValueError(
                    f"`{path.name}`, line {reader.line_num} has {len(row)} values, the header has {len(header)}."
                )
            rows.append(row)
    if repeated := [name for name in header if header.count(name) > 1]:
        raise InvalidValueError(f"`{path.name}` has two columns named `{repeated[0]}`.")
    cells = np.array([row for row in rows if row], dtype=np.str_).reshape(-1, len(header))
    return dict(zip(header, cells.T, strict=True))


def _read_parquet(path: Path) -> Columns:
    parquet = import_extra("pyarrow.parquet", "tables", "A Parquet file needs PyArrow")
    table = parquet.read_table(path)
    return {name: np.asarray(table.column(name).to_numpy()) for name in table.column_names}


def _read_npz(path: Path) -> Columns:
    columns: dict[str, NDArray[Any]] = {}
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        for name in arrays.files:
            array = arrays[name]
            if array.ndim > 1:
                flat = array.reshape(len(array), -1)
                columns |= {f"{name}[{k}]": column for k, column in enumerate(flat.T)}
            else:
                columns[name] = np.atleast_1d(array)
    if len({len(column) for column in columns.values()}) > 1:
        raise InvalidValueError(f"the arrays of `{path.name}` must hold as many cases each.")
    return columns


_READERS = {".csv": _read_csv, ".parquet": _read_parquet, ".npz": _read_npz}


def _numbers(column: str, values: NDArray[Any]) -> NDArray[np.float64]:
    try:
        numbers = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        numbers = np.array([_number(value) for value in values])
    for row in np.flatnonzero(~np.isfinite(numbers))[:1]:
        raise InvalidValueError(f"column `{column}` must hold finite numbers, got `{values[row]}` in row {row + 1}.")
    return numbers


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return np.nan


def _class_name(value: Any) -> str:
    """Return 3, 3.0 and "3" as the same name; a missing value has none."""
    if isinstance(value, float) and not np.isnan(value):
        return f"{value:g}"
    return "" if value is None or value != value else str(value).strip()


def _choose(names: Sequence[str], wanted: Sequence[str]) -> tuple[NDArray[np.intp], NDArray[np.int64], tuple[str, ...]]:
    """Return the rows to keep, the index of their class, and the classes."""
    if "" in names:
        raise InvalidValueError(f"every case needs a class, got none in row {names.index('') + 1}.")
    found, labels, counts = np.unique(np.array(names, np.str_), return_inverse=True, return_counts=True)
    known = dict(zip(found.tolist(), counts.tolist(), strict=True))
    for name in wanted:
        if name not in known:
            raise InvalidValueError(f"`data.classes` holds `{name}`, which is not a class: {nearest(name, known)}")
    classes = tuple(name for name in known if not wanted or name in wanted)
    if len(classes) < 2:
        raise InvalidValueError(f"a classifier needs at least 2 classes, got {' and '.join(classes) or 'none'} alone.")
    for name in classes:
        if known[name] < FEWEST:
            raise InvalidValueError(f"every class needs at least {FEWEST} cases, class `{name}` has {known[name]}.")
    kept = np.flatnonzero(np.isin(found, classes)[labels])
    index = np.cumsum(np.isin(found, classes)) - 1
    return kept, index[labels[kept]].astype(np.int64), classes

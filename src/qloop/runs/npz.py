"""Named arrays as npz files: any name, no pickles, the same bytes for the same arrays."""

import zipfile
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from qloop.core.errors import InvalidValueError


def write_arrays(file: BinaryIO, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays as an npz that `numpy.load` reads, in C order and little-endian whatever they were in memory.

    `numpy.savez` is not used because it cannot store an array named ``file`` and tells ``a`` and ``a.npy`` not apart.

    Raises:
        InvalidValueError: an array holds Python objects.
    """
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise InvalidValueError(f"array `{name}` must hold numbers or text, got Python objects.")
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                plain = array.astype(array.dtype.newbyteorder("<"), order="C")
                np.lib.format.write_array(member, plain, allow_pickle=False)


def read_arrays(file: BinaryIO) -> dict[str, NDArray[Any]]:
    """Read what `write_arrays` wrote.

    Raises:
        zipfile.BadZipFile, ValueError: the file is damaged or holds pickles.
    """
    with zipfile.ZipFile(file) as archive:
        arrays = {}
        for name in archive.namelist():
            with archive.open(name) as member:
                arrays[name.removesuffix(".npy")] = np.lib.format.read_array(member, allow_pickle=False)
        return arrays

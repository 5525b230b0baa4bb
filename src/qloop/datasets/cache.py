"""Where data is on this machine: a folder that the user names, or the cache that downloads go to."""

import os
from pathlib import Path

from qloop.core.errors import InvalidValueError, QloopError
from qloop.datasets.dataset import Dataset
from qloop.datasets.published import find_dataset


class MissingDataError(QloopError):
    """Data that is not on this machine yet."""


def cache_path(dataset: Dataset) -> Path:
    """Return where a downloaded or registered copy is kept, whether or not it is there."""
    import platformdirs

    return platformdirs.user_cache_path("qloop") / "data" / dataset.name / dataset.file_name


def data_path(name: str) -> Path:
    """Return the folder of a data set: ``$QLOOP_DATA/name`` when it is there, otherwise the one in the cache.

    Raises:
        InvalidValueError: the name is neither there nor published; the nearest is suggested.
        MissingDataError: it is published, but not on this machine.
    """
    root = os.environ.get("QLOOP_DATA")
    if root and Path(name).name == name and (local := Path(root, name)).exists():
        return local
    cached = cache_path(find_dataset(name))
    if not cached.exists():
        raise MissingDataError(f"`{name}` is not on this machine: `qloop data fetch {name}` brings it.")
    return cached.parent


def register(dataset: Dataset, copy: Path) -> Path:
    """Let the cache point to a copy that is already on this machine, after checking it.

    Returns:
        The path in the cache, a link to the copy.

    Raises:
        InvalidValueError: the copy is not a file, or the cache holds another one.
        ChecksumError: it is not the published file.
    """
    if not copy.is_file():
        raise InvalidValueError(
            f"`{copy}` is not a file: give a copy of `{dataset.file_name}`; unpacked data is found by QLOOP_DATA."
        )
    target = cache_path(dataset)
    if target.exists():
        raise InvalidValueError(f"`{dataset.name}` is already at `{target}`: remove it first.")
    dataset.check(copy)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    target.symlink_to(copy.resolve())
    return target

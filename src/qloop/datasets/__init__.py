"""The one door to published data: what there is, where it comes from, and the copy on this machine."""

from qloop.datasets.cache import data_path, register
from qloop.datasets.dataset import Dataset
from qloop.datasets.download import fetch
from qloop.datasets.published import PUBLISHED, find_dataset

__all__ = ["PUBLISHED", "Dataset", "data_path", "fetch", "find_dataset", "register"]

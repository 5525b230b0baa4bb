"""Fills a store's disk with arrays, then with values, and prints what the store said and how many pieces it kept."""

import resource
import sys
from pathlib import Path

import numpy as np

from qloop.runs.store import Store, StoreError

PIECES = {"arrays": {"x": np.ones(60_000)}, "values": {"x": "long " * 5_000}}


def main(folder: Path, largest_file: int) -> None:
    kept = []
    with Store(folder) as store:
        store.put("first", {"x": np.ones(100)})
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, resource.RLIM_INFINITY))
        for kind, value in PIECES.items():
            try:
                for index in range(1_000):
                    store.put(f"{kind}-{index}", {**value, "index": index, "array": np.full(10_000, index)})
                    kept.append(f"{kind}-{index}")
            except StoreError as error:
                print(error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert store.get("first")["x"].sum() == 100
        assert all(store.get(key)["index"] == int(key.partition("-")[2]) for key in kept)
    print(len(kept), *folder.rglob("*.tmp"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

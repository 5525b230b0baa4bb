"""Compile every kernel once, so that the test workers find them in the shared cache.

A room with kernels has a function `warm_up()` that calls each with the types it is used with.
"""

import importlib
import time

MODULES = (
    "qloop.circuits.simulate.batch",
    "qloop.circuits.simulate.statevector",
    "qloop.circuits.simulate.trajectories",
    "qloop.decoding.frontier",
    "qloop.devices.transfer",
    "qloop.synthesis.encoding",
)


def main() -> None:
    start = time.process_time()
    for module in MODULES:
        importlib.import_module(module).warm_up()
    print(f"kernels ready after {time.process_time() - start:.1f} s of CPU time")


if __name__ == "__main__":
    main()

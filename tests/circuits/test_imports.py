"""The room's curated list costs nothing until a name is used."""

import subprocess
import sys

import pytest

import qloop.circuits
import qloop.circuits.simulate

HEAVY = ("qiskit", "numba", "stim", "scipy", "sklearn", "torch")


def test_light_names_import_no_heavy_library():
    code = f"import sys; from qloop.circuits import PauliSum, Program; print([m for m in {HEAVY} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


@pytest.mark.parametrize("package", [qloop.circuits, qloop.circuits.simulate], ids=lambda package: package.__name__)
def test_every_listed_name_is_there(package):
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="has no attribute `missing`"):
        getattr(package, "missing")  # noqa: B009

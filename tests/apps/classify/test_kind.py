"""The kind is light: its name, its settings and its help need neither PyTorch nor scikit-learn."""

import subprocess
import sys
from pathlib import Path

import pytest

from qloop.apps.classify import classify
from qloop.core.errors import MissingExtraError
from qloop.core.settings import read_toml, validate

EXAMPLE = Path(__file__).parents[3] / "examples" / "digits.toml"


@pytest.mark.parametrize("arguments", [["list", "tasks"], ["run", str(EXAMPLE), "--explain"]])
def test_names_and_settings_load_nothing_heavy(arguments):
    code = (
        f"import sys; from qloop.cli.main import main; main({arguments})\n"
        "print(sorted({'torch', 'sklearn', 'numba', 'qiskit', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "classify" in done.stdout or "model.num_qubits" in done.stdout
    assert done.stdout.endswith("[]\n")


def test_without_pytorch_it_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r'needs PyTorch: pip install "qloop\[torch\]"'):
        classify({"name": "digits"})


def test_the_example_holds_settings():
    from qloop.apps.classify.settings import ClassifySettings

    tables = read_toml(EXAMPLE)
    assert tables.pop("task")["kind"] == "classify"
    assert validate(ClassifySettings, tables).data.classes == (3, 5)

import sys

from qloop.cli.main import main
from qloop.datasets import PUBLISHED


def test_names_of_one_kind_stand_one_a_line(capsys):
    assert main(["list", "tasks"]) == 0
    assert capsys.readouterr().out.splitlines() == ["chemistry", "classify", "toy"]
    assert main(["list", "data"]) == 0
    assert capsys.readouterr().out.splitlines() == list(PUBLISHED)


def test_all_kinds_at_a_glance(capsys):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    for name in ("tasks", "chemistry", "devices", "FakeTorino", "data", "ibm_fez"):
        assert name in out


def test_a_kind_whose_extra_is_missing_says_so(monkeypatch, capsys):
    for module in [name for name in sys.modules if name.split(".")[0] == "qiskit_ibm_runtime"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "qiskit_ibm_runtime", None)
    monkeypatch.setitem(sys.modules, "qiskit_ibm_runtime.fake_provider", None)
    assert main(["list"]) == 0
    assert 'pip install "qloop[hardware]"' in capsys.readouterr().out
    assert main(["list", "devices"]) == 1
    assert 'pip install "qloop[hardware]"' in capsys.readouterr().err

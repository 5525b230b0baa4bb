import sys

import pytest

from qloop.core.errors import InvalidValueError, MissingExtraError
from qloop.devices import device_names, load_device

PLUGIN = """
from tests.devices.samples import line_device

def devices():
    return {"MyChip": line_device, "FakeMine": line_device}
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    (tmp_path / "my_lab.py").write_text(PLUGIN)
    info = tmp_path / "my_lab-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-lab\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[qloop.devices]\nmy_lab = my_lab:devices\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("my_lab", None)
    load_device.cache_clear()


def test_names_of_every_source():
    names = device_names()
    assert names[:3] == ("Willow", "Weber", "Rainbow")
    assert {"FakeTorino", "FakeSherbrooke"} <= set(names)
    assert len(names) == len(set(names)) >= 63


def test_a_device_is_read_once():
    assert load_device("FakeTorino") is load_device("FakeTorino")
    assert load_device("FakeTorino").name == "FakeTorino"
    assert load_device("Willow").num_qubits == 105


@pytest.mark.parametrize(("given", "meant"), [("FakeTornio", "FakeTorino"), ("wilow", "Willow"), ("webber", "Weber")])
def test_the_nearest_name_of_all_sources(given, meant):
    with pytest.raises(InvalidValueError, match=f"`{given}` is not a known device: did you mean `{meant}`"):
        load_device(given)


def test_third_parties_add_sources(plugin):
    assert load_device("MyChip").name == "MyChip"
    assert device_names()[-2:] == ("MyChip", "FakeMine")
    with pytest.raises(InvalidValueError, match="did you mean `MyChip`"):
        load_device("MyChipp")


def test_a_missing_extra_hides_only_its_own_devices(plugin, monkeypatch):
    load_device.cache_clear()
    monkeypatch.setitem(sys.modules, "qiskit_ibm_runtime.fake_provider", None)
    assert load_device("MyChip").num_qubits == 3
    with pytest.raises(MissingExtraError, match=r"A calibration snapshot needs qiskit-ibm-runtime: pip install"):
        load_device("FakeTorino")

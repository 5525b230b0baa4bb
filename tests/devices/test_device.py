from dataclasses import replace

import numpy as np
import pytest

from qloop.core.errors import InvalidValueError
from qloop.devices import load_device
from tests.devices.samples import calibration, line_device


def test_tables_of_a_line_by_hand():
    device = line_device()
    assert device.two_qubit_gates == ("cz", "ecr")
    assert device.pairs == ((0, 1), (1, 2))
    # cz errors .020 .021 (forward) .022 .023 (back); ecr .030 .032.
    assert device.pair_error == pytest.approx({(0, 1): 0.020, (1, 2): 0.021})
    assert device.gate_error("cz", (2, 1)) == pytest.approx(0.023)
    assert device.gate_ns("ecr", (1, 2)) == 540
    readout = np.array([[0.1, 0.1], [0.3, 0.8], [0.5, 0.4]])
    assert replace(device, readout_error=readout).usable_qubits == {0, 2}


def test_gates_that_are_not_there():
    with pytest.raises(InvalidValueError, match=r"`line` has no gate `cx`; its gates are rz, sx, x, cz, ecr\."):
        line_device().gate_error("cx", (0, 1))
    with pytest.raises(InvalidValueError, match=r"`line` has no `cz` on qubits \(0, 2\)\."):
        line_device().gate_ns("cz", (0, 2))


def test_a_world_is_reproducible_and_differs_by_seed():
    device = load_device("FakeTorino")
    one, again, other = (device.perturbed(seed, coherent=0.03, crosstalk=0.02) for seed in (1, 1, 2))
    assert one.coherent_zz == again.coherent_zz != other.coherent_zz
    assert one.crosstalk_zz == again.crosstalk_zz != other.crosstalk_zz
    for name in ("t1_ns", "t2_ns", "readout_error"):
        np.testing.assert_array_equal(getattr(one, name), getattr(again, name))
        assert not np.array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(one.gates["cz"].error, again.gates["cz"].error)
    # Drift does not depend on which other errors are switched on.
    np.testing.assert_array_equal(one.t1_ns, device.perturbed(1).t1_ns)


def test_directions_of_a_pair_share_their_factor():
    device = line_device()
    world = device.perturbed(3)
    factor = {
        (name, tuple(site)): world.gate_error(name, tuple(site)) / device.gate_error(name, tuple(site))
        for name in ("cz", "ecr")
        for site in device.gates[name].sites.tolist()
    }
    assert factor["cz", (0, 1)] == pytest.approx(factor["cz", (1, 0)]) == pytest.approx(factor["ecr", (0, 1)])
    assert factor["cz", (0, 1)] != pytest.approx(factor["cz", (1, 2)])
    np.testing.assert_array_equal(world.gates["sx"].error, device.gates["sx"].error)


def test_factors_are_log_normal():
    """A false alarm in fewer than 1 of 10,000 seeds: 266 readout factors, mean and deviation within 4 sigma."""
    device = load_device("FakeTorino")
    logs = np.log(device.perturbed(9, drift=0.2).t1_ns / device.t1_ns)
    assert abs(logs.mean()) < 4 * 0.2 / np.sqrt(len(logs))
    assert logs.std() == pytest.approx(0.2, rel=4 / np.sqrt(2 * len(logs)))


def test_bounds_of_a_world():
    readout = np.array([[0.44, 0.6], [0.01, 0.01], [0.48, 0.02]])
    gates = {**line_device().gates, "cz": calibration([[0, 1], [1, 0], [1, 2]], [1.0, 0.4, 0.49], [70, 70, 70])}
    device = line_device(gates=gates, readout_error=readout)
    still = device.perturbed(0, drift=0.0)
    np.testing.assert_array_equal(still.readout_error, readout)
    np.testing.assert_array_equal(still.gates["cz"].error, gates["cz"].error)
    np.testing.assert_array_equal(still.t1_ns, device.t1_ns)
    for seed in range(20):
        world = device.perturbed(seed, drift=1.0)
        assert world.gates["cz"].error[0] == 1.0
        assert world.gates["cz"].error[1] <= 0.45
        assert world.gates["cz"].error[2] <= 0.49
        assert world.readout_error[0, 1] == 0.6
        assert (world.readout_error[1:] <= 0.48).all()
        assert (world.t2_ns <= 2 * world.t1_ns).all()


@pytest.mark.parametrize("name", ["drift", "coherent", "crosstalk"])
@pytest.mark.parametrize("value", [-0.1, np.inf, np.nan])
def test_strengths_that_make_no_sense(name, value):
    with pytest.raises(InvalidValueError, match=f"`{name}` must be a finite number of at least 0, got {value}"):
        line_device().perturbed(0, **{name: value})

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qloop.devices import load_device
from qloop.devices.positions import draw_positions


@given(rows=st.integers(1, 6), columns=st.integers(2, 6))
def test_a_grid_numbered_row_by_row_is_drawn_as_a_grid(rows, columns):
    across = [(r * columns + c, r * columns + c + 1) for r in range(rows) for c in range(columns - 1)]
    down = [(r * columns + c, (r + 1) * columns + c) for r in range(rows - 1) for c in range(columns)]
    expected = tuple((float(c), float(-r)) for r in range(rows) for c in range(columns))
    assert draw_positions(rows * columns, sorted(across + down)) == expected


@pytest.mark.parametrize("name", ["FakeTorino", "FakeSherbrooke", "FakeMarrakesh"])
def test_heavy_hex_lattices_are_drawn_in_rows(name):
    device = load_device(name)
    points = np.array(draw_positions(device.num_qubits, device.pairs))
    pairs = np.array(device.pairs)
    assert (np.abs(points[pairs[:, 0]] - points[pairs[:, 1]]).sum(1) == 1).all()
    assert len(set(map(tuple, points))) == device.num_qubits


def test_a_ring_is_drawn_by_springs():
    points = draw_positions(5, [(0, 2), (2, 4), (1, 4), (1, 3), (0, 3)])
    assert points == draw_positions(5, [(0, 2), (2, 4), (1, 4), (1, 3), (0, 3)])
    assert len(set(points)) == 5

from dataclasses import fields

import numpy as np
import pytest

from qloop.circuits import Operation, Program
from qloop.core.errors import InvalidValueError
from qloop.devices import Backend, IdealSimulator, NoisySimulator, RecordedBackend, Recorder, Request
from tests.devices.samples import line_device


def make_request(label="", shots=(20, 0, 30)):
    operations = [Operation("sx", (q,)) for q in range(10)]
    bases = np.array([[1] * 10, [2] * 10, [3] * 10])
    return Request(
        program=Program.from_operations(10, operations), values=[], bases=bases, shots=list(shots), label=label
    )


def assert_same(shots, other):
    for field in fields(shots):
        one, two = getattr(shots, field.name), getattr(other, field.name)
        np.testing.assert_array_equal(one, two)
        assert np.asarray(one).dtype == np.asarray(two).dtype


def test_a_replay_is_exact_and_in_order(tmp_path):
    rng = np.random.default_rng(0)
    recorder = Recorder(IdealSimulator(), tmp_path / "new" / "folder")
    taken = recorder.run([make_request(), make_request(shots=(1, 2, 3))], rng) + recorder.run([make_request()], rng)
    assert not np.array_equal(taken[0].bits, taken[2].bits)
    replay = RecordedBackend(tmp_path / "new" / "folder")
    # Names, labels and the generator do not count, what is asked for does.
    first, second, third = replay.run([make_request("other"), make_request(), make_request(shots=(1, 2, 3))], rng)
    assert_same(first, taken[0])
    assert_same(second, taken[2])
    assert_same(third, taken[1])
    assert isinstance(recorder, Backend)
    assert isinstance(replay, Backend)
    assert replay.name == "recording folder"


def test_recording_goes_on_in_a_folder_that_is_there(tmp_path):
    for seed in (0, 1):
        Recorder(IdealSimulator(), tmp_path).run([make_request()], np.random.default_rng(seed))
    assert len(RecordedBackend(tmp_path).run([make_request()] * 2, np.random.default_rng(0))) == 2


def test_name_and_device_are_passed_on(tmp_path):
    backend = NoisySimulator(line_device())
    recorder = Recorder(backend, tmp_path)
    assert (recorder.name, recorder.device) == (backend.name, backend.device)
    assert RecordedBackend(tmp_path, backend.device).device is backend.device


def test_what_cannot_be_replayed(tmp_path):
    rng = np.random.default_rng(0)
    with pytest.raises(InvalidValueError, match="there is no folder `.*nowhere` with a recording"):
        RecordedBackend(tmp_path / "nowhere")
    Recorder(IdealSimulator(), tmp_path).run([make_request()], rng)
    replay = RecordedBackend(tmp_path)
    with pytest.raises(InvalidValueError, match="holds 0 recordings of the request `energy`, one more was asked for"):
        replay.run([make_request("energy", shots=(1, 1, 1))], rng)
    replay.run([make_request()], rng)
    with pytest.raises(InvalidValueError, match="holds 1 recordings of the request `energy`"):
        replay.run([make_request("energy")], rng)
    (file,) = tmp_path.glob("*.npz")
    for damage in (file.read_bytes()[:100], b"", b"no archive"):
        file.write_bytes(damage)
        with pytest.raises(InvalidValueError, match=r"\.npz` is not a recording of shots"):
            RecordedBackend(tmp_path).run([make_request()], rng)


def test_a_recording_never_runs_code(tmp_path):
    Recorder(IdealSimulator(), tmp_path).run([make_request()], np.random.default_rng(0))
    (file,) = tmp_path.glob("*.npz")
    np.savez(file, num_qubits=10, bits=np.array([{"an": "object"}], object), allow_pickle=True)
    with pytest.raises(InvalidValueError, match="is not a recording"):
        RecordedBackend(tmp_path).run([make_request()], np.random.default_rng(0))

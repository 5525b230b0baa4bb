import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pymatching
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qloop.core.errors import InvalidValueError
from qloop.datasets.repetition import Calibration, RepetitionRecord, Step, read_archive
from qloop.decoding.calibrated import calibrated_model, detection_events, device_of_record, record_circuit

ARCHIVES = Path(os.environ.get("QLOOP_DATA", "")) / "wootton_qec_archives"
CHAIN = (0, 1, 2, 3, 4)
PAIRS = [(0, 1), (2, 1), (2, 3), (4, 3)]


def make_record(bits=(), reset=False, logical=0, readout=0.0, cx=0.0, t1_ns=math.inf, t2_ns=math.inf):
    """A distance-3 code with two rounds: two readings of links 1 and 3, then one of qubits 0, 2 and 4."""
    steps = [Step("x", (qubit,)) for qubit in CHAIN[::2] if logical]
    for round_ in range(2):
        steps += [Step("cx", pair) for pair in PAIRS]
        steps += [Step("measure", (link,), bit=2 * round_ + place) for place, link in enumerate(CHAIN[1::2])]
        steps += [Step("delay", (qubit,), 700.0) for qubit in CHAIN[::2]]
        steps += [Step("reset", (link,)) for link in CHAIN[1::2] if reset]
    steps += [Step("measure", (qubit,), bit=4 + place) for place, qubit in enumerate(CHAIN[::2])]
    return RepetitionRecord(
        job="job",
        backend="test",
        submitted_s=None,
        basis="Z",
        logical=logical,
        chain=CHAIN,
        steps=tuple(steps),
        bits=np.array(bits, np.uint8).reshape(-1, 7),
        calibration=Calibration(
            t1_ns=np.full(5, t1_ns),
            t2_ns=np.full(5, t2_ns),
            readout_error=np.full((5, 2), readout),
            readout_ns=np.full(5, 700.0),
            gates={
                "cx": dict.fromkeys(PAIRS, (cx, 400.0)),
                "x": {(qubit,): (0.0, 20.0) for qubit in CHAIN},
                "reset": {(qubit,): (0.0, 0.0) for qubit in CHAIN},
            },
        ),
    )


@pytest.mark.parametrize(
    ("bits", "events", "flip"),
    [
        ([0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], 0),
        # The middle qubit flipped before the first round: both links read 1 and then add another 1.
        ([1, 1, 0, 0, 0, 1, 0], [1, 1, 0, 0, 0, 0], 0),
        # The first qubit flipped between the rounds, which flips the observable.
        ([0, 0, 1, 0, 1, 0, 0], [0, 0, 1, 0, 0, 0], 1),
        # The first reading of link 1 was wrong.
        ([1, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 1, 0], 0),
    ],
)
def test_events_by_hand(bits, events, flip):
    found = detection_events(make_record([bits]))
    assert (found[0].tolist(), found[1].tolist()) == ([events], [[flip]])
    ones = [bit ^ (column >= 4) for column, bit in enumerate(bits)]
    found = detection_events(make_record([ones], logical=1))
    assert (found[0].tolist(), found[1].tolist()) == ([events], [[flip]])


@pytest.mark.parametrize(("reset", "second"), [(False, 4), (True, 2)])
def test_wrong_readings_alone_by_hand(reset, second):
    model = calibrated_model(make_record(readout=0.03, reset=reset))
    symptoms = {tuple(str(target) for target in error.targets_copy()) for error in model if error.type == "error"}
    first = {("D0", f"D{second}"), ("D1", f"D{second + 1}")}
    later = {("D2", "D4"), ("D3", "D5")}
    assert symptoms == first | later | {("D4", "L0"), ("D4", "D5"), ("D5",)}
    assert {round(error.args_copy()[0], 12) for error in model if error.type == "error"} == {0.03}


def test_channels_by_hand():
    circuit = str(record_circuit(make_record(cx=0.01)))
    assert "CX 0 1\nDEPOLARIZE2(0.0125) 0 1" in circuit
    # Qubit 0 waits 700 ns as the record says, then 400 ns more until its link has been read.
    relaxing = record_circuit(make_record(t1_ns=50_000, t2_ns=100_000))
    channels = [one for one in relaxing if one.name == "PAULI_CHANNEL_1"]
    waits = [one for one in channels if 0 in [target.value for target in one.targets_copy()]]
    for wait, time in zip(waits, (700, 400), strict=False):
        flip = (1 - math.exp(-time / 50_000)) / 4
        phase = (1 + math.exp(-time / 50_000) - 2 * math.exp(-time / 100_000)) / 4
        assert wait.gate_args_copy() == pytest.approx([flip, flip, phase])


@settings(max_examples=15, deadline=None)
@given(st.floats(0, 0.2), st.floats(0, 0.2), st.floats(1e3, 1e6), st.booleans(), st.integers(0, 1))
def test_a_record_of_the_models_own_shots_has_the_models_rates(readout, cx, t1_ns, reset, logical):
    record = make_record(readout=readout, cx=cx, t1_ns=t1_ns, t2_ns=t1_ns, reset=reset, logical=logical)
    shots = record_circuit(record).compile_sampler(seed=7).sample(4000)
    order = [step.bit for step in record.steps if step.name == "measure"]
    bits = np.zeros_like(shots)
    bits[:, order] = shots
    events, flips = detection_events(replace(record, bits=bits.astype(np.uint8)))
    model_events, model_flips, _ = calibrated_model(record).compile_sampler(seed=8).sample(4000)
    # Of 7 rates in 15 examples one strays this far (4.9 standard deviations) once in 10,000 runs.
    bound = 4.9 * math.sqrt(2 * 0.25 / 4000)
    assert events.mean(0) == pytest.approx(model_events.mean(0), abs=bound)
    assert flips.mean() == pytest.approx(model_flips.mean(), abs=bound)


def test_another_calibration():
    record, worse = make_record(readout=0.01), device_of_record(make_record(readout=0.1))
    assert calibrated_model(record, worse).approx_equals(calibrated_model(make_record(readout=0.1)), atol=1e-12)
    assert calibrated_model(record).get_detector_coordinates()[5] == [1, 2]


def test_a_gate_without_direction_is_reported_once():
    record = make_record()
    calibration = replace(record.calibration, gates={"cz": {(0, 1): (0.01, 68.0)}})
    device = device_of_record(replace(record, calibration=calibration))
    assert device.gate_error("cz", (1, 0)) == device.gate_error("cz", (0, 1)) == 0.01


def test_bad_input():
    record = make_record()
    with pytest.raises(InvalidValueError, match="must be Clifford gates, got `rz` with 0.3"):
        record_circuit(replace(record, steps=(Step("rz", (0,), 0.3), *record.steps)))
    with pytest.raises(InvalidValueError, match="has no gate `cz`"):
        record_circuit(replace(record, steps=(Step("cz", (0, 1)), *record.steps)))
    with pytest.raises(InvalidValueError, match="`test` must report the readout error of qubit 1"):
        record_circuit(make_record(readout=math.nan))


@pytest.mark.skipif(not ARCHIVES.is_dir(), reason="needs QLOOP_DATA with wootton_qec_archives")
def test_matching_on_a_published_job_is_better_than_the_bare_bit():
    path = ARCHIVES / "syndrome_derived_errors__ibm_hanoi__6262980962832d01d73e5aa4.json.gz"
    bare, decoded = [], []
    for record in read_archive(path)[:9]:
        events, flips = detection_events(record)
        predicted = pymatching.Matching(calibrated_model(record)).decode_batch(events)
        bare.append(flips.mean())
        decoded.append((predicted != flips).mean())
    assert np.mean(decoded) < np.mean(bare) / 4

import gzip
import json
import math
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

from qloop.core.errors import InvalidValueError
from qloop.datasets.repetition import Step, read_archive, read_deposit

ARCHIVES = Path(os.environ.get("QLOOP_DATA", "")) / "wootton_qec_archives"
QUBIT = {"T1": 5e-5, "T2": 8e-5, "readout_error": 0.03, "prob_meas1_prep0": 0.02, "prob_meas0_prep1": 0.04}
OPS = [
    ["delay", [0], [900.0]],
    ["sx", [2], []],
    ["cx", [2, 1], []],
    ["cx", [3, 1], []],
    ["barrier", [1, 2, 3], []],
    ["measure", [1], [0]],
    ["delay", [3], [900.0]],
    ["rz", [3], [1.5]],
    ["measure", [3], [1]],
    ["measure", [2], [2]],
]


def write_archive(path, **changes):
    job = {
        "job_id": "abc",
        "backend": "ibm_test",
        "submitted_unix_s": 1649760505,
        "calibration": {
            "qubits": [QUBIT | {"readout_length": 7e-7}] * 4,
            "gates": {"cx_2_1": [0.01, 4e-7], "cx_3_1": [0.02, 5e-7], "sx_2": [1e-4, 2e-8]},
        },
        "experiments": [
            {
                "name": "1",
                "creg_sizes": [["round_0_link_bit", 1], ["code_bit", 2]],
                "counts": {"0x6": 2, "0x1": 1},
                "ops": OPS,
            }
        ],
    }
    path.write_bytes(gzip.compress(json.dumps(job | changes).encode()))
    return path


def write_deposit(root):
    folder = root / "ibm_test" / "d2_r1" / "job_1"
    folder.mkdir(parents=True)
    registers = {"c_data_5_6_7": [[1, 0], [1, 1]], "c_syndrome_5_6_7": [[1], [0]], "c_data_1_2_3": [[0, 0], [1, 1]]}
    registers["c_syndrome_1_2_3"] = [[0], [0]]
    result = {"metadata": {"logical_state": 1, "basis": "X"}, "per_shot_cregs": registers}
    properties = {
        "qubits": [[{"name": "T1", "value": 50.0, "unit": "us"}, {"name": "readout_error", "value": 0.03, "unit": ""}]],
        "gates": [
            {
                "gate": "cz",
                "qubits": [5, 6],
                "parameters": [
                    {"name": "gate_error", "value": 0.01, "unit": ""},
                    {"name": "gate_length", "value": 0.068, "unit": "us"},
                ],
            }
        ],
    }
    (folder / "info.json").write_text(json.dumps({"backend": "ibm_test", "basis": "X", "d": 2, "rounds": 1}))
    (folder / "bitstrings.json").write_text(json.dumps([result]))
    (folder / "calibration.json").write_text(json.dumps(properties))
    (folder / "circuit_state1.qasm").write_text(
        "OPENQASM 3.0;\nbit[2] c_data_5_6_7;\nrz(-3*pi/2) $5;\nx $1;\ncz $5, $6;\ncz $6, $7;\ncz $1, $2;\ncz $3, $2;\n"
        "delay[100ns] $7;\nreset $6;\nc_syndrome_5_6_7[0] = measure $6;\nc_data_5_6_7[1] = measure $7;\n"
        "c_syndrome_1_2_3[0] = measure $2;\n"
    )
    return folder


def test_an_archive(tmp_path):
    (record,) = read_archive(write_archive(tmp_path / "job.json.gz"))
    assert (record.job, record.backend, record.submitted_s) == ("abc", "ibm_test", 1649760505)
    assert (record.basis, record.logical, record.chain) == ("X", 1, (2, 1, 3))
    # Bit k of the hexadecimal number is column k; outcomes ascend.
    assert record.bits.tolist() == [[1, 0, 0], [0, 1, 1], [0, 1, 1]]
    assert record.steps[0] == Step("sx", (2,))
    assert Step("delay", (3,), 200.0) in record.steps
    assert Step("measure", (2,), bit=2) in record.steps
    assert record.calibration.t1_ns[0] == pytest.approx(50_000)
    assert record.calibration.readout_error[0].tolist() == [0.02, 0.04]
    assert record.calibration.gates["cx"][3, 1] == pytest.approx((0.02, 500))


@pytest.mark.parametrize("packed", [False, True])
def test_the_deposit_as_folder_and_as_archive(tmp_path, packed):
    write_deposit(tmp_path / "unpacked")
    path = tmp_path / "unpacked"
    if packed:
        path = tmp_path / "ibm_test.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            archive.add(tmp_path / "unpacked" / "ibm_test", "ibm_test")
    ((first, second),) = read_deposit(path)
    assert (first.job, first.basis, first.logical) == ("ibm_test/d2_r1/job_1", "X", 1)
    assert (first.chain, second.chain) == ((5, 6, 7), (1, 2, 3))
    assert first.bits.tolist() == [[1, 1, 0], [0, 1, 1]]
    assert first.steps == (
        Step("rz", (5,), -3 * math.pi / 2),
        Step("cz", (5, 6)),
        Step("cz", (6, 7)),
        Step("delay", (7,), 100.0),
        Step("reset", (6,)),
        Step("measure", (6,), bit=0),
        Step("measure", (7,), bit=2),
    )
    assert first.calibration.t1_ns.tolist() == [50_000]
    assert np.isnan(first.calibration.t2_ns).all()
    assert first.calibration.readout_error.tolist() == [[0.03, 0.03]]
    assert first.calibration.gates["cz"][5, 6] == pytest.approx((0.01, 68))


def test_bad_input(tmp_path):
    with pytest.raises(InvalidValueError, match="must hold circuits and their calibration, it has no 'ops'"):
        read_archive(write_archive(tmp_path / "a.json.gz", experiments=[{"name": "0", "creg_sizes": []}]))
    (tmp_path / "b.json.gz").write_bytes(b"\x80\x04pickle")
    with pytest.raises(InvalidValueError, match="must be a compressed JSON archive"):
        read_archive(tmp_path / "b.json.gz")
    with pytest.raises(InvalidValueError, match="must be a folder or a tar archive"):
        next(read_deposit(tmp_path / "b.json.gz"))
    with pytest.raises(InvalidValueError, match="must hold jobs with a file `info.json`"):
        next(read_deposit(tmp_path))
    (write_deposit(tmp_path) / "calibration.json").unlink()
    with pytest.raises(InvalidValueError, match="job_1` is not as published, it has no 'calibration.json'"):
        next(read_deposit(tmp_path))


@pytest.mark.skipif(not ARCHIVES.is_dir(), reason="needs QLOOP_DATA with wootton_qec_archives")
def test_a_published_archive():
    path = ARCHIVES / "syndrome_derived_errors__ibm_hanoi__625558bd3bfc767795eac3ce.json.gz"
    records = read_archive(path)
    assert len({record.chain for record in records}) * 3 == len(records) == 54
    assert records[0].chain == (3, 2, 1, 4, 7)
    assert [(record.basis, record.logical) for record in records[:3]] == [("Z", 0), ("Z", 1), ("X", 0)]
    assert {record.bits.shape for record in records} == {(100_000, 7)}
    with pytest.raises(InvalidValueError, match="it has no 'ops'"):
        read_archive(next(ARCHIVES.glob("hexagonal*")))

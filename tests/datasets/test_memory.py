import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import stim

from qloop.core.errors import InvalidValueError
from qloop.datasets import sycamore, willow
from qloop.datasets.memory import read_rows

SYCAMORE = Path(os.environ.get("QLOOP_DATA", "")) / "sycamore_surface_code"
CIRCUIT = stim.Circuit.generated(
    "surface_code:rotated_memory_x", distance=3, rounds=4, before_measure_flip_probability=0.1
)
SHOTS = 24


@pytest.fixture
def sampled():
    """Detection events and flips that the published files hold."""
    return CIRCUIT.compile_detector_sampler(seed=5).sample(SHOTS, separate_observables=True)


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    stim.write_shot_data_file(data=rows, path=path, format=path.suffix[1:], num_measurements=rows.shape[1])


def write_sycamore(root, events, flips, suffix=".01"):
    folder = root / "surface_code_bX_d3_r04_center_3_5"
    write(folder / "detection_events.b8", events)
    (folder / "circuit_ideal.stim").write_text(str(CIRCUIT.without_noise()))
    (folder / "circuit_noisy.stim").write_text(str(CIRCUIT))
    (folder / "pij_from_even_for_odd.dem").write_text("error(0.1) D0 L0\n")
    for stem, rows in (("obs_flips_actual", flips), ("obs_flips_predicted_by_pymatching", ~flips)):
        if suffix == ".npy":
            np.save(folder / f"{stem}.npy", np.packbits(rows))
        else:
            write(folder / f"{stem}{suffix}", rows)
    (folder / "properties.yml").write_text(
        f"type: surface_code_memory_experiment\nbasis: X\nrounds: 4\ndistance: 3\nshots: {SHOTS}\n"
        "center_data_qubit_row: 3\ncenter_data_qubit_col: 5\n"
    )
    return folder


def write_willow(root, events, flips, where="d3_at_q4_7/X/r04", rounds="rounds"):
    folder = root / where
    write(folder / "detection_events.b8", events)
    write(folder / "obs_flips_actual.b8", flips)
    (folder / "circuit_ideal.stim").write_text(str(CIRCUIT.without_noise()))
    (folder / "circuit_noisy_si1000.stim").write_text(str(CIRCUIT))
    (folder / "metadata.json").write_text(json.dumps({"basis": "X", rounds: 4, "shots": SHOTS, "distance": 3}))
    write(folder / "decoding_results/matching/obs_flips_predicted.b8", ~flips)
    (folder / "decoding_results/matching/error_model.dem").write_text("error(0.1) D0 L0\n")
    (folder / "decoding_results/never_run").mkdir()
    return folder


@pytest.mark.parametrize("suffix", [".01", ".npy", ".b8"])
def test_the_layout_of_2022(tmp_path, sampled, suffix):
    events, flips = sampled
    write_sycamore(tmp_path, events, flips, suffix)
    (memory,) = sycamore.find_memories(tmp_path)
    assert (memory.name, memory.distance, memory.rounds) == ("surface_code_bX_d3_r04_center_3_5", 3, 4)
    assert (memory.basis, memory.centre, memory.shots) == ("X", (3, 5), SHOTS)
    assert memory.events.dtype == memory.flips.dtype == np.uint8
    assert (memory.events == events).all()
    assert (memory.flips == flips).all()
    assert (memory.predictions("pymatching") == ~flips).all()
    assert memory.dem("pij_from_even_for_odd") == "error(0.1) D0 L0\n"
    assert stim.Circuit(memory.circuit("noisy")) == CIRCUIT


def test_the_layout_of_2024(tmp_path, sampled):
    events, flips = sampled
    write_willow(tmp_path, events, flips)
    write_willow(tmp_path, events, flips, "sample_00/d3_at_q4_7/Z/r13")
    write_willow(tmp_path, events, flips, "Z/sample_01", rounds="cycles")
    memories = {memory.name: memory for memory in willow.find_memories(tmp_path)}
    assert sorted(memories) == ["Z/sample_01", "d3_at_q4_7/X/r04", "sample_00/d3_at_q4_7/Z/r13"]
    assert [memories[name].centre for name in sorted(memories)] == [None, (4, 7), (4, 7)]
    memory = memories["d3_at_q4_7/X/r04"]
    assert (memory.distance, memory.rounds, memory.basis, memory.shots) == (3, 4, "X", SHOTS)
    assert (memory.events == events).all()
    assert (memory.predictions("matching") == ~flips).all()
    assert (sorted(memory.dem_files), sorted(memory.circuit_files)) == (["matching"], ["ideal", "noisy_si1000"])


def test_an_archive_reads_as_its_folder(tmp_path, sampled):
    write_sycamore(tmp_path / "unpacked", *sampled)
    archive = tmp_path / "cache" / "published.zip"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as file:
        for member in (tmp_path / "unpacked").rglob("*.*"):
            file.write(member, f"data/{member.relative_to(tmp_path / 'unpacked')}")
    # Where a download lies in the cache, the archive is alone in a folder.
    for path in (archive, archive.parent):
        (memory,) = sycamore.find_memories(path)
        assert (memory.events == sampled[0]).all()
        assert (memory.flips == sampled[1]).all()
        assert memory.name == "surface_code_bX_d3_r04_center_3_5"


def test_blocks_follow_each_other(tmp_path, sampled):
    write_sycamore(tmp_path, *sampled)
    (memory,) = sycamore.find_memories(tmp_path)
    blocks = list(memory.blocks(7))
    assert [len(block) for block in blocks] == [7, 7, 7, 3]
    assert (np.concatenate(blocks) == sampled[0]).all()


def test_counts_follow_repetitions(tmp_path, sampled):
    circuit = stim.Circuit("""
        M 0
        REPEAT[tag] 3 {
            DETECTOR(1, 2) rec[-1]
            REPEAT 2 {
                DETECTOR rec[-1]
            }
        }
        OBSERVABLE_INCLUDE(4) rec[-1]
        DETECTOR rec[-1]
    """)
    folder = write_sycamore(tmp_path, *sampled)
    (folder / "circuit_ideal.stim").write_text(str(circuit))
    (memory,) = sycamore.find_memories(tmp_path)
    assert (memory.num_detectors, memory.num_observables) == (10, 5)
    assert (circuit.num_detectors, circuit.num_observables) == (10, 5)


def test_a_copy_may_hold_fewer_shots_than_published(tmp_path, sampled):
    events, flips = sampled
    write_sycamore(tmp_path, events[:16], flips[:16])
    (memory,) = sycamore.find_memories(tmp_path)
    assert memory.shots == len(memory.events) == 16


def test_what_is_not_as_published(tmp_path, sampled):
    events, flips = sampled
    folder = write_sycamore(tmp_path, events, flips)
    (memory,) = sycamore.find_memories(tmp_path)
    with pytest.raises(InvalidValueError, match="no decoder `pymatchin`: did you mean `pymatching`"):
        memory.predictions("pymatchin")
    write(folder / "detection_events.b8", events[:-1])
    with pytest.raises(InvalidValueError, match="must hold 24 shots of 4 bytes, it ends too early"):
        list(memory.blocks(10))
    write(folder / "detection_events.b8", np.concatenate([events, events]))
    for read in (lambda: list(memory.blocks(10)), lambda: memory.events):
        with pytest.raises(InvalidValueError, match="it is longer"):
            read()
    (folder / "obs_flips_actual.01").write_text("0\n1\n00\n")
    with pytest.raises(InvalidValueError, match="must hold rows of 1 bits, its 7 bytes do not"):
        _ = sycamore.find_memories(tmp_path)[0].flips
    (folder / "properties.yml").write_text("basis: X\nshots: 3\nrounds: 2\n")
    with pytest.raises(InvalidValueError, match="must state `distance`"):
        sycamore.find_memories(tmp_path)
    with pytest.raises(InvalidValueError, match="must hold experiments with a file `metadata.json`"):
        willow.find_memories(tmp_path)
    with pytest.raises(InvalidValueError, match="must be a folder or a zip archive"):
        willow.find_memories(folder / "properties.yml")
    (folder / "obs_flips_actual.01").unlink()
    (folder / "metadata.json").write_text('{"distance": 3, "rounds": 4, "basis": "X", "shots": 24}')
    with pytest.raises(InvalidValueError, match="must hold `obs_flips_actual.b8`"):
        willow.find_memories(tmp_path)
    (folder / "metadata.json").write_text('{"distance": 3, "basis": "X", "shots": 24}')
    with pytest.raises(InvalidValueError, match="metadata.json` must state 'cycles'"):
        willow.find_memories(tmp_path)
    (folder / "metadata.json").write_text("[]")
    with pytest.raises(InvalidValueError, match="must be metadata as JSON"):
        willow.find_memories(tmp_path)


def test_rows_that_are_no_pickles(tmp_path):
    np.save(tmp_path / "rows.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(InvalidValueError, match="must hold rows of 1 bits"):
        read_rows(tmp_path / "rows.npy", 1)


@pytest.mark.skipif(not SYCAMORE.is_dir(), reason="needs QLOOP_DATA with sycamore_surface_code")
def test_the_published_predictions_have_the_published_order():
    memory = next(m for m in sycamore.find_memories(SYCAMORE) if m.name == "surface_code_bX_d3_r05_center_5_7")
    assert (memory.num_detectors, memory.num_observables) == (40, 1)
    wrong = {decoder: (memory.predictions(decoder) != memory.flips).mean() for decoder in memory.prediction_files}
    ranks = ("tensor_network_contraction", "belief_matching", "correlated_matching", "pymatching")
    assert sorted(wrong, key=wrong.__getitem__) == list(ranks)
    assert wrong["tensor_network_contraction"] == pytest.approx(0.116, abs=0.002)
    assert memory.events.mean() == pytest.approx(0.127, abs=0.02)

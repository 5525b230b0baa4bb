import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import stim
from hypothesis import given, settings
from hypothesis import strategies as st

from qloop.core.errors import InvalidValueError
from qloop.decoding import decode_file as module
from qloop.decoding.decode_file import FileTarget, decode_file
from qloop.decoding.shots import FORMATS, ShotFile
from tests.decoding.toys import Never, Toy, repetition

DEM, EVENTS, _ = repetition(shots=3000)
TOY = Toy()
ANSWER = TOY.compile(DEM).decode(EVENTS)


@pytest.fixture
def events(tmp_path):
    np.save(tmp_path / "e.npy", EVENTS)
    return ShotFile(tmp_path / "e.npy", DEM.num_detectors)


def run(events, target, decoder=TOY, progress=lambda event: None):
    with ThreadPoolExecutor(2) as executor:
        return decode_file(decoder, DEM, events, target, executor=executor, workers=2, progress=progress)


def stop_after(shots):
    def progress(event):
        if event.done >= shots:
            raise KeyboardInterrupt

    return progress


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def least_confident(count):
    return np.sort(np.argsort(ANSWER.confidence, kind="stable")[:count])


@pytest.mark.parametrize("format", FORMATS)
def test_files_hold_what_the_decoder_says(tmp_path, events, format):
    target = FileTarget(predictions=tmp_path / f"p.{format}", confidence=tmp_path / "c.npy", review=0.05)
    done = run(events, target)
    assert (ShotFile(target.predictions, 1, letter="L")[:] == ANSWER.predictions).all()
    assert (np.load(target.confidence) == ANSWER.confidence).all()
    assert (np.load(target.flagged) == least_confident(150)).all()
    assert done["shots"] == 3000
    assert done["flips"] == [ANSWER.predictions.sum()]
    assert done["flagged"] == 150
    assert done["confidence"] == pytest.approx(ANSWER.confidence.mean())
    assert names(tmp_path) == sorted(["e.npy", f"p.{format}", "c.npy", "p.review.npy"])


def test_stim_reads_the_predictions(tmp_path, events):
    run(events, FileTarget(predictions=tmp_path / "p.b8"))
    read = stim.read_shot_data_file(path=str(tmp_path / "p.b8"), format="b8", num_observables=1)
    assert (read == ANSWER.predictions).all()


@pytest.mark.parametrize("format", FORMATS)
def test_an_interrupted_try_goes_on_to_the_same_bytes(tmp_path, events, format):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    whole = FileTarget(predictions=tmp_path / "one" / f"p.{format}", review=0.1)
    resumed = FileTarget(predictions=tmp_path / "two" / f"p.{format}", review=0.1)
    run(events, whole)
    with pytest.raises(KeyboardInterrupt):
        run(events, resumed, progress=stop_after(500))
    assert names(tmp_path / "two") == sorted([f"p.{format}.part", f"p.{format}.confidence.part", f"p.{format}.state"])
    with (tmp_path / "two" / f"p.{format}.part").open("ab") as file:
        file.write(b"half a block that nobody noted")
    first = []
    run(events, resumed, progress=lambda event: first.append(event.done))
    assert min(first) > 500
    assert names(tmp_path / "two") == names(tmp_path / "one")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_killed_between_two_names_it_finishes(tmp_path, events, monkeypatch):
    target = FileTarget(predictions=tmp_path / "p.b8", confidence=tmp_path / "c.npy", review=0.1)
    replaced = []
    original = type(tmp_path).replace

    def replace(path, new):
        if new == target.predictions and not replaced:
            replaced.append(path)
            raise KeyboardInterrupt
        return original(path, new)

    monkeypatch.setattr(type(tmp_path), "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        run(events, target)
    assert not target.predictions.exists()
    assert run(events, target)["shots"] == 3000
    assert names(tmp_path) == ["c.npy", "e.npy", "p.b8", "p.review.npy"]


def test_nothing_is_overwritten_or_mixed(tmp_path, events):
    target = FileTarget(predictions=tmp_path / "p.b8")
    with pytest.raises(KeyboardInterrupt):
        run(events, target, progress=stop_after(500))
    with pytest.raises(InvalidValueError, match="belongs to other shots, another model or another decoder"):
        run(events, target, decoder=Never())
    run(events, target)
    with pytest.raises(InvalidValueError, match=r"`.*p.b8` exists and stays as it is"):
        run(events, target)


def test_no_shots_are_empty_files(tmp_path):
    (tmp_path / "e.b8").write_bytes(b"")
    target = FileTarget(predictions=tmp_path / "p.b8", confidence=tmp_path / "c.npy", review=0.5)
    done = run(ShotFile(tmp_path / "e.b8", DEM.num_detectors), target)
    assert (done["shots"], done["flagged"]) == (0, 0)
    assert np.load(tmp_path / "c.npy").shape == np.load(tmp_path / "p.review.npy").shape == (0,)


@pytest.mark.parametrize("review", [0.0, 0.2])
def test_a_decoder_without_confidence_writes_nothing(tmp_path, events, review):
    target = FileTarget(predictions=tmp_path / "p.b8", confidence=None if review else tmp_path / "c.npy", review=review)
    with pytest.raises(InvalidValueError, match="need a decoder that knows how sure it is"):
        run(events, target, decoder=Never())
    assert names(tmp_path) == ["e.npy"]


def test_wrong_targets(tmp_path):
    with pytest.raises(InvalidValueError, match=r"`review` must be in \[0, 1\), got 1"):
        FileTarget(predictions=tmp_path / "p.b8", review=1)
    with pytest.raises(InvalidValueError, match="`csv` is not a format"):
        FileTarget(predictions=tmp_path / "p.csv")
    with pytest.raises(InvalidValueError, match="two files"):
        FileTarget(predictions=tmp_path / "p.npy", confidence=tmp_path / "p.npy")


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.floats(0, 1) | st.sampled_from([0.5, 1.0]), max_size=40), share=st.floats(0, 1))
def test_the_least_confident_are_found_in_chunks(tmp_path_factory, values, share):
    folder = tmp_path_factory.mktemp("flagged")
    np.save(folder / "c.npy", np.array(values, np.float64))
    count = round(share * len(values))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_CHUNK", 7)
        module._write_flagged(folder / "c.npy", count, folder / "f.npy")
    expected = np.sort(np.argsort(values, kind="stable")[:count])
    assert np.load(folder / "f.npy").tolist() == expected.tolist()


def test_the_state_is_json_beside_the_parts(tmp_path, events):
    target = FileTarget(predictions=tmp_path / "p.b8")
    with pytest.raises(KeyboardInterrupt):
        run(events, target, progress=stop_after(200))
    state = json.loads(target.state.read_text())
    assert state["sizes"] == [state["shots"]] == [(tmp_path / "p.b8.part").stat().st_size]

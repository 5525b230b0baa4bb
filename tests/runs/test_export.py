import dataclasses
import json
import zipfile

import numpy as np
import pytest

from qloop.core.errors import InvalidValueError
from qloop.core.ledger import Ledger
from qloop.core.page import Page, Section
from qloop.runs.export import export, run_to_json
from qloop.runs.page import render
from tests.runs.sample import device_map, small_run

RUN = small_run()


def refuse(name):
    raise AssertionError(f"{name} is not standard JSON")


def check_json(text):
    data = json.loads(text, parse_constant=refuse)
    assert data["id"] == RUN.entry.id
    assert data["settings"] == RUN.entry.settings
    assert data["answer"] == {**RUN.answer.values, "nan": None}
    assert Ledger.from_json(data["ledger"]) == RUN.answer.ledger
    assert data["arrays"] == ["energies", "file"]
    assert data["references"] == list(RUN.answer.references)


def test_json_holds_everything_but_the_arrays(tmp_path):
    export(RUN, tmp_path / "run.json")
    check_json((tmp_path / "run.json").read_text())


def test_what_is_not_a_number_becomes_null():
    page = Page(title="t", headline="h", sections=(Section(title="s", figures=(device_map(),)),))
    data = run_to_json(dataclasses.replace(RUN, answer=dataclasses.replace(RUN.answer, page=page)))
    assert data["answer"]["nan"] is None
    assert None in data["page"]["sections"][0]["figures"][0]["edge_values"]


def test_a_folder_holds_json_arrays_and_report(tmp_path):
    export(RUN, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["arrays.npz", "report.html", "run.json"]
    check_json((tmp_path / "out" / "run.json").read_text())
    assert (tmp_path / "out" / "report.html").read_text(encoding="utf-8") == render(RUN)
    with np.load(tmp_path / "out" / "arrays.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["energies"], RUN.answer.arrays["energies"])
        assert sorted(arrays.files) == ["energies", "file"]


def test_a_zip_holds_the_same_files(tmp_path):
    export(RUN, tmp_path / "out.zip")
    export(RUN, tmp_path / "out")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            assert archive.read(name) == (tmp_path / "out" / name).read_bytes()
        assert len(archive.namelist()) == 3


@pytest.mark.parametrize("name", ["there.json", "there.zip", "there"])
def test_nothing_is_overwritten_and_nothing_half_written(tmp_path, name):
    path = tmp_path / name
    path.write_text("mine")
    with pytest.raises(InvalidValueError, match=r"there.*` exists and stays as it is: choose another name"):
        export(RUN, path)
    assert path.read_text() == "mine"
    with pytest.raises(InvalidValueError, match=r"cannot write `.*`: No such file or directory"):
        export(RUN, tmp_path / "missing" / name)
    broken = dataclasses.replace(RUN, answer=dataclasses.replace(RUN.answer, arrays={"x": np.array([object()])}))
    if name != "there.json":
        with pytest.raises(InvalidValueError, match="array `x` must hold numbers or text"):
            export(broken, tmp_path / f"new-{name}")
    assert list(tmp_path.iterdir()) == [path]

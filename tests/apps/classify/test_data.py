"""Reading cases: the same table from every kind of file, splits that keep the classes, and one sentence otherwise."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qloop.apps.classify.data import load_cases, split_cases
from qloop.apps.classify.settings import DataSettings
from qloop.core.errors import InvalidValueError, MissingExtraError

NUMBERS = np.arange(48.0).reshape(24, 2)
KINDS = ["oak", "elm"] * 12


def write_csv(path, numbers=NUMBERS, kinds=KINDS, header="width,height,kind"):
    rows = [f"{a},{b},{kind}" for (a, b), kind in zip(numbers, kinds, strict=True)]
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def write_parquet(path):
    parquet, pyarrow = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    columns = {"width": NUMBERS[:, 0], "height": NUMBERS[:, 1], "kind": KINDS}
    parquet.write_table(pyarrow.table(columns), path)
    return path


def load(file, target="kind", **settings):
    return load_cases(DataSettings(file=file, target=target, **settings))


@pytest.mark.parametrize("write", [write_csv, write_parquet])
def test_a_table_is_columns_of_numbers_and_a_target(write, tmp_path):
    cases = load(write(tmp_path / f"trees.{write.__name__[6:]}"))
    assert (cases.name, cases.columns, cases.classes) == ("trees", ("width", "height"), ("elm", "oak"))
    np.testing.assert_array_equal(cases.inputs, NUMBERS)
    np.testing.assert_array_equal(cases.labels, [1, 0] * 12)


def test_arrays_of_any_shape_become_columns(tmp_path):
    np.savez(tmp_path / "scans.npz", image=NUMBERS.reshape(24, 2, 1), age=np.arange(24), grade=[0.0, 2.0] * 12)
    cases = load(tmp_path / "scans.npz", target="grade")
    assert cases.columns == ("image[0]", "image[1]", "age")
    assert cases.classes == ("0", "2")
    np.testing.assert_array_equal(cases.inputs, np.column_stack([NUMBERS, np.arange(24)]))


def test_classes_are_chosen_by_name_or_number():
    cases = load_cases(DataSettings(name="digits", classes=(5, "3")))
    assert (cases.classes, cases.inputs.shape, cases.same_unit) == (("3", "5"), (365, 64), True)
    # Scikit-learn's first digits are 0, 1, 2, 3, 4, 5: the first kept case is a 3, the second a 5.
    assert cases.labels[:2].tolist() == [0, 1]
    assert load_cases(DataSettings(name="breast_cancer")).classes == ("benign", "malignant")


@given(
    st.lists(st.integers(10, 40), min_size=2, max_size=4),
    st.floats(0.1, 0.6),
    st.integers(0, 2**32),
)
def test_a_split_keeps_every_case_and_the_share_of_every_class(counts, share, seed):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    split = split_cases(labels, share, seed)
    assert sorted([*split.train, *split.test]) == list(range(len(labels)))
    held_out = np.bincount(labels[split.test], minlength=len(counts))
    assert np.abs(held_out - share * np.array(counts)).max() <= 1


def test_draws_differ_by_seed_and_by_name():
    labels = np.repeat([0, 1], 50)
    draws = [split_cases(labels, 0.3, *path).test.tolist() for path in ((0,), (0,), (1,), (0, "stop"))]
    assert draws[0] == draws[1]
    assert draws[0] not in draws[2:]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "`data` takes one of `name` and `file`, got none"),
        ({"name": "digits", "file": "trees.csv"}, "got both"),
        ({"file": "tree.csv"}, "there is no data file `.*tree.csv`"),
        ({"file": "trees.xlsx"}, "must end in .csv, .parquet, .npz, got `trees.xlsx`"),
        ({"file": "trees.csv", "target": "kid"}, "`kid` is not a column of `trees.csv`: did you mean `kind`"),
        ({"file": "trees.csv", "classes": ("oka", "elm")}, "holds `oka`, which is not a class: did you mean `oak`"),
        ({"file": "trees.csv", "classes": ("oak",)}, "at least 2 classes, got oak alone"),
        ({"file": "nan.csv"}, "column `width` must hold finite numbers, got `nan` in row 1"),
        ({"file": "blank.csv"}, "column `height` must hold finite numbers, got `` in row 2"),
        ({"file": "ragged.csv"}, "`ragged.csv`, line 26 has 2 values, the header has 3"),
        ({"file": "few.csv"}, "every class needs at least 10 cases, class `oak` has 9"),
        ({"file": "none.csv"}, "every case needs a class, got none in row 24"),
        ({"file": "twice.csv"}, "`twice.csv` has two columns named `width`"),
        ({"file": "alone.csv"}, "`alone` has no column beside the target"),
        ({"file": "binary.csv"}, "cannot read `.*binary.csv`"),
        ({"file": "objects.npz"}, "cannot read `.*objects.npz`: Object arrays cannot be loaded"),
        ({"file": "uneven.npz"}, "must hold as many cases each"),
        ({"file": "wide.npz"}, "`data.target` `kind` is not a column of `wide.npz`"),
        ({"file": "cut.npz"}, "cannot read"),
    ],
)
def test_bad_data_is_one_sentence(settings, sentence, tmp_path):
    write_csv(tmp_path / "trees.csv")
    write_csv(tmp_path / "nan.csv", np.where(NUMBERS == 0, np.nan, NUMBERS))
    (tmp_path / "blank.csv").write_text((tmp_path / "trees.csv").read_text().replace("2.0,3.0", "2.0,", 1))
    (tmp_path / "ragged.csv").write_text((tmp_path / "trees.csv").read_text() + "1,2\n")
    write_csv(tmp_path / "few.csv", NUMBERS[:19], ["oak"] * 9 + ["elm"] * 10)
    write_csv(tmp_path / "none.csv", kinds=[*KINDS[:-1], " "])
    write_csv(tmp_path / "twice.csv", header="width,width,kind")
    (tmp_path / "alone.csv").write_text("kind\noak\n")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00a")
    np.savez(tmp_path / "objects.npz", kind=np.array([{}, []], dtype=object))
    np.savez(tmp_path / "uneven.npz", a=[1, 2], kind=["b"])
    np.savez(tmp_path / "wide.npz", kind=NUMBERS)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "wide.npz").read_bytes()[:100])
    if "file" in settings:
        settings = {"target": "kind"} | settings | {"file": tmp_path / settings["file"]}
    with pytest.raises(InvalidValueError, match=sentence) as caught:
        load_cases(DataSettings(**settings))
    assert "\n" not in str(caught.value)


def test_a_parquet_file_without_pyarrow_names_the_extra(monkeypatch, tmp_path):
    (tmp_path / "trees.parquet").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r'pip install "qloop\[tables\]"'):
        load(tmp_path / "trees.parquet")

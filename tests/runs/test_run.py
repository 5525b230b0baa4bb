import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

import qloop
from qloop.runs.run import _hash_sources, code_version, run_id

SETTINGS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)


def test_the_id_is_the_hash_of_canonical_json():
    # sha256 of ["toy",{"a":1,"b":[2.5]},7,"0.1.0+ab",""] by sha256sum
    expected = "a22b504cac9417d3ea28ba9c71f1ea2a7812e0dbcf22f42636dc7feca9b479ed"
    assert run_id("toy", {"b": [2.5], "a": 1}, 7, "0.1.0+ab") == expected


@settings(max_examples=10)
@given(st.dictionaries(st.text(), SETTINGS, min_size=2, max_size=5))
def test_the_order_of_settings_does_not_matter(table):
    shuffled = dict(reversed(table.items()))
    assert run_id("toy", table, 1, "v") == run_id("toy", shuffled, 1, "v")


def test_every_ingredient_changes_the_id():
    base = ("toy", {"a": 1}, 7, "v", "w")
    others = [("boy", *base[1:]), ("toy", {"a": 2}, *base[2:]), ("toy", {"a": 1}, 8, "v", "w")]
    others += [(*base[:3], "u", "w"), (*base[:4], "x")]
    assert len({run_id(*ingredients) for ingredients in [base, *others]}) == 6


def test_an_edited_or_renamed_file_changes_the_code_version(tmp_path):
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "one.py").write_text("x = 1\n")
    versions = [_hash_sources(tmp_path)]
    (tmp_path / "notes.txt").write_text("not code")
    assert _hash_sources(tmp_path) == versions[0]
    (tmp_path / "room" / "one.py").write_text("x = 2\n")
    versions.append(_hash_sources(tmp_path))
    (tmp_path / "room" / "one.py").rename(tmp_path / "one.py")
    versions.append(_hash_sources(tmp_path))
    assert len(set(versions)) == 3
    assert code_version() == f"{qloop.__version__}+{_hash_sources(Path(qloop.__file__).parent)[:12]}"


def test_importing_the_room_loads_no_door():
    script = "import sys, qloop.runs; print(*{'matplotlib', 'jinja2', 'sqlite3', 'numpy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout == "\n"

import datetime
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qloop.core.errors import InvalidValueError
from qloop.core.settings import REQUIRED, explain, override, read_toml, setting, settings, to_plain, validate


@settings
class Grid:
    points: int = setting(9, "number of points", ge=2)
    spacing: Literal["even", "chebyshev"] = setting("even", "how they lie")
    width: float | None = setting(None, "width of the grid", unit="angstrom", gt=0)
    ends: tuple[float, float] = setting((1.0, 3.4), "both ends", unit="angstrom")
    anchor: int | str = setting("first", "point to start from")
    start: Path | None = setting(None, "file of starting values")


@settings
class Scan:
    name: str = setting(REQUIRED, "name of the scan")
    grid: Grid = setting(Grid, "the grid")
    more: tuple[Grid, ...] = setting((), "further grids")
    repeat: bool = setting(False, "whether to run twice")

    def __post_init__(self):
        if self.repeat and self.grid.points > 100:
            raise InvalidValueError(f"`repeat` takes at most 100 points, got {self.grid.points}.")


def test_defaults_and_given_values_stand_side_by_side():
    scan = validate(Scan, {"name": "LiH", "grid": {"points": 5, "ends": [0.5, 2]}, "more": [{"points": 3}]})
    assert scan == Scan(name="LiH", grid=Grid(points=5, ends=(0.5, 2.0)), more=(Grid(points=3),))
    assert scan.grid.spacing == "even"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({}, "`name` is required and was not given."),
        ({"nam": "LiH"}, "`nam` is not a setting: did you mean `name`?"),
        ({"name": "LiH", "grid": {"point": 5}}, "`grid.point` is not a setting: did you mean `points`?"),
        ({"name": "LiH", "more": [{"point": 5}]}, "`more.0.point` is not a setting: did you mean `points`?"),
        (
            {"name": "LiH", "solver": {}},
            "`solver` is not a setting: choose one of `grid`, `more`, `name`, `repeat`.",
        ),
        ({"name": 7}, "`name` must be a string, got 7."),
        ({"name": "LiH", "repeat": 1}, "`repeat` must be true or false, got 1."),
        ({"name": "LiH", "grid": 3}, "`grid` must be a table, got 3."),
        ({"name": "LiH", "grid": {"points": "5"}}, '`grid.points` must be a whole number, got "5".'),
        ({"name": "LiH", "grid": {"points": 5.5}}, "`grid.points` must be a whole number, got 5.5."),
        ({"name": "LiH", "grid": {"points": 1}}, "`grid.points` must be greater than or equal to 2, got 1."),
        ({"name": "LiH", "grid": {"width": 0}}, "`grid.width` must be greater than 0, got 0."),
        ({"name": "LiH", "grid": {"width": "wide"}}, '`grid.width` must be a number, got "wide".'),
        ({"name": "LiH", "grid": {"spacing": "odd"}}, "`grid.spacing` must be 'even' or 'chebyshev', got \"odd\"."),
        ({"name": "LiH", "grid": {"ends": "1-2"}}, '`grid.ends` must be a list, got "1-2".'),
        ({"name": "LiH", "grid": {"ends": [1, 2, 3]}}, "`grid.ends` must be a list of at most 2 items, got [1, 2, 3]."),
        ({"name": "LiH", "grid": {"anchor": 1.5}}, "`grid.anchor` must be int | str, got 1.5."),
        ({"name": "LiH", "repeat": True, "grid": {"points": 101}}, "`repeat` takes at most 100 points, got 101."),
    ],
)
def test_what_is_wrong_becomes_one_sentence(data, sentence):
    with pytest.raises(InvalidValueError) as error:
        validate(Scan, data)
    assert str(error.value) == sentence


def test_a_message_names_the_table_it_came_from():
    with pytest.raises(InvalidValueError, match=r"^`task\.points` must be greater"):
        validate(Grid, {"points": 0}, where="task")


def test_a_value_that_toml_has_and_settings_have_not():
    with pytest.raises(InvalidValueError, match="plain values only"):
        validate(Scan, {"name": datetime.date(2026, 1, 1)})


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a = 1\nb = \nc = 2\n", r"line 2 `b =`: Invalid value"),
        ("a = 1\n[table\nb = 2\n", r"line 2 `\[table`"),
        ("a = 1\n\na = 2\n", r"line 3 `a = 2`: Cannot overwrite"),
    ],
)
def test_a_file_that_does_not_parse_shows_the_line(tmp_path, text, match):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(InvalidValueError, match=r"bad\.toml` is not valid TOML, " + match):
        read_toml(path)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InvalidValueError, match="there is no settings file"):
        read_toml(tmp_path / "none.toml")
    with pytest.raises(InvalidValueError, match="cannot read .*: Is a directory"):
        read_toml(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(InvalidValueError, match="it is not UTF-8 text"):
        read_toml(tmp_path / "latin.toml")


def test_override_reads_toml_values_and_leaves_the_original_alone():
    data = {"grid": {"points": 9}}
    assert override(data, "grid.points=5") == {"grid": {"points": 5}}
    assert override(data, "grid.ends=[1, 2.5]")["grid"] == {"points": 9, "ends": [1, 2.5]}
    assert override(data, "new.table.key=true")["new"] == {"table": {"key": True}}
    assert override(data, "name=LiH STO-3G") == {"grid": {"points": 9}, "name": "LiH STO-3G"}
    assert override(data, "name=a=b")["name"] == "a=b"
    assert data == {"grid": {"points": 9}}


def test_an_override_that_cannot_be_applied():
    with pytest.raises(InvalidValueError, match=r"takes `table.key=value`, got `grid.points`"):
        override({}, "grid.points")
    with pytest.raises(InvalidValueError, match="takes `table.key=value`"):
        override({}, "grid.=1")
    with pytest.raises(InvalidValueError, match="`grid` is not a table"):
        override({"grid": 3}, "grid.points=1")


@given(st.integers(2, 10**9), st.floats(1e-9, 1e9), st.text())
def test_plain_settings_validate_to_the_same_settings(points, width, name):
    scan = Scan(name=name, grid=Grid(points=points, width=width), more=(Grid(points=points),))
    assert validate(Scan, to_plain(scan)) == scan


def test_explain_lists_every_setting_with_default_unit_and_meaning():
    rows = {row.key: row for row in explain(Scan)}
    assert list(rows)[:3] == ["name", "grid.points", "grid.spacing"]
    assert rows["name"].default == "required"
    assert rows["grid.ends"].default == "[1.0, 3.4]"
    assert rows["grid.width"].unit == "angstrom"
    assert rows["grid.width"].type == "float | None"
    assert rows["grid.points"].meaning == "number of points"


def test_relative_paths_start_from_the_folder_and_absolute_ones_stay(tmp_path):
    scan = validate(Scan, {"name": "x", "grid": {"start": "a/b.npz"}, "more": [{"start": "/c.npz"}]}, folder=tmp_path)
    assert scan.grid.start == tmp_path / "a/b.npz"
    assert scan.more[0].start == Path("/c.npz")


def test_a_file_is_identified_by_name_and_content(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "one" / "h2.xyz").write_text("H2")
    (tmp_path / "two" / "h2.xyz").write_text("H2")
    first, second = (to_plain(Grid(start=tmp_path / folder / "h2.xyz")) for folder in ("one", "two"))
    assert first == second
    (tmp_path / "two" / "h2.xyz").write_text("D2")
    assert to_plain(Grid(start=tmp_path / "two" / "h2.xyz")) != first
    assert to_plain(Grid(start=tmp_path / "none"))["start"] == "none sha256:missing"

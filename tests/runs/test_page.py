import dataclasses
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from qloop.core.errors import InvalidValueError
from qloop.core.ledger import Ledger
from qloop.core.page import Page
from qloop.runs.page import render, write_report
from tests.runs import sample

HOSTILE = "<script>alert(1)</script>\"'&{{ 7 * 7 }}"


class Reader(HTMLParser):
    """Collects what a browser would see: tags, attributes and text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.words = set(), [], []
        self.feed(page)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes += attributes

    def handle_data(self, data):
        if self.lasttag != "style":
            self.words.append(data)


def hostile(value):
    """Return a copy in which every free text is an attack."""
    if isinstance(value, str):
        return HOSTILE + value
    if isinstance(value, tuple | list):
        return type(value)(hostile(item) for item in value)
    if isinstance(value, dict):
        return {key if isinstance(key, int) else hostile(key): hostile(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value):
        kept = {"kind", "style", "stage", "nature", "state"} if not hasattr(value, "settings") else {"state"}
        names = [field.name for field in dataclasses.fields(value) if field.name not in kept]
        return dataclasses.replace(value, **{name: hostile(getattr(value, name)) for name in names})
    return value


@pytest.fixture(scope="module")
def page():
    return render(sample.sample_run())


def test_no_name_can_become_markup(page):
    attacked, plain = Reader(render(hostile(sample.sample_run()))), Reader(page)
    assert attacked.tags == plain.tags
    assert "script" not in attacked.tags
    assert not [name for name, _ in attacked.attributes if name.startswith("on")]
    assert HOSTILE in attacked.text
    assert "49" not in attacked.text.split()


def test_the_page_needs_nothing_from_outside(page):
    read = Reader(page)
    assert read.tags.isdisjoint({"script", "link", "iframe", "object", "embed", "base", "form"})
    for name, value in read.attributes:
        if name in {"src", "href", "srcset", "data", "action", "poster"}:
            assert value.startswith(("#", "data:image/png;base64,")), value
        assert "http:" not in (value or "")
        assert "https:" not in (value or "")
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "default-src 'none'" in page


def test_everything_is_said(page):
    run = sample.sample_run()
    text = Reader(page).text
    ledger = run.answer.ledger
    said = [run.answer.page.headline, run.entry.short_id, run.entry.code_version, "LiH", "fake_torino", "qiskit"]
    said += [section.title for section in run.answer.page.sections]
    said += [
        part for line in ledger.lines for part in (line.part.name, line.part.does, line.part.off, line.part.nature)
    ]
    said += [level.name for level in ledger.levels] + [level.meaning for level in ledger.levels]
    said += [
        "learned channel learns",
        "post-selection textbook off",
        "6.8 [5.1, 9.2]",
        "94 mHa [81, 108]",
        "Intervals over 16",
    ]
    said += [*run.answer.references, *ledger.references()]
    assert [words for words in said if words not in text] == []
    assert text.index(run.answer.page.headline) < text.index("Answer")


def test_flags_of_an_estimate_are_shown():
    run = sample.small_run()
    lines = run.answer.ledger.lines
    flagged = dataclasses.replace(lines[0], gain=dataclasses.replace(lines[0].gain, flags=("few repeats",)))
    ledger = dataclasses.replace(run.answer.ledger, lines=(flagged, *lines[1:]))
    changed = dataclasses.replace(run, answer=dataclasses.replace(run.answer, ledger=ledger))
    assert "few repeats" in Reader(render(changed)).text


def test_the_page_does_not_depend_on_times():
    run = sample.small_run()
    later = dataclasses.replace(run.entry, started="2030", finished="2031")
    again = dataclasses.replace(run, entry=later, answer=dataclasses.replace(run.answer, timings={"design": 1.0}))
    assert render(again) == render(run)


def test_another_process_with_other_settings_renders_the_same_bytes(page, tmp_path):
    (tmp_path / "matplotlibrc").write_text("font.size: 20\nlines.color: red\naxes.facecolor: pink\n")
    script = "import sys; from tests.runs.sample import sample_run; from qloop.runs.page import render\n"
    script += "sys.stdout.buffer.write(render(sample_run()).encode()); print('matplotlib.pyplot' in sys.modules)"
    environment = {**os.environ, "MATPLOTLIBRC": str(tmp_path), "PYTHONHASHSEED": "11", "LC_ALL": "C"}
    root = Path(__file__).parents[2]
    there = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, env=environment, cwd=root)
    assert there.stdout.decode() == f"{page}False\n"


def test_an_answer_without_ledger_or_sections_has_a_page():
    run = sample.sample_run()
    bare = dataclasses.replace(
        run.answer, ledger=Ledger(lines=()), page=Page(title="t", headline="h", sections=()), references=()
    )
    text = Reader(render(dataclasses.replace(run, answer=bare))).text
    assert "Ledger" not in text
    assert "References" not in text
    assert "Settings" in text


def test_a_report_replaces_only_a_report(tmp_path):
    run, path = sample.small_run(), tmp_path / "report.html"
    write_report(run, path)
    write_report(sample.small_run("BeH2"), path)
    assert "BeH2" in path.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [path]
    other = tmp_path / "thesis.html"
    other.write_text("<html>my thesis</html>")
    with pytest.raises(InvalidValueError, match=r"thesis.html` is not a qloop report and stays as it is"):
        write_report(run, other)
    assert other.read_text() == "<html>my thesis</html>"
    with pytest.raises(InvalidValueError, match=r"cannot write the report `.*`: Is a directory"):
        write_report(run, tmp_path)
    with pytest.raises(InvalidValueError, match=r"cannot write the report `.*`: No such file or directory"):
        write_report(run, tmp_path / "missing" / "report.html")

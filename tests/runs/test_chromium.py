"""The report in a real browser, at the widths of a desk and of a telephone."""

import html
import json
import re
import shutil
import subprocess

import pytest

from qloop.runs.page import render
from tests.runs import sample

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
WIDTHS = (1400, 400)
# What a page asks a browser: its width, elements that stick out of it, what it loaded, text that is too small to read.
QUESTIONS = """<script>
const inside = element => element.closest(".scroll") === null;
const boxes = [...document.body.querySelectorAll("*")].filter(inside);
const out = boxes.filter(element => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1);
const texts = [...document.querySelectorAll("svg text")];
parent.document.getElementById("answers").textContent = JSON.stringify({
  view: document.documentElement.clientWidth,
  page: document.documentElement.scrollWidth,
  out: out.map(element => element.tagName + " " + element.className),
  loaded: performance.getEntriesByType("resource").map(entry => entry.name),
  scripts: document.scripts.length,
  smallest: Math.min(...texts.map(text => text.getBoundingClientRect().height)),
  drawings: [...document.querySelectorAll("svg")].filter(svg => svg.getBoundingClientRect().height < 5).length,
});
</script>"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed"),
]


@pytest.fixture(scope="module")
def page():
    return render(sample.sample_run("<script>alert(1)</script>"))


def browse(folder, page, width, *task):
    """Open a page in Chromium and return what it prints on each stream."""
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    quiet = "--disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
    command = [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        *quiet.split(),
        f"--user-data-dir={folder / 'profile'}",
    ]
    command += ["--hide-scrollbars", "--enable-logging=stderr", f"--window-size={width},2000", *task, path.as_uri()]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits_its_window_and_loads_nothing(page, tmp_path, width):
    asking = re.sub("<meta http-equiv=[^>]*>", "", page).replace("</body>", f"{QUESTIONS}</body>")
    # A window cannot be as narrow as a telephone, a frame can.
    frame = f'<iframe style="width: {width}px; height: 2000px; border: 0" srcdoc="{html.escape(asking)}"></iframe>'
    dom = browse(tmp_path, f'<body><pre id="answers"></pre>{frame}', 1600, "--dump-dom").stdout
    answers = json.loads(re.search(r'<pre id="answers">(.*?)</pre>', dom, re.DOTALL)[1])
    assert answers["view"] == width
    assert answers["page"] == width
    assert answers["out"] == []
    assert answers["loaded"] == []
    assert answers["scripts"] == 1
    assert answers["drawings"] == 0
    assert answers["smallest"] >= 8


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_painted_without_a_complaint(page, tmp_path, width):
    from PIL import Image

    done = browse(tmp_path, page, width, f"--screenshot={tmp_path / 'page.png'}")
    assert "Refused" not in done.stderr
    assert "CONSOLE" not in done.stderr
    with Image.open(tmp_path / "page.png") as picture:
        assert picture.width == width
        colors = picture.convert("RGB").getcolors(maxcolors=1 << 24)
    # Paper, cards, ink and the colours of the curves: a blank page or one of raw text has far fewer.
    assert len(colors) > 200


def test_a_hostile_name_is_text(page, tmp_path):
    dom = browse(tmp_path, page, 1400, "--dump-dom").stdout
    assert "<script" not in dom
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in dom

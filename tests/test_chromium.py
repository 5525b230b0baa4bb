"""A report in a real browser: it fits wide and narrow windows, asks nobody for anything, and runs nothing of a file."""

import html
import json
import re
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from qloop.runs.execute import execute
from qloop.runs.page import render
from qloop.runs.store import Store
from tests.cli.toy import Toy, toy

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
# Headless, with nothing of the browser's own on the wire.
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync", "--disable-component-update",
    "--disable-background-networking", "--disable-features=NetworkTimeServiceQuerying", "--virtual-time-budget=5000",
)  # fmt: skip
# The frame is as wide as a window would be; a document wider than its frame would have to be scrolled sideways.
HARNESS = """<iframe src="/report" style="width:%(width)dpx;height:900px;border:0" onload="
  const page = this.contentDocument;
  document.title = JSON.stringify({
    width: page.documentElement.scrollWidth, height: page.documentElement.scrollHeight, title: page.title,
    scripts: page.scripts.length, text: page.body.innerText});
"></iframe>"""


def look_at(report: str, width: int, folder: Path) -> tuple[dict, list[str]]:
    """Return what Chromium made of a report, and everything it asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(f"{self.headers['Host']}{self.path}")
            body = (HARNESS % {"width": width} if self.path == "/" else report).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        address = f"127.0.0.1:{server.server_port}"
        try:
            places = (f"--user-data-dir={folder}", f"--window-size={width + 40},1000", f"http://{address}/")
            # Whatever host a page named, the request would arrive here.
            command = (CHROMIUM, *QUIET, f"--host-resolver-rules=MAP * {address}", "--dump-dom", *places)
            dom = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
        finally:
            server.shutdown()
    title = re.search("<title>(.*?)</title>", dom, re.S)
    return json.loads(html.unescape(title[1])), [
        url for url in asked if url not in {f"{address}/", f"{address}/report", f"{address}/favicon.ico"}
    ]


@pytest.mark.parametrize("width", [1400, 400])
def test_a_report_fits_asks_for_nothing_and_runs_nothing(width, tmp_path):
    with Store(tmp_path / "store") as store:
        report = render(execute(toy, Toy(), kind="toy", seed=3, store=store))
    seen, elsewhere = look_at(report, width, tmp_path / "profile")
    assert seen["width"] <= width
    assert seen["height"] > 500
    assert seen["scripts"] == 0
    assert "<script>" in seen["text"]
    assert "A paragraph." in seen["text"]
    assert elsewhere == []


def test_the_harness_sees_what_it_should(tmp_path):
    bad = (
        "<title>t</title><div style='width:700px'>wide</div>"
        "<img src='http://example.org/a.png'><script>document.title = 'run'</script>"
    )
    seen, elsewhere = look_at(bad, 400, tmp_path)
    assert (seen["width"], seen["scripts"], seen["title"]) == (708, 1, "run")
    assert elsewhere == ["example.org/a.png"]

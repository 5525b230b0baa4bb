import hashlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from qloop.cli.main import main
from qloop.datasets import PUBLISHED, Dataset
from tests.datasets.server import Publisher, serve

CONTENT = b"0123456789" * 1000


@pytest.fixture
def publisher(monkeypatch):
    with serve(Publisher(CONTENT)) as publisher:
        dataset = Dataset(
            name="toy", about="digits", url=publisher.url, file_name="data.zip", bytes=len(CONTENT),
            checksum="md5:" + hashlib.md5(CONTENT).hexdigest(), licence="CC0", citation="nobody",
        )  # fmt: skip
        monkeypatch.setitem(PUBLISHED, "toy", dataset)
        yield publisher


def test_fetch_then_path(publisher, capsys):
    assert main(["data", "path", "toy"]) == 1
    assert "`qloop data fetch toy` brings it" in capsys.readouterr().err
    assert main(["data", "fetch", "toy"]) == 0
    out, err = capsys.readouterr()
    assert out.endswith("toy/data.zip\n")
    assert "download: data.zip (10000 of 10000)" in err
    assert main(["data", "path", "toy"]) == 0
    assert Path(capsys.readouterr().out.strip()) == Path(out.strip()).parent


def test_a_copy_is_registered_instead(publisher, tmp_path, capsys):
    (tmp_path / "copy.zip").write_bytes(CONTENT)
    assert main(["data", "fetch", "toy", "--from", str(tmp_path / "copy.zip")]) == 0
    assert publisher.asked == []
    assert main(["data", "fetch", "toy", "--from", str(tmp_path / "copy.zip")]) == 1
    assert "already at" in capsys.readouterr().err


def test_list_tells_size_licence_and_what_is_here(publisher, capsys):
    assert main(["data", "list"]) == 0
    out = capsys.readouterr().out
    assert "sycamore_surface_code" in out
    assert "315 MB" in out
    assert "CC BY 4.0" in out


def test_a_warning_is_one_line_on_stderr(publisher, monkeypatch, capsys):
    monkeypatch.setitem(PUBLISHED, "toy", Dataset(**{**vars(PUBLISHED["toy"]), "checksum": ""}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.filters", [])
        assert main(["data", "fetch", "toy"]) == 0
    sentence = (
        f"qloop: warning: no checksum of `data.zip` is published; its sha256 is {hashlib.sha256(CONTENT).hexdigest()}."
    )
    assert sentence in capsys.readouterr().err


def test_an_unknown_name(capsys):
    assert main(["data", "fetch", "sycamore_surface_cod"]) == 1
    assert "did you mean `sycamore_surface_code`?" in capsys.readouterr().err


def test_an_interrupted_download_says_how_to_go_on(tmp_path):
    # A publisher that accepts and never answers.
    code = """
import socket, sys, threading
from qloop.cli.main import main
from qloop.datasets import PUBLISHED, Dataset
server = socket.create_server(("127.0.0.1", 0))
url = f"http://127.0.0.1:{server.getsockname()[1]}/x"
PUBLISHED["toy"] = Dataset(name="toy", about="a", url=url, file_name="x", licence="l", citation="c")
accepted = []
def accept():
    # The download has begun, and is what the signal interrupts.
    accepted.append(server.accept())
    print("ready", flush=True)
threading.Thread(target=accept, daemon=True).start()
sys.exit(main(["data", "fetch", "toy"]))
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode in {130, -signal.SIGINT}
    if process.returncode == 130:
        assert err == "qloop: interrupted: the same command goes on where the download stopped.\n"

import os
from pathlib import Path

import pytest

from tests.cli import toy

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def own_places(tmp_path, monkeypatch):
    """Stores, caches and an installed plug-in with the toy task kind, all of this test's own."""
    plugin = tmp_path / "plugin" / "toy_kind-1.0.dist-info"
    plugin.mkdir(parents=True)
    (plugin / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-kind\nVersion: 1.0\n")
    (plugin / "entry_points.txt").write_text("[qloop.tasks]\ntoy = tests.cli.toy:KIND\n")
    monkeypatch.syspath_prepend(plugin.parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "src"), str(ROOT), str(plugin.parent)]))
    monkeypatch.setenv("QLOOP_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("QLOOP_DATA", raising=False)
    toy.COMPUTED.clear()


@pytest.fixture
def write_toml(tmp_path):
    """Return a function that writes a settings file and returns its path as text."""

    def write(text='[task]\nkind = "toy"\nseed = 3\n'):
        path = tmp_path / "toy.toml"
        path.write_text(text)
        return str(path)

    return write

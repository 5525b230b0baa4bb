import json

import pytest

from qloop.core.errors import InvalidValueError
from qloop.core.registry import Registry

CODECS = Registry("codec", {"json": "json:loads"}, "qloop.test_codecs")


@pytest.fixture
def plug_in(tmp_path, monkeypatch):
    """Another installed package that registers `shout` and tries to replace `json`."""
    (tmp_path / "shouting.py").write_text("def shout(text):\n    return text.upper()\n")
    metadata = tmp_path / "shouting-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[qloop.test_codecs]\nshout = shouting:shout\njson = shouting:shout\n")
    monkeypatch.syspath_prepend(tmp_path)


def test_a_built_in_is_imported_when_it_is_loaded():
    assert CODECS.names() == ("json",)
    assert CODECS.load("json") is json.loads


def test_a_third_party_adds_names_and_replaces_none(plug_in):
    assert CODECS.names() == ("json", "shout")
    assert CODECS.load("shout")("hi") == "HI"
    assert CODECS.load("json") is json.loads


def test_an_unknown_name_suggests_the_nearest(plug_in):
    with pytest.raises(InvalidValueError, match="`shuot` is not a known codec: did you mean `shout`?"):
        CODECS.load("shuot")

import pytest

from qloop.core.errors import MissingExtraError, QloopError, import_extra, nearest


def test_nearest_suggests_whatever_the_case():
    assert nearest("faketorino", ["FakeTorino", "FakeMarrakesh"]) == "did you mean `FakeTorino`?"
    assert nearest("zzz", ["b", "a"]) == "choose one of `a`, `b`."


def test_a_missing_extra_is_one_sentence():
    with pytest.raises(MissingExtraError, match=r'^A dream needs Oneiros: pip install "qloop\[dreams\]"$'):
        import_extra("oneiros.deep", "dreams", "A dream needs Oneiros")
    assert issubclass(MissingExtraError, QloopError)


def test_a_broken_library_is_not_called_missing(tmp_path, monkeypatch):
    (tmp_path / "half_installed.py").write_text("import a_module_that_is_not_there")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="a_module_that_is_not_there"):
        import_extra("half_installed", "extra", "It needs that")

import hashlib

import pytest

from qloop.core.errors import InvalidValueError
from qloop.datasets.cache import MissingDataError, cache_path, data_path, register
from qloop.datasets.dataset import ChecksumError, Dataset
from qloop.datasets.published import PUBLISHED, find_dataset

TOY = Dataset(
    name="toy", about="toy", url="https://example.org/toy.txt", file_name="toy.txt", bytes=3,
    checksum="sha256:" + hashlib.sha256(b"abc").hexdigest(), licence="CC0", citation="nobody",
)  # fmt: skip


def test_a_local_copy_is_checked_and_linked(tmp_path):
    copy = tmp_path / "copy.txt"
    copy.write_bytes(b"abc")
    assert register(TOY, copy) == cache_path(TOY)
    assert cache_path(TOY).read_bytes() == b"abc"
    with pytest.raises(InvalidValueError, match="`toy` is already at"):
        register(TOY, copy)
    copy.unlink()
    assert not cache_path(TOY).exists()
    (tmp_path / "again.txt").write_bytes(b"abc")
    assert register(TOY, tmp_path / "again.txt").read_bytes() == b"abc"


def test_a_copy_that_is_another_file_is_refused(tmp_path):
    (tmp_path / "short").write_bytes(b"ab")
    (tmp_path / "other").write_bytes(b"abd")
    with pytest.raises(ChecksumError, match="it has 2 bytes, published are 3"):
        register(TOY, tmp_path / "short")
    with pytest.raises(ChecksumError, match="its sha256 is"):
        register(TOY, tmp_path / "other")
    with pytest.raises(InvalidValueError, match=r"is not a file: give a copy of `toy\.txt`"):
        register(TOY, tmp_path)
    assert not cache_path(TOY).exists()


def test_data_is_looked_for_in_the_named_folder_then_in_the_cache(tmp_path, monkeypatch):
    with pytest.raises(MissingDataError, match="`qloop data fetch ibm_fez` brings it"):
        data_path("ibm_fez")
    cached = cache_path(PUBLISHED["ibm_fez"])
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"")
    assert data_path("ibm_fez") == cached.parent
    (tmp_path / "mine" / "ibm_fez").mkdir(parents=True)
    (tmp_path / "mine" / "my_own").mkdir()
    monkeypatch.setenv("QLOOP_DATA", str(tmp_path / "mine"))
    assert data_path("ibm_fez") == tmp_path / "mine" / "ibm_fez"
    assert data_path("my_own") == tmp_path / "mine" / "my_own"
    with pytest.raises(InvalidValueError, match="`ibm_fes` is not a published data set: did you mean `ibm_fez`?"):
        data_path("ibm_fes")


def test_every_published_file_says_what_it_is():
    assert all(name == dataset.name for name, dataset in PUBLISHED.items())
    for dataset in PUBLISHED.values():
        assert (
            dataset.url
            == f"https://zenodo.org/api/records/{dataset.citation.split('.')[-1]}/files/{dataset.file_name}/content"
        )
        assert dataset.bytes > 0
        assert dataset.licence
        assert "arXiv:" in dataset.citation
    assert find_dataset("sycamore_surface_code").bytes == 315_490_804


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"url": "file:///etc/passwd"}, "`url` must start with http or https"),
        ({"file_name": "../up"}, "`file_name` must be a plain file name, got `../up`"),
        ({"file_name": ".."}, "plain file name"),
    ],
)
def test_a_data_set_that_reaches_elsewhere(change, match):
    fields = {"name": "x", "about": "x", "url": "https://x.org/x", "file_name": "x", "licence": "x", "citation": "x"}
    with pytest.raises(InvalidValueError, match=match):
        Dataset(**fields | change)

import hashlib

import numpy as np
import pytest

from qloop.datasets.dataset import ChecksumError, Dataset
from qloop.datasets.download import DownloadError, fetch
from tests.datasets.server import Publisher, serve

CONTENT = np.random.default_rng(0).bytes(3_000_000)
MD5 = "md5:" + hashlib.md5(CONTENT).hexdigest()


def make_dataset(url, **changes):
    fields = {"url": url, "file_name": "data.zip", "bytes": len(CONTENT), "checksum": MD5}
    return Dataset(name="toy", about="noise", licence="CC0", citation="nobody", **fields | changes)


def test_a_file_arrives_whole_and_is_asked_for_once(cache):
    events = []
    with serve(Publisher(CONTENT)) as publisher:
        path = fetch(make_dataset(publisher.url), progress=events.append)
        assert fetch(make_dataset(publisher.url)) == path
    assert path == cache / "toy" / "data.zip"
    assert path.read_bytes() == CONTENT
    assert publisher.asked == [None]
    assert [event.done for event in events if event.stage == "download"][-1] == events[0].total == len(CONTENT)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("known_size", [len(CONTENT), 0])
def test_an_interrupted_download_goes_on_where_it_stopped(known_size):
    with serve(Publisher(CONTENT, break_after=1_234_567)) as publisher:
        dataset = make_dataset(publisher.url, bytes=known_size)
        with pytest.raises(DownloadError, match=r"stopped after 1234567 bytes .*the same command goes on there"):
            fetch(dataset)
        assert fetch(dataset).read_bytes() == CONTENT
    assert publisher.asked == [None, "bytes=1234567-"]


def test_a_publisher_without_ranges_sends_it_all_again():
    with serve(Publisher(CONTENT, ranges=False, break_after=1000)) as publisher:
        dataset = make_dataset(publisher.url)
        with pytest.raises(DownloadError):
            fetch(dataset)
        assert fetch(dataset).read_bytes() == CONTENT


def test_a_download_that_stopped_before_its_check_is_only_checked(cache):
    (cache / "toy").mkdir(parents=True)
    (cache / "toy" / "data.zip.part").write_bytes(CONTENT)
    with serve(Publisher(CONTENT)) as publisher:
        assert fetch(make_dataset(publisher.url)).read_bytes() == CONTENT
    assert publisher.asked == []


def test_what_is_not_the_published_file_is_thrown_away(cache):
    with (
        serve(Publisher(CONTENT)) as publisher,
        pytest.raises(ChecksumError, match=r"its md5 is .*, published is 0000"),
    ):
        fetch(make_dataset(publisher.url, checksum="md5:0000"))
    assert list((cache / "toy").iterdir()) == []


def test_another_size_is_noticed_before_the_download():
    with serve(Publisher(CONTENT)) as publisher, pytest.raises(DownloadError, match="offers 3000000 bytes from 0"):
        fetch(make_dataset(publisher.url, bytes=5))


def test_a_rest_that_is_too_long_is_dropped_and_the_next_try_succeeds(cache):
    (cache / "toy").mkdir(parents=True)
    (cache / "toy" / "data.zip.part").write_bytes(CONTENT + b"more")
    with serve(Publisher(CONTENT)) as publisher:
        with pytest.raises(DownloadError, match="answered 416"):
            fetch(make_dataset(publisher.url))
        assert fetch(make_dataset(publisher.url)).read_bytes() == CONTENT


def test_without_a_published_checksum_the_computed_one_is_said():
    with serve(Publisher(CONTENT)) as publisher:
        dataset = make_dataset(publisher.url, checksum="")
        with pytest.warns(UserWarning, match=f"its sha256 is {hashlib.sha256(CONTENT).hexdigest()}"):
            assert fetch(dataset).read_bytes() == CONTENT


def test_a_publisher_that_is_not_there():
    with serve(Publisher(CONTENT)) as publisher:
        missing = make_dataset(publisher.url.replace("data.zip", "other.zip"))
        with pytest.raises(DownloadError, match="the publisher of `toy` answered 404"):
            fetch(missing)
    with pytest.raises(DownloadError, match="stopped after 0 bytes .*Connection refused"):
        fetch(make_dataset(publisher.url))

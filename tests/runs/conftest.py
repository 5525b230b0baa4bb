import multiprocessing

import pytest

from qloop.runs.store import Store


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "store") as opened:
        yield opened


@pytest.fixture(scope="session")
def processes():
    """Real processes that start quickly: forked from a clean one that has imported the toy."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.runs.toy"])
    return context

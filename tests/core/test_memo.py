import struct
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from qloop.core.memo import DictMemo, NoMemo, content_key, remembered

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def test_keys_are_the_same_on_every_machine_and_in_every_version():
    assert (
        content_key("a", 1, 0.1, {"c": None, "b": [True]}) == sha256(b'["a",1,0.1,{"b":[true],"c":null}]').hexdigest()
    )
    digest = sha256(struct.pack("<3d", 0, 1, 2)).hexdigest()
    assert content_key(np.arange(3.0)) == sha256(b'[[[3],"<f8","%s"]]' % digest.encode()).hexdigest()


@given(JSON)
def test_equal_content_gives_equal_keys(value):
    assert content_key(value) == content_key(value)
    assert content_key({"a": value, "b": 1}) == content_key({"b": 1, "a": value})


@given(arrays(np.float64, array_shapes(max_dims=3), elements=st.floats(-1, 1)))
def test_arrays_count_by_content_not_by_layout(array):
    assert content_key(array) == content_key(np.asfortranarray(array))
    assert content_key(array) == content_key(array.astype(">f8"))
    assert content_key(array) == content_key(array[..., ::-1][..., ::-1])


def test_shape_type_and_every_number_count():
    zeros = np.zeros(4)
    keys = {content_key(a) for a in (zeros, zeros.reshape(2, 2), zeros.astype(np.float32), zeros.astype(int), -zeros)}
    assert len(keys) == 5
    assert content_key(np.float64(0.5), np.int64(3)) == content_key(0.5, 3)
    assert content_key((1, 2)) == content_key([1, 2])
    with pytest.raises(TypeError, match="takes JSON values and arrays, got set"):
        content_key({1, 2})


def test_what_is_remembered_is_not_computed_again():
    memo, calls = DictMemo(), []

    def compute():
        calls.append(1)
        return {"x": 1}

    assert remembered(memo, "k", compute) == remembered(memo, "k", compute) == {"x": 1}
    assert len(calls) == 1
    memo.put("k", {"x": 2})
    assert memo.get("k") == {"x": 1}


def test_nothing_is_remembered_without_a_memo():
    assert remembered(NoMemo(), "k", lambda: {"x": 1}) == {"x": 1}
    assert NoMemo().get("k") is None

import pytest

from qloop.core.lazy import lazy_names


def test_a_name_is_imported_when_asked_for_and_others_are_refused():
    get, names = lazy_names("house", {"sqrt": "math", "log": "math"})
    assert get("sqrt")(9.0) == 3.0
    assert names() == ["log", "sqrt"]
    with pytest.raises(AttributeError, match="module `house` has no attribute `cube`"):
        get("cube")

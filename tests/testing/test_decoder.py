from dataclasses import dataclass

import numpy as np
import pytest

from qloop.decoding import DECODERS, Decoded
from qloop.testing import check_decoder


@pytest.mark.parametrize("name", ["frontier", "pymatching", "pymatching-correlated", "cascade"])
def test_every_decoder_of_the_table_keeps_the_contract(name):
    check_decoder(DECODERS.load(name)(), single_errors=0.03 if name == "pymatching-correlated" else 0.0)


def test_the_table_is_covered():
    assert DECODERS.names() == ("frontier", "pymatching", "pymatching-correlated", "cascade")


@dataclass(frozen=True)
class Idle:
    shape: str = "right"

    def compile(self, dem):
        self_ = self

        class Compiled:
            def decode(self, events):
                width = dem.num_observables + (self_.shape == "wrong")
                return Decoded(predictions=np.zeros((len(events), width), bool))

        return Compiled()


def test_a_decoder_that_does_nothing_is_found_out():
    with pytest.raises(AssertionError, match="single errors are decoded wrongly"):
        check_decoder(Idle(), failures=1.0)
    with pytest.raises(AssertionError, match=r"shape \(200, 1\), got \(200, 2\)"):
        check_decoder(Idle(shape="wrong"))

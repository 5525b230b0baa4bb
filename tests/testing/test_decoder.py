"""The check passes our decoders, and says what is wrong with deliberately broken ones."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from qloop.decoding import DECODERS, Decoded, Matching
from qloop.testing import check_decoder


@pytest.mark.parametrize("name", ["frontier", "pymatching", "pymatching-correlated", "cascade"])
def test_every_decoder_of_the_table_keeps_the_contract(name):
    check_decoder(DECODERS.load(name)(), 0.03 if name == "pymatching-correlated" else 0.0)


def test_a_new_decoder_is_checked():
    assert DECODERS.names() == ("frontier", "pymatching", "pymatching-correlated", "cascade")


@dataclass(frozen=True)
class Broken:
    """Matching whose answers are spoilt by the function of a name."""

    spoil: str

    def compile(self, dem):
        return Spoilt(Matching(confidence=False).compile(dem), SPOILERS[self.spoil])


@dataclass(frozen=True)
class Spoilt:
    inner: object
    spoiler: object

    def decode(self, events):
        return self.spoiler(events, self.inner.decode(events))


SEEN = []


def change_events(events, answer):
    events[:1] = 1
    return answer


def remember(events, answer):
    SEEN.append(len(events))
    return replace(answer, confidence=np.full(len(events), 1 / len(SEEN)))


def flip_first(events, answer):
    return replace(answer, predictions=answer.predictions ^ (np.arange(len(events)) == 0)[:, None])


def confide(value):
    return lambda events, answer: replace(answer, confidence=np.full(len(events), value))


SPOILERS = {
    "change": change_events,
    "plain": lambda events, answer: answer.predictions,
    "wide": lambda events, answer: replace(answer, predictions=np.repeat(answer.predictions, 2, axis=1)),
    "bytes": lambda events, answer: replace(answer, predictions=answer.predictions.astype(np.uint8)),
    "sure": confide(1.5),
    "unknown": confide(np.nan),
    "column": lambda events, answer: replace(answer, confidence=np.ones((len(events), 1))),
    "memory": remember,
    "batch": lambda events, answer: replace(answer, confidence=np.full(len(events), 1 / (1 + len(events)))),
    "first": flip_first,
    "sometimes": lambda events, answer: answer if len(events) > 1 else confide(1.0)(events, answer),
    "idle": lambda events, answer: Decoded(predictions=np.zeros_like(answer.predictions)),
}  # fmt: skip


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        ("change", "must not change the events"),
        ("plain", "must return `Decoded`, got ndarray"),
        ("wide", r"shape \(200, 1\), got \(200, 2\)"),
        ("bytes", "must be bool, got uint8"),
        ("sure", r"in \[0, 1\], got \[1.5\]"),
        ("unknown", r"in \[0, 1\], got \[nan\]"),
        ("column", r"shape \(200,\), got \(200, 1\)"),
        ("memory", "equal confidence, it differs when they are decoded again"),
        ("batch", "equal confidence, it differs in another batch"),
        ("first", "equal predictions, they differ in another batch"),
        ("sometimes", "always or never, it differs in another batch"),
        ("idle", "every single error must be corrected, [0-9]+ of [0-9]+ are not"),
    ],
)
def test_broken_decoders_are_found_out(spoil, sentence):
    with pytest.raises(AssertionError, match=sentence):
        check_decoder(Broken(spoil))


def test_settings_that_are_none():
    with pytest.raises(AssertionError, match="a decoder has `compile`, got int"):
        check_decoder(3)

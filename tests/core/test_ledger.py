import json

from qloop.core.estimate import Estimate
from qloop.core.ledger import Ledger, LedgerLine, Level, Metric, Part

GAIN = Estimate(value=1.5, low=1.2, high=1.9)
SEARCH = Part(
    name="encoding", stage="design", nature="searches", does="fewer gates", off="parity mapping", references=("A", "B")
)
READOUT = Part(
    name="readout", stage="correct", nature="textbook", does="inverts flips", off="raw", references=("B", "C")
)
LEDGER = Ledger(
    lines=(
        LedgerLine(
            part=SEARCH,
            on=True,
            gain=GAIN,
            added=GAIN,
            metrics=(Metric(name="gates", estimate=GAIN),),
            seconds=1.5,
            gates=12,
        ),
        LedgerLine(part=READOUT, on=False, shots=1000),
    ),
    levels=(
        Level(name="answer", meaning="all on", error=GAIN),
        Level(name="all off", meaning="nothing", error=GAIN, ratio=GAIN),
    ),
    error_name="RMSE against FCI",
    repeats=16,
)


def test_json_round_trip():
    assert Ledger.from_json(json.loads(json.dumps(LEDGER.to_json()))) == LEDGER


def test_a_line_reads_without_knowing_the_classes():
    first, second = LEDGER.to_json()["lines"]
    assert first["part"] == "encoding"
    assert first["gain"] == 1.5
    assert first["gain_interval"] == [1.2, 1.9]
    assert second["gain"] is None
    assert second["on"] is False


def test_references_are_those_of_parts_that_were_on():
    assert LEDGER.references() == ("A", "B")

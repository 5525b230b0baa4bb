import numpy as np
import pytest
import torch
from torch import nn

from qloop.circuits.program import Angle, Operation, Program
from qloop.core.errors import InvalidValueError
from qloop.core.estimate import Estimate
from qloop.core.memo import DictMemo
from qloop.core.page import Page, page_from_json, page_to_json
from qloop.core.rng import make_rng
from qloop.devices.catalog import load_device
from qloop.hybrid.ablation import _estimate, _row, ablate
from qloop.hybrid.classical import fit_conventional, spread
from qloop.hybrid.layer import QuantumLayer
from qloop.hybrid.simulability import describe_simulability, light_cone
from qloop.hybrid.study import NAMES, Study
from qloop.hybrid.trainability import probe_trainability
from qloop.hybrid.verdict import Ablation, Row
from qloop.train.loop import FitSettings, predict

QUICK = FitSettings(epochs=15, batch_size=16)


def own_function(train, test):
    """Values of an entangled circuit with frequencies up to 2 in each of 3 inputs: 124 of them, and few cases."""
    rng = make_rng(1, "teacher")
    circuit = QuantumLayer.hardware_efficient(3, 2, reupload=True)
    with torch.no_grad():
        circuit.weight.copy_(torch.from_numpy(rng.normal(0, 0.7, circuit.num_weights)))
    x = torch.from_numpy(rng.uniform(-np.pi, np.pi, (train + test, 3))).float()
    y = predict(circuit, x)
    return (x[:train], y[:train]), (x[train:], y[train:])


def two_sides(train, test):
    """Classes on two sides of a plane."""
    rng = make_rng(2, "plane")
    x = rng.standard_normal((train + test, 4))
    y = (x @ [1.0, -1.0, 0.5, 0.0] > 0).astype(int)
    return (x[:train], y[:train]), (x[train:], y[train:])


def dressed():
    return nn.Sequential(nn.Linear(4, 2), QuantumLayer.hardware_efficient(2, 1), nn.Linear(2, 2))


@pytest.fixture(scope="module")
def paying():
    train, test = own_function(50, 100)
    return ablate(
        QuantumLayer.hardware_efficient(3, 2, reupload=True),
        train,
        test,
        seeds=2,
        trials=1,
        settings=FitSettings(epochs=40, batch_size=10, patience=40),
        shots=(4, 10_000),
        devices=(load_device("FakeLagos"),),
        trajectories=8,
    )


@pytest.fixture(scope="module")
def linear():
    train, test = two_sides(100, 200)
    return ablate(dressed(), train, test, seeds=2, trials=1, settings=QUICK, margin=0.03)


def test_a_circuit_pays_on_its_own_function(paying):
    assert paying.outcome == "pays"
    assert paying.verdict.startswith("The circuit pays: R2 0.9")
    assert all(row.difference.low > 0.1 for row in paying.rows[1:])
    assert [row.name for row in paying.rows] == list(NAMES)


def test_a_gain_stays_with_many_shots_and_vanishes_with_few(paying):
    few, many, noisy = paying.conditions
    assert few.difference.low <= 0 < many.difference.low
    assert many.score.value == pytest.approx(paying.rows[0].score.value, abs=0.01)
    assert noisy.score.value != paying.rows[0].score.value
    assert paying.endurance.endswith("10000 shots, the noise of FakeLagos; no longer with: 4 shots.")


def test_a_circuit_does_not_pay_on_linear_data(linear):
    assert linear.outcome == "does not pay"
    assert linear.verdict.startswith("The circuit does not pay: accuracy 0.9")
    assert linear.conditions == ()
    assert "no gain" in linear.endurance
    shuffled = next(row for row in linear.rows if row.name == "shuffled")
    assert shuffled.score.high < 0.7


def test_the_report_says_the_same_everywhere(linear):
    page = Page(title="", headline="", sections=(linear.section(),))
    assert page_from_json(page_to_json(page)) == page
    text, forest, table = page.sections[0].figures
    assert text.paragraphs[0] == linear.verdict == linear.to_json()["verdict"]
    assert [row.label for row in forest.rows] == list(NAMES[1:])
    assert [row[0] for row in table.rows] == list(NAMES)
    assert linear.verdict in str(linear)
    assert "classically simulable" in str(linear)
    line = linear.ledger_line()
    assert line.metrics[0].estimate == linear.best_twin.difference
    assert [level.name for level in linear.levels()] == list(NAMES)
    assert linear.levels()[0].error.value == pytest.approx(1 - linear.rows[0].score.value)


class KilledError(Exception):
    pass


class FailingMemo(DictMemo):
    def __init__(self, puts):
        super().__init__()
        self.puts = puts

    def put(self, key, value):
        if self.puts == 0:
            raise KilledError
        self.puts -= 1
        super().put(key, value)


def stripped(result):
    report = result.to_json()
    for row in report["rows"]:
        row.pop("seconds")
    return report["rows"], result.outcome


def test_killed_and_resumed_gives_the_same_result():
    train, test = two_sides(40, 30)
    arguments = {"seeds": 2, "trials": 1, "settings": FitSettings(epochs=3, checkpoint_epochs=2)}
    whole = ablate(dressed_from(3), train, test, **arguments)
    memo = FailingMemo(10)
    with pytest.raises(KilledError):
        ablate(dressed_from(3), train, test, memo=memo, **arguments)
    assert len(memo.values) == 10
    memo.puts = -1
    seen = []
    resumed = ablate(dressed_from(3), train, test, memo=memo, progress=seen.append, **arguments)
    assert stripped(resumed) == stripped(whole)
    assert (seen[-1].done, seen[-1].total) == (16, 16)
    known = len(memo.values)
    again = ablate(dressed_from(3), train, test, memo=memo, **arguments)
    assert str(again) == str(resumed)
    assert len(memo.values) == known
    ablate(dressed_from(3), train, (test[0] + 0.1, test[1]), memo=memo, **arguments)
    assert len(memo.values) > known


def dressed_from(seed):
    torch.manual_seed(seed)
    return dressed()


def row(name, score, difference=None):
    estimates = [
        None if one is None else Estimate(value=one[0], low=one[1], high=one[2]) for one in (score, difference)
    ]
    return Row(name=name, meaning=f"as {name}", score=estimates[0], difference=estimates[1], seconds=1.0, parameters=2)


def verdict_of(*differences):
    rows = [row("full", (0.9, 0.8, 1.0))]
    rows += [row(f"t{k}", (0.9 - d[0], 0.0, 1.0), d) for k, d in enumerate(differences)]
    return Ablation(rows=tuple(rows), metric="accuracy", margin=0.01, seeds=3, trials=1)


@pytest.mark.parametrize(
    ("differences", "outcome", "twin"),
    [
        (((0.2, 0.1, 0.3), (0.1, 0.05, 0.2)), "pays", "t1"),
        (((0.2, 0.1, 0.3), (0.1, -0.05, 0.2)), "undecided", "t1"),
        (((-0.1, -0.3, 0.05), (-0.05, -0.1, 0.0)), "does not pay", "t1"),
        (((0.0, 0.0, 0.0), (0.3, 0.2, 0.4)), "does not pay", "t0"),
        (((0.005, 0.001, 0.009), (0.3, 0.2, 0.4)), "does not pay", "t0"),
    ],
)
def test_the_verdict_by_hand(differences, outcome, twin):
    result = verdict_of(*differences)
    assert result.outcome == outcome
    assert result.best_twin.name == twin
    assert f"`{twin}` (as {twin})" in result.verdict


def test_a_model_without_an_error_has_a_ratio_too():
    trained = [{"seconds": 1.0, "parameters": 3}] * 2
    scores = {"full": np.array([[1.0, 1, 1, 1], [1, 1, 1, 0]]), "mlp": np.array([[1.0, 1, 0, 0], [1, 1, 1, 1]])}
    row = _row("mlp", trained, scores, spare=1 / 8)
    # Wrong and half a case more: 2.5 and 0.5 of four against 0.5 and 1.5.
    assert row.error_ratio.value == pytest.approx(3 / 2)
    assert np.isfinite([row.error_ratio.low, row.error_ratio.high]).all()


def test_a_level_without_errors_has_error_zero():
    score = Estimate(value=0.75, low=0.5, high=1 - 2.2e-16)
    row = Row(name="full", meaning="", score=score, seconds=1.0, parameters=1)
    [level] = Ablation(rows=(row,), metric="accuracy", margin=0.01, seeds=2, trials=1).levels()
    assert (level.error.low, level.error.value, level.error.high) == (0, 0.25, 0.5)


def test_intervals_cover_new_seeds_and_new_cases():
    # Share of 200 worlds whose 90 % interval holds the true mean 0; a fair one fails this test in fewer than 1 of 1000.
    inside = 0
    for world in range(200):
        rng = make_rng(world, "worlds")
        scores = rng.normal(0, 0.1, (6, 1)) + rng.normal(0, 1, 40) + rng.normal(0, 0.3, (6, 40))
        interval = _estimate(scores, 0.9)
        inside += interval.low <= 0 <= interval.high
    assert inside >= 165


def test_conventional_models_solve_what_each_is_for():
    rng = make_rng(0, "ring")
    x = rng.standard_normal((120, 2))
    inside = (np.hypot(*x.T) < 1.1).astype(int)
    _, model = fit_conventional((x[:80], inside[:80]), (x[80:], inside[80:]), 2, 0)
    assert model.score(x[80:], inside[80:]) > 0.9
    values = np.column_stack([x.sum(axis=1), x[:, 0] * 1000])
    _, model = fit_conventional((x[:80], values[:80]), (x[80:], values[80:]), 2, 0)
    assert model.predict(x).shape == (120, 2)
    assert model.score(x[80:], values[80:]) > 0.95
    assert spread(1, 100, 1) == pytest.approx([10])
    assert spread(1, 10_000, 2) == pytest.approx([10, 1000])


def test_groups_are_never_split():
    (x, y), test = two_sides(40, 30)
    groups = np.repeat(np.arange(8), 5)
    study = Study(dressed(), (x, y), test, raw=None, groups=groups, trials=1, settings=QUICK, seed=0, memo=None)
    learned, stopping = study._split(0)
    assert not set(groups[learned]) & set(groups[stopping])
    assert len(learned) + len(stopping) == 40


def test_gradients_of_random_circuits_vanish_and_those_of_the_start_less():
    found = probe_trainability(lambda n: QuantumLayer.hardware_efficient(n, 2 * n, "probabilities"), (2, 4, 6), 24)
    assert found.random[0].value > 4 * found.random[-1].value
    assert found.random[0].low <= found.random[0].value <= found.random[0].high
    assert "barren plateau" in found.verdict
    assert found.figure().log_y
    assert found.verdict in str(found)


def test_a_gradient_variance_by_hand():
    # <Z> = cos(x + w): its derivative at angles anywhere has variance 1/2.
    operations = [Operation("ry", (0,), (Angle(0.0, {k: 1.0}),)) for k in range(2)]

    def build(n):
        return QuantumLayer(Program.from_operations(n, operations, ["x", "w"]), "Z")

    found = probe_trainability(build, (1, 2), samples=400)
    # 400 draws: the standard error of the variance is 0.018.
    assert [one.value for one in found.random] == pytest.approx([0.5, 0.5], abs=0.07)
    assert found.verdict.endswith("no barren plateau at these sizes.")


def test_light_cones_by_hand():
    operations = [Operation("cx", (0, 1)), Operation("cx", (1, 2)), Operation("cx", (3, 4))]
    program = Program.from_operations(5, operations)
    assert light_cone(program, [2]) == {0, 1, 2}
    # What happens to qubit 1 later does not matter to qubit 0.
    assert light_cone(program, [0]) == {0, 1}
    assert light_cone(program, [3]) == {3, 4}


def test_what_size_says_about_simulation():
    small = describe_simulability(QuantumLayer.hardware_efficient(4, 1))
    assert small.startswith("With 4 qubits the circuit is classically simulable")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": 1}, "`seeds` must be at least 2 and `trials` at least 1, got 1 and 3."),
        ({"train": (np.zeros((4, 4)), np.array([0, 1, 2, 1]))}, "classes must be counted from 0 .* got classes 0 to 2"),
        ({"train": (np.full((4, 4), np.nan), np.zeros(4, int))}, "`train` must be finite"),
        ({"train": (np.zeros((4, 4)), np.zeros(3, int))}, "`train` needs as many inputs as targets"),
        ({"train": (np.zeros((4, 4)), np.zeros(4))}, "outputs must have the shape of the targets"),
        ({"groups": [1, 2]}, "must have a row for each case, of which there are"),
        ({"model": nn.Linear(4, 2)}, "`model` must hold a `QuantumLayer`"),
    ],
)
def test_what_does_not_fit_is_said_before_any_work(change, message):
    train, test = two_sides(8, 4)
    arguments = {"model": dressed(), "train": train, "test": test} | change
    with pytest.raises(InvalidValueError, match=message):
        ablate(**arguments)

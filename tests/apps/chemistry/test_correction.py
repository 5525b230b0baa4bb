from dataclasses import replace

import numpy as np
import pytest

from qloop.apps.chemistry.correction import (
    BY_PASS,
    CHANGED,
    FORM_HOLDS,
    apply_recipe,
    choose_and_apply,
    learn_channel,
    list_recipes,
    suspicion_of_drift,
    validation_losses,
)
from qloop.apps.chemistry.ledger import rmse_mha
from qloop.apps.chemistry.state import Measured
from qloop.apps.chemistry.twins import run_once
from qloop.devices import NoisySimulator, Request
from qloop.mitigation.extrapolation import fold
from tests.apps.chemistry.samples import ON, after, fresh, machine, problem

PLENTY = 1e8
ALL = ON | {"extrapolation"}


def measured(case, device, backend, folds=(1,)):
    """Return a state whose histograms are exact, every geometry solved and measured."""
    state = replace(fresh(case, backend), chosen=tuple(range(len(case.grid))))
    state = after(state, "design", ON)
    design = state.design

    def counts(values, factor=1):
        program = fold(design.program, factor) if factor > 1 else design.program
        none = np.zeros(len(design.plan.bases), np.int64)
        request = Request(program=program, values=values, bases=design.plan.bases, shots=none)
        return PLENTY * backend.probabilities(request)

    one = Measured(
        geometries=state.chosen,
        counts=tuple(np.array([counts(state.optima[g].values, k) for g in state.chosen]) for k in folds),
        reference=tuple(counts(design.references[0], k) for k in folds),
        cliffords={k: counts(design.references[k]) for k in range(1, len(design.references))},
    )
    return replace(state, passes=(one,)), design


def perfect(device):
    """Return the device without any error."""
    gates = {name: replace(gate, error=0 * gate.error) for name, gate in device.gates.items()}
    long = np.full(device.num_qubits, 1e15)
    return replace(device, gates=gates, t1_ns=long, t2_ns=long, readout_error=0 * device.readout_error)


@pytest.fixture(scope="module")
def noiseless():
    case, device = problem()
    return measured(case, device, NoisySimulator(device, (perfect(device),)), folds=(1, 3))


def truth(state):
    energies = np.array([state.optima[g].energy_ha for g in state.measured])
    return energies - state.problem.hartree_fock[list(state.measured)]


TEXTBOOK = [frozenset(), frozenset({"reference"}), frozenset({"postselection"}), ON - {"channel"}]


@pytest.mark.parametrize("parts", TEXTBOOK)
def test_without_noise_every_textbook_recipe_gives_the_circuits_energy(noiseless, parts):
    state, design = noiseless
    # The short rotations leave the right number of electrons a little: post-selection takes that part away.
    tolerance = 1e-3 if "postselection" in parts else 1e-6
    for name, recipe in list_recipes(state, design, parts).items():
        applied = apply_recipe(state, design, recipe)
        assert applied.values == pytest.approx(truth(state), abs=tolerance), name
        assert not applied.fit.any()
        assert not applied.doubt.any()


def test_without_noise_the_channel_stays_close_to_its_prior_and_says_so(noiseless):
    state, design = noiseless
    recipe = list_recipes(state, design, ON)["channel"]
    applied = apply_recipe(state, design, recipe)
    # The prior expects noise: what it adds is covered by the channel's own uncertainty.
    miss = np.abs(applied.values - truth(state))
    assert (miss <= 4 * np.sqrt(np.diag(applied.fit) + applied.variances)).all()
    assert (miss < 0.02).all()


@pytest.mark.parametrize(
    ("parts", "names"),
    [
        (ON, ["channel", "readout", "as read", "raw"]),
        (ON - {"channel"}, ["readout", "as read", "raw"]),
        (frozenset({"channel"}), ["channel", "readout", "as read"]),
        (frozenset(), ["readout", "as read"]),
    ],
)
def test_the_default_comes_first(noiseless, parts, names):
    state, design = noiseless
    calibrated = replace(state, readout=(PLENTY * np.eye(1, 16).ravel(), PLENTY * np.eye(1, 16, 15).ravel()))
    assert list(list_recipes(calibrated, design, parts)) == names


def test_the_channel_undoes_local_noise_that_readout_calibration_does_not():
    case, device = problem()
    state, design = measured(case, device, NoisySimulator(device, (device.perturbed(3, 0.2),)))
    recipes = list_recipes(state, design, ON - {"reference", "postselection"})
    errors = {name: np.abs(apply_recipe(state, design, r).values - truth(state)) for name, r in recipes.items()}
    assert errors["channel"].mean() < 0.2 * errors["as read"].mean()
    losses = validation_losses(state, design, recipes)
    assert losses["channel"].mean() < 0.1 * losses["as read"].mean()
    assert {loss.shape for loss in losses.values()} == {(len(design.references) - 1,)}


def test_references_left_out_are_left_out(noiseless):
    state, design = noiseless
    spoiled = {**state.passes[0].cliffords, 2: np.full_like(state.passes[0].cliffords[2], PLENTY / 16)}
    bad = replace(state, passes=(replace(state.passes[0], cliffords=spoiled),))
    whole, without, clean = (
        learn_channel(bad, design),
        learn_channel(bad, design, frozenset({2})),
        learn_channel(state, design, frozenset({2})),
    )
    assert (without.numbers == clean.numbers).all()
    assert whole.chi2 > 10 * without.chi2


def test_passes_are_pooled(noiseless):
    state, design = noiseless
    one = state.passes[0]
    halves = [
        replace(
            one,
            geometries=one.geometries[part],
            counts=tuple(counts[part] for counts in one.counts),
            cliffords=dict(list(one.cliffords.items())[part]),
        )
        for part in (slice(0, 3), slice(3, 9))
    ]
    split = replace(state, passes=tuple(halves))
    assert split.measured == state.measured
    for parts in (ON, frozenset({"readout"})):
        (first, whole), (second, parted) = (
            next(iter(list_recipes(one, design, parts).items())) for one in (state, split)
        )
        assert first == second
        together, apart = apply_recipe(state, design, whole), apply_recipe(split, design, parted)
        assert apart.values == pytest.approx(together.values, abs=1e-4)


def test_an_unchanged_machine_is_suspected_as_rarely_as_stated():
    # 400 jobs of three passes: 0.01 is reached by 4; more than 12 has probability 3e-4 (binomial).
    case, device = problem()
    state, design = measured(case, device, machine(device))
    share = state.passes[0].reference[0] / PLENTY
    rng = np.random.default_rng(0)
    values = []
    for _ in range(400):
        drawn = [rng.multinomial(150, share).astype(float) for _ in range(3)]
        state = replace(state, passes=tuple(replace(state.passes[0], reference=(one,)) for one in drawn))
        values.append(suspicion_of_drift(state, design))
    assert np.mean(np.array(values) < CHANGED) <= 12 / 400
    assert np.mean(np.array(values) < 0.5) == pytest.approx(0.5, abs=0.1)


def test_one_pass_is_no_evidence(noiseless):
    assert suspicion_of_drift(*noiseless) == 1.0


def drifting(device, seed):
    """Return a machine that becomes another one after the first pass of 3 x 20,000 shots."""
    worlds = (device.perturbed(seed, 0.2), device.perturbed(1000 + seed, 1.5))
    return NoisySimulator(device, worlds, shots_per_world=60_000)


def test_a_machine_that_changes_between_passes_is_noticed_and_each_pass_corrected_by_itself():
    case, device = problem()
    errors, worst = {True: [], False: []}, {True: [], False: []}
    for seed in range(12):
        for gate in (True, False):
            state = run_once(case, drifting(device, seed), seed, ON if gate else ON - {"gate"})
            corrected = state.corrected
            assert corrected.unchanged < CHANGED
            assert corrected.selection.chosen == (BY_PASS if gate else "channel")
            assert corrected.selection.left_default == gate == (corrected.doubt.max() > 0)
            miss = state.curve.values - truth(state)[np.argsort(state.measured)]
            errors[gate].append(np.sqrt(np.mean(miss**2)))
            worst[gate].append((np.abs(miss) / state.curve.deviations).max())
    assert np.median(errors[True]) < 0.6 * np.median(errors[False])
    assert np.median(worst[True]) < 0.5 * np.median(worst[False])


def test_a_machine_that_stays_keeps_the_default():
    case, device = problem()
    seeds = range(100, 125)
    chosen = [run_once(case, machine(device, seed, 0.2), seed, ON).corrected.selection.chosen for seed in seeds]
    # 15 of 900 machines left it: more than two of 25 would happen once in a hundred times.
    assert chosen.count("channel") >= 23


def test_crosstalk_that_breaks_the_channels_form_makes_the_gate_leave_it():
    case, device = problem()
    errors = {True: [], False: []}
    for seed in range(4):
        backend = machine(device, seed, crosstalk=3.0)
        gated, blind = (run_once(case, backend, seed, parts) for parts in (ON, ON - {"gate"}))
        selection = gated.corrected.selection
        assert gated.corrected.channel.chi2 > FORM_HOLDS
        assert selection.left_default
        assert selection.chosen == min(selection.losses, key=selection.losses.get) != "channel"
        assert (gated.corrected.doubt > 0).all()
        errors[True].append(rmse_mha(case, gated))
        errors[False].append(rmse_mha(case, blind))
    # The inverted channel can be a hartree off; what is taken instead stays within tens of millihartree.
    assert max(errors[True]) < 100 < max(errors[False])


def test_without_a_gate_or_a_channel_there_is_nothing_to_leave(noiseless):
    state, design = noiseless
    for parts in (ON - {"gate"}, ON - {"channel"}, frozenset()):
        _, selection, unchanged = choose_and_apply(state, design, parts, list_recipes(state, design, parts))
        assert (selection.left_default, selection.p_values, unchanged) == (False, {}, 1.0)

from dataclasses import replace

from qloop.apps.chemistry.spsa import STEPS
from qloop.devices import NoisySimulator
from tests.apps.chemistry.samples import ON, after, fresh, machine, problem


class Counting(NoisySimulator):
    """Counts shots by what they are for."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.spent = {}

    def run(self, requests, rng):
        for request in requests:
            self.spent[request.label] = self.spent.get(request.label, 0) + int(request.shots.sum())
        return super().run(requests, rng)


def test_the_device_lowers_the_energy_from_hartree_fock():
    case, device = problem()
    case = replace(case, optimise_on="device", shots=replace(case.shots, per_geometry=200_000))
    backend = Counting(device, (device.perturbed(1, 0.2),))
    state = after(fresh(case, backend), "design", ON)
    assert set(state.optima) == set(state.chosen)
    for geometry, optimum in state.optima.items():
        space = case.spaces[geometry]
        correlation = space.energies["HF"] - space.energies["FCI"]
        gained = space.energies["HF"] - optimum.energy_ha
        assert gained > 0.4 * correlation, geometry
        assert optimum.evaluations == 2 * STEPS
    assert 0.9 * 600_000 < backend.spent["optimisation"] <= 600_000


def test_the_same_seed_gives_the_same_parameters():
    case, device = problem("H2", 4)
    case = replace(case, optimise_on="device")
    runs = [after(fresh(case, machine(device), seed), "design", ON) for seed in (0, 0, 1)]
    first, again, other = ([run.optima[g].values[0] for g in run.chosen] for run in runs)
    assert first == again
    assert first != other
    for geometry in runs[0].chosen:
        space = case.spaces[geometry]
        correlation = space.energies["HF"] - space.energies["FCI"]
        assert runs[0].optima[geometry].energy_ha < space.energies["FCI"] + 0.2 * correlation

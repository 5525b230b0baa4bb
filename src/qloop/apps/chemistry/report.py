"""The page of a chemistry run."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qloop.apps.chemistry.settings import ChemistrySettings
from qloop.apps.chemistry.state import Problem, State, known
from qloop.apps.chemistry.twins import ansatz_energies
from qloop.circuits.program import Program
from qloop.core.page import (
    Circuit,
    Gate,
    GraphMap,
    Line,
    Page,
    Section,
    Series,
    Table,
    Text,
)
from qloop.devices.device import Device
from qloop.devices.positions import draw_positions
from qloop.devices.simulator import NoisySimulator

if TYPE_CHECKING:
    from qloop.apps.chemistry.task import EnergyCurve

FloatArray = NDArray[np.float64]


def build_page(
    settings: ChemistrySettings, problem: Problem, device: Device, curve: "EnergyCurve", control: State, headline: str
) -> Page:
    """Return the report: the curve beside its twins, the device and the circuit, and how it was made.

    What each part bought is drawn from the ledger by whoever draws the page.
    """
    random = problem.hartree_fock + _values(control)
    return Page(
        title=f"Energy curve of {settings.molecule.name}",
        headline=headline,
        sections=(
            Section(
                title="Energy curve",
                figures=(
                    _introduction(problem, curve.state.backend.name),
                    _energies(problem, curve, random),
                    _errors(problem, curve),
                    _table(problem, curve, random),
                ),
            ),
            Section(
                title="Device and circuit",
                figures=(_map(device, curve.state), _channel(curve.state), _circuit(curve.state)),
            ),
            Section(title="How it was made", figures=(_small_print(settings, problem, device, curve),)),
        ),
    )


def _introduction(problem: Problem, machine: str) -> Text:
    determinants = len(problem.design(False, "default").curve.valid)
    return Text(
        paragraphs=(
            f"Energies measured on: {machine}. HF, MP2, CCSD(T) and FCI are classical, on the same active space. FCI "
            f"is exact and takes about a millisecond at this size ({determinants} determinants): this run shows what "
            "each part of the loop is worth, not an advantage over classical chemistry.",
        )
    )


def _values(state: State) -> FloatArray:
    return known(state.curve).values


def _floats(array: FloatArray) -> tuple[float, ...]:
    return tuple(float(value) for value in array)


def _classical(problem: Problem, name: str) -> FloatArray:
    return np.array([space.energies[name] for space in problem.spaces])


def _energies(problem: Problem, curve: "EnergyCurve", random: FloatArray) -> Line:
    x = _floats(problem.grid)
    measured = Series(
        name="qloop",
        x=x,
        y=tuple(energy.value for energy in curve.energies),
        low=tuple(energy.low for energy in curve.energies),
        high=tuple(energy.high for energy in curve.energies),
        style="points",
    )
    classical = {name: _classical(problem, name) for name in ("FCI", "HF", "MP2") if name in problem.spaces[0].energies}
    series = [measured]
    for name, energies in classical.items():
        series.append(Series(name=name, x=x, y=_floats(energies), style="line" if name == "FCI" else "dashed"))
    rmse = 1000 * np.sqrt(np.mean((random - classical["FCI"]) ** 2))
    caption = (
        "Points with 90 % intervals. Uniform random bits through the same corrections show what needs no quantum data: "
        f"they miss FCI by {rmse:.0f} mHa (root mean square)"
    )
    # Far from the molecule's own energies they would squash the figure: then the number alone says it.
    low, high = np.min(list(classical.values())), np.max(list(classical.values()))
    if low - (high - low) / 3 < random.min() and random.max() < high + (high - low) / 3:
        series.append(Series(name="uniform random bits", x=x, y=_floats(random), style="dotted"))
        caption += "."
    else:
        caption += ", beyond this figure."
    return Line(
        title="Energy against distance",
        x_label="distance (Å)",
        y_label="energy (Ha)",
        series=tuple(series),
        caption=caption,
    )


def _errors(problem: Problem, curve: "EnergyCurve") -> Line:
    exact = _classical(problem, "FCI")
    x = _floats(problem.grid)
    value, low, high = (
        1000 * (np.array([getattr(energy, end) for energy in curve.energies]) - exact)
        for end in ("value", "low", "high")
    )
    solved = ~np.isnan(ansatz_energies(curve.state))
    circuit = 1000 * (ansatz_energies(curve.state) - exact)[solved]
    return Line(
        title="Error against FCI",
        x_label="distance (Å)",
        y_label="error (mHa)",
        series=(
            Series(name="qloop", x=x, y=_floats(value), low=_floats(low), high=_floats(high), style="points"),
            Series(name="circuit without noise", x=_floats(problem.grid[solved]), y=_floats(circuit), style="line"),
            Series(name="FCI", x=x, y=(0.0,) * len(x), style="dashed"),
        ),
        caption="Intervals are meant to cover the circuit's own exact energy; where that lies further above FCI than a "
        "quarter of the half width, the energy carries a flag.",
    )


def _table(problem: Problem, curve: "EnergyCurve", random: FloatArray) -> Table:
    exact = _classical(problem, "FCI")
    others = [name for name in ("HF", "MP2", "CCSD(T)") if name in problem.spaces[0].energies]
    rows = []
    for k, energy in enumerate(curve.energies):
        space = problem.spaces[k]
        classical = [
            f"{_millihartree(space.energies[name] - exact[k])}{' ?' if name in space.doubtful else ''}"
            for name in others
        ]
        rows.append(
            (
                f"{problem.grid[k]:.2f}",
                f"{energy.value:.4f}",
                f"{500 * (energy.high - energy.low):.1f}",
                f"{exact[k]:.4f}",
                _millihartree(energy.value - exact[k]),
                *classical,
                _millihartree(random[k] - exact[k]),
                "; ".join(energy.flags),
            )
        )
    doubtful = any(space.doubtful for space in problem.spaces)
    return Table(
        title="The curve, and every error against FCI in mHa",
        columns=("Å", "energy (Ha)", "± (mHa)", "FCI (Ha)", "error", *others, "random bits", "flags"),
        rows=tuple(rows),
        caption="± is half of the 90 % interval." + (" ? marks a method not to be trusted there." if doubtful else ""),
    )


def _millihartree(hartree: float) -> str:
    """Return an energy difference to a tenth of a millihartree, without the sign of a zero."""
    return f"{1000 * hartree + 0.0:+.1f}".replace("+0.0", "0.0").replace("-0.0", "0.0")


def _map(device: Device, state: State) -> GraphMap:
    program = known(state.design).program
    pairs = list(device.pairs)
    used = {tuple(sorted(operation.qubits)) for operation in program.operations() if len(operation.qubits) == 2}
    outputs = program.outputs.tolist()
    return GraphMap(
        title=f"Where the circuit runs on {device.name}",
        positions=draw_positions(device.num_qubits, pairs),
        edges=tuple(pairs),
        node_values=_floats(100 * np.minimum(device.readout_error.mean(1), 0.5)),
        edge_values=tuple(100 * min(device.pair_error[pair], 0.05) for pair in pairs),
        node_label="readout error (%)",
        edge_label="two-qubit error (%)",
        highlight_nodes={q: str(k) for k, q in enumerate(outputs)},
        highlight_edges=tuple(sorted(used)),  # type: ignore[arg-type]
        caption=f"Numbered: the circuit's qubits. Published calibration of {device.calibrated or 'unknown date'}; "
        "two-qubit errors of 5 % and more look alike.",
    )


def _circuit(state: State) -> Circuit:
    design = known(state.design)
    program = design.program
    return Circuit(
        title="The compiled circuit",
        wires=tuple(f"{k} (Q{q})" for k, q in enumerate(program.outputs.tolist())),
        gates=_drawn(program),
        caption=f"{program.count_two_qubit()} two-qubit gates, predicted success "
        f"{100 * np.exp(design.compiled.log_success):.0f} % by the published calibration. Z rotations take no time on "
        "this hardware and are left out.",
    )


def _drawn(program: Program) -> tuple[Gate, ...]:
    wire = {q: k for k, q in enumerate(program.outputs.tolist())}
    others = [q for q in program.used_qubits() if q not in wire]
    wire |= {q: len(wire) + k for k, q in enumerate(others)}
    return tuple(
        Gate(
            name=operation.name,
            wires=tuple(wire[q] for q in operation.qubits),
            controls=int(operation.name in {"cz", "cx"}),
        )
        for operation in program.operations()
        if operation.name != "rz"
    )


def _channel(state: State) -> Table:
    learned = known(state.corrected).channel
    if learned is None:
        return Table(title="Learned channel", columns=("",), rows=(("not learned in this run",),))
    deviation = np.sqrt(np.diag(learned.covariance)).reshape(learned.numbers.shape)
    rows = [
        (str(q), *(f"{value:.3f} ± {sd:.3f}" for value, sd in zip(values, sds, strict=True)))
        for q, (values, sds) in enumerate(zip(learned.numbers.tolist(), deviation.tolist(), strict=True))
    ]
    return Table(
        title="The noise channel learned at the Clifford references",
        columns=("qubit", "X and Y shrink to", "Z shrinks to", "Z is shifted by"),
        rows=tuple(rows),
        caption=f"Mean squared misfit {learned.chi2:.2f} (1 is expected when the form holds).",
    )


def _small_print(settings: ChemistrySettings, problem: Problem, device: Device, curve: "EnergyCurve") -> Text:
    state, table = curve.state, settings.device
    where = "there too" if settings.optimise_on == "exact" else "on the device (SPSA)"
    method = (
        f"The circuit was designed on an exact simulator and its parameters were optimised {where}. The device "
        f"measured {len(state.measured)} of {len(problem.grid)} geometries with {sum(state.shots.values()):,} shots in "
        f"all. Correction: {known(state.corrected).selection.chosen}."
    )
    machine = (
        f"The machine behind it is the published calibration of {device.name}"
        f"{', with waiting qubits that relax' if table.idling else ''}. Its errors and times have since drifted by a "
        f"typical factor of {np.exp(table.drift):.2f}, which no part was told."
    )
    limits = (
        "The learned channel fits simulated noise well. That is no gain on hardware: on published data of ibm_algiers "
        "(arXiv:2309.17368), corrections that we trained on near-Clifford circuits missed by 0.127 to 0.140 root mean "
        "square, zero-noise extrapolation by 0.117."
    )
    simulated = isinstance(state.backend, NoisySimulator)
    return Text(paragraphs=(method, machine, limits) if simulated else (method, limits))

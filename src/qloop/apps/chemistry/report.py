"""The page of a chemistry run."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qloop.apps.chemistry.settings import ChemistrySettings
from qloop.apps.chemistry.state import Problem, State
from qloop.apps.chemistry.twins import ansatz_energies
from qloop.circuits.program import Program
from qloop.core.ledger import Ledger
from qloop.core.page import (
    Bars,
    Circuit,
    Figure,
    Forest,
    Gate,
    GraphMap,
    Interval,
    Line,
    Page,
    Section,
    Series,
    Table,
    Text,
)
from qloop.devices.device import Device
from qloop.devices.positions import draw_positions

if TYPE_CHECKING:
    from qloop.apps.chemistry.task import EnergyCurve

FloatArray = NDArray[np.float64]


def build_page(
    settings: ChemistrySettings,
    problem: Problem,
    device: Device,
    curve: "EnergyCurve",
    control: State,
    ledger: Ledger,
    headline: str,
) -> Page:
    """Return the report: the curve beside its twins, what each part bought, the device and circuit, and the small print."""
    sections = [
        Section(
            title="Energy curve",
            figures=(_energies(problem, curve, control), _errors(problem, curve), _table(problem, curve)),
        ),
        Section(title="What each part bought", figures=_ledger_figures(ledger)),
        Section(
            title="Device and circuit",
            figures=(_map(device, curve.state), _circuit(curve.state), _channel(curve.state)),
        ),
        Section(title="How to read this", figures=(_small_print(settings, problem, device, curve),)),
    ]
    return Page(title=f"{settings.molecule.name} on {device.name}", headline=headline, sections=tuple(sections))


def _floats(array: FloatArray) -> tuple[float, ...]:
    return tuple(float(value) for value in array)


def _classical(problem: Problem, name: str) -> FloatArray:
    return np.array([space.energies[name] for space in problem.spaces])


def _energies(problem: Problem, curve: "EnergyCurve", control: State) -> Line:
    assert control.curve is not None
    x = _floats(problem.grid)
    series = [
        Series(
            name="qloop",
            x=x,
            y=tuple(energy.value for energy in curve.energies),
            low=tuple(energy.low for energy in curve.energies),
            high=tuple(energy.high for energy in curve.energies),
            style="points",
        )
    ]
    styles = (("FCI", "line"), ("HF", "dashed"), ("MP2", "dashed"))
    for name, style in styles:
        if name in problem.spaces[0].energies:
            series.append(Series(name=name, x=x, y=_floats(_classical(problem, name)), style=style))  # type: ignore[arg-type]
    random = problem.hartree_fock + control.curve.values
    series.append(Series(name="uniform random bits", x=x, y=_floats(random), style="dotted"))
    return Line(
        title="Energy against distance",
        x_label="distance (Å)",
        y_label="energy (Ha)",
        series=tuple(series),
        caption="Points with 90 % intervals. Uniform random bits went through the same corrections: what they give is the "
        "part of the answer that no quantum data is needed for.",
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


def _table(problem: Problem, curve: "EnergyCurve") -> Table:
    names = [name for name in ("FCI", "CCSD(T)", "MP2", "HF") if name in problem.spaces[0].energies]
    rows = []
    for k, energy in enumerate(curve.energies):
        space = problem.spaces[k]
        classical = [f"{space.energies[name]:.4f}{' ?' if name in space.doubtful else ''}" for name in names]
        half = 500 * (energy.high - energy.low)
        error = 1000 * (energy.value - space.energies["FCI"])
        rows.append(
            (
                f"{problem.grid[k]:.2f}",
                f"{energy.value:.4f}",
                f"± {half:.1f}",
                f"{error:+.1f}",
                *classical,
                "; ".join(energy.flags),
            )
        )
    doubtful = any(space.doubtful for space in problem.spaces)
    return Table(
        title="The curve",
        columns=("Å", "energy (Ha)", "90 % (mHa)", "error (mHa)", *names, "flags"),
        rows=tuple(rows),
        caption="? marks a classical energy that is not to be trusted there." if doubtful else "",
    )


def _ledger_figures(ledger: Ledger) -> tuple[Figure, ...]:
    if not ledger.repeats:
        return (Text(paragraphs=("The ledger was switched off for this run.",)),)
    gains = tuple(
        Interval(
            label=line.part.name.replace("_", " "),
            value=line.gain.value,
            low=line.gain.low,
            high=line.gain.high,
            group=line.part.stage,
        )
        for line in ledger.lines
        if line.gain is not None
    )
    levels = tuple(
        Interval(label=level.name, value=level.error.value, low=level.error.low, high=level.error.high)
        for level in ledger.levels
        if level.error.value > 0
    )
    return (
        Forest(
            title="Error without a part over error with it",
            x_label=f"ratio of {ledger.error_name}",
            rows=gains,
            log_x=True,
            caption=f"Above 1 the part helps. {ledger.repeats} paired re-runs on fresh machines at equal shots; bars are "
            "90 % intervals. A part that is off by default stands below 1 when adding it would hurt.",
        ),
        Bars(
            title="Whole recipes side by side",
            x_label=f"{ledger.error_name} (mHa)",
            rows=levels,
            log_x=True,
            caption="Median over the re-runs, bars from the 5th to the 95th percentile.",
        ),
    )


def _map(device: Device, state: State) -> GraphMap:
    assert state.design is not None
    program = state.design.program
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
        edge_label="two-qubit error (%, 5 or more alike)",
        highlight_nodes={q: str(k) for k, q in enumerate(outputs)},
        highlight_edges=tuple(sorted(used)),  # type: ignore[arg-type]
        caption=f"Calibration of {device.calibrated or 'unknown date'}; labels are the circuit's qubits.",
    )


def _circuit(state: State) -> Circuit:
    assert state.design is not None
    program = state.design.program
    return Circuit(
        title="The compiled circuit",
        wires=tuple(f"{k} (Q{q})" for k, q in enumerate(program.outputs.tolist())),
        gates=_drawn(program),
        caption=f"{program.count_two_qubit()} two-qubit gates, predicted success "
        f"{100 * np.exp(state.design.compiled.log_success):.0f} % by the published calibration. Z rotations take no time on "
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
    assert state.corrected is not None
    learned = state.corrected.channel
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
    assert curve.state.design is not None
    determinants = len(problem.design(False, "default").curve.valid)
    where = "an exact simulator" if settings.optimise_on == "exact" else "the simulated device (SPSA)"
    measured = len(curve.state.measured)
    return Text(
        paragraphs=(
            f"An exact classical answer takes about a millisecond at this size ({determinants} determinants): this run "
            "shows what each part of the loop is worth, not an advantage over classical chemistry.",
            f"The circuit was designed on an exact simulator and its parameters were optimised on {where}; the device only "
            "measures. "
            + (
                "All geometries were measured."
                if measured == len(problem.grid)
                else f"{measured} of {len(problem.grid)} geometries were measured."
            ),
            f"The machine is simulated: the channels of {device.name}'s published calibration, idling included, with errors "
            f"and times that have drifted by a spread of {settings.device.drift:g} since, which no part was told. The "
            "learned channel fits such noise well. That is not a hardware gain: on published data of ibm_algiers, "
            "corrections trained on Clifford circuits were worse than zero-noise extrapolation.",
        )
    )

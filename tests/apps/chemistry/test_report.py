"""The page of a run: what a chemist sees, and that it says of the machine what is true."""

from dataclasses import replace

import numpy as np
import pytest

from qloop.apps.chemistry.report import build_page
from qloop.apps.chemistry.task import compute_curve
from qloop.core.memo import NoMemo
from qloop.core.progress import silent
from qloop.devices import NoisySimulator, UniformBits
from tests.apps.chemistry.samples import ON, problem, settings_of

SETTINGS = settings_of("H2", 3)


@pytest.fixture(scope="module")
def parts():
    """Return problem, device and finished curve, without twins."""
    given, device = problem("H2", 3)
    parts = ON - {"model_error"}
    return given, device, compute_curve(given, device, NoisySimulator(device), parts, 0, 0, NoMemo(), silent, "job")


def page_of(parts, shift=0.0, backend=None):
    """Return the page with a control that misses the curve by so many hartree."""
    given, device, curve = parts
    control = replace(curve.state, curve=replace(curve.state.curve, values=curve.state.curve.values + shift))
    if backend is not None:
        curve = replace(curve, state=replace(curve.state, backend=backend))
    return build_page(SETTINGS, given, device, curve, control, "headline")


def figures(page):
    return {getattr(figure, "title", "text"): figure for section in page.sections for figure in section.figures}


def words(page):
    found = [figure for section in page.sections for figure in section.figures if figure.kind == "text"]
    return " ".join(paragraph for figure in found for paragraph in figure.paragraphs)


def test_errors_are_against_fci_in_millihartree(parts):
    given, _, curve = parts
    table = figures(page_of(parts))["The curve, and every error against FCI in mHa"]
    row = dict(zip(table.columns, table.rows[0], strict=True))
    exact = given.spaces[0].energies
    assert float(row["FCI (Ha)"]) == pytest.approx(exact["FCI"], abs=5e-5)
    assert float(row["HF"]) == pytest.approx(1000 * (exact["HF"] - exact["FCI"]), abs=0.05)
    assert float(row["error"]) == pytest.approx(1000 * (curve.energies[0].value - exact["FCI"]), abs=0.05)
    assert row["CCSD(T)"] == "0.0"


@pytest.mark.parametrize(("shift", "drawn"), [(0.0, True), (5.0, False), (-5.0, False)])
def test_random_bits_never_squash_the_curve(parts, shift, drawn):
    chart = figures(page_of(parts, shift))["Energy against distance"]
    assert ("uniform random bits" in {series.name for series in chart.series}) == drawn
    assert chart.caption.endswith("beyond this figure.") != drawn
    spread = np.ptp([value for series in chart.series for value in series.y])
    assert spread < 1.0


def test_only_a_simulated_machine_is_said_to_be_one(parts):
    _, device, _ = parts
    assert "have since drifted" in words(page_of(parts))
    other = words(page_of(parts, backend=UniformBits(device)))
    assert "Energies measured on: uniform random bits." in other
    assert "have since drifted" not in other

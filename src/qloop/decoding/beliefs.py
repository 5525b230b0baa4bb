"""What the rest of the syndrome says about the detectors that are open: one backward pass of belief propagation.

The beam ranks its states by the odds that the errors still to come repair what does not fit. Taken from the priors
alone those odds ignore the defects ahead; full belief propagation also hears what the states know already, and grows
overconfident on the loops. One pass from the last detector to the first tells every error what later detectors think
of it, in bounded odds, and nothing else.
"""

# mypy: disable-error-code="no-untyped-def"

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.simulate.compiled import compiled
from qloop.decoding.elimination import CLOSE, ERROR, Elimination
from qloop.decoding.model import ErrorModel

_BOUND = 0.1
"""A detector may change an error's odds by this factor or its inverse: from 0.03 to 0.3 rank alike on Sycamore data."""
NEVER = 1e-12
"""Odds of a flip when no error is left that could cause it."""


class Edges(NamedTuple):
    """The pairs of errors and detectors in the order of elimination.

    Args:
        owners: place of the edge's error in the order in which errors are added; shape [num_edges].
        order: detectors in the order in which they are closed; shape [num_detectors].
        starts: first entry of each detector in `edges`, and the end; shape [num_detectors + 1].
        edges: edges by detector, earliest first; shape [num_edges].
        errors: errors in the order in which they are added; shape [num_errors].
    """

    owners: NDArray[np.int64]
    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    edges: NDArray[np.int64]
    errors: NDArray[np.int64]


def make_edges(model: ErrorModel, elimination: Elimination) -> Edges:
    """Return the edges of a model in the order of its elimination."""
    errors = elimination.items[elimination.kinds == ERROR]
    lengths = np.diff(model.starts)[errors]
    owners = np.repeat(np.arange(len(errors)), lengths)
    within = np.arange(len(owners)) - (np.cumsum(lengths) - lengths)[owners]
    detectors = model.detectors[model.starts[errors][owners] + within]
    edges = np.argsort(detectors, kind="stable")
    return Edges(
        owners=owners,
        order=elimination.items[elimination.kinds == CLOSE],
        starts=np.searchsorted(detectors[edges], np.arange(model.num_detectors + 1)).astype(np.int64),
        edges=edges.astype(np.int64),
        errors=errors,
    )


@compiled
def infer_odds(plan, priors, events, belief, after, odds):
    """Write for every edge the odds that the errors added after it flip its detector.

    Args:
        plan: `Edges`.
        priors: probability of each error; shape [num_errors].
        events: of one shot; shape [num_detectors].
        belief: scratch, shape [num_errors]: odds of each error given the detectors heard so far.
        after: scratch, shape [num_edges]: ``1 - 2p`` of the flip by errors added later.
        odds: the result; shape [num_edges].
    """
    for place in range(len(plan.errors)):
        prior = priors[plan.errors[place]]
        belief[place] = prior / (1.0 - prior)
    for step in range(len(plan.order) - 1, -1, -1):
        detector = plan.order[step]
        first, last = plan.starts[detector], plan.starts[detector + 1]
        product = 1.0
        for place in range(last - 1, first - 1, -1):
            edge = plan.edges[place]
            after[edge] = product
            odds[edge] = max((1.0 - product) / (1.0 + product), NEVER) if product > -1.0 else 1.0 / NEVER
            own = belief[plan.owners[edge]]
            product *= (1.0 - own) / (1.0 + own)
        product = 1.0 - 2.0 * events[detector]
        for place in range(first, last):
            edge = plan.edges[place]
            own = belief[plan.owners[edge]]
            others = product * after[edge]
            told = (1.0 - others) / (1.0 + others) if others > -1.0 else 1.0 / _BOUND
            belief[plan.owners[edge]] = own * min(max(told, _BOUND), 1.0 / _BOUND)
            product *= (1.0 - own) / (1.0 + own)

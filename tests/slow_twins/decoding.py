"""Sums over every pattern of errors."""

import itertools

import numpy as np


def sum_over_patterns(model, events, priors):
    every = range(model.num_detectors)
    return sum_over_frames(model, events, priors, every, every)


def sum_over_frames(model, events, priors, known, touched):
    """Sum over the patterns that fit the known detectors, by what errors on the touched ones do to the observables."""
    table = np.zeros((len(events), 2**model.num_observables))
    for pattern in itertools.product((0, 1), repeat=model.num_errors):
        chance = np.prod(np.where(pattern, priors, 1 - priors))
        syndrome, flips = np.zeros(model.num_detectors, int), 0
        for happens, (detectors, observables) in zip(pattern, model.symptoms, strict=True):
            if happens:
                syndrome[list(detectors)] ^= 1
                flips ^= observables if set(detectors) & set(touched) else 0
        table[(events == syndrome)[:, known].all(axis=1), flips] += chance
    return table

"""Sums over every pattern of errors."""

import itertools

import numpy as np


def sum_over_patterns(model, events, priors):
    table = np.zeros((len(events), 2**model.num_observables))
    for pattern in itertools.product((0, 1), repeat=model.num_errors):
        chance = np.prod(np.where(pattern, priors, 1 - priors))
        syndrome, flips = np.zeros(model.num_detectors, int), 0
        for happens, (detectors, observables) in zip(pattern, model.symptoms, strict=True):
            if happens:
                syndrome[list(detectors)] ^= 1
                flips ^= observables
        table[(events == syndrome).all(axis=1), flips] += chance
    return table

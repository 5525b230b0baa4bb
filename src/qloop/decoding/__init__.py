"""Step 3: error correction with learned priors, a probability for every answer, and shots flagged for review."""

from qloop.core.lazy import lazy_names

_HOMES = {
    "DECODERS": "qloop.decoding.decoder",
    "Calibration": "qloop.decoding.confidence",
    "Cascade": "qloop.decoding.cascade",
    "CorrelatedMatching": "qloop.decoding.matching",
    "Decoded": "qloop.decoding.posterior",
    "ErrorModel": "qloop.decoding.model",
    "FittedPriors": "qloop.decoding.priors",
    "Frontier": "qloop.decoding.frontier",
    "FrontierDecoder": "qloop.decoding.frontier",
    "Matching": "qloop.decoding.matching",
    "Posterior": "qloop.decoding.posterior",
    "SinterDecoder": "qloop.decoding.sinter",
    "Stream": "qloop.decoding.stream",
    "calibrate": "qloop.decoding.confidence",
    "compare": "qloop.decoding.comparison",
    "fit_priors": "qloop.decoding.priors",
    "risk_coverage": "qloop.decoding.confidence",
    "sinter_decoders": "qloop.decoding.sinter",
}
__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazy_names(__name__, _HOMES)

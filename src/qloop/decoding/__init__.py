"""Step 3: error correction with learned priors, a probability for every answer, and shots flagged for review."""

from qloop.core.lazy import lazy_names

_HOMES = {
    "Calibration": "qloop.decoding.confidence",
    "Cascade": "qloop.decoding.cascade",
    "CorrelatedMatching": "qloop.decoding.matching",
    "DECODERS": "qloop.decoding.decoder",
    "Decoded": "qloop.decoding.posterior",
    "ErrorModel": "qloop.decoding.model",
    "FittedPriors": "qloop.decoding.priors",
    "Frontier": "qloop.decoding.frontier",
    "FrontierDecoder": "qloop.decoding.frontier",
    "Matching": "qloop.decoding.matching",
    "Posterior": "qloop.decoding.posterior",
    "SI1000": "qloop.decoding.noise",
    "SinterDecoder": "qloop.decoding.sinter",
    "Stream": "qloop.decoding.stream",
    "UniformNoise": "qloop.decoding.noise",
    "calibrate": "qloop.decoding.confidence",
    "calibrated_model": "qloop.decoding.calibrated",
    "compare": "qloop.decoding.comparison",
    "fit_priors": "qloop.decoding.priors",
    "repetition_code": "qloop.decoding.codes",
    "risk_coverage": "qloop.decoding.confidence",
    "sinter_decoders": "qloop.decoding.sinter",
    "surface_code": "qloop.decoding.codes",
}
__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazy_names(__name__, _HOMES)

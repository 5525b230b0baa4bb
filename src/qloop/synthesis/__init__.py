"""Step 4: circuits designed for a device."""

from qloop.core.lazy import lazy_names

_HOMES = {
    "compile_default": "qloop.synthesis.compile",
    "compile_search": "qloop.synthesis.compile",
    "log_success": "qloop.synthesis.success",
    "search_encoding": "qloop.synthesis.encoding",
}
__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazy_names(__name__, _HOMES)

"""What a result was measured with; no name of a machine."""

import os
import platform
from importlib.metadata import version
from pathlib import Path


def describe(*packages: str) -> dict[str, object]:
    """Return the versions of Python and of packages, and the kind of processor."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "python": platform.python_version(),
        "versions": {package: version(package) for package in packages},
        "system": platform.system(),
        "processor": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
    }

"""The kernels' cache, in processes of its own."""

import os
import subprocess
import sys

CALL = "from qloop.circuits.simulate.bits import sign_of; print(sign_of(7))"


def run(**environment):
    kept = {key: value for key, value in os.environ.items() if key not in ("NUMBA_CACHE_DIR", "QLOOP_CACHE")}
    return subprocess.run(
        [sys.executable, "-c", CALL], env=kept | environment, capture_output=True, text=True, check=True
    )


def test_a_cold_cache_is_announced_once_and_a_warm_one_is_silent(tmp_path):
    cold = run(QLOOP_CACHE=str(tmp_path))
    assert cold.stdout == "-1\n"
    assert cold.stderr == "compiling kernels (once)\n"
    assert list((tmp_path / "numba").rglob("*sign_of*.nbc"))
    assert run(QLOOP_CACHE=str(tmp_path)).stderr == ""


def test_numba_cache_dir_is_respected(tmp_path):
    run(NUMBA_CACHE_DIR=str(tmp_path / "given"), QLOOP_CACHE=str(tmp_path / "own"))
    assert list((tmp_path / "given").rglob("*sign_of*.nbc"))
    assert not (tmp_path / "own").exists()

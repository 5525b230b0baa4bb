"""The task kind ``chemistry``, light enough for `qloop list`; the work is imported when it is asked for."""

from typing import Any

from qloop.apps.chemistry.settings import ChemistrySettings
from qloop.core.answer import Answer, TaskKind
from qloop.core.memo import Memo, NoMemo
from qloop.core.progress import Progress, silent
from qloop.core.settings import validate


def run(settings: ChemistrySettings, seed: int, *, memo: Memo, progress: Progress) -> Answer:
    """Compute an energy curve; see `qloop.apps.chemistry.task.run_chemistry`."""
    from qloop.apps.chemistry.task import run_chemistry

    return run_chemistry(settings, seed, memo=memo, progress=progress)


def dry_run(settings: ChemistrySettings, seed: int) -> str:
    """Say what a run would send and cost."""
    from qloop.apps.chemistry.task import dry_run as say

    return say(settings, seed)


def energy_curve(
    atoms: str,
    scan: dict[str, Any],
    device: str = "FakeTorino",
    *,
    seed: int = 0,
    progress: Progress = silent,
    **tables: Any,
) -> Answer:
    """Compute a molecule's energy curve on a simulated device.

    Args:
        atoms: ``"Li 0 0 0; H 0 0 1.6"``, angstrom.
        scan: the table ``scan`` of the settings, for example ``{"start": 1.0, "stop": 3.4}``.
        device: a calibration snapshot.
        seed: of the machine, the shots and the searches.
        progress: told where the work is.
        tables: further tables of the settings, for example ``shots={"per_geometry": 20_000}``.

    Raises:
        InvalidValueError: a setting that breaks a rule.
    """
    molecule = {"name": atoms, **tables.pop("molecule", {}), "atoms": atoms}
    place = {**tables.pop("device_table", {}), "name": device}
    settings = validate(ChemistrySettings, {"molecule": molecule, "scan": scan, "device": place, **tables})
    return run(settings, seed, memo=NoMemo(), progress=progress)


TASK = TaskKind(settings=ChemistrySettings, task=run, dry_run=dry_run)

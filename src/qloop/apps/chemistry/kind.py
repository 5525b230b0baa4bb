"""The task kind ``chemistry``, light enough for `qloop list`; the work is imported when it is asked for."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qloop.apps.chemistry.settings import ChemistrySettings
from qloop.core.answer import Answer, TaskKind
from qloop.core.memo import Memo, NoMemo
from qloop.core.progress import Progress, silent
from qloop.core.settings import validate

if TYPE_CHECKING:
    from qloop.devices.backend import Backend


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
    scan: Mapping[str, Any],
    device: str | Mapping[str, Any] = "FakeTorino",
    *,
    seed: int = 0,
    backend: "Backend | None" = None,
    progress: Progress = silent,
    **tables: Any,
) -> Answer:
    """Compute a molecule's energy curve on a device, simulated unless a backend is given.

    Args:
        atoms: ``"Li 0 0 0; H 0 0 1.6"``, angstrom unless the table ``molecule`` says otherwise.
        scan: the table ``scan`` of the settings, for example ``{"start": 1.0, "stop": 3.4}``.
        device: a device by name, or the table ``device``.
        seed: of the machine, the shots and the searches.
        backend: hardware behind the device, for example a `qloop.devices.PrimitiveBackend`.
        progress: told where the work is.
        tables: further settings, for example ``shots={"per_geometry": 20_000}``.

    Raises:
        InvalidValueError: a setting that breaks a rule.
    """
    from qloop.apps.chemistry.task import run_chemistry

    molecule = {"name": atoms, **tables.pop("molecule", {}), "atoms": atoms}
    place = {"name": device} if isinstance(device, str) else dict(device)
    settings = validate(ChemistrySettings, {"molecule": molecule, "scan": dict(scan), "device": place, **tables})
    return run_chemistry(settings, seed, memo=NoMemo(), progress=progress, backend=backend)


TASK = TaskKind(settings=ChemistrySettings, task=run, dry_run=dry_run)

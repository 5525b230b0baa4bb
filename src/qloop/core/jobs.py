"""The job book: which hardware job was sent for a piece of work, written down before anyone waits for it.

A backend that pays for a job calls `record_job` as soon as the provider has named it, then waits. After a crash it asks
`find_job` first and fetches that job's result instead of paying again.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job at a provider.

    Args:
        job_id: the provider's name for it.
        backend: the machine it was sent to.
    """

    job_id: str
    backend: str


@runtime_checkable
class JobBook(Protocol):
    """Remembers jobs by the content key of what was sent: circuits, shots and backend.

    The memo that a stored run gives its task is one: `isinstance(memo, JobBook)`.
    """

    def record_job(self, key: str, job_id: str, backend: str) -> None:
        """Write a job down for good; a later job under the same key takes its place in `find_job`."""
        ...

    def find_job(self, key: str) -> Job | None:
        """Return the latest job that was sent for the key, or `None`."""
        ...

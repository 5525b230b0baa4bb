"""Downloads that resume, are checked, and appear whole or not at all."""

import http.client
import re
import urllib.error
import urllib.request
from pathlib import Path

from qloop.core.errors import QloopError
from qloop.core.progress import Event, Progress, silent
from qloop.datasets.cache import cache_path
from qloop.datasets.dataset import ChecksumError, Dataset

_CHUNK = 1 << 20
_TIMEOUT_SECONDS = 60.0


class DownloadError(QloopError):
    """A download that stopped or was refused; what arrived is kept."""


def fetch(dataset: Dataset, *, progress: Progress = silent) -> Path:
    """Return the cached copy of a published file, downloading what is missing of it.

    A download that was interrupted goes on where it stopped. The file is checked before it gets its name.

    Raises:
        DownloadError: the publisher cannot be reached or the connection broke; calling again goes on.
        ChecksumError: what arrived is not the published file; it is thrown away.
    """
    target = cache_path(dataset)
    if target.exists():
        return target
    part = target.with_name(target.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    have = part.stat().st_size if part.exists() else 0
    if not have or have != dataset.bytes:
        _download(dataset, part, have, progress)
    progress(Event(stage="check", text=f"checking {dataset.file_name}"))
    try:
        dataset.check(part)
    except ChecksumError:
        part.unlink()
        raise
    return part.rename(target)


def _download(dataset: Dataset, part: Path, have: int, progress: Progress) -> None:
    request = urllib.request.Request(dataset.url, headers={"Range": f"bytes={have}-"} if have else {})
    done = have
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:
            start, total = _range(response)
            if start not in {0, have} or (dataset.bytes and total and total != dataset.bytes):
                raise DownloadError(
                    f"the publisher offers {total} bytes from {start} as `{dataset.file_name}`, expected are "
                    f"{dataset.bytes} from {have}."
                )
            with part.open("ab" if start else "wb") as file:
                done = start
                while chunk := response.read(_CHUNK):
                    done += file.write(chunk)
                    progress(Event(stage="download", text=dataset.file_name, done=done, total=dataset.bytes or total))
        if total and done < total:
            raise ConnectionError("the connection was closed")
    except urllib.error.HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink()
        raise DownloadError(f"the publisher of `{dataset.name}` answered {error.code} {error.reason}.") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise DownloadError(
            f"the download of `{dataset.name}` stopped after {done} bytes ({reason}): the same command goes on there."
        ) from None


def _range(response: http.client.HTTPResponse) -> tuple[int, int]:
    """Return where the body starts in the file, and the file's size or 0."""
    length = int(response.headers.get("Content-Length") or 0)
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range") or "")
    if response.status != http.client.PARTIAL_CONTENT or found is None:
        return 0, length
    start = int(found[1])
    return start, int(found[2]) if found[2] != "*" else start + length
